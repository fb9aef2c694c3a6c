//! The worker's side of a session with a runner: says who it is, takes jobs, hands them to slot
//! processes, and passes on what these report.
//!
//! `state` decides, as a plain state machine; the loop here carries out. What a runner or a slot
//! sends is never asserted.

mod config;
mod outbox;
mod slots;
mod state;

pub use config::WorkerConfig;

use crate::{snapshot, workspace};
use outbox::Outbox;
use protocol::{
    PROTOCOL_VERSION,
    convert::facts_to_wire,
    link::WorkerEnd,
    v1::{Heartbeat, Register, ToWorker, Welcome, to_worker},
};
use slots::{SlotEvent, SlotId, Slots};
use state::{Event, Order, State};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, interval_at, sleep, timeout_at},
};

/// How long a runner may take to answer the first message. At a desk it compiles the pipeline
/// meanwhile.
const WELCOME_LIMIT: Duration = Duration::from_secs(60);

/// How often it is looked for what must be sent again.
const RESEND_TICK: Duration = Duration::from_secs(5);

/// How long a job has, past the grace of its steps, for its hooks and for ending by force, before its
/// slot is ended instead. Nobody hears of it any more, but a hook may release something.
const FORCE_LIMIT: Duration = Duration::from_secs(5);

/// When what earlier runs left begins to be deleted: a short run should not pay for them.
const SWEEP_DELAY: Duration = Duration::from_secs(1);

/// How long an ending session deletes what has been left. Most leave nothing, and this is over at
/// once.
const SWEEP_AT_END: Duration = Duration::from_millis(20);

/// Why a session has ended early.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The runner is of another version.
    #[error(
        "the runner speaks version {theirs} of the protocol, this worker version {PROTOCOL_VERSION}"
    )]
    Version {
        /// The runner's.
        theirs: u32,
    },
    /// The runner doesn't answer.
    #[error("the runner did not answer within {} s", WELCOME_LIMIT.as_secs())]
    Silent,
}

/// Works for a runner until it closes its end. Then everything that runs is stopped, politely first,
/// and every slot process has ended when this returns.
pub async fn serve(config: WorkerConfig, link: WorkerEnd) -> Result<(), SessionError> {
    let (events_tx, events) = mpsc::channel(slots::EVENTS);
    let mut session = Session {
        state: State::new(&config),
        slots: Slots::new(&config, events_tx),
        outbox: Outbox::new(link.tx),
        orders: Vec::new(),
        config,
    };
    // The first slot starts while the runner still reads who we are.
    session.slots.start(SlotId(0));
    session.outbox.push(session.register().into());
    let ended = session.run(link.rx, events).await;
    sweep_shortly(&session.config);
    ended
}

struct Session {
    config: WorkerConfig,
    state: State,
    slots: Slots,
    outbox: Outbox,
    orders: Vec<Order>,
}

/// What the loop has waited for.
enum Wake {
    Runner(Option<ToWorker>),
    Slot(Option<(SlotId, SlotEvent)>),
    Sent(bool),
    Beat,
    Resend,
    Sweep,
}

impl Session {
    async fn run(
        &mut self,
        mut runner: mpsc::Receiver<ToWorker>,
        mut events: mpsc::Receiver<(SlotId, SlotEvent)>,
    ) -> Result<(), SessionError> {
        let welcome = self.welcome(&mut runner).await;
        let sweeping = Sweeping::default();
        if let Ok(Some(welcome)) = &welcome {
            self.work(welcome, &mut runner, &mut events, &sweeping)
                .await;
        }
        self.stop(&mut events).await;
        welcome.map(drop)
    }

    /// Waits for the runner's answer; `None` when it is gone.
    async fn welcome(
        &mut self,
        runner: &mut mpsc::Receiver<ToWorker>,
    ) -> Result<Option<Welcome>, SessionError> {
        let deadline = tokio::time::Instant::now() + WELCOME_LIMIT;
        loop {
            let message = tokio::select! {
                message = timeout_at(deadline, runner.recv()) => message,
                sent = self.outbox.send() => match sent {
                    true => continue,
                    false => return Ok(None),
                },
            };
            match message {
                Err(_) => return Err(SessionError::Silent),
                Ok(None) => return Ok(None),
                Ok(Some(ToWorker {
                    body: Some(to_worker::Body::Welcome(welcome)),
                })) => {
                    return match welcome.protocol {
                        PROTOCOL_VERSION => Ok(Some(welcome)),
                        theirs => Err(SessionError::Version { theirs }),
                    };
                }
                Ok(Some(_)) => tracing::warn!("the runner sends something before its welcome"),
            }
        }
    }

