//! The steps of an attempt, as its worker tells of them.

use super::Run;
use crate::core::Core;
use crate::input::StepBegin;
use crate::record::{Change, StepRow};
use model::event::{EventKind, StepEnd};
use model::ids::{AttemptId, JobId};
use model::spec::Place;

impl Run {
    /// A step has begun.
    pub(crate) fn step_started(&mut self, core: &mut Core, attempt: AttemptId, begin: StepBegin) {
        let job = attempt.job;
        let details = self.job_mut(job).details();
        if begin.step < details.next_step {
            return;
        }
        details.next_step = begin.step.saturating_add(1);
        let row = StepRow {
            attempt,
            step: begin.step,
            name: begin.name.clone(),
            place: begin.place,
            log_from: begin.log_from,
            started_ms: core.now.wall_ms,
            end: None,
        };
        details.open_steps.push(row.clone());
        core.record(Change::Step(row));
        core.publish(
            self.id,
            EventKind::StepStarted {
                job,
                attempt: attempt.number,
                step: begin.step,
                name: begin.name,
                place: begin.place,
                log_from: begin.log_from,
            },
        );
    }

    /// A step has ended.
    pub(crate) fn step_finished(
        &mut self,
        core: &mut Core,
        attempt: AttemptId,
        step: u32,
        end: StepEnd,
        log_to: u64,
        took_ms: u64,
    ) {
        let job = attempt.job;
        let (name, place) = self.step_in_plan(job, step);
        let details = self.job_mut(job).details();
        let open = details.open_steps.iter().position(|row| row.step == step);
        let mut row = match open {
            Some(index) => details.open_steps.swap_remove(index),
            None if step < details.next_step => return,
            // Its beginning was told before a restart, or comes late.
            None => StepRow {
                attempt,
                step,
                name,
                place,
                log_from: log_to,
                started_ms: core.now.wall_ms,
                end: None,
            },
        };
        details.next_step = details.next_step.max(step.saturating_add(1));
        row.end = Some((end.clone(), log_to, took_ms));
        core.record(Change::Step(row));
        core.publish(
            self.id,
            EventKind::StepFinished {
                job,
                attempt: attempt.number,
                step,
                end,
                log_to,
                took_ms,
            },
        );
    }

    /// What the plan says about a step, by its index in an attempt.
    fn step_in_plan(&self, job: JobId, step: u32) -> (String, Place) {
        let steps = self.job_plan(job).map(|plan| plan.steps.as_slice());
        match steps.and_then(|steps| steps.get(step as usize)) {
            Some(step) => (step.name.clone(), step.place),
            None => (format!("step {step}"), Place::default()),
        }
    }
}
