//! The slot processes of a worker, each with a task that talks to it.

use super::config::WorkerConfig;
use crate::slot::{
    Config,
    client::{SlotCommand, SlotError, SlotHandle, SlotReport},
};
use protocol::v1::ToRunner;
use std::{
    ffi::OsString,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{sync::mpsc, task::JoinSet};

/// How many reports of all slots together may wait for the session. When it is behind, the slots
/// wait, and then the steps that write the most.
pub(super) const EVENTS: usize = 256;

/// How many commands may wait for one slot. It has one job at a time; more are stops that repeat
/// themselves.
const COMMANDS: usize = 64;

/// One of the worker's slots, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SlotId(pub(super) u32);

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a slot's task tells the session.
#[derive(Debug)]
pub(super) enum SlotEvent {
    /// News of an attempt.
    News(ToRunner),
    /// The process has ended, with all that it left behind, or never started.
    Gone(SlotError),
}

/// The tasks.
#[derive(Debug)]
pub(super) struct Slots {
    setup: Arc<Setup>,
    events: mpsc::Sender<(SlotId, SlotEvent)>,
    commands: Vec<Option<mpsc::Sender<SlotCommand>>>,
    tasks: JoinSet<()>,
}

/// What is the same for all slots.
#[derive(Debug)]
struct Setup {
    program: PathBuf,
    args: Vec<OsString>,
    /// Its folder is the one that the slots' own lie in.
    config: Config,
}

impl Slots {
    pub(super) fn new(config: &WorkerConfig, events: mpsc::Sender<(SlotId, SlotEvent)>) -> Self {
        Self {
            setup: Arc::new(Setup {
                program: config.program.clone(),
                args: config.args.clone(),
                config: Config {
                    folder: config.slots.clone(),
                    logs: config.logs.clone(),
                    dirs: config.dirs.clone(),
                    env: config.env.clone(),
                    durable: config.durable,
                },
            }),
            events,
            commands: (0..config.n_slots).map(|_| None).collect(),
            tasks: JoinSet::new(),
        }
    }

    /// Starts a slot's process. Commands may follow at once.
    pub(super) fn start(&mut self, slot: SlotId) {
        let Some(place) = self.commands.get_mut(slot.0 as usize) else {
            return;
        };
        if place.is_some() {
            return;
        }
        let (tx, rx) = mpsc::channel(COMMANDS);
        *place = Some(tx);
        let (setup, events) = (Arc::clone(&self.setup), self.events.clone());
        self.tasks.spawn(async move {
            let folder = setup.folder(slot);
            let ended = talk(slot, &setup, &folder, rx, &events).await;
            // Before it is reported: the next process of this slot uses the same one.
            if !setup.config.durable
                && let Err(error) = std::fs::remove_dir_all(&folder)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::debug!(%slot, %error, "the folder of a slot stays");
            }
            if let Err(error) = ended {
                // The session may have ended.
                let _ = events.send((slot, SlotEvent::Gone(error))).await;
            }
        });
    }

    /// Sends a command. What can't be sent finds a slot that is gone, and that is reported anyway.
    pub(super) fn command(&mut self, slot: SlotId, command: SlotCommand) {
        let tx = self.commands.get(slot.0 as usize).and_then(Option::as_ref);
        if let Some(tx) = tx
            && let Err(error) = tx.try_send(command)
        {
            tracing::debug!(%slot, %error, "a slot takes no command");
        }
    }

    /// A slot is gone.
    pub(super) fn forget(&mut self, slot: SlotId) {
        if let Some(place) = self.commands.get_mut(slot.0 as usize) {
            *place = None;
        }
    }

    /// Ends all slots at the same time, and waits until they have ended.
    pub(super) async fn close(&mut self) {
        self.commands.clear();
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "the task of a slot has failed");
            }
        }
    }
}

impl Setup {
    /// The folder of one slot. Several workers may share the store of a repository.
    fn folder(&self, slot: SlotId) -> PathBuf {
        let name = format!("{}.{slot}", std::process::id());
        self.config.folder.join(name)
    }
}

/// Talks to one slot process until it is gone, or no more commands can come.
async fn talk(
    slot: SlotId,
    setup: &Setup,
    folder: &Path,
    mut commands: mpsc::Receiver<SlotCommand>,
    events: &mpsc::Sender<(SlotId, SlotEvent)>,
) -> Result<(), SlotError> {
    let config = Config {
        folder: folder.to_owned(),
        ..setup.config.clone()
    };
    let mut handle = SlotHandle::spawn(&setup.program, &setup.args, &config).await?;
    loop {
        tokio::select! {
            biased;
            report = handle.recv() => match report? {
                SlotReport::Ready => {}
                SlotReport::News(news) => {
                    if events.send((slot, SlotEvent::News(news))).await.is_err() {
                        // The session has ended: what the slot still says is nobody's.
                        break;
                    }
                }
            },
            command = commands.recv() => match command {
                Some(command) => handle.send(command).await?,
                None => break,
            },
        }
    }
    handle.close().await;
    Ok(())
}
