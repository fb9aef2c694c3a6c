//! After a restart: from the rows of all live runs to the state that wrote them.
//!
//! Rows say where jobs and stages are, and what fan-outs have become. Everything else follows from
//! these and the plan: which groups are open, what has failed, what waits for what.

use crate::config::SchedulerConfig;
use crate::core::Core;
use crate::input::{Now, Submit};
use crate::record::{FanOutRow, JobRow, JobState, LiveRun, StageRow, StageState};
use crate::run::{
    Element, Elements, Ending, GroupIdx, GroupState, Lease, Run, ScopeIdx, ScopeState, State,
};
use crate::scheduler::Scheduler;
use crate::timers::Timer;
use model::ids::{JobId, NodeId, RunId, Token, WorkerId};
use model::outcome::Outcome;
use model::plan::{Phase, RETRY_DELAY_LIMIT_MS};
use model::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use thiserror::Error;

/// Why rows can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the rows of run {run} don't fit its plan: {what}")]
pub struct RestoreError {
    /// The run.
    pub run: RunId,
    /// What doesn't fit.
    pub what: String,
}

impl Scheduler {
    /// A scheduler with the runs that these rows describe. `token` is the last one that was recorded
    /// by [`Change::Token`](crate::Change::Token).
    ///
    /// Every worker that had an attempt is granted a full lease first: it has that long to register
    /// again. Nothing is done yet; hand in [`Input::Wake`](crate::Input::Wake) to let time go on.
    ///
    /// # Errors
    /// Where rows contradict the plan: the store is damaged.
    pub fn restore(
        config: SchedulerConfig,
        now: Now,
        mut runs: Vec<LiveRun>,
        token: Token,
    ) -> Result<Self, RestoreError> {
        let mut scheduler = Self::new(config.clone());
        scheduler.core = Core::new(config, now, token);
        // In the order in which they were submitted; in a group, one that was entered goes first.
        runs.sort_by_key(|live| (!is_entered(live), live.run.run));
        for live in runs {
            scheduler.restore_run(live)?;
        }
        // Nothing can be sent before a worker registers, and that looks at all that waits for it.
        scheduler.core.queue.settle();
        Ok(scheduler)
    }

    fn restore_run(&mut self, live: LiveRun) -> Result<(), RestoreError> {
        let entered = is_entered(&live);
        let core = &mut self.core;
        let id = live.run.run;
        let submit = Submit {
            run: id,
            plan: live.plan,
            selection: live.run.selection(),
            by: live.run.by,
            keep_going: live.run.keep_going,
        };
        let slot = self.runs.next_slot();
        let submitted_ms = live.run.submitted_ms;
        let mut run = Run::new(submit, slot, submitted_ms, &core.config.url_base);
        run.is_row_dirty = false;
        run.canceled_by = live.run.canceled_by;
        let mut restoring = Restoring {
            core,
            run: &mut run,
            by_values: BTreeMap::new(),
        };
        restoring.fan_outs(live.fan_outs)?;
        restoring.stages(&live.stages)?;
        restoring.jobs(live.jobs, entered)?;
        restoring.groups();
        restoring.phases(entered);
        restoring.unmet();
        restoring.open_groups()?;
        for step in live.steps {
            let job = run.jobs.get_mut(step.attempt.job.index());
            let job = job.filter(|job| job.n_attempts == step.attempt.number && !job.has_ended());
            if let (None, Some(job)) = (&step.end, job) {
                let details = job.details();
                details.next_step = details.next_step.max(step.step.saturating_add(1));
                details.open_steps.push(step);
            }
        }
        // The rows are as they were read.
        for job in std::mem::take(&mut run.dirty) {
            run.job_mut(job).is_dirty = false;
        }
        if let Some(concurrency) = &run.plan.concurrency {
            self.groups.join(concurrency, id);
        }
        if let Some(timeout_ms) = run.plan.timeout_ms {
            let left = left_ms(core.now, submitted_ms, timeout_ms);
            core.timers
                .set(core.now.mono_ms.saturating_add(left), Timer::Run(id));
        }
        self.runs.insert(run);
        Ok(())
    }
}

