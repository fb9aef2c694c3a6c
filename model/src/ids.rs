//! Typed ids: an id is never a bare number or text in a signature.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// One execution of a pipeline; numbered from 1 per store, so that people can say "run 17".
    RunId(u64)
}
id! {
    /// A node of a plan (a job, a stage, …): its index in [`Plan::nodes`](crate::Plan::nodes).
    NodeId(u32)
}
id! {
    /// One schedulable job of a run: a job node for one element of its fan-outs. Dense, numbered from
    /// 0 in the order in which the scheduler creates them, which is the same for the same inputs.
    JobId(u32)
}
id! {
    /// A worker that is known to a runner.
    WorkerId(u32)
}
id! {
    /// A fencing token: grows with every lease that a runner grants, also over its restarts. What
    /// arrives under an old token changes nothing.
    Token(u64)
}

impl NodeId {
    /// The index into [`Plan::nodes`](crate::Plan::nodes).
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl JobId {
    /// The index among the jobs of its run.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One try of one job; numbered from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId {
    /// The run.
    pub run: RunId,
    /// The job.
    pub job: JobId,
    /// The number of the try, from 1.
    pub number: u32,
}

impl AttemptId {
    /// Where its files lie below a folder of logs or artifacts: `RUN/JOB.NUMBER`, with `/` on every
    /// system. Its log is that with `.log` behind it.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}.{}", self.run, self.job, self.number)
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.run, self.job, self.number)
    }
}
