//! The world: what happens, when, and who is told.

use super::Report;
use super::checker::Checker;
use super::plans::{LABELS, PEOPLE, random_plan, random_selection};
use super::rng::Chance;
use super::store::Store;
use super::worker::{SimWorker, WorkStage};
use model::ids::{AttemptId, RunId, Token, WorkerId};
use scheduler::input::{Input, Now, Selection, Submit};
use scheduler::record::JobState;
use scheduler::{Effect, Scheduler, SchedulerConfig};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Faults happen until then.
const FAULTS_END_MS: u64 = 400_000;
/// By then every run must have ended: far beyond all leases, timeouts, delays and queues.
const END_MS: u64 = 40_000_000;
/// Far more events than any world needs: a loop that never ends is found.
const MAX_EVENTS: u64 = 400_000;
/// The longest that a message takes.
const MAX_DELAY_MS: u64 = 2_000;
pub(super) const HEARTBEAT_MS: u64 = 5_000;
pub(super) const RESEND_MS: u64 = 3_000;

/// What happens.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    Submit,
    /// Arrives at the runner; with a session, only while that is the worker's.
    AtRunner {
        session: Option<(WorkerId, u64)>,
        input: Input,
        sent_ms: u64,
    },
    AtWorker {
        worker: usize,
        session: u64,
        effect: Effect,
    },
    Ends {
        worker: usize,
        token: Token,
    },
    Heartbeat(usize),
    Resend(usize),
    Reconnect(usize),
    LinkBreaks(usize),
    MachineOff(usize),
    MachineOn(usize),
    Drain(usize),
    Cancel,
    Crash,
    RunnerUp,
    People,
    ClockJumps,
    Wake(u64),
    FaultsEnd,
}

/// A world.
pub struct World {
    pub(super) chance: Chance,
    pub(super) now_ms: u64,
    wall_offset_ms: i64,
    /// The runner's monotonic clock starts anywhere.
    mono_base_ms: u64,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    happenings: BTreeMap<u64, Happening>,
    pub(super) next_number: u64,
    pub(super) runner: Option<Scheduler>,
    pub(super) store: Store,
    checker: Checker,
    pub(super) workers: Vec<SimWorker>,
    /// The runner's side of the sessions.
    sessions: BTreeMap<WorkerId, u64>,
    pub(super) next_session: u64,
    next_run: u64,
    n_to_submit: u64,
    pub(super) faults: bool,
    fault_rate: u64,
    wake_at: Option<u64>,
    pub(super) config: SchedulerConfig,
    report: Report,
    tell: bool,
    /// Whether a digest of all effects is made, which takes as long as the rest.
    digest: bool,
    hasher: DefaultHasher,
}

