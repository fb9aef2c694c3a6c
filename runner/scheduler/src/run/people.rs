//! Decisions of people: approvals, and jobs that are held.

use super::{Run, State};
use crate::core::Core;
use crate::timers::Timer;
use model::ids::JobId;
use model::outcome::Outcome;
use model::plan::{Approve, NodeKind};
use model::value::Value;
use std::collections::BTreeSet;

impl Run {
    /// An approval asks.
    pub(crate) fn ask(&mut self, core: &mut Core, job: JobId) {
        let expires_ms = self.approve(job).and_then(|approve| approve.expires_ms);
        self.job_mut(job).state = State::Asking;
        if let Some(expires_ms) = expires_ms {
            self.expire_in(core, job, expires_ms);
        }
        self.touch(job);
    }

    /// Sets the end of an approval.
    pub(crate) fn expire_in(&mut self, core: &mut Core, job: JobId, delay_ms: u64) {
        let at_ms = core.now.mono_ms.saturating_add(delay_ms);
        self.job_mut(job).details().expires_ms = Some(at_ms);
        core.timers.set(at_ms, Timer::Approval(self.id, job));
    }

    /// The time of an approval may have come.
    pub(crate) fn expire(&mut self, core: &mut Core, job: JobId) {
        let this = self.job(job);
        let expires_ms = this.details.as_ref().and_then(|details| details.expires_ms);
        let is_over = expires_ms.is_some_and(|at_ms| at_ms <= core.now.mono_ms);
        if matches!(this.state, State::Asking) && is_over {
            let after_ms = self.approve(job).and_then(|approve| approve.expires_ms);
            let outcome = Outcome::TimedOut {
                after_ms: after_ms.unwrap_or_default(),
                step: None,
            };
            self.end_job(core, job, outcome);
            self.proceed(core);
        }
    }

    /// Somebody has decided.
    pub(crate) fn decide(
        &mut self,
        core: &mut Core,
        job: JobId,
        person: &str,
        teams: &BTreeSet<String>,
        approve: bool,
    ) {
        match &self.job(job).state {
            State::Asking => self.vote(core, job, person, teams, approve),
            State::Held { .. } if approve => self.enqueue_again(core, job),
            State::Held { reason, .. } => {
                let message = format!("{reason}; given up by {person}");
                self.end_job(core, job, Outcome::Lost { message });
            }
            _ => return,
        }
        self.proceed(core);
    }

    fn vote(
        &mut self,
        core: &mut Core,
        job: JobId,
        person: &str,
        teams: &BTreeSet<String>,
        approve: bool,
    ) {
        let Some(rule) = self.approve(job) else {
            return;
        };
        if !self.may_decide(rule, person, teams) {
            return;
        }
        if !approve {
            let by = person.to_owned();
            return self.end_job(core, job, Outcome::Canceled { by });
        }
        let needed = rule.at_least.max(1) as usize;
        let now_ms = core.now.wall_ms;
        let approvals = &mut self.job_mut(job).details().approvals;
        approvals.entry(person.to_owned()).or_insert(now_ms);
        let n_given = approvals.len();
        self.touch(job);
        if n_given >= needed {
            self.end_job(core, job, Outcome::Succeeded);
        }
    }

    fn may_decide(&self, rule: &Approve, person: &str, teams: &BTreeSet<String>) -> bool {
        let author = self.plan.event.fields.get("author").map(Value::to_text);
        if rule.not_author && author.as_deref() == Some(person) {
            return false;
        }
        let named = |by: &String| by == person || teams.contains(by);
        rule.by.is_empty() || rule.by.iter().any(named)
    }

    /// The rule of an approval.
    pub(crate) fn approve(&self, job: JobId) -> Option<&Approve> {
        match &self.node(self.job(job).group).kind {
            NodeKind::Approve(approve) => Some(approve),
            _ => None,
        }
    }
}