/// Whether the run was entered: then something of it has left Waiting.
fn is_entered(live: &LiveRun) -> bool {
    let n_rows = live.jobs.len() + live.stages.len() + live.fan_outs.len();
    n_rows > 0
}

/// What is left of a delay that began at a time of the wall clock. That clock may have jumped since,
/// so the answer is kept between nothing and all of it.
fn left_ms(now: Now, began_wall_ms: i64, delay_ms: u64) -> u64 {
    let passed = now.wall_ms.saturating_sub(began_wall_ms).max(0) as u64;
    delay_ms.saturating_sub(passed)
}

/// A run that is being restored.
struct Restoring<'a> {
    core: &'a mut Core,
    run: &'a mut Run,
    /// The elements of the groups that were searched, by value.
    by_values: BTreeMap<GroupIdx, BTreeMap<Vec<Value>, u32>>,
}

impl Restoring<'_> {
    fn damaged(&self, what: impl Into<String>) -> RestoreError {
        RestoreError {
            run: self.run.id,
            what: what.into(),
        }
    }

    /// Creates what was found, in the order in which it was.
    fn fan_outs(&mut self, mut rows: Vec<FanOutRow>) -> Result<(), RestoreError> {
        // Those without any job share the number of the next one; then the outer ones came first.
        rows.sort_by_key(|row| (row.first_job, row.scope.len()));
        for row in rows {
            let group = self.group(row.node, &row.scope)?;
            if self.run.group(group).is_known() {
                return Err(self.damaged(format!("node {} was fanned out twice", row.node)));
            }
            let elements = match row.elements.as_slice() {
                [only] if only.is_empty() => Elements::One,
                _ => Elements::Found(row.elements.into_boxed_slice()),
            };
            let first_job = self.run.jobs.len();
            self.run.expand(group, elements);
            if self.run.jobs.len() > first_job && first_job != row.first_job.index() {
                return Err(self.damaged(format!("job {} is not the next one", row.first_job)));
            }
        }
        Ok(())
    }

    /// Sets where stages are, and takes what they hold. Outer ones first: what they hold, the inner
    /// ones need not.
    fn stages(&mut self, rows: &[StageRow]) -> Result<(), RestoreError> {
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let Some((own, around)) = row.elements.split_last() else {
                return Err(self.damaged("a stage without elements"));
            };
            let group = self.group(row.node, around)?;
            let index = self.index(group, own)?;
            if !self.run.is_stage(group) {
                return Err(self.damaged(format!("node {} is no stage", row.node)));
            }
            found.push((self.run.scope_of((group, index)), &row.state));
        }
        found.sort_by_key(|(scope, _)| *scope);
        for (scope, state) in found {
            let Some(element) = self.run.scope(scope).element else {
                continue;
            };
            let state = match state {
                StageState::Blocked { ticket, .. } => {
                    self.claim_again(element, Some(*ticket))?;
                    ScopeState::Blocked { ticket: *ticket }
                }
                StageState::Entered => {
                    self.claim_again(element, None)?;
                    ScopeState::Entered(Phase::Main)
                }
                StageState::Ended { outcome } => ScopeState::Ended(outcome.clone()),
            };
            self.run.scope_mut(scope).state = state;
        }
        Ok(())
    }

    /// Sets where jobs are. First what has ended, since what is alive may mention its outputs.
    fn jobs(&mut self, mut rows: Vec<JobRow>, entered: bool) -> Result<(), RestoreError> {
        if entered {
            self.run.scope_mut(ScopeIdx(0)).state = ScopeState::Entered(Phase::Main);
        }
        let is_alive = |row: &JobRow| !matches!(row.state, JobState::Ended { .. });
        rows.sort_by_key(|row| (is_alive(row), row.job));
        for row in rows {
            let fits = self.run.jobs.get(row.job.index()).is_some_and(|job| {
                let node = self.run.group(job.group).node;
                node == row.node
            });
            if !fits {
                return Err(self.damaged(format!("job {} is not one of its jobs", row.job)));
            }
            self.job(row)?;
        }
        Ok(())
    }

    fn job(&mut self, row: JobRow) -> Result<(), RestoreError> {
        let id = row.job;
        let job = self.run.job_mut(id);
        job.n_attempts = row.n_attempts;
        job.ready_at = row.ready_ms.into();
        job.started_at = row.started_ms.into();
        job.finished_at = row.finished_ms.into();
        if !row.outputs.is_empty() || row.produced.is_some() || !row.approvals.is_empty() {
            let details = job.details();
            details.outputs = row.outputs;
            details.produced = row.produced;
            details.approvals = row.approvals;
        }
        let now = self.core.now;
        let ready_ms = row.ready_ms.unwrap_or(now.wall_ms);
        let ago_ms = now.wall_ms.saturating_sub(ready_ms);
        let mono_ms = i64::try_from(now.mono_ms).unwrap_or(i64::MAX);
        self.run.set_rank_at(id, mono_ms.saturating_sub(ago_ms));
        if self.run.approve(id).is_none() && !matches!(row.state, JobState::Ended { .. }) {
            let ticket = match row.state {
                JobState::Blocked { ticket, .. } => Some(ticket),
                _ => None,
            };
            self.claim_again(self.run.element_of(id), ticket)?;
            let classified = self.run.classify(self.core, id);
            classified.map_err(|what| self.damaged(what))?;
        }
        match row.state {
            JobState::Queued => {
                self.run.job_mut(id).state = State::Queued;
                if let Some(class) = self.run.job(id).class {
                    self.core.enqueue(class, self.run.queue_key(id));
                }
            }
            JobState::Blocked { ticket, .. } => {
                self.run.job_mut(id).state = State::Blocked { ticket };
            }
            JobState::Asking => {
                self.run.job_mut(id).state = State::Asking;
                let expires_ms = self.run.approve(id).and_then(|rule| rule.expires_ms);
                if let Some(expires_ms) = expires_ms {
                    let left = left_ms(now, ready_ms, expires_ms);
                    self.run.expire_in(self.core, id, left);
                }
            }
            JobState::Retrying { at_ms } => {
                let left = at_ms.saturating_sub(now.wall_ms).max(0) as u64;
                let left = left.min(RETRY_DELAY_LIMIT_MS);
                self.run.retry_in(self.core, id, left);
                // As it was recorded, though the clock on the wall may have jumped.
                if let State::Retrying { at_wall_ms, .. } = &mut self.run.job_mut(id).state {
                    *at_wall_ms = at_ms;
                }
            }
            JobState::Assigned { worker, token } => {
                let lease = self.lease(id, worker, token, None);
                self.run.job_mut(id).state = State::Assigned { lease };
            }
            JobState::Running {
                worker,
                token,
                stopping,
            } => {
                let lease = self.lease(id, worker, token, stopping);
                self.run.job_mut(id).state = State::Running { lease };
            }
            JobState::Held {
                reason,
                worker,
                token,
            } => {
                self.run.job_mut(id).state = State::Held {
                    reason: reason.into(),
                    worker,
                    token,
                };
            }
            JobState::Ended { outcome, allowed } => {
                self.run.job_mut(id).state = State::Ended(Ending { outcome, allowed });
            }
        }
        Ok(())
    }

    fn lease(
        &mut self,
        job: JobId,
        worker: WorkerId,
        token: Token,
        stopping: Option<String>,
    ) -> Lease {
        let worker = match self.core.workers.find(worker) {
            Some(index) => index,
            None => self.core.know_worker(worker),
        };
        if let Some(class) = self.run.job(job).class {
            let job = self.run.job_ref(job);
            self.core.occupy(worker, job, class, false);
        }
        Lease {
            worker,
            token,
            stopping: stopping.map(Arc::from),
        }
    }

    /// Takes what an element holds, or its place in the queue for it.
    fn claim_again(&mut self, element: Element, ticket: Option<u64>) -> Result<(), RestoreError> {
        let names = self.run.lock_names(element);
        let names = names.map_err(|what| self.damaged(what))?;
        if names.is_empty() {
            return Ok(());
        }
        let owner = self.run.owner(element);
        match ticket {
            Some(ticket) => self.core.locks.wait(owner, &names, ticket),
            None => self.core.locks.hold(owner, &names),
        }
        self.run.remember_locks(element, names);
        if ticket.is_none() {
            self.run.keep_environment(self.core, element);
        }
        Ok(())
    }

    /// Counts what has ended and failed. A scope's groups come after the group that it is of, so going
    /// backwards meets the inner ones first.
    fn groups(&mut self) {
        for index in (0..self.run.groups.len()).rev() {
            let group = GroupIdx(index as u32);
            let n = self.run.group(group).n;
            for element in (0..n).map(|index| (group, index)) {
                self.count(element);
            }
            let this = self.run.group(group);
            let allowed = self.run.node(group).fan_out.as_ref();
            let allowed = allowed.and_then(|fan_out| fan_out.max_failures);
            let is_doomed = this.n_failed > allowed.unwrap_or(0);
            let has_ended = this.is_known() && this.n_ended == n;
            let scope = this.scope;
            self.run.group_mut(group).is_doomed = is_doomed;
            if is_doomed {
                self.doom(scope);
            }
            if has_ended {
                let outcome = self.run.group_outcome(group);
                self.run.release_kept(self.core, group);
                let this = self.run.group_mut(group);
                this.state = GroupState::Ended(outcome);
                this.is_told = true;
                self.run.count_ended(group);
            }
        }
    }

    fn count(&mut self, element: Element) {
        let (group, index) = element;
        let has_ended = self.run.has_element_ended(element);
        let is_active = !has_ended && !self.run.is_element_unstarted(element);
        let this = self.run.group_mut(group);
        this.n_ended += u32::from(has_ended);
        this.n_active += u32::from(is_active);
        if self.run.is_stage(group) {
            let scope = self.run.scope_of((group, index));
            let state = &self.run.scope(scope).state;
            if matches!(state, ScopeState::Ended(outcome) if outcome.is_failure()) {
                self.doom(scope);
            }
        } else {
            let ending = self.run.job(self.run.job_of(element)).ending();
            if ending.is_some_and(Ending::is_failure) {
                let around: Vec<_> = self.run.scopes_up(self.run.group(group).scope).collect();
                for scope in around {
                    self.run.scope_mut(scope).n_failed_jobs += 1;
                }
                self.run.group_mut(group).n_failed += 1;
            }
        }
    }

    fn doom(&mut self, scope: ScopeIdx) {
        let this = self.run.scope_mut(scope);
        if !std::mem::replace(&mut this.is_doomed, true)
            && let Some((group, _)) = this.element
        {
            self.run.group_mut(group).n_failed += 1;
        }
    }

    /// Finds the part that each entered scope is in: the first one that has not ended.
    fn phases(&mut self, entered: bool) {
        for index in 0..self.run.scopes.len() {
            let scope = ScopeIdx(index as u32);
            let is_entered = matches!(self.run.scope(scope).state, ScopeState::Entered(_));
            if !is_entered || (index == 0 && !entered) {
                continue;
            }
            for phase in [Phase::Main, Phase::OnFailure, Phase::Always] {
                let groups = self.run.groups_in(scope, phase);
                let n_left = groups
                    .filter(|group| !self.run.group(*group).has_ended())
                    .count();
                if n_left > 0 {
                    let this = self.run.scope_mut(scope);
                    this.state = ScopeState::Entered(phase);
                    this.n_left = n_left as u32;
                    break;
                }
            }
        }
    }

    /// Counts what each group still waits for.
    fn unmet(&mut self) {
        let shape = Arc::clone(&self.run.shape);
        self.run.todo.clear();
        for index in 0..self.run.groups.len() {
            let group = GroupIdx(index as u32);
            let (node, scope) = (self.run.group(group).node, self.run.group(group).scope);
            let waits = &shape.nodes[node.index()].waits;
            let unmet = waits.iter().filter(|wait| !self.run.is_met(scope, wait));
            let phase = self.run.node(group).phase;
            let is_reached = match self.run.scope(scope).state {
                ScopeState::Entered(reached) => reached >= phase,
                ScopeState::Ended(_) => true,
                _ => false,
            };
            self.run.group_mut(group).unmet = unmet.count() as u32 + u32::from(!is_reached);
        }
    }

    /// What nothing keeps from starting any more was opened.
    fn open_groups(&mut self) -> Result<(), RestoreError> {
        for index in 0..self.run.groups.len() {
            let group = GroupIdx(index as u32);
            let this = self.run.group_mut(group);
            if this.state != GroupState::Waiting || this.unmet > 0 {
                continue;
            }
            if !this.is_known() {
                let node = this.node;
                return Err(self.damaged(format!("node {node} was not fanned out")));
            }
            this.state = GroupState::Open;
            for index in 0..this.n {
                let reopened = self.run.reopen((group, index));
                reopened.map_err(|what| self.damaged(what))?;
            }
            self.keep_again(group)?;
        }
        Ok(())
    }

    /// What the elements of a fan-out hold together is held on after the first of them has ended.
    fn keep_again(&mut self, group: GroupIdx) -> Result<(), RestoreError> {
        let n = self.run.group(group).n;
        let Some(index) = (0..n).find(|index| self.run.was_started((group, *index))) else {
            return Ok(());
        };
        let names = self.run.lock_names((group, index));
        let names = names.map_err(|what| self.damaged(what))?;
        self.run.keep_from(self.core, group, &names);
        Ok(())
    }

    /// The group of a node in the scope of these elements.
    fn group(&mut self, node: NodeId, around: &[Vec<Value>]) -> Result<GroupIdx, RestoreError> {
        if node.index() >= self.run.plan.nodes.len() {
            return Err(self.damaged(format!("there is no node {node}")));
        }
        let mut stages: Vec<_> = self.run.plan.ancestors(node).collect();
        stages.reverse();
        if stages.len() != around.len() {
            return Err(self.damaged(format!("node {node} does not lie so deep")));
        }
        let mut scope = ScopeIdx(0);
        for (stage, values) in stages.into_iter().zip(around) {
            let place = self.run.shape.nodes[stage.index()].place;
            let group = self.run.scope(scope).at(place);
            let index = self.index(group, values)?;
            scope = self.run.scope_of((group, index));
        }
        let place = self.run.shape.nodes[node.index()].place;
        Ok(self.run.scope(scope).at(place))
    }

    /// The element of a group with these values.
    fn index(&mut self, group: GroupIdx, values: &[Value]) -> Result<u32, RestoreError> {
        let run = &*self.run;
        let by_values = self.by_values.entry(group).or_insert_with(|| {
            let indices = 0..run.group(group).n;
            indices
                .map(|index| (run.values((group, index)).to_vec(), index))
                .collect()
        });
        let index = by_values.get(values).copied();
        index.ok_or_else(|| self.damaged(format!("there is no element {values:?}")))
    }
}