impl World {
    pub fn new(seed: u64, tell: bool, digest: bool) -> Self {
        let mut chance = Chance::new(seed);
        let n_workers = match chance.below(20) {
            0 => 20,
            _ => chance.within(1, 5) as usize,
        };
        let workers = (0..n_workers).map(|n| {
            let with = |label: &&&str| n == 0 || (label.len() + n).is_multiple_of(2);
            SimWorker {
                id: WorkerId(n as u32 + 1),
                labels: LABELS.iter().filter(with).map(|&l| l.to_owned()).collect(),
                n_slots: chance.within(1, 3) as u32,
                n_prefetch: chance.below(3) as u32,
                is_up: true,
                session: None,
                heard_ms: 0,
                work: Vec::new(),
                last_arrival_ms: 0,
            }
        });
        let workers: Vec<_> = workers.collect();
        let config = SchedulerConfig::default();
        let fault_rate = *chance.pick(&[0, 3, 10, 30]);
        let mut world = Self {
            now_ms: 0,
            wall_offset_ms: 1_000_000,
            mono_base_ms: chance.below(1_000),
            queue: BinaryHeap::new(),
            happenings: BTreeMap::new(),
            next_number: 0,
            runner: Some(Scheduler::new(config.clone())),
            store: Store::default(),
            checker: Checker::new(config.lease_ms),
            workers,
            sessions: BTreeMap::new(),
            next_session: 0,
            next_run: 1,
            n_to_submit: chance.within(1, 4),
            faults: fault_rate > 0,
            fault_rate,
            wake_at: None,
            config,
            report: Report::default(),
            tell,
            digest,
            hasher: DefaultHasher::new(),
            chance,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        for worker in 0..self.workers.len() {
            let delay_ms = self.chance.below(1_000);
            self.after(delay_ms, Happening::Reconnect(worker));
            self.after(HEARTBEAT_MS, Happening::Heartbeat(worker));
            self.after(RESEND_MS, Happening::Resend(worker));
        }
        for _ in 0..self.n_to_submit {
            let delay_ms = self.chance.below(30_000);
            self.after(delay_ms, Happening::Submit);
        }
        self.after(1_000, Happening::People);
        self.after(FAULTS_END_MS, Happening::FaultsEnd);
        if self.chance.percent(40) {
            let at_ms = self.chance.below(60_000);
            self.after(at_ms, Happening::Cancel);
        }
        if self.faults {
            for _ in 0..self.chance.below(4) {
                let at_ms = self.chance.below(FAULTS_END_MS / 4);
                self.after(at_ms, Happening::Crash);
            }
            for _ in 0..self.chance.below(6) {
                let at_ms = self.chance.below(FAULTS_END_MS / 4);
                let worker = self.chance.index(self.workers.len());
                let fault = match self.chance.below(4) {
                    0 => Happening::MachineOff(worker),
                    1 => Happening::Drain(worker),
                    2 => Happening::ClockJumps,
                    _ => Happening::LinkBreaks(worker),
                };
                self.after(at_ms, fault);
            }
        }
    }

    /// Runs until nothing is left to do, or something is wrong.
    pub fn run(mut self) -> Result<Report, String> {
        while let Some(Reverse((at_ms, number))) = self.queue.pop() {
            let Some(happening) = self.happenings.remove(&number) else {
                continue;
            };
            self.now_ms = self.now_ms.max(at_ms);
            self.report.n_events += 1;
            if self.report.n_events > MAX_EVENTS {
                return Err("the world does not come to rest".to_owned());
            }
            self.happen(happening, number)?;
            if !self.faults && self.is_done() {
                break;
            }
            if self.now_ms > END_MS {
                return Err(self.unfinished());
            }
        }
        if !self.is_done() {
            return Err(self.unfinished());
        }
        self.checker.check_end(&self.store)?;
        self.report.digest = self.hasher.finish();
        Ok(self.report)
    }

    pub(super) fn is_done(&self) -> bool {
        self.n_to_submit == 0 && self.store.runs.values().all(|row| row.outcome.is_some())
    }

    fn unfinished(&self) -> String {
        let mut text = "a run never ends:".to_owned();
        for row in self.store.runs.values().filter(|row| row.outcome.is_none()) {
            text += &format!("\n  run {}", row.run);
            let Some(runner) = &self.runner else { continue };
            for job in runner.jobs(row.run) {
                let why = runner.explain(row.run, job.id());
                let why = why.map(|why| why.to_string()).unwrap_or_default();
                text += &format!("\n    {}: {why}", job.name());
            }
        }
        text
    }

    pub(super) fn after(&mut self, delay_ms: u64, happening: Happening) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.queue.push(Reverse((self.now_ms + delay_ms, number)));
        self.happenings.insert(number, happening);
        number
    }

    pub(super) fn note(&mut self, text: impl FnOnce() -> String) {
        if self.tell {
            println!("{:>9} {}", self.now_ms, text());
        }
    }

    fn now(&self) -> Now {
        Now {
            mono_ms: self.mono_base_ms + self.now_ms,
            wall_ms: self.now_ms as i64 + self.wall_offset_ms,
        }
    }

    pub(super) fn fault(&mut self) -> bool {
        self.faults && self.chance.percent(self.fault_rate)
    }

    pub(super) fn delay_ms(&mut self) -> u64 {
        match self.fault() {
            true => self.chance.below(MAX_DELAY_MS),
            false => self.chance.within(1, 20),
        }
    }

