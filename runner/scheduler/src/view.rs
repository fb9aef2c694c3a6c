//! Reading the state of a run, for views.

use crate::record::JobState;
use crate::run::{Run, State};
use crate::scheduler::Scheduler;
use model::ids::{JobId, NodeId, RunId};
use model::outcome::Outcome;
use model::value::Value;
use std::collections::BTreeMap;

/// A job of a live run. What costs something is made when it is asked for.
#[derive(Debug, Clone, Copy)]
pub struct JobView<'a> {
    scheduler: &'a Scheduler,
    run: &'a Run,
    job: JobId,
}

impl Scheduler {
    /// The jobs of a run in order; none where it has ended.
    pub fn jobs(&self, run: RunId) -> impl Iterator<Item = JobView<'_>> {
        let run = self.runs.by_id(run);
        run.into_iter().flat_map(|run| {
            (0..run.jobs.len() as u32).map(|job| JobView {
                scheduler: self,
                run,
                job: JobId(job),
            })
        })
    }

    /// The runs that have not ended, in order.
    pub fn live_runs(&self) -> impl Iterator<Item = RunId> {
        self.runs.iter().map(|run| run.id)
    }
}

impl JobView<'_> {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> JobId {
        self.job
    }

    /// The node of the plan.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.run.group(self.run.job(self.job).group).node
    }

    /// Its name with its elements.
    #[must_use]
    pub fn name(&self) -> String {
        self.run.job_name(self.job)
    }

    /// Where it is; `None`: it waits.
    #[must_use]
    pub fn state(&self) -> Option<JobState> {
        let row = self.run.job_row(&self.scheduler.core, self.job);
        row.map(|row| row.state)
    }

    /// How it ended, and whether a failure was passed over.
    #[must_use]
    pub fn ending(&self) -> Option<(&Outcome, bool)> {
        match &self.run.job(self.job).state {
            State::Ended(ending) => Some((&ending.outcome, ending.allowed)),
            _ => None,
        }
    }

    /// How many attempts were made.
    #[must_use]
    pub fn n_attempts(&self) -> u32 {
        self.run.job(self.job).n_attempts
    }

    /// What it gave.
    #[must_use]
    pub fn outputs(&self) -> Option<&BTreeMap<String, Value>> {
        let details = self.run.job(self.job).details.as_deref();
        details.map(|details| &details.outputs)
    }

    /// When its last attempt began, by the wall clock.
    #[must_use]
    pub fn started_ms(&self) -> Option<i64> {
        self.run.job(self.job).started_at.get()
    }
}
