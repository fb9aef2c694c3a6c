//! What the rest of a runner holds of the engine.

use super::event::EngineEvent;
use super::subscription::Subscription;
use crate::store::StoreError;
use model::ids::{JobId, RunId};
use model::plan::{Plan, Unsupported};
use protocol::link::RunnerEnd;
use protocol::{ConvertError, Source};
use scheduler::Explanation;
use scheduler::input::Selection;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

/// Speaks to a running engine. Cheap to clone; the engine goes on without any.
#[derive(Clone)]
pub struct Handle {
    pub(super) engine: mpsc::Sender<EngineEvent>,
}

/// A run to be executed.
#[derive(Debug)]
pub struct SubmitRequest {
    /// What it does.
    pub plan: Arc<Plan>,
    /// Which jobs are asked for.
    pub selection: Selection,
    /// Who or what started it, for people.
    pub by: String,
    /// `--keep-going`.
    pub keep_going: bool,
    /// Where its source tree is.
    pub source: Source,
    /// The secrets that its jobs may ask for.
    pub secrets: Secrets,
}

/// Secrets by name. They are handed on to the jobs that ask for them and shown to nobody.
#[derive(Clone, Default)]
pub struct Secrets(pub BTreeMap<String, Vec<u8>>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Why a run was not accepted. Nothing of it was started.
#[derive(Debug, Error)]
pub enum SubmitError {
    /// The plan asks for something that this build can't do.
    #[error("this build can't execute `{}` (line {})", .0.word, .0.place.line)]
    Unsupported(Unsupported),
    /// The source tree has no name that a worker could be sent.
    #[error("can't hand the source tree to a worker: {0}")]
    Source(ConvertError),
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine has ended; why, its own result says.
    #[error("the engine has ended")]
    Ended,
}

impl Handle {
    /// Submits a run. When this returns the run is stored, and its events from the first one on come
    /// through the subscription.
    ///
    /// # Errors
    /// Where it is refused; see [`SubmitError`].
    pub async fn submit(&self, request: SubmitRequest) -> Result<Subscription, SubmitError> {
        let (reply, answer) = oneshot::channel();
        let request = Box::new(request);
        self.send(EngineEvent::Submit { request, reply }).await;
        answer.await.unwrap_or(Err(SubmitError::Ended))
    }

    /// Ends a run. One that has ended, or that nobody knows, is passed over.
    pub async fn cancel(&self, run: RunId, by: impl Into<String>) {
        let by = by.into();
        self.send(EngineEvent::Cancel { run, by }).await;
    }

    /// The events of a run that has not ended, from now on.
    pub async fn subscribe(&self, run: RunId) -> Option<Subscription> {
        let (reply, answer) = oneshot::channel();
        self.send(EngineEvent::Subscribe { run, reply }).await;
        answer.await.ok().flatten()
    }

    /// What a job of a run does or waits for; `None` where the run has ended or has no such job.
    pub async fn explain(&self, run: RunId, job: JobId) -> Option<Explanation> {
        let (reply, answer) = oneshot::channel();
        self.send(EngineEvent::Explain { run, job, reply }).await;
        answer.await.ok().flatten()
    }

    /// Takes a worker's session.
    pub async fn attach(&self, session: RunnerEnd) {
        self.send(EngineEvent::Attach(session)).await;
    }

    /// Ends the engine after what it was told so far. Workers go on with what they have.
    pub async fn shutdown(&self) {
        self.send(EngineEvent::Shutdown).await;
    }

    /// Where the engine has ended there is nobody to tell: who waits for an answer sees that it
    /// doesn't come.
    async fn send(&self, event: EngineEvent) {
        let _ = self.engine.send(event).await;
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}