    fn happen(&mut self, happening: Happening, number: u64) -> Result<(), String> {
        match happening {
            Happening::Submit => return self.submit(),
            Happening::AtRunner {
                session,
                input,
                sent_ms,
            } => return self.at_runner(session, input, sent_ms),
            Happening::AtWorker {
                worker,
                session,
                effect,
            } => self.at_worker(worker, session, effect),
            Happening::Ends { worker, token } => self.work_ends(worker, token, number),
            Happening::Heartbeat(worker) => self.heartbeat(worker),
            Happening::Resend(worker) => self.resend(worker),
            Happening::Reconnect(worker) => self.reconnect(worker),
            Happening::LinkBreaks(worker) => self.break_link(worker),
            Happening::MachineOff(worker) => {
                self.note(|| format!("worker {} loses power", worker + 1));
                self.workers[worker].is_up = false;
                self.workers[worker].reboot();
                self.break_link(worker);
                let off_ms = self.chance.below(300_000);
                self.after(off_ms, Happening::MachineOn(worker));
            }
            Happening::MachineOn(worker) => {
                self.workers[worker].is_up = true;
                self.reconnect(worker);
            }
            Happening::Drain(worker) => {
                let (worker, drain) = (self.workers[worker].id, self.chance.percent(50));
                return self.tell_runner(Input::Drain { worker, drain });
            }
            Happening::Cancel => {
                let run = RunId(self.chance.within(1, self.next_run));
                let by = (*self.chance.pick(&PEOPLE)).to_owned();
                return self.tell_runner(Input::Cancel { run, by });
            }
            Happening::Crash => self.crash(),
            Happening::RunnerUp => return self.runner_up(),
            Happening::People => return self.people(),
            Happening::ClockJumps => {
                let jump_ms = self.chance.below(20_000_000) as i64 - 10_000_000;
                self.wall_offset_ms += jump_ms;
            }
            Happening::Wake(at_ms) => {
                if self.wake_at == Some(at_ms) {
                    return self.tell_runner(Input::Wake);
                }
            }
            Happening::FaultsEnd => return self.faults_end(),
        }
        Ok(())
    }

    fn submit(&mut self) -> Result<(), String> {
        if self.runner.is_none() {
            self.after(1_000, Happening::Submit);
            return Ok(());
        }
        let plan = random_plan(&mut self.chance);
        let selection = match self.chance.percent(10) {
            true => Selection::Nodes(random_selection(&plan, &mut self.chance)),
            false => Selection::All,
        };
        let submit = Submit {
            run: RunId(self.next_run),
            plan,
            selection,
            by: "test".to_owned(),
            keep_going: self.chance.percent(10),
        };
        self.next_run += 1;
        self.n_to_submit -= 1;
        self.report.n_runs += 1;
        if self.tell {
            println!("{}", describe(&submit.plan));
        }
        self.tell_runner(Input::Submit(submit))
    }

    /// An input arrives at the runner over a worker's session, or from elsewhere.
    fn at_runner(
        &mut self,
        session: Option<(WorkerId, u64)>,
        input: Input,
        sent_ms: u64,
    ) -> Result<(), String> {
        if self.runner.is_none() {
            return Ok(());
        }
        let Some((id, session)) = session else {
            return self.tell_runner(input);
        };
        let worker = self.workers.iter().position(|worker| worker.id == id);
        let Some(worker) = worker else { return Ok(()) };
        let is_current = self.sessions.get(&id) == Some(&session);
        match &input {
            Input::WorkerRegistered(_) => {
                // The worker may have given this session up already.
                if self.workers[worker].session != Some(session) {
                    return Ok(());
                }
                self.sessions.insert(id, session);
                self.workers[worker].heard_ms = sent_ms;
            }
            Input::WorkerGone { .. } if is_current => {
                self.sessions.remove(&id);
            }
            Input::Heartbeat { .. } if is_current => {
                // The answer comes back at once; what counts is when it was sent.
                self.workers[worker].heard_ms = self.workers[worker].heard_ms.max(sent_ms);
            }
            Input::WorkerGone { .. } | Input::Heartbeat { .. } => return Ok(()),
            // What an attempt reports may come late, over a session that is gone.
            _ => {}
        }
        self.tell_runner(input)
    }

