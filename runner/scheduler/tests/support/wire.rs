//! A fake wire: a scheduler, a clock and a script; what goes out is a trace that reads like a story.

use model::event::EventKind;
use model::ids::{AttemptId, JobId, RunId, Token, WorkerId};
use model::outcome::{Failure, Outcome};
use model::plan::Plan;
use scheduler::input::{AttemptResult, Input, Now, Registration, Selection, Submit};
use scheduler::{Effect, Scheduler, SchedulerConfig};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

/// A scheduler at the other end.
pub struct Wire {
    pub scheduler: Scheduler,
    pub now: Now,
    /// What was sent and has not ended, by name (and run, where there are several).
    sent: BTreeMap<String, Sent>,
    names: BTreeMap<(RunId, JobId), String>,
    n_runs: u64,
    trace: String,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    worker: WorkerId,
    attempt: AttemptId,
    token: Token,
}

impl Wire {
    pub fn new() -> Self {
        Self {
            scheduler: Scheduler::new(SchedulerConfig::default()),
            now: Now {
                mono_ms: 0,
                wall_ms: 0,
            },
            sent: BTreeMap::new(),
            names: BTreeMap::new(),
            n_runs: 0,
            trace: String::new(),
        }
    }

    /// A wire with one worker of so many slots.
    pub fn with_slots(n_slots: u32) -> Self {
        let mut wire = Self::new();
        wire.worker(1, &["linux"], n_slots, 0);
        wire
    }

    pub fn worker(&mut self, id: u32, labels: &[&str], n_slots: u32, n_prefetch: u32) {
        self.register(id, labels, n_slots, n_prefetch, &[]);
    }

    /// A worker registers, with the attempts of these names.
    pub fn register(
        &mut self,
        id: u32,
        labels: &[&str],
        n_slots: u32,
        n_prefetch: u32,
        held: &[&str],
    ) {
        let held = held.iter().map(|name| {
            let sent = self.sent[*name];
            (sent.attempt, sent.token)
        });
        let registration = Registration {
            worker: WorkerId(id),
            name: format!("w{id}"),
            labels: labels.iter().map(|&label| label.to_owned()).collect(),
            facts: BTreeMap::new(),
            n_slots,
            n_prefetch,
            held: held.collect(),
        };
        self.handle(Input::WorkerRegistered(registration));
    }

    pub fn submit(&mut self, plan: &Arc<Plan>) {
        self.submit_selected(plan, Selection::All);
    }

    pub fn submit_selected(&mut self, plan: &Arc<Plan>, selection: Selection) {
        self.n_runs += 1;
        self.handle(Input::Submit(Submit {
            run: RunId(self.n_runs),
            plan: Arc::clone(plan),
            selection,
            by: "ann".to_owned(),
            keep_going: false,
        }));
    }

    /// Time passes, and the scheduler is awake; these workers are heard of.
    pub fn pass(&mut self, ms: u64, alive: &[u32]) {
        let end_ms = self.now.mono_ms + ms;
        while self.now.mono_ms < end_ms {
            self.sleep((end_ms - self.now.mono_ms).min(1_000));
            for worker in alive {
                let worker = WorkerId(*worker);
                self.handle(Input::Heartbeat { worker });
            }
        }
    }

    /// Time passes at once: the process was stopped, or the machine slept.
    pub fn sleep(&mut self, ms: u64) {
        self.now.mono_ms += ms;
        self.now.wall_ms += ms as i64;
        self.handle(Input::Wake);
    }

    pub fn start(&mut self, name: &str) {
        let Sent {
            worker,
            attempt,
            token,
        } = self.sent[name];
        self.handle(Input::Started {
            worker,
            attempt,
            token,
        });
    }

    pub fn ok(&mut self, name: &str) {
        self.end(name, Outcome::Succeeded, &[], None);
    }

    pub fn fail(&mut self, name: &str) {
        let failure = Failure::Exit { step: 0, code: 1 };
        self.end(name, Outcome::Failed { failure }, &[], None);
    }

    /// Succeeds with these outputs.
    pub fn gives(&mut self, name: &str, outputs: &[(&str, serde_json::Value)]) {
        self.end(name, Outcome::Succeeded, outputs, None);
    }

    pub fn produces(&mut self, name: &str, manifest: &str) {
        self.end(name, Outcome::Succeeded, &[], Some(manifest));
    }

