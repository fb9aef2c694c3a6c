//! A runner and a worker in this process, on a thread of their own, joined by the messages of the
//! daemons' own protocol.

use crate::error::{self, Error};
use protocol::link;
use runner::Store;
use runner::engine::{self, EngineConfig, Handle, SystemClock};
use runner::layout::Layout;
use runner::store::{Durability, StoreError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;
use tokio::task::JoinError;
use worker::session::{self, SessionError, WorkerConfig};

/// What runs. It ends with [`Embedded::shut_down`]; dropped, it ends with the process.
#[derive(Debug)]
pub struct Embedded {
    thread: JoinHandle<Result<(), Failed>>,
    /// Gives the engine's handle once the store is open.
    opening: Option<oneshot::Receiver<Handle>>,
    handle: Option<Handle>,
}

/// Why a runner or worker ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The system has no thread or no events for it.
    #[error("can't start the runner")]
    Start(#[source] std::io::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The worker.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl Embedded {
    /// Starts both. The first slot process is started at once, while the caller still reads the
    /// pipeline and the store is opened.
    pub fn start(layout: Layout, worker: WorkerConfig) -> error::Result<Self> {
        let (ready, opening) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("runner".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(Failed::Start)?;
                runtime.block_on(work(layout, worker, ready))
            })
            .map_err(Failed::Start)?;
        Ok(Self {
            thread,
            opening: Some(opening),
            handle: None,
        })
    }

    /// The handle of the engine, once the store is open; `None` where that failed, as
    /// [`Embedded::shut_down`] tells.
    pub async fn handle(&mut self) -> Option<Handle> {
        if let Some(opening) = self.opening.take() {
            self.handle = opening.await.ok();
        }
        self.handle.clone()
    }

    /// Ends both, and waits until every slot process has ended.
    ///
    /// # Errors
    /// Where one of them had ended before by itself: with the reason.
    pub async fn shut_down(mut self) -> error::Result<()> {
        if let Some(handle) = self.handle().await {
            handle.shutdown().await;
        }
        match self.thread.join() {
            Ok(result) => result.map_err(Error::from),
            // Its message was printed when it happened.
            Err(_) => Err(Error::system(
                "the runner has ended by a mistake of its own",
            )),
        }
    }
}

async fn work(
    layout: Layout,
    worker: WorkerConfig,
    ready: oneshot::Sender<Handle>,
) -> Result<(), Failed> {
    let (runner_end, worker_end) = link::in_memory();
    let mut session = tokio::spawn(session::serve(worker, worker_end));
    // Lets the session start its slot before this thread waits for the disk.
    tokio::task::yield_now().await;
    let store = Store::open(&layout, Durability::Normal)?;
    let (handle, engine) = engine::start(store, SystemClock::new(), EngineConfig::default())?;
    let engine = async {
        let attach = async {
            handle.attach(runner_end).await;
            if let Err(handle) = ready.send(handle) {
                // Nobody is there any more who could end it.
                handle.shutdown().await;
            }
        };
        tokio::join!(engine, attach).0
    };
    let mut engine = std::pin::pin!(engine);
    tokio::select! {
        ended = &mut engine => ended?,
        // It ends after the engine, unless something is wrong.
        ended = &mut session => return Ok(unwound(ended)?),
    }
    Ok(unwound(session.await)?)
}

/// What a task gave; a panic in it goes on here.
fn unwound<T>(joined: Result<T, JoinError>) -> T {
    joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

impl From<Failed> for Error {
    fn from(error: Failed) -> Self {
        match error {
            Failed::Store(error) => error.into(),
            Failed::Start(cause) => Self::system("can't start the runner").because(cause),
            Failed::Session(error) => Self::system("the worker has ended").because(error),
        }
    }
}
