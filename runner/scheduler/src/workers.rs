//! The workers: who they are, whether they can be reached, what they hold.

use crate::queue::ClassId;
use crate::run::RunSlot;
use model::ids::{JobId, RunId, WorkerId};
use model::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The index of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WorkerIdx(pub u32);

/// A job, wherever its run lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct JobRef {
    pub run: RunId,
    pub job: JobId,
    pub slot: RunSlot,
}

/// What selectors ask about.
#[derive(Debug, Clone, Default)]
pub(crate) struct WorkerFacts {
    pub name: String,
    pub labels: BTreeSet<String>,
    pub facts: BTreeMap<String, Value>,
}

/// A worker.
#[derive(Debug)]
pub(crate) struct Worker {
    pub id: WorkerId,
    pub facts: WorkerFacts,
    pub n_slots: u32,
    pub n_prefetch: u32,
    /// Whether it has a session.
    pub is_linked: bool,
    /// Whether it was heard of lately.
    pub is_reachable: bool,
    /// Whether it is to take no more.
    pub is_draining: bool,
    /// Whether it gave something back that nobody had asked for. Until it is heard of again it gets
    /// nothing more, or the two of them would go on like that.
    pub has_refused: bool,
    /// Whether a timer looks after it.
    pub is_watched: bool,
    /// When it was heard of last, by the monotonic clock.
    pub heard_ms: u64,
    /// When its leases began anew last.
    pub lease_from_ms: u64,
    /// What it holds.
    pub held: Vec<Holding>,
    /// The classes that it matches.
    pub classes: Vec<ClassId>,
    /// Under which key it stands in its classes.
    pub room: Room,
}

/// An attempt at its worker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holding {
    pub job: JobRef,
    pub class: ClassId,
    pub place: Place,
}

/// Where an attempt is at its worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a slot, or a slot is kept for it.
    Slot,
    /// Behind those in the slots.
    Prefetched,
    /// There too, and it was asked back.
    Recalled,
}

/// What a worker could take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// Nothing.
    None,
    /// A job for a slot; so many are used.
    Slot(u32),
    /// A job to wait; so many do.
    Wait(u32),
}

impl Worker {
    /// How many of its slots are used.
    pub(crate) fn n_used(&self) -> u32 {
        let used = self.held.iter().filter(|held| held.place == Place::Slot);
        used.count() as u32
    }

    fn n_waiting(&self) -> u32 {
        self.held.len() as u32 - self.n_used()
    }

    /// What it could take now.
    pub(crate) fn current_room(&self) -> Room {
        if !self.is_linked || !self.is_reachable || self.is_draining || self.has_refused {
            return Room::None;
        }
        let (n_used, n_waiting) = (self.n_used(), self.n_waiting());
        if n_used < self.n_slots {
            Room::Slot(n_used)
        } else if n_waiting < self.n_prefetch {
            Room::Wait(n_waiting)
        } else {
            Room::None
        }
    }
}

/// All workers.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    workers: Vec<Option<Worker>>,
    free: Vec<WorkerIdx>,
    by_id: BTreeMap<WorkerId, WorkerIdx>,
    by_name: BTreeMap<String, BTreeSet<WorkerIdx>>,
}

impl Workers {
    #[expect(
        clippy::expect_used,
        reason = "an own invariant: a worker with attempts stays"
    )]
    pub(crate) fn get(&self, index: WorkerIdx) -> &Worker {
        let worker = self.workers[index.0 as usize].as_ref();
        worker.expect("a worker stays as long as it holds something")
    }

    #[expect(
        clippy::expect_used,
        reason = "an own invariant: a worker with attempts stays"
    )]
    pub(crate) fn get_mut(&mut self, index: WorkerIdx) -> &mut Worker {
        let worker = self.workers[index.0 as usize].as_mut();
        worker.expect("a worker stays as long as it holds something")
    }

    pub(crate) fn find(&self, id: WorkerId) -> Option<WorkerIdx> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn id(&self, index: WorkerIdx) -> WorkerId {
        self.get(index).id
    }

    pub(crate) fn name(&self, index: WorkerIdx) -> &str {
        &self.get(index).facts.name
    }

    /// Whether something can be sent to it.
    pub(crate) fn is_linked(&self, index: WorkerIdx) -> bool {
        self.get(index).is_linked
    }

    /// The workers of this name.
    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = WorkerIdx> {
        self.by_name.get(name).into_iter().flatten().copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (WorkerIdx, &Worker)> {
        let workers = self.workers.iter().enumerate();
        workers.filter_map(|(index, worker)| Some((WorkerIdx(index as u32), worker.as_ref()?)))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Worker> {
        self.workers.iter_mut().flatten()
    }

    pub(crate) fn insert(&mut self, worker: Worker) -> WorkerIdx {
        let (id, name) = (worker.id, worker.facts.name.clone());
        let index = match self.free.pop() {
            Some(index) => {
                self.workers[index.0 as usize] = Some(worker);
                index
            }
            None => {
                self.workers.push(Some(worker));
                WorkerIdx((self.workers.len() - 1) as u32)
            }
        };
        self.by_id.insert(id, index);
        self.by_name.entry(name).or_default().insert(index);
        index
    }

    pub(crate) fn remove(&mut self, index: WorkerIdx) -> Option<Worker> {
        let worker = self.workers[index.0 as usize].take()?;
        self.by_id.remove(&worker.id);
        self.forget_name(&worker.facts.name, index);
        self.free.push(index);
        Some(worker)
    }

    pub(crate) fn rename(&mut self, index: WorkerIdx, facts: WorkerFacts) {
        let name = facts.name.clone();
        let old = std::mem::replace(&mut self.get_mut(index).facts, facts);
        self.forget_name(&old.name, index);
        self.by_name.entry(name).or_default().insert(index);
    }

    fn forget_name(&mut self, name: &str, index: WorkerIdx) {
        if let Some(named) = self.by_name.get_mut(name) {
            named.remove(&index);
            if named.is_empty() {
                self.by_name.remove(name);
            }
        }
    }
}
