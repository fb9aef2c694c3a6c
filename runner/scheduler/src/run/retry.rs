//! Another attempt, where the plan says so.

use super::{Run, State};
use crate::core::Core;
use crate::timers::Timer;
use model::event::EventKind;
use model::ids::JobId;
use model::outcome::{Failure, Outcome};
use model::plan::{RETRY_DELAY_LIMIT_MS, RetryOn};

impl Run {
    /// Tries a job again, where its plan says so.
    pub(crate) fn retry(&mut self, core: &mut Core, job: JobId, outcome: &Outcome) -> bool {
        let reason = match outcome {
            Outcome::Failed {
                failure: Failure::Expression { .. },
            } => return false,
            Outcome::Failed { .. } => RetryOn::Failed,
            Outcome::TimedOut { .. } => RetryOn::TimedOut,
            Outcome::Lost { .. } => RetryOn::WorkerLost,
            _ => return false,
        };
        let attempt = self.job(job).n_attempts;
        let Some(rule) = self.job_plan(job).map(|plan| &plan.retry) else {
            return false;
        };
        if !rule.on.contains(&reason) || attempt > rule.times || self.starts_no_more(job) {
            return false;
        }
        let doubled = 1_u64.checked_shl(attempt.saturating_sub(1));
        let delay_ms = rule
            .delay_ms
            .saturating_mul(doubled.unwrap_or(u64::MAX))
            .min(RETRY_DELAY_LIMIT_MS);
        core.publish(
            self.id,
            EventKind::JobRetried {
                job,
                attempt,
                outcome: outcome.clone(),
                delay_ms,
            },
        );
        if delay_ms == 0 {
            self.enqueue_again(core, job);
        } else {
            self.retry_in(core, job, delay_ms);
        }
        true
    }

    /// Sets the next attempt of a job.
    pub(crate) fn retry_in(&mut self, core: &mut Core, job: JobId, delay_ms: u64) {
        let at_ms = core.now.mono_ms.saturating_add(delay_ms);
        core.timers.set(at_ms, Timer::Retry(self.id, job));
        let at_wall_ms = core.now.wall_ms.saturating_add_unsigned(delay_ms);
        self.job_mut(job).state = State::Retrying { at_ms, at_wall_ms };
        self.touch(job);
    }

    /// The time of the next attempt may have come.
    pub(crate) fn wake(&mut self, core: &mut Core, job: JobId) {
        let now_ms = core.now.mono_ms;
        if matches!(self.job(job).state, State::Retrying { at_ms, .. } if at_ms <= now_ms) {
            self.enqueue_again(core, job);
            self.proceed(core);
        }
    }

    /// Whether the fan-out of a job has failed so often that nothing of it starts any more.
    fn starts_no_more(&self, job: JobId) -> bool {
        let group = self.job(job).group;
        let fan_out = self.node(group).fan_out.as_ref();
        let is_bound = fan_out.is_some_and(|fan_out| {
            fan_out.max_failures.is_some() || (fan_out.fail_fast && !self.keep_going)
        });
        is_bound && self.group(group).is_doomed
    }
}
