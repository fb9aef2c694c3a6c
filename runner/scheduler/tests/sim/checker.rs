//! Compares what went over the wire and into the store with the invariants. It keeps its own books
//! and knows nothing of the scheduler's state.

use super::outcomes::{End, Picture};
use super::plans::PEOPLE;
use super::store::Store;
use model::Expr;
use model::event::EventKind;
use model::expr::Scope;
use model::ids::{AttemptId, JobId, NodeId, RunId, Token, WorkerId};
use model::outcome::{Failure, Outcome, SkipReason};
use model::plan::{Batch, EdgeKind, Node, NodeKind, Phase, Plan};
use model::value::Value;
use scheduler::Effect;
use scheduler::effect::Dispatch;
use scheduler::input::{Input, Now};
use scheduler::record::{Change, JobRow, JobState, StageRow, StageState};
use std::collections::{BTreeMap, BTreeSet};

type JobKey = (RunId, JobId);
type StageKey = (RunId, NodeId, Vec<Vec<Value>>);
type Check = Result<(), String>;

/// Somebody who waits for locks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Waiter {
    Job(JobKey),
    Stage(StageKey),
}

struct Lease {
    token: Token,
    worker: WorkerId,
    granted_ms: u64,
}

impl Lease {
    fn ends_ms(&self, heard: &BTreeMap<WorkerId, u64>, lease_ms: u64) -> u64 {
        let heard = heard.get(&self.worker).copied().unwrap_or(0);
        heard.max(self.granted_ms) + lease_ms
    }
}

/// The books of the checker.
pub struct Checker {
    lease_ms: u64,
    heard: BTreeMap<WorkerId, u64>,
    leases: BTreeMap<JobKey, Lease>,
    last_token: Token,
    /// The rows as they were recorded last.
    jobs: BTreeMap<JobKey, JobRow>,
    stages: BTreeMap<StageKey, StageRow>,
    entered: BTreeSet<StageKey>,
    /// Attempts whose end led to another one.
    retried: BTreeSet<(RunId, JobId, u32)>,
    finished_jobs: BTreeSet<JobKey>,
    finished_runs: BTreeSet<RunId>,
    /// Yes votes that were given.
    votes: BTreeSet<(JobKey, String)>,
    /// How often a person let a held job run again.
    rerun: BTreeMap<JobKey, u32>,
    waiting: BTreeMap<Waiter, u64>,
    granted: Vec<(Waiter, u64)>,
    touched: BTreeSet<RunId>,
}

impl Checker {
    pub fn new(lease_ms: u64) -> Self {
        Self {
            lease_ms,
            heard: BTreeMap::new(),
            leases: BTreeMap::new(),
            last_token: Token(0),
            jobs: BTreeMap::new(),
            stages: BTreeMap::new(),
            entered: BTreeSet::new(),
            retried: BTreeSet::new(),
            finished_jobs: BTreeSet::new(),
            finished_runs: BTreeSet::new(),
            votes: BTreeSet::new(),
            rerun: BTreeMap::new(),
            waiting: BTreeMap::new(),
            granted: Vec::new(),
            touched: BTreeSet::new(),
        }
    }

