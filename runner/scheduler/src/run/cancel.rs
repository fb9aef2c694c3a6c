//! Ending early: a person's cancel, a timeout of the run, `fail_fast`.
//!
//! What runs is told to stop, what was ready is canceled, what still waited is skipped. `always` and
//! `finally` of what was entered run all the same.

use super::{GroupIdx, GroupState, Run, ScopeIdx, ScopeState, State};
use crate::core::Core;
use crate::effect::Effect;
use model::ids::{AttemptId, JobId};
use model::outcome::{Outcome, SkipReason};
use model::plan::Phase;
use std::sync::Arc;

impl Run {
    /// Ends the run as soon as what has to be cleaned up is.
    pub(crate) fn cancel(&mut self, core: &mut Core, by: &str) {
        if self.canceled_by.is_some() {
            return;
        }
        self.canceled_by = Some(by.to_owned());
        self.is_row_dirty = true;
        let root = ScopeIdx(0);
        let by = Arc::from(by);
        if self.scope(root).state == ScopeState::Waiting {
            // It waits for its concurrency group: nothing was entered, nothing is to be cleaned up.
            self.skip_run(core, &by);
        } else {
            self.stop_scope(core, root, &by);
        }
        self.proceed(core);
    }

    /// Ends what was entered of a scope, but for `always`.
    pub(crate) fn stop_scope(&mut self, core: &mut Core, scope: ScopeIdx, by: &Arc<str>) {
        match self.scope(scope).state {
            ScopeState::Ended(_) | ScopeState::Entered(Phase::Always) => {}
            ScopeState::Waiting | ScopeState::Due | ScopeState::Blocked { .. } => {
                if let Some(element) = self.scope(scope).element {
                    self.skip_element(core, element, &ended(by));
                }
            }
            // After a failure `on_failure` runs to its end, unless it is a person who wants it to end.
            ScopeState::Entered(Phase::OnFailure) if self.canceled_by.is_none() => {}
            ScopeState::Entered(phase) => {
                for group in self.groups_in(scope, phase) {
                    self.stop_group(core, group, by);
                }
            }
        }
    }

    /// Ends what was started of a group, and skips the rest.
    pub(crate) fn stop_group(&mut self, core: &mut Core, group: GroupIdx, by: &Arc<str>) {
        match self.group(group).state {
            GroupState::Ended(_) => {}
            GroupState::Waiting => self.skip_group(core, group, &ended(by)),
            GroupState::Open => {
                for index in 0..self.group(group).n {
                    let element = (group, index);
                    if self.has_element_ended(element) {
                    } else if self.is_element_unstarted(element) {
                        self.skip_element(core, element, &ended(by));
                    } else if self.is_stage(group) {
                        self.stop_scope(core, self.scope_of(element), by);
                    } else {
                        self.stop_job(core, self.job_of(element), by);
                    }
                }
            }
        }
    }

    fn stop_job(&mut self, core: &mut Core, job: JobId, by: &Arc<str>) {
        let number = self.job(job).n_attempts;
        match &mut self.job_mut(job).state {
            State::Assigned { lease } | State::Running { lease } => {
                if lease.stopping.is_some() {
                    return;
                }
                lease.stopping = Some(Arc::clone(by));
                let lease = lease.clone();
                self.touch(job);
                if core.workers.is_linked(lease.worker) {
                    let attempt = AttemptId {
                        run: self.id,
                        job,
                        number,
                    };
                    core.effects.push(Effect::Stop {
                        worker: core.workers.id(lease.worker),
                        attempt,
                        token: lease.token,
                        reason: format!("canceled by {by}"),
                    });
                }
            }
            State::Ended(_) => {}
            _ => {
                let outcome = Outcome::Canceled { by: by.to_string() };
                self.end_job(core, job, outcome);
            }
        }
    }

    fn skip_run(&mut self, core: &mut Core, by: &Arc<str>) {
        let root = ScopeIdx(0);
        for group in self.scope(root).groups() {
            self.skip_group(core, group, &ended(by));
        }
        self.scope_mut(root).state = ScopeState::Ended(Outcome::Canceled { by: by.to_string() });
    }
}

fn ended(by: &Arc<str>) -> SkipReason {
    SkipReason::Ended {
        by: format!("canceled by {by}"),
    }
}