    /// The runner handles an input: records are stored, then the effects go out. It may crash before,
    /// or anywhere in between.
    fn tell_runner(&mut self, input: Input) -> Result<(), String> {
        let now = self.now();
        let Some(runner) = &mut self.runner else {
            return Ok(());
        };
        if self.tell {
            let text = match &input {
                Input::Submit(submit) => format!("Submit {}", submit.run),
                input => format!("{input:?}"),
            };
            println!("{:>9} > {text}", self.now_ms);
        }
        let mut effects = Vec::new();
        let held = match &input {
            Input::WorkerRegistered(registration) => registration.held.clone(),
            _ => Vec::new(),
        };
        self.checker.before(now, &input, &self.store);
        runner.handle(now, input, &mut effects);
        runner.check_invariants();
        if self.faults && self.fault_rate > 0 && self.chance.below(2_000) == 0 {
            self.note(|| "crashes before the commit".to_owned());
            self.crash();
            return Ok(());
        }
        let mut records = Vec::new();
        effects.retain(|effect| match effect {
            Effect::Record(change) => {
                records.push(change.clone());
                false
            }
            _ => true,
        });
        for change in records {
            self.note(|| format!("  record {}", short(&change)));
            self.store.apply(change.clone());
            self.checker.recorded(&change)?;
        }
        self.checker.committed(&self.store)?;
        self.checker.check_stops(&held, &effects, &self.store)?;
        if self.chance.percent(10) {
            self.compare_restored()?;
        }
        let crash_at = (self.faults && self.chance.below(1_000) == 0)
            .then(|| self.chance.index(effects.len() + 1));
        for (index, effect) in effects.into_iter().enumerate() {
            if crash_at == Some(index) {
                self.note(|| "crashes between two effects".to_owned());
                self.crash();
                return Ok(());
            }
            self.carry_out(now, effect)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, now: Now, effect: Effect) -> Result<(), String> {
        if self.tell {
            println!("{:>9}   {}", self.now_ms, short(&effect));
        }
        if self.digest {
            format!("{effect:?}").hash(&mut self.hasher);
        }
        self.checker.effect(now, &effect, &self.store)?;
        let worker = match &effect {
            Effect::Dispatch(dispatch) => {
                self.report.n_dispatches += 1;
                self.check_not_running(dispatch.attempt)?;
                dispatch.worker
            }
            Effect::Recall { worker, .. }
            | Effect::Stop { worker, .. }
            | Effect::Acknowledge { worker, .. } => *worker,
            Effect::WakeAt(at_ms) => {
                self.wake_at = *at_ms;
                if let Some(at_ms) = *at_ms {
                    let delay_ms = at_ms.saturating_sub(now.mono_ms);
                    self.after(delay_ms, Happening::Wake(at_ms));
                }
                return Ok(());
            }
            Effect::Publish { .. } | Effect::Record(_) => return Ok(()),
        };
        // Over the worker's session, in order; without one it is dropped.
        if let Some(session) = self.sessions.get(&worker).copied() {
            let index = self.workers.iter().position(|w| w.id == worker);
            let Some(index) = index else { return Ok(()) };
            let arrives_ms =
                (self.now_ms + self.delay_ms()).max(self.workers[index].last_arrival_ms);
            self.workers[index].last_arrival_ms = arrives_ms;
            let happening = Happening::AtWorker {
                worker: index,
                session,
                effect,
            };
            self.after(arrives_ms - self.now_ms, happening);
        }
        Ok(())
    }

    /// No machine may be at work on a job that is sent out again, unless a person wanted that.
    fn check_not_running(&self, attempt: AttemptId) -> Result<(), String> {
        let at_work = self.workers.iter().flat_map(|worker| &worker.work);
        let mut at_work = at_work.filter(|work| matches!(work.stage, WorkStage::Running { .. }));
        let same = |work: &AttemptId| work.run == attempt.run && work.job == attempt.job;
        let twice = at_work.any(|work| same(&work.attempt) && work.stops_with_lease);
        match twice {
            true => Err(format!("{attempt} is sent out while another attempt runs")),
            false => Ok(()),
        }
    }

    fn crash(&mut self) {
        if self.runner.take().is_none() {
            return;
        }
        self.note(|| "the runner is down".to_owned());
        self.report.n_crashes += 1;
        self.wake_at = None;
        self.sessions.clear();
        for worker in 0..self.workers.len() {
            self.workers[worker].session = None;
            let delay_ms = self.chance.within(100, 40_000);
            self.after(delay_ms, Happening::Reconnect(worker));
        }
        let delay_ms = self.chance.within(10, 60_000);
        self.after(delay_ms, Happening::RunnerUp);
    }

    fn runner_up(&mut self) -> Result<(), String> {
        if self.runner.is_some() {
            return Ok(());
        }
        self.note(|| "the runner is up".to_owned());
        self.mono_base_ms = self.chance.below(1_000_000);
        let runner = self.restored()?;
        runner.check_invariants();
        self.runner = Some(runner);
        self.checker.restarted(self.now());
        self.tell_runner(Input::Wake)
    }

    fn restored(&self) -> Result<Scheduler, String> {
        let token = self.store.token.unwrap_or(Token(0));
        let runs = self.store.live_runs();
        Scheduler::restore(self.config.clone(), self.now(), runs, token)
            .map_err(|error| error.to_string())
    }

    /// What would be restored now is what is there.
    fn compare_restored(&self) -> Result<(), String> {
        let Some(live) = &self.runner else {
            return Ok(());
        };
        let restored = self.restored()?;
        restored.check_invariants();
        let runs: Vec<_> = live.live_runs().collect();
        if runs != restored.live_runs().collect::<Vec<_>>() {
            return Err("restored: other runs".to_owned());
        }
        for run in runs {
            let (a, b) = (live.jobs(run).count(), restored.jobs(run).count());
            if a != b {
                return Err(format!("restored: {b} jobs of run {run} instead of {a}"));
            }
            for (a, b) in live.jobs(run).zip(restored.jobs(run)) {
                let same = a.node() == b.node()
                    && a.name() == b.name()
                    && a.state() == b.state()
                    && a.n_attempts() == b.n_attempts()
                    && a.outputs().is_none_or(|o| o.is_empty())
                        == b.outputs().is_none_or(|o| o.is_empty());
                let explain = |scheduler: &Scheduler| {
                    let why = scheduler.explain(run, a.id());
                    why.map(|why| why.to_string())
                };
                let waits = matches!(a.state(), None | Some(JobState::Blocked { .. }));
                if !same || (waits && explain(live) != explain(&restored)) {
                    return Err(format!(
                        "restored: {} of run {run} is {:?} ({:?}) instead of {:?} ({:?})",
                        a.name(),
                        b.state(),
                        explain(&restored),
                        a.state(),
                        explain(live),
                    ));
                }
            }
        }
        Ok(())
    }

    fn people(&mut self) -> Result<(), String> {
        if !self.is_done() {
            self.after(2_000, Happening::People);
        }
        let asks = |state: &JobState| matches!(state, JobState::Asking | JobState::Held { .. });
        let asking: Vec<_> = self
            .store
            .jobs
            .values()
            .filter(|row| asks(&row.state))
            .collect();
        if asking.is_empty() || (self.faults && self.chance.percent(50)) {
            return Ok(());
        }
        let row = *self.chance.pick(&asking);
        let (run, job) = (row.run, row.job);
        let held = matches!(row.state, JobState::Held { .. });
        let person = *self.chance.pick(&PEOPLE);
        let leads = ["ann", "eve", "joe"].contains(&person);
        let team = "team.leads".to_owned();
        let approve = self.chance.percent(if held { 50 } else { 85 });
        self.tell_runner(Input::Decide {
            run,
            job,
            person: person.to_owned(),
            teams: if leads {
                [team].into()
            } else {
                BTreeSet::new()
            },
            approve,
        })
    }

    fn faults_end(&mut self) -> Result<(), String> {
        self.note(|| "faults end".to_owned());
        self.faults = false;
        if self.runner.is_none() {
            self.runner_up()?;
        }
        for worker in 0..self.workers.len() {
            self.workers[worker].is_up = true;
            let id = self.workers[worker].id;
            self.tell_runner(Input::Drain {
                worker: id,
                drain: false,
            })?;
            if self.workers[worker].session.is_none() {
                self.reconnect(worker);
            }
        }
        Ok(())
    }
}

fn short(what: &impl std::fmt::Debug) -> String {
    let text = format!("{what:?}");
    match text.char_indices().nth(220) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A plan in a few lines.
fn describe(plan: &model::Plan) -> String {
    let mut text = format!(
        "plan: fail_fast {}, timeout {:?}, {:?}, trusted {}",
        plan.fail_fast, plan.timeout_ms, plan.concurrency, plan.event.trusted
    );
    for (_, node) in plan.iter() {
        let parent = node.parent.map(|parent| plan.node(parent).name.as_str());
        let edges: Vec<_> = node
            .edges
            .iter()
            .map(|edge| {
                let element = if edge.element.is_some() { "[…]" } else { "" };
                format!("{:?} {}{element}", edge.kind, plan.node(edge.on).name)
            })
            .collect();
        text += &format!(
            "\n  {} in {parent:?} {:?} edges {edges:?} fan {:?} when {:?} {}",
            node.name,
            node.phase,
            node.fan_out,
            node.when.as_ref().map(|when| &when.text),
            short(&node.kind),
        );
    }
    text
}