impl Run {
    /// Counts a group that has ended in its aggregates.
    fn count_ended(&mut self, group: GroupIdx) {
        let shape = Arc::clone(&self.shape);
        let (node, scope) = (self.group(group).node, self.group(group).scope);
        for counted in shape.nodes[node.index()].counted.iter() {
            if counted.is_leaf {
                let at = self.up(scope, counted.up);
                let index = self.scope(at).first_aggregate + counted.aggregate;
                self.aggregates[index as usize].n_unended -= 1;
            }
        }
    }

    /// Whether an element has ended, and not before it was started.
    fn was_started(&self, element: Element) -> bool {
        let is_skip = |outcome: &Outcome| matches!(outcome, Outcome::Skipped { .. });
        match self.is_stage(element.0) {
            true => match &self.scope(self.scope_of(element)).state {
                ScopeState::Ended(outcome) => !is_skip(outcome),
                _ => false,
            },
            false => {
                let ending = self.job(self.job_of(element)).ending();
                ending.is_some_and(|ending| !is_skip(&ending.outcome))
            }
        }
    }

    /// An element of a group that is open again, and that has no row: it waits for another element,
    /// or for its turn.
    fn reopen(&mut self, element: Element) -> Result<(), String> {
        let (group, index) = element;
        if !self.is_element_unstarted(element) || self.has_element_ended(element) {
            return Ok(());
        }
        if self.is_awaiting_elements(element)? {
            return Ok(());
        }
        if let Some(limits) = &mut self.group_mut(group).limits {
            limits.due.insert(index);
            self.set_due(element);
        }
        Ok(())
    }
}