    /// An input is about to be handled.
    pub fn before(&mut self, now: Now, input: &Input, store: &Store) {
        // What has ended does not begin anew.
        let (heard, lease_ms) = (&self.heard, self.lease_ms);
        self.leases
            .retain(|_, lease| lease.ends_ms(heard, lease_ms) > now.mono_ms);
        match input {
            Input::Heartbeat { worker } => {
                self.heard.insert(*worker, now.mono_ms);
            }
            Input::WorkerRegistered(registration) => {
                let worker = registration.worker;
                self.heard.insert(worker, now.mono_ms);
                let held: BTreeSet<_> = registration.held.iter().map(|(_, t)| *t).collect();
                let gone = |lease: &Lease| lease.worker == worker && !held.contains(&lease.token);
                self.leases.retain(|_, lease| !gone(lease));
            }
            Input::Finished { attempt, token, .. } | Input::Returned { attempt, token, .. } => {
                let key = (attempt.run, attempt.job);
                if self.leases.get(&key).is_some_and(|l| l.token == *token) {
                    self.leases.remove(&key);
                }
            }
            Input::Decide {
                run,
                job,
                person,
                approve: true,
                ..
            } => {
                self.votes.insert(((*run, *job), person.clone()));
                let row = store.jobs.get(&(*run, *job));
                if row.is_some_and(|row| matches!(row.state, JobState::Held { .. })) {
                    *self.rerun.entry((*run, *job)).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    /// The runner has come back; every worker has a full lease.
    pub fn restarted(&mut self, now: Now) {
        for heard in self.heard.values_mut() {
            *heard = now.mono_ms;
        }
        for lease in self.leases.values_mut() {
            lease.granted_ms = now.mono_ms;
        }
    }

    /// A row is stored.
    pub fn recorded(&mut self, change: &Change) -> Check {
        match change {
            Change::Job(row) => self.job_recorded(row),
            Change::Stage(row) => {
                let key = (row.run, row.node, row.elements.clone());
                self.touched.insert(row.run);
                let old = self.stages.insert(key.clone(), row.clone());
                if row.state == StageState::Entered {
                    self.entered.insert(key.clone());
                }
                let ticket = match row.state {
                    StageState::Blocked { ticket, .. } => Some(ticket),
                    _ => None,
                };
                let ended = matches!(row.state, StageState::Ended { .. });
                self.ticket(Waiter::Stage(key), ticket, ended);
                match old.map(|old| old.state) {
                    Some(StageState::Ended { .. }) if !ended => {
                        Err(format!("a stage that had ended goes on: {row:?}"))
                    }
                    _ => Ok(()),
                }
            }
            Change::Run(row) => {
                self.touched.insert(row.run);
                Ok(())
            }
            Change::Token(_) | Change::Plan { .. } | Change::FanOut(_) | Change::Step(_) => Ok(()),
        }
    }

    fn job_recorded(&mut self, row: &JobRow) -> Check {
        let key = (row.run, row.job);
        self.touched.insert(row.run);
        let ticket = match row.state {
            JobState::Blocked { ticket, .. } => Some(ticket),
            _ => None,
        };
        let ended = matches!(row.state, JobState::Ended { .. });
        self.ticket(Waiter::Job(key), ticket, ended);
        let Some(old) = self.jobs.insert(key, row.clone()) else {
            return Ok(());
        };
        let wrong = |what: &str| Err(format!("{what}: {old:?} -> {row:?}"));
        if matches!(old.state, JobState::Ended { .. }) && old != *row {
            return wrong("a job that had ended goes on");
        }
        let returned = matches!(old.state, JobState::Assigned { .. });
        if row.n_attempts + u32::from(returned) < old.n_attempts {
            return wrong("an attempt was taken back that had begun");
        }
        if (row.node, &row.elements, &row.name) != (old.node, &old.elements, &old.name) {
            return wrong("another job");
        }
        Ok(())
    }

    fn ticket(&mut self, waiter: Waiter, ticket: Option<u64>, ended: bool) {
        let old = match ticket {
            Some(ticket) => self.waiting.insert(waiter.clone(), ticket),
            None => self.waiting.remove(&waiter),
        };
        if let (Some(old), None, false) = (old, ticket, ended) {
            self.granted.push((waiter, old));
        }
    }

    /// The rows of one input are stored.
    pub fn committed(&mut self, store: &Store) -> Check {
        for (waiter, ticket) in std::mem::take(&mut self.granted) {
            self.check_turn(store, &waiter, ticket)?;
        }
        if self.touched.is_empty() {
            return Ok(());
        }
        check_locks(store, &self.waiting)?;
        for run in std::mem::take(&mut self.touched) {
            self.check_run(store, run)?;
        }
        Ok(())
    }

    /// Who was granted a lock was the first of those that wait for it and nothing else.
    fn check_turn(&self, store: &Store, waiter: &Waiter, ticket: u64) -> Check {
        let names = names(store, waiter);
        for (other, earlier) in &self.waiting {
            let others = self::names(store, other);
            let only_lock = others.len() == 1 && others[0].0 == Kind::Lock;
            if *earlier < ticket && only_lock && names.contains(&others[0]) {
                return Err(format!("{waiter:?} was granted before {other:?}"));
            }
        }
        Ok(())
    }

    fn check_run(&self, store: &Store, run: RunId) -> Check {
        let picture = Picture::new(store, run);
        let plan = picture.plan;
        for row in store.jobs_of(run) {
            let node = plan.node(row.node);
            if let Some(job) = node.as_job() {
                let rerun = self.rerun.get(&(run, row.job)).copied().unwrap_or(0);
                if row.n_attempts > job.retry.times + 1 + rerun {
                    return Err(format!("{} was tried too often", row.name));
                }
            }
            if let NodeKind::Approve(rule) = &node.kind {
                self.check_approval(plan, row, rule)?;
            }
        }
        check_limits(&picture)?;
        if let Some(group) = &plan.concurrency {
            let entered = |other: RunId| {
                let mut jobs = store.jobs_of(other);
                store.is_live(other) && jobs.any(|row| !is_skipped(row))
            };
            let same = store.plans.iter().filter(|(_, plan)| {
                let other = plan.concurrency.as_ref();
                other.is_some_and(|other| other.group == group.group)
            });
            let n_entered = same.filter(|(other, _)| entered(**other)).count();
            if n_entered > 1 {
                return Err(format!("{n_entered} runs of the group {}", group.group));
            }
        }
        if store.is_live(run) {
            return Ok(());
        }
        self.check_hooks(&picture)?;
        check_outcome(&picture)
    }

    fn check_approval(&self, plan: &Plan, row: &JobRow, rule: &model::plan::Approve) -> Check {
        let JobState::Ended { outcome, .. } = &row.state else {
            return Ok(());
        };
        if !outcome.is_success() {
            return Ok(());
        }
        let author = plan.event.fields.get("author").map(Value::to_text);
        let leads = ["ann", "eve", "joe"];
        let eligible = |person: &&String| {
            let known = PEOPLE.contains(&person.as_str());
            let voted = self
                .votes
                .contains(&((row.run, row.job), (*person).clone()));
            let is_author = author.as_ref() == Some(*person);
            let named = rule.by.is_empty()
                || rule.by.contains(*person)
                || (rule.by.contains(&"team.leads".to_owned()) && leads.contains(&person.as_str()));
            known && voted && named && !(rule.not_author && is_author)
        };
        let n = row.approvals.keys().filter(eligible).count();
        match n >= rule.at_least.max(1) as usize && n == row.approvals.len() {
            true => Ok(()),
            false => Err(format!("{} was approved by {:?}", row.name, row.approvals)),
        }
    }

    /// What cleans up has run for all that was entered.
    fn check_hooks(&self, picture: &Picture<'_>) -> Check {
        let run = picture.run;
        let mut scopes: Vec<(Option<NodeId>, Vec<Vec<Value>>)> = self
            .entered
            .iter()
            .filter(|(of, ..)| *of == run)
            .map(|(_, node, elements)| (Some(*node), elements.clone()))
            .collect();
        if picture.store.jobs_of(run).any(|row| !is_skipped(row)) {
            scopes.push((None, Vec::new()));
        }
        for (stage, scope) in scopes {
            let hooks = picture
                .plan
                .iter()
                .filter(|(_, node)| node.parent == stage && node.phase == Phase::Always);
            for (hook, node) in hooks {
                let mut elements = scope.clone();
                elements.push(Vec::new());
                let row = picture.job(hook, &elements);
                let ran = row.is_some_and(|row| match &row.state {
                    JobState::Ended { outcome, .. } => match outcome {
                        Outcome::Skipped { reason } => *reason == SkipReason::Untrusted,
                        Outcome::Canceled { .. } => false,
                        _ => true,
                    },
                    _ => false,
                });
                if !ran {
                    return Err(format!("{} did not run in {scope:?}: {row:?}", node.name));
                }
            }
        }
        Ok(())
    }

    /// An effect goes out.
    pub fn effect(&mut self, now: Now, effect: &Effect, store: &Store) -> Check {
        match effect {
            Effect::Dispatch(dispatch) => self.dispatched(now, dispatch, store),
            Effect::Acknowledge { attempt, token, .. } => {
                let row = store.jobs.get(&(attempt.run, attempt.job));
                let runs = row.is_some_and(|row| match row.state {
                    JobState::Assigned { token: held, .. }
                    | JobState::Running { token: held, .. }
                    | JobState::Held { token: held, .. } => held == *token,
                    _ => false,
                });
                match runs {
                    true => Err(format!("{attempt} is acknowledged and not stored")),
                    false => Ok(()),
                }
            }
            Effect::Publish { run, event } => self.published(*run, event),
            Effect::Stop { .. } | Effect::Recall { .. } | Effect::WakeAt(_) | Effect::Record(_) => {
                Ok(())
            }
        }
    }

    fn published(&mut self, run: RunId, event: &EventKind) -> Check {
        if self.finished_runs.contains(&run) {
            return Err(format!(
                "something happens in run {run} after its end: {event:?}"
            ));
        }
        match event {
            EventKind::RunFinished { .. } => {
                self.finished_runs.insert(run);
            }
            EventKind::JobFinished {
                job,
                attempt,
                outcome,
                ..
            } => {
                if !self.finished_jobs.insert((run, *job)) {
                    return Err(format!("job {job} of run {run} ends twice"));
                }
                // It may end while it waits for its next attempt, but not by a result.
                let between = matches!(
                    outcome,
                    Outcome::Canceled { .. }
                        | Outcome::Skipped { .. }
                        | Outcome::Failed {
                            failure: Failure::Expression { .. }
                        }
                );
                if !between && self.retried.contains(&(run, *job, *attempt)) {
                    return Err(format!("attempt {attempt} of {run}.{job} has two results"));
                }
            }
            EventKind::JobRetried { job, attempt, .. }
                if !self.retried.insert((run, *job, *attempt)) =>
            {
                return Err(format!("attempt {attempt} of {run}.{job} has two results"));
            }
            _ => {}
        }
        Ok(())
    }

    fn dispatched(&mut self, now: Now, dispatch: &Dispatch, store: &Store) -> Check {
        let (attempt, token) = (dispatch.attempt, dispatch.token);
        if token <= self.last_token {
            return Err(format!("{attempt} has the old token {token}"));
        }
        self.last_token = token;
        let key = (attempt.run, attempt.job);
        if let Some(lease) = self.leases.get(&key)
            && lease.ends_ms(&self.heard, self.lease_ms) > now.mono_ms
        {
            let old = lease.token;
            return Err(format!("{attempt} is sent out while its lease {old} runs"));
        }
        let lease = Lease {
            token,
            worker: dispatch.worker,
            granted_ms: now.mono_ms,
        };
        self.leases.insert(key, lease);
        let Some(row) = store.jobs.get(&key) else {
            return Err(format!("{attempt} is sent out without a row"));
        };
        check_may_start(&Picture::new(store, attempt.run), row)
    }

    /// A worker has registered: whatever it holds that it should not is stopped, also where it was told
    /// before and may not have heard it.
    pub fn check_stops(
        &self,
        held: &[(AttemptId, Token)],
        effects: &[Effect],
        store: &Store,
    ) -> Check {
        for (attempt, token) in held {
            let row = store.jobs.get(&(attempt.run, attempt.job));
            let goes_on = row.is_some_and(|row| match &row.state {
                JobState::Assigned { token: has, .. } => has == token,
                JobState::Running {
                    token: has,
                    stopping,
                    ..
                } => has == token && stopping.is_none(),
                _ => false,
            });
            let is_stopped = effects.iter().any(
                |effect| matches!(effect, Effect::Stop { token: stopped, .. } if stopped == token),
            );
            if goes_on == is_stopped {
                return Err(format!(
                    "{attempt} goes on: {goes_on}, stopped: {is_stopped}"
                ));
            }
        }
        Ok(())
    }

    /// All runs have ended.
    pub fn check_end(&self, store: &Store) -> Check {
        for row in store.jobs.values() {
            if !matches!(row.state, JobState::Ended { .. }) {
                return Err(format!("a job of a run that has ended has not: {row:?}"));
            }
        }
        for row in store.stages.values() {
            if !matches!(row.state, StageState::Ended { .. }) {
                return Err(format!("a stage of a run that has ended has not: {row:?}"));
            }
        }
        Ok(())
    }
}

/// A job is sent out: is all there that it and the stages around it wait for?
fn check_may_start(picture: &Picture<'_>, row: &JobRow) -> Check {
    let plan = picture.plan;
    let mut chain: Vec<_> = plan.ancestors(row.node).collect();
    chain.reverse();
    chain.push(row.node);
    for depth in 0..chain.len() {
        let scope = &row.elements[..depth];
        let id = chain[depth];
        let node = plan.node(id);
        let here = &row.elements[..=depth];
        for edge in &node.edges {
            check_edge(picture, &chain[..=depth], here, edge)
                .map_err(|what| format!("{} starts: {what}", row.name))?;
        }
        for (other, sibling) in plan.iter() {
            let before = sibling.parent == node.parent && sibling.phase < node.phase;
            if before && picture.node(other, scope).is_none() {
                return Err(format!(
                    "{} starts before {} has ended",
                    row.name, sibling.name
                ));
            }
        }
        if node.phase == Phase::OnFailure && !has_failed(picture, node, scope) {
            return Err(format!("{} starts without a failure", row.name));
        }
        if !applies(node, &row.elements[depth]) {
            return Err(format!("{} starts though its `when` is false", row.name));
        }
        if depth + 1 < chain.len() {
            let key = (picture.run, id, here.to_vec());
            let stage = picture.store.stages.get(&key).map(|row| &row.state);
            if stage != Some(&StageState::Entered) {
                return Err(format!("{} starts in a stage that is {stage:?}", row.name));
            }
        }
    }
    Ok(())
}

fn check_edge(
    picture: &Picture<'_>,
    chain: &[NodeId],
    elements: &[Vec<Value>],
    edge: &model::plan::Edge,
) -> Check {
    let plan = picture.plan;
    let mut way: Vec<_> = plan.ancestors(edge.on).collect();
    way.reverse();
    way.push(edge.on);
    let common = chain.iter().zip(&way).take_while(|(a, b)| a == b).count();
    let scope = &elements[..common];
    let name = &plan.node(edge.on).name;
    let end = match &edge.element {
        None => picture.all(&way[common..], scope),
        // The simulator writes such edges with constants only.
        Some(_) => return Ok(()),
    };
    let in_hook = chain[common..]
        .iter()
        .any(|node| plan.node(*node).phase != Phase::Main);
    match end {
        None => Err(format!("{name} has not ended")),
        Some(End::Bad) if !in_hook => Err(format!("{name} has not ended well")),
        Some(End::NotApplicable)
            if !matches!(edge.kind, EdgeKind::After | EdgeKind::Order) && !in_hook =>
        {
            Err(format!("{name} was not applicable"))
        }
        Some(_) => Ok(()),
    }
}

fn has_failed(picture: &Picture<'_>, hook: &Node, scope: &[Vec<Value>]) -> bool {
    let mut main = picture
        .plan
        .iter()
        .filter(|(_, node)| node.parent == hook.parent && node.phase == Phase::Main);
    main.any(|(id, _)| picture.node(id, scope) == Some(End::Bad))
}

fn applies(node: &Node, element: &[Value]) -> bool {
    struct Vars<'a>(&'a [Value]);
    impl Scope for Vars<'_> {
        fn var(&self, _: &str) -> Option<Value> {
            self.0.first().cloned()
        }
        fn output(&self, _: NodeId, _: &str) -> Option<Value> {
            None
        }
        fn run(&self, _: &str) -> Option<Value> {
            None
        }
    }
    let when = node.when.as_ref();
    when.is_none_or(|when| when.expr.eval_bool(&Vars(element)) == Ok(true))
}

fn is_skipped(row: &JobRow) -> bool {
    match &row.state {
        JobState::Ended { outcome, .. } => matches!(outcome, Outcome::Skipped { .. }),
        _ => false,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Lock,
    Environment,
}

type Name = (Kind, String);

fn locks_of(plan: &Plan, node: NodeId) -> Vec<Name> {
    let (lock, environment) = match &plan.node(node).kind {
        NodeKind::Stage(stage) => (&stage.lock, &stage.environment),
        NodeKind::Job(job) => (&job.lock, &job.environment),
        NodeKind::Approve(_) => return Vec::new(),
    };
    let text = |expr: &Option<Expr>| {
        let value = expr.as_ref().and_then(Expr::as_const);
        value.map(Value::to_text)
    };
    let lock = text(lock).map(|name| (Kind::Lock, name));
    let environment = text(environment).map(|name| (Kind::Environment, name));
    lock.into_iter().chain(environment).collect()
}

fn names(store: &Store, waiter: &Waiter) -> Vec<Name> {
    match waiter {
        Waiter::Job(key) => {
            let node = store.jobs.get(key).map(|row| row.node);
            node.map_or_else(Vec::new, |node| locks_of(&store.plans[&key.0], node))
        }
        Waiter::Stage((run, node, _)) => locks_of(&store.plans[run], *node),
    }
}

/// A lock has one holder, an environment one run, and nobody waits for a lock that is free.
fn check_locks(store: &Store, waiting: &BTreeMap<Waiter, u64>) -> Check {
    let mut holders: BTreeMap<Name, Vec<(RunId, String)>> = BTreeMap::new();
    for run in store.runs.keys().filter(|run| store.is_live(**run)) {
        let plan = &store.plans[run];
        let jobs = store.jobs_of(*run).filter(|row| {
            matches!(
                row.state,
                JobState::Queued
                    | JobState::Retrying { .. }
                    | JobState::Assigned { .. }
                    | JobState::Running { .. }
                    | JobState::Held { .. }
            )
        });
        for row in jobs {
            for name in locks_of(plan, row.node) {
                let holder = (*run, row.name.clone());
                holders.entry(name).or_default().push(holder);
            }
        }
        let stages = store.stages.values();
        for row in stages.filter(|row| row.run == *run && row.state == StageState::Entered) {
            for name in locks_of(plan, row.node) {
                let holder = (*run, format!("{} {:?}", row.node, row.elements));
                holders.entry(name).or_default().push(holder);
            }
        }
    }
    for ((kind, name), holders) in &holders {
        let runs: BTreeSet<_> = holders.iter().map(|(run, _)| run).collect();
        if runs.len() > 1 || (*kind == Kind::Lock && holders.len() > 1) {
            return Err(format!("{name} is held by {holders:?}"));
        }
    }
    for waiter in waiting.keys() {
        let names = names(store, waiter);
        if let [(Kind::Lock, name)] = names.as_slice()
            && !holders.contains_key(&names[0])
        {
            return Err(format!("{waiter:?} waits for {name}, which is free"));
        }
    }
    Ok(())
}

/// No more elements are under way than `max_parallel` and `batch` allow.
fn check_limits(picture: &Picture<'_>) -> Check {
    let plan = picture.plan;
    for (id, node) in plan.iter() {
        let Some(fan_out) = &node.fan_out else {
            continue;
        };
        if fan_out.max_parallel.is_none() && fan_out.batch.is_none() {
            continue;
        }
        let mut active: BTreeMap<&[Vec<Value>], Vec<&[Value]>> = BTreeMap::new();
        let run = picture.run;
        let jobs = picture
            .store
            .jobs_of(run)
            .filter(|row| row.node == id && !matches!(row.state, JobState::Ended { .. }));
        let stages = picture.store.stages.values().filter(|row| {
            let alive = !matches!(row.state, StageState::Ended { .. });
            row.run == run && row.node == id && alive
        });
        let elements = jobs.map(|row| &row.elements);
        for elements in elements.chain(stages.map(|row| &row.elements)) {
            if let Some((own, scope)) = elements.split_last() {
                active.entry(scope).or_default().push(own);
            }
        }
        for (scope, active) in active {
            let limit = fan_out.max_parallel.unwrap_or(u32::MAX).max(1) as usize;
            if active.len() > limit {
                return Err(format!("{} runs {} at a time", node.name, active.len()));
            }
            let all = picture.elements(id, scope).unwrap_or_default();
            let size = match fan_out.batch {
                None => continue,
                Some(Batch::Count(count)) => count.max(1) as usize,
                Some(Batch::Share(share)) => (all.len() * share as usize).div_ceil(10_000).max(1),
            };
            let batches: BTreeSet<_> = active
                .iter()
                .filter_map(|own| all.iter().position(|element| element == own))
                .map(|index| index / size)
                .collect();
            if batches.len() > 1 {
                return Err(format!("{} runs two batches at a time", node.name));
            }
        }
    }
    Ok(())
}

/// The outcome of a run agrees with those of its parts.
fn check_outcome(picture: &Picture<'_>) -> Check {
    let row = &picture.store.runs[&picture.run];
    let ends = |phase: Phase| {
        let nodes = picture.plan.iter();
        let nodes = nodes.filter(move |(_, node)| node.parent.is_none() && node.phase == phase);
        nodes.map(|(id, node)| (picture.node(id, &[]), node.name.clone()))
    };
    if let Some((None, name)) = ends(Phase::Main).find(|(end, _)| end.is_none()) {
        return Err(format!("the run ended before {name}"));
    }
    let all_well = |phase| ends(phase).all(|(end, _)| end != Some(End::Bad));
    let (main, hooks) = (all_well(Phase::Main), all_well(Phase::Always));
    // What trust forbids was not run, which is no failure of the run.
    let may_succeed = (main && hooks) || !picture.plan.event.trusted;
    match &row.outcome {
        Some(Outcome::Succeeded) if !may_succeed => {
            Err("a run succeeded and a part of it not".to_owned())
        }
        Some(Outcome::Failed { .. }) if main && hooks => {
            Err("a run failed and no part of it".to_owned())
        }
        _ => Ok(()),
    }
}