    /// The loop: until the runner is gone.
    async fn work(
        &mut self,
        welcome: &Welcome,
        runner: &mut mpsc::Receiver<ToWorker>,
        events: &mut mpsc::Receiver<(SlotId, SlotEvent)>,
        sweeping: &Sweeping,
    ) {
        let every = Duration::from_millis(welcome.heartbeat_ms.max(1));
        let mut beat = interval_at(tokio::time::Instant::now() + every, every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut resend = interval(RESEND_TICK);
        resend.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let sweep = sleep(SWEEP_DELAY);
        tokio::pin!(sweep);
        let mut has_swept = false;
        loop {
            let wake = tokio::select! {
                biased;
                sent = self.outbox.send() => Wake::Sent(sent),
                // While the runner doesn't take what we have, the slots wait, and their steps.
                event = events.recv(), if !self.outbox.is_full() => Wake::Slot(event),
                message = runner.recv() => Wake::Runner(message),
                _ = beat.tick() => Wake::Beat,
                _ = resend.tick() => Wake::Resend,
                () = &mut sweep, if !has_swept => Wake::Sweep,
            };
            match wake {
                Wake::Sent(true) => {}
                Wake::Runner(None) | Wake::Sent(false) | Wake::Slot(None) => return,
                Wake::Runner(Some(message)) => self.handle(Event::Runner(message)),
                Wake::Slot(Some((slot, event))) => self.slot(slot, event),
                Wake::Beat => self.outbox.push(Heartbeat {}.into()),
                Wake::Resend => self.handle(Event::Resend),
                Wake::Sweep => {
                    has_swept = true;
                    sweeping.start(&self.config);
                }
            }
        }
    }

    fn slot(&mut self, slot: SlotId, event: SlotEvent) {
        let event = match event {
            SlotEvent::News(message) => Event::News(slot, message),
            SlotEvent::Gone(error) => {
                self.slots.forget(slot);
                let log_length = self.state.attempt_on(slot).and_then(|attempt| {
                    let name = format!("{}.log", attempt.path());
                    let log = self.config.logs.join(name).metadata();
                    log.ok().map(|data| data.len())
                });
                Event::Gone {
                    slot,
                    error,
                    log_length: log_length.unwrap_or_default(),
                }
            }
        };
        self.handle(event);
    }

    fn handle(&mut self, event: Event) {
        self.state.handle(Instant::now(), event, &mut self.orders);
        for order in self.orders.drain(..) {
            match order {
                Order::Tell(message) => self.outbox.push(message),
                Order::Start(slot) => self.slots.start(slot),
                Order::Command(slot, command) => self.slots.command(slot, command),
            }
        }
    }

    /// Stops everything: the steps politely, then by force, then the slots.
    async fn stop(&mut self, events: &mut mpsc::Receiver<(SlotId, SlotEvent)>) {
        let grace = self.config.stop_grace;
        let polite = tokio::time::Instant::now() + grace + FORCE_LIMIT;
        self.handle(Event::RunnerGone);
        while self.state.is_busy() {
            match timeout_at(polite, events.recv()).await {
                Ok(Some((slot, event))) => self.slot(slot, event),
                Ok(None) | Err(_) => break,
            }
            // Nobody takes it any more.
            self.outbox.clear();
        }
        // What slots still say must not keep them from ending.
        events.close();
        self.slots.close().await;
    }

    fn register(&self) -> Register {
        let config = &self.config;
        let mut labels = config.labels.clone();
        labels.extend([std::env::consts::OS, std::env::consts::ARCH].map(str::to_owned));
        labels.sort_unstable();
        labels.dedup();
        Register {
            protocol: PROTOCOL_VERSION,
            name: config.name.clone(),
            labels,
            facts: facts_to_wire(&config.facts),
            n_slots: config.n_slots,
            n_prefetch: config.n_prefetch,
            held: self.state.held(),
        }
    }
}

/// The thread that deletes what earlier runs left; told to stop when the session ends.
#[derive(Debug, Default)]
struct Sweeping {
    must_end: Arc<AtomicBool>,
}

impl Sweeping {
    fn start(&self, config: &WorkerConfig) {
        let dirs = config.dirs.clone();
        let must_end = Arc::clone(&self.must_end);
        let started = std::thread::Builder::new()
            .name("sweep".to_owned())
            .spawn(move || sweep(&dirs, &mut || !must_end.load(Ordering::Relaxed)));
        if let Err(error) = started {
            tracing::debug!(%error, "what earlier runs left stays for the next one");
        }
    }
}

impl Drop for Sweeping {
    fn drop(&mut self) {
        self.must_end.store(true, Ordering::Relaxed);
    }
}

fn sweep_shortly(config: &WorkerConfig) {
    let end = Instant::now() + SWEEP_AT_END;
    sweep(&config.dirs, &mut || Instant::now() < end);
}

fn sweep(dirs: &crate::Dirs, go_on: &mut dyn FnMut() -> bool) {
    let done = workspace::sweep(&dirs.work, &mut *go_on)
        .and_then(|()| snapshot::sweep(&dirs.snapshots, &mut *go_on));
    if let Err(error) = done {
        tracing::debug!(%error, "what earlier runs left can't be deleted");
    }
}
