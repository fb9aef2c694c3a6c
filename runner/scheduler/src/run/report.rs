//! What is recorded: rows of what has changed, one per change at the end of an input.

use super::{Run, ScopeIdx, ScopeState, State};
use crate::core::Core;
use crate::record::{Change, JobRow, JobState, RunRow, StageRow, StageState};
use model::ids::{JobId, NodeId};
use model::outcome::Outcome;
use model::resolve::instance_name;
use model::value::Value;

impl Run {
    /// The row of a job is to be written.
    pub(crate) fn touch(&mut self, job: JobId) {
        if !std::mem::replace(&mut self.job_mut(job).is_dirty, true) {
            self.dirty.push(job);
        }
    }

    /// Whether rows have changed.
    pub(crate) fn has_unwritten(&self) -> bool {
        self.is_row_dirty || !self.dirty.is_empty()
    }

    /// Writes what has changed.
    pub(crate) fn flush(&mut self, core: &mut Core) {
        if std::mem::take(&mut self.is_row_dirty) {
            core.record(Change::Run(self.row(None, None)));
        }
        for job in std::mem::take(&mut self.dirty) {
            self.job_mut(job).is_dirty = false;
            if let Some(row) = self.job_row(core, job) {
                core.record(Change::Job(row));
            }
        }
    }

    /// The run's own row.
    pub(crate) fn row(&self, outcome: Option<Outcome>, finished_ms: Option<i64>) -> RunRow {
        RunRow {
            run: self.id,
            by: self.by.clone(),
            submitted_ms: self.submitted_ms,
            selected: self.selected.clone(),
            keep_going: self.keep_going,
            canceled_by: self.canceled_by.clone(),
            outcome,
            finished_ms,
        }
    }

    /// The row of a job that has left Waiting.
    pub(crate) fn job_row(&self, core: &Core, job: JobId) -> Option<JobRow> {
        let this = self.job(job);
        let details = this.details.as_deref();
        let state = match &this.state {
            State::Waiting | State::Due => return None,
            State::Blocked { ticket } => {
                let names = details.map_or(&[][..], |details| &details.locks);
                JobState::Blocked {
                    lock: self.blocked_on(core, *ticket, names).to_string(),
                    ticket: *ticket,
                }
            }
            State::Asking => JobState::Asking,
            State::Queued => JobState::Queued,
            State::Retrying { at_wall_ms, .. } => JobState::Retrying { at_ms: *at_wall_ms },
            State::Assigned { lease } if lease.stopping.is_none() => JobState::Assigned {
                worker: core.workers.id(lease.worker),
                token: lease.token,
            },
            State::Assigned { lease } | State::Running { lease } => JobState::Running {
                worker: core.workers.id(lease.worker),
                token: lease.token,
                stopping: lease.stopping.as_deref().map(str::to_owned),
            },
            State::Held {
                reason,
                worker,
                token,
            } => JobState::Held {
                reason: reason.to_string(),
                worker: *worker,
                token: *token,
            },
            State::Ended(ending) => JobState::Ended {
                outcome: ending.outcome.clone(),
                allowed: ending.allowed,
            },
        };
        Some(JobRow {
            run: self.id,
            job,
            node: self.group(this.group).node,
            elements: self.job_elements(job),
            name: self.job_name(job),
            state,
            n_attempts: this.n_attempts,
            outputs: details.map(|d| d.outputs.clone()).unwrap_or_default(),
            produced: details.and_then(|d| d.produced.clone()),
            ready_ms: this.ready_at.get(),
            started_ms: this.started_at.get(),
            finished_ms: this.finished_at.get(),
            approvals: details.map(|d| d.approvals.clone()).unwrap_or_default(),
        })
    }

    /// Writes the row of a stage; the run itself has another.
    pub(crate) fn record_stage(&self, core: &mut Core, scope: ScopeIdx) {
        let this = self.scope(scope);
        let Some((group, _)) = this.element else {
            return;
        };
        let state = match &this.state {
            ScopeState::Waiting | ScopeState::Due => return,
            ScopeState::Blocked { ticket } => StageState::Blocked {
                lock: self.blocked_on(core, *ticket, &this.locks).to_string(),
                ticket: *ticket,
            },
            ScopeState::Entered(_) => StageState::Entered,
            ScopeState::Ended(outcome) => StageState::Ended {
                outcome: outcome.clone(),
            },
        };
        core.record(Change::Stage(StageRow {
            run: self.id,
            node: self.group(group).node,
            elements: self.scope_elements(scope),
            state,
        }));
    }

    /// The values of the stages down to a scope, outermost first.
    pub(crate) fn scope_elements(&self, scope: ScopeIdx) -> Vec<Vec<Value>> {
        let mut elements: Vec<_> = self
            .scopes_up(scope)
            .filter_map(|scope| self.scope(scope).element)
            .map(|element| self.values(element).to_vec())
            .collect();
        elements.reverse();
        elements
    }

    /// The values of a job's stages and its own, outermost first.
    pub(crate) fn job_elements(&self, job: JobId) -> Vec<Vec<Value>> {
        let element = self.element_of(job);
        let mut elements = self.scope_elements(self.group(element.0).scope);
        elements.push(self.values(element).to_vec());
        elements
    }

    /// A job's name with its elements.
    pub(crate) fn job_name(&self, job: JobId) -> String {
        let element = self.element_of(job);
        let node = self.group(element.0).node;
        self.instance_name(self.group(element.0).scope, node, self.values(element))
    }

    fn instance_name(&self, scope: ScopeIdx, node: NodeId, values: &[Value]) -> String {
        let name = &self.plan.node(node).name;
        let mut stages: Vec<_> = self
            .scopes_up(scope)
            .filter_map(|scope| self.scope(scope).element)
            .map(|element| (self.node(element.0).name.as_str(), self.values(element)))
            .collect();
        stages.reverse();
        instance_name(&stages, name, values)
    }
}
