//! What a batch of events leads to.

use super::handle::SubmitError;
use super::subscription::Subscription;
use scheduler::{Change, Effect};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// How long rows wait for others when nobody waits for them. What a worker says while an attempt goes
/// on only leads to rows and events; most of it is followed by more within this time, and one
/// transaction then holds all of it. No person sees the delay.
const LINGER: Duration = Duration::from_millis(2);

/// Who submitted a run, waiting for it to be stored.
pub(super) type Reply = oneshot::Sender<Result<Subscription, SubmitError>>;

/// What has been decided and is not stored yet. Until it is stored nothing of it is done or shown, as
/// if the events that led to it had not come.
#[derive(Default)]
pub(super) struct Batch {
    /// Rows to be stored, and what is to be done after that, in this order.
    pub(super) effects: Vec<Effect>,
    /// Whom to tell that their runs are stored.
    pub(super) submitted: Vec<(Reply, Subscription)>,
    /// When it must be stored at the latest; `None` while it is empty.
    due: Option<Instant>,
    /// How many of the effects were looked at.
    n_seen: usize,
}

impl Batch {
    /// The rows to be stored.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Change> {
        self.effects.iter().filter_map(|effect| match effect {
            Effect::Record(change) => Some(change),
            _ => None,
        })
    }

    /// Looks at what was added, and says when all must be stored.
    pub(super) fn due(&mut self) -> Option<Instant> {
        let added = &self.effects[self.n_seen..];
        let is_urgent = !self.submitted.is_empty() || added.iter().any(is_urgent);
        if is_urgent {
            self.due = Some(Instant::now());
        } else if self.due.is_none() && !added.is_empty() {
            self.due = Some(Instant::now() + LINGER);
        }
        self.n_seen = self.effects.len();
        self.due
    }

    /// Takes what is to be done now that all is stored; the batch is empty then. The vector is
    /// expected back, for its room.
    pub(super) fn take(&mut self) -> Vec<Effect> {
        self.due = None;
        self.n_seen = 0;
        std::mem::take(&mut self.effects)
    }
}

/// Whether somebody waits for it: a slot for its next job, a worker for being allowed to forget.
fn is_urgent(effect: &Effect) -> bool {
    match effect {
        Effect::Dispatch(_)
        | Effect::Recall { .. }
        | Effect::Stop { .. }
        | Effect::Acknowledge { .. } => true,
        Effect::Record(_) | Effect::WakeAt(_) | Effect::Publish { .. } => false,
    }
}
