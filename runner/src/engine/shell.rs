//! The loop that owns the scheduler and the store.

use super::Clock;
use super::batch::{Batch, Reply};
use super::event::{EngineEvent, SessionId};
use super::handle::{SubmitError, SubmitRequest};
use super::outbound::{self, Given};
use super::session::{self, Hello};
use super::subscription::{self, Publisher, Subscription};
use crate::store::{RunLock, Store, StoreError};
use model::event::EventKind;
use model::ids::{NodeId, RunId, WorkerId};
use model::plan::Plan;
use protocol::Lease;
use protocol::link::RunnerEnd;
use protocol::v1::ToWorker;
use scheduler::input::{Selection, Submit};
use scheduler::{Effect, Input, Now, Scheduler};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tracing::{debug, warn};

/// How many events are handled in one batch. A bigger one would save little more of the commit and
/// let its first event wait.
const BATCH: usize = 256;

/// How long messages that are on their way to workers have at the end of the engine: they are only
/// handed to a socket or a channel.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) struct Shell<C> {
    store: Store,
    clock: C,
    scheduler: Scheduler,
    stop_grace: Duration,
    tx: mpsc::Sender<EngineEvent>,
    inbox: mpsc::Receiver<EngineEvent>,
    /// When the scheduler wants to be woken, by the monotonic clock.
    wake_at_ms: Option<u64>,
    runs: BTreeMap<RunId, Executing>,
    sessions: BTreeMap<SessionId, Session>,
    /// The session that each worker has at present.
    workers: BTreeMap<WorkerId, SessionId>,
    n_sessions: u64,
    tasks: JoinSet<()>,
    batch: Batch,
    is_ending: bool,
}

/// A run that has not ended.
pub(super) struct Executing {
    given: Given,
    watchers: Vec<Publisher>,
    /// Held until the run has ended and that is stored.
    _lock: RunLock,
}

/// A connection of a worker.
struct Session {
    outbox: mpsc::UnboundedSender<ToWorker>,
    task: AbortHandle,
    /// Who it is, once it said so, and while it has no newer connection.
    worker: Option<WorkerId>,
    /// What it was sent and has not been acknowledged, to be stopped when the engine fails.
    open: BTreeSet<Lease>,
}

impl<C: Clock> Shell<C> {
    pub(super) fn new(
        store: Store,
        clock: C,
        scheduler: Scheduler,
        stop_grace: Duration,
        (tx, inbox): (mpsc::Sender<EngineEvent>, mpsc::Receiver<EngineEvent>),
        runs: BTreeMap<RunId, Executing>,
    ) -> Self {
        Self {
            // What was restored goes on at once.
            wake_at_ms: Some(clock.now().mono_ms),
            store,
            clock,
            scheduler,
            stop_grace,
            tx,
            inbox,
            runs,
            sessions: BTreeMap::new(),
            workers: BTreeMap::new(),
            n_sessions: 0,
            tasks: JoinSet::new(),
            batch: Batch::default(),
            is_ending: false,
        }
    }

    pub(super) async fn run(mut self) -> Result<(), StoreError> {
        let result = self.work().await;
        if let Err(error) = &result {
            self.stop_all(&error.to_string());
        }
        self.close().await;
        result
    }

    async fn work(&mut self) -> Result<(), StoreError> {
        let mut events = Vec::with_capacity(BATCH);
        while !self.is_ending {
            let due = self.batch.due();
            self.wait(&mut events, due).await;
            let now = self.clock.now();
            // Also when the inbox is never empty.
            if self.wake_at_ms.is_some_and(|at_ms| at_ms <= now.mono_ms) {
                self.wake_at_ms = None;
                self.decide(Input::Wake, now);
            }
            for event in events.drain(..) {
                self.handle(event, now)?;
            }
            let due = self.batch.due();
            if self.is_ending || due.is_some_and(|due| due <= Instant::now()) {
                self.store.write(self.batch.rows())?;
                self.carry_out(now);
            }
        }
        Ok(())
    }

