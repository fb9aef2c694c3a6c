//! A simulated worker: slots, a lease of its own, results that it keeps until they are acknowledged.

use model::ids::{AttemptId, Token, WorkerId};
use model::outcome::Outcome;
use scheduler::effect::Dispatch;
use scheduler::input::AttemptResult;
use std::collections::BTreeSet;

/// How long before the end of its lease a worker stops what it does.
pub const STOP_GRACE_MS: u64 = 10_000;

/// An attempt at a worker.
#[derive(Debug, Clone)]
pub struct Work {
    pub attempt: AttemptId,
    pub token: Token,
    pub stage: WorkStage,
    /// Whether it may be lost with the lease: then it is stopped before.
    pub stops_with_lease: bool,
    /// The name of the job.
    pub name: String,
}

#[derive(Debug, Clone)]
pub enum WorkStage {
    /// Waits for a slot.
    Unstarted,
    /// Runs; ends by the event with this number.
    Running { ends: u64 },
    /// Has ended, and the runner does not know it.
    Ended(AttemptResult),
}

/// A worker.
pub struct SimWorker {
    pub id: WorkerId,
    pub labels: BTreeSet<String>,
    pub n_slots: u32,
    pub n_prefetch: u32,
    /// Whether its machine is on.
    pub is_up: bool,
    /// Its present session.
    pub session: Option<u64>,
    /// When it sent the last message that it knows to have arrived.
    pub heard_ms: u64,
    pub work: Vec<Work>,
    /// Nothing arrives before what was sent to it earlier.
    pub last_arrival_ms: u64,
}

impl SimWorker {
    pub fn find(&mut self, attempt: AttemptId, token: Token) -> Option<&mut Work> {
        let mut work = self.work.iter_mut();
        work.find(|work| work.attempt == attempt && work.token == token)
    }

    pub fn accept(&mut self, dispatch: &Dispatch, stops_with_lease: bool) {
        self.work.push(Work {
            attempt: dispatch.attempt,
            token: dispatch.token,
            stage: WorkStage::Unstarted,
            stops_with_lease,
            name: dispatch.spec.name.clone(),
        });
    }

    /// The next attempt for which there is a slot.
    pub fn next_to_start(&mut self) -> Option<&mut Work> {
        let is_running = |work: &&Work| matches!(work.stage, WorkStage::Running { .. });
        let n_running = self.work.iter().filter(is_running).count();
        if n_running >= self.n_slots as usize {
            return None;
        }
        let mut work = self.work.iter_mut();
        work.find(|work| matches!(work.stage, WorkStage::Unstarted))
    }

    /// What it tells a runner that it holds.
    pub fn held(&self) -> Vec<(AttemptId, Token)> {
        let held = self.work.iter().map(|work| (work.attempt, work.token));
        held.collect()
    }

    /// Its machine lost power: what ran is gone, what had ended is on its disk.
    pub fn reboot(&mut self) {
        self.work.retain_mut(|work| match work.stage {
            WorkStage::Unstarted => false,
            WorkStage::Running { .. } => {
                let message = "the machine lost power".to_owned();
                work.stage = WorkStage::Ended(result(Outcome::Lost { message }));
                true
            }
            WorkStage::Ended(_) => true,
        });
    }
}

/// A result without outputs.
pub fn result(outcome: Outcome) -> AttemptResult {
    AttemptResult {
        outcome,
        outputs: Default::default(),
        produced: None,
        log_length: 0,
        took_ms: 1,
    }
}