    pub fn end(
        &mut self,
        name: &str,
        outcome: Outcome,
        outputs: &[(&str, serde_json::Value)],
        produced: Option<&str>,
    ) {
        let Sent {
            worker,
            attempt,
            token,
        } = self.sent[name];
        let outputs = outputs
            .iter()
            .map(|(name, json)| ((*name).to_owned(), json.clone()));
        let result = AttemptResult {
            outcome,
            outputs: outputs.collect(),
            produced: produced.map(str::to_owned),
            log_length: 0,
            took_ms: 1,
        };
        self.handle(Input::Finished {
            worker,
            attempt,
            token,
            result,
        });
    }

    pub fn give_back(&mut self, name: &str) {
        let Sent {
            worker,
            attempt,
            token,
        } = self.sent[name];
        self.handle(Input::Returned {
            worker,
            attempt,
            token,
        });
    }

    pub fn cancel(&mut self, run: u64) {
        let by = "bob".to_owned();
        let run = RunId(run);
        self.handle(Input::Cancel { run, by });
    }

    /// A person decides about the job of a name.
    pub fn decide(&mut self, name: &str, person: &str, teams: &[&str], approve: bool) {
        let ((run, job), _) = self
            .names
            .iter()
            .find(|(_, known)| *known == name)
            .expect("a job of that name");
        let teams: BTreeSet<_> = teams.iter().map(|&team| team.to_owned()).collect();
        self.handle(Input::Decide {
            run: *run,
            job: *job,
            person: person.to_owned(),
            teams,
            approve,
        });
    }

    /// Writes what `explain` says about a job into the trace.
    pub fn explain(&mut self, name: &str) {
        let key = self.names.iter().find(|(_, known)| *known == name);
        let (run, job) = *key.expect("a job of that name").0;
        let text = self.scheduler.explain(run, job);
        let text = text.map_or_else(|| "is over".to_owned(), |text| text.to_string());
        let _ = writeln!(self.trace, "? {name}: {text}");
    }

    /// Writes a remark into the trace.
    pub fn note(&mut self, text: &str) {
        let _ = writeln!(self.trace, "-- {text}");
    }

    /// What has happened since this was asked last.
    pub fn story(&mut self) -> String {
        std::mem::take(&mut self.trace)
    }

    pub fn handle(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.scheduler.handle(self.now, input, &mut effects);
        self.scheduler.check_invariants();
        for effect in effects {
            self.tell(effect);
        }
    }

    fn name(&self, run: RunId, job: JobId) -> String {
        self.names[&(run, job)].clone()
    }

    fn tell(&mut self, effect: Effect) {
        let line = match effect {
            Effect::Dispatch(dispatch) => {
                let (attempt, worker) = (dispatch.attempt, dispatch.worker);
                let name = self.name(attempt.run, attempt.job);
                let sent = Sent {
                    worker,
                    attempt,
                    token: dispatch.token,
                };
                self.sent.insert(name.clone(), sent);
                let mut line = format!("send {name} to w{worker}");
                if attempt.number > 1 {
                    let _ = write!(line, ", attempt {}", attempt.number);
                }
                if dispatch.prefetch {
                    line += ", to wait there";
                }
                for variable in &dispatch.spec.env {
                    let _ = write!(line, ", {} = {:?}", variable.name, variable.value);
                }
                for needed in &dispatch.spec.sources.needs {
                    let below = needed.below.as_deref().unwrap_or(".");
                    let _ = write!(line, ", {} of {} in {below}", needed.manifest, needed.job);
                }
                line
            }
            Effect::Recall { attempt, .. } => {
                format!("ask {} back", self.name(attempt.run, attempt.job))
            }
            Effect::Stop {
                attempt, reason, ..
            } => format!("stop {}: {reason}", self.name(attempt.run, attempt.job)),
            Effect::Publish { run, event } => match event {
                EventKind::JobCreated { job, name, .. } => {
                    let name = match run {
                        RunId(1) => name,
                        run => format!("{name}@{run}"),
                    };
                    self.names.insert((run, job), name);
                    return;
                }
                EventKind::JobRetried {
                    job,
                    outcome,
                    delay_ms,
                    ..
                } => {
                    let name = self.name(run, job);
                    format!("{name} {outcome}; again in {delay_ms} ms")
                }
                EventKind::JobFinished {
                    job,
                    outcome,
                    allowed,
                    ..
                } => {
                    let name = self.name(run, job);
                    let allowed = if allowed { " (allowed)" } else { "" };
                    format!("{name} {outcome}{allowed}")
                }
                EventKind::FannedOut { n_elements, .. } => format!("found {n_elements} elements"),
                EventKind::RunFinished { outcome, .. } => format!("run {run} {outcome}"),
                _ => return,
            },
            Effect::Record(_) | Effect::Acknowledge { .. } | Effect::WakeAt(_) => return,
        };
        let _ = writeln!(self.trace, "{line}");
    }
}
