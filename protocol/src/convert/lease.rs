//! The right of a worker to one attempt.

use super::{ConvertError, Problem};
use crate::v1;
use model::ids::{AttemptId, JobId, RunId, Token};

/// An attempt with the fencing token under which it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lease {
    /// Which attempt.
    pub attempt: AttemptId,
    /// The token.
    pub token: Token,
}

impl From<Lease> for v1::Lease {
    fn from(Lease { attempt, token }: Lease) -> Self {
        Self {
            run: attempt.run.0,
            job: attempt.job.0,
            attempt: attempt.number,
            token: token.0,
        }
    }
}

impl TryFrom<v1::Lease> for Lease {
    type Error = ConvertError;

    fn try_from(lease: v1::Lease) -> Result<Self, ConvertError> {
        if lease.attempt == 0 {
            return Err(ConvertError::new("attempt", Problem::Zero));
        }
        Ok(Self {
            attempt: AttemptId {
                run: RunId(lease.run),
                job: JobId(lease.job),
                number: lease.attempt,
            },
            token: Token(lease.token),
        })
    }
}