    /// Waits until something happens, and takes all that has happened by then; or until it is time to
    /// store what there is, or to wake the scheduler.
    async fn wait(&mut self, events: &mut Vec<EngineEvent>, due: Option<Instant>) {
        let wake_at = self.wake_at_ms.map(|at_ms| {
            let rest_ms = at_ms.saturating_sub(self.clock.now().mono_ms);
            Instant::now() + Duration::from_millis(rest_ms)
        });
        let first = due.into_iter().chain(wake_at).min();
        let timer = async {
            match first {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // The end of a session comes after all that it said.
            biased;
            _ = self.inbox.recv_many(events, BATCH) => {}
            Some(ended) = self.tasks.join_next_with_id() => {
                let id = match ended {
                    Ok((id, ())) => id,
                    // A panic there is a bug that one worker found; the others go on.
                    Err(error) => error.id(),
                };
                let session = self.sessions.iter().find(|(_, session)| session.task.id() == id);
                events.extend(session.map(|(session, _)| EngineEvent::SessionEnded {
                    session: *session,
                }));
            }
            () = timer => {}
        }
    }

    fn handle(&mut self, event: EngineEvent, now: Now) -> Result<(), StoreError> {
        match event {
            EngineEvent::Submit { request, reply } => self.submit(*request, reply, now),
            EngineEvent::Cancel { run, by } => self.decide(Input::Cancel { run, by }, now),
            EngineEvent::Subscribe { run, reply } => {
                let events = self.runs.get_mut(&run).map(|live| live.subscribe(run));
                // Whoever asked may have gone.
                let _ = reply.send(events);
            }
            EngineEvent::Attach(end) => self.attach(end),
            EngineEvent::Registered {
                session,
                hello,
                reply,
            } => {
                let worker = self.register(session, hello, now)?;
                // Where its session has ended meanwhile, that comes next.
                let _ = reply.send(worker);
            }
            EngineEvent::FromWorker(input) => self.decide(input, now),
            EngineEvent::SessionEnded { session } => self.forget(session, now),
            EngineEvent::Explain { run, job, reply } => {
                let _ = reply.send(self.scheduler.explain(run, job));
            }
            EngineEvent::Shutdown => self.is_ending = true,
        }
        Ok(())
    }

    /// Lets the scheduler decide; what follows is done once it is stored.
    fn decide(&mut self, input: Input, now: Now) {
        self.scheduler.handle(now, input, &mut self.batch.effects);
    }

    fn submit(&mut self, request: SubmitRequest, reply: Reply, now: Now) {
        let SubmitRequest {
            plan,
            selection,
            by,
            keep_going,
            source,
            secrets,
        } = request;
        let begin = || {
            check_supported(&plan, &selection)?;
            let given = Given::new(&source, secrets).map_err(SubmitError::Source)?;
            let (run, lock) = self.store.begin_run()?;
            Ok((run, Executing::new(given, lock)))
        };
        let (run, mut executing) = match begin() {
            Ok(begun) => begun,
            Err(error) => {
                let _ = reply.send(Err(error));
                return;
            }
        };
        let events = executing.subscribe(run);
        self.batch.submitted.push((reply, events));
        self.runs.insert(run, executing);
        let submit = Submit {
            run,
            plan,
            selection,
            by,
            keep_going,
        };
        self.decide(Input::Submit(submit), now);
    }

    fn attach(&mut self, end: RunnerEnd) {
        self.n_sessions += 1;
        let session = SessionId(self.n_sessions);
        let (outbox, outgoing) = mpsc::unbounded_channel();
        let task = session::serve(session, end, outgoing, self.tx.clone());
        let session_state = Session {
            outbox,
            task: self.tasks.spawn(task),
            worker: None,
            open: BTreeSet::new(),
        };
        self.sessions.insert(session, session_state);
    }

    fn register(&mut self, id: SessionId, hello: Hello, now: Now) -> Result<WorkerId, StoreError> {
        let worker = self.store.worker_id(&hello.name)?;
        let Some(session) = self.sessions.get_mut(&id) else {
            return Ok(worker);
        };
        session.worker = Some(worker);
        session.open.extend(hello.held());
        session.send(session::welcome());
        if let Some(older) = self.workers.insert(worker, id)
            && let Some(older) = self.sessions.get_mut(&older)
        {
            debug!("worker `{}` has a new connection", hello.name);
            older.worker = None;
            older.task.abort();
        }
        let registration = hello.into_registration(worker);
        self.decide(Input::WorkerRegistered(registration), now);
        Ok(worker)
    }

    fn forget(&mut self, id: SessionId, now: Now) {
        let Some(worker) = self.sessions.remove(&id).and_then(|session| session.worker) else {
            return;
        };
        self.workers.remove(&worker);
        self.decide(Input::WorkerGone { worker }, now);
    }

    /// Does what the stored batch leads to.
    fn carry_out(&mut self, now: Now) {
        for (reply, events) in self.batch.submitted.drain(..) {
            // Whoever asked may have gone; the run is there all the same.
            let _ = reply.send(Ok(events));
        }
        let mut effects = self.batch.take();
        for effect in effects.drain(..) {
            match effect {
                // It is stored by now.
                Effect::Record(_) => {}
                Effect::Dispatch(dispatch) => {
                    let Some(live) = self.runs.get(&dispatch.attempt.run) else {
                        continue;
                    };
                    let assign = outbound::assign(&dispatch, &live.given);
                    let lease = Lease {
                        attempt: dispatch.attempt,
                        token: dispatch.token,
                    };
                    if let Some(session) = self.session_of(dispatch.worker) {
                        session.open.insert(lease);
                        session.send(assign);
                    }
                }
                Effect::Recall {
                    worker,
                    attempt,
                    token,
                } => {
                    if let Some(session) = self.session_of(worker) {
                        session.send(outbound::recall(Lease { attempt, token }));
                    }
                }
                Effect::Stop {
                    worker,
                    attempt,
                    token,
                    reason,
                } => {
                    let grace = self.stop_grace;
                    if let Some(session) = self.session_of(worker) {
                        session.send(outbound::stop(Lease { attempt, token }, reason, grace));
                    }
                }
                Effect::Acknowledge {
                    worker,
                    attempt,
                    token,
                } => {
                    if let Some(session) = self.session_of(worker) {
                        let lease = Lease { attempt, token };
                        session.open.remove(&lease);
                        session.send(outbound::acknowledge(lease));
                    }
                }
                Effect::WakeAt(at_ms) => self.wake_at_ms = at_ms,
                Effect::Publish { run, event } => self.publish(run, event, now),
            }
        }
        // Empty again; its room is kept for the next batch.
        self.batch.effects = effects;
    }

    fn session_of(&mut self, worker: WorkerId) -> Option<&mut Session> {
        // A worker that has just gone gets nothing; the scheduler hears of that in its turn.
        self.sessions.get_mut(self.workers.get(&worker)?)
    }

    fn publish(&mut self, run: RunId, event: EventKind, now: Now) {
        let Some(live) = self.runs.get_mut(&run) else {
            return;
        };
        let is_last = matches!(event, EventKind::RunFinished { .. });
        live.watchers.retain(|watcher| !watcher.is_abandoned());
        if let Some((last, others)) = live.watchers.split_last() {
            for watcher in others {
                watcher.publish(now.wall_ms, event.clone());
            }
            last.publish(now.wall_ms, event);
        }
        if is_last {
            self.runs.remove(&run);
        }
    }

    /// Nothing more can be stored, so nothing more may be done: whatever runs is to end.
    fn stop_all(&mut self, why: &str) {
        warn!("the engine ends: {why}");
        for session in self.sessions.values_mut() {
            for lease in std::mem::take(&mut session.open) {
                session.send(outbound::stop(lease, why.to_owned(), self.stop_grace));
            }
        }
    }

    /// Ends the sessions after what was sent to them.
    async fn close(&mut self) {
        self.inbox.close();
        self.sessions.clear();
        let flush = async { while self.tasks.join_next().await.is_some() {} };
        // A session that hangs is dropped with the engine.
        let _ = tokio::time::timeout(FLUSH_TIMEOUT, flush).await;
    }
}

/// Refuses what this build can't do before anything of it starts.
fn check_supported(plan: &Plan, selection: &Selection) -> Result<(), SubmitError> {
    if plan.unsupported.is_empty() {
        return Ok(());
    }
    let wanted = selection.wanted(plan);
    let is_wanted = |node: NodeId| wanted.get(node.index()).is_none_or(|wanted| *wanted);
    let found = plan
        .unsupported
        .iter()
        .find(|it| it.node.is_none_or(is_wanted));
    found.map_or(Ok(()), |found| Err(SubmitError::Unsupported(found.clone())))
}

impl Executing {
    pub(super) fn new(given: Given, lock: RunLock) -> Self {
        Self {
            given,
            watchers: Vec::new(),
            _lock: lock,
        }
    }

    fn subscribe(&mut self, run: RunId) -> Subscription {
        let (publisher, subscription) = subscription::channel(run);
        self.watchers.push(publisher);
        subscription
    }
}

impl Session {
    /// Where the session has just ended the message is lost, as on every connection that breaks.
    fn send(&self, message: impl Into<ToWorker>) {
        let _ = self.outbox.send(message.into());
    }
}
