//! Jobs and workers find each other.

use crate::core::Core;
use crate::queue::{ClassId, QueueKey};
use crate::selector::Selector;
use crate::workers::{Holding, JobRef, Place, Room, WorkerIdx};
use std::collections::BTreeSet;

impl Core {
    /// The class of a selector; made and compared with the workers where it is new.
    pub(crate) fn class(&mut self, selector: Option<Selector>) -> ClassId {
        let key = selector.as_ref().map_or_else(String::new, Selector::key);
        if let Some(class) = self.queue.find(&key) {
            return class;
        }
        let matching: Vec<_> = match &selector {
            None => self.workers.iter().map(|(index, _)| index).collect(),
            Some(selector) => {
                let matches = |index: &WorkerIdx| selector.matches(&self.workers.get(*index).facts);
                match selector.named_worker() {
                    Some(name) => self.workers.named(name).filter(matches).collect(),
                    None => {
                        let all = self.workers.iter().map(|(index, _)| index);
                        all.filter(matches).collect()
                    }
                }
            }
        };
        let class = self.queue.insert(key, selector);
        for worker in matching {
            self.workers.get_mut(worker).classes.push(class);
            self.queue.class_mut(class).workers.insert(worker);
            self.place(worker, class);
        }
        class
    }

    /// Compares a new or changed worker with all classes.
    pub(crate) fn match_worker(&mut self, worker: WorkerIdx) {
        self.unmatch_worker(worker);
        let facts = &self.workers.get(worker).facts;
        let matching: Vec<_> = self
            .queue
            .iter()
            .filter(|(_, class)| {
                class
                    .selector
                    .as_ref()
                    .is_none_or(|selector| selector.matches(facts))
            })
            .map(|(id, _)| id)
            .collect();
        for class in &matching {
            self.queue.class_mut(*class).workers.insert(worker);
        }
        let this = self.workers.get_mut(worker);
        this.classes = matching;
        this.room = this.current_room();
        for class in this.classes.clone() {
            self.place(worker, class);
        }
    }

    /// Takes a worker out of all classes.
    pub(crate) fn unmatch_worker(&mut self, worker: WorkerIdx) {
        let this = self.workers.get_mut(worker);
        let room = this.room;
        for id in std::mem::take(&mut this.classes) {
            let class = self.queue.class_mut(id);
            class.workers.remove(&worker);
            take(&mut class.idle, &mut class.roomy, room, worker);
        }
    }

    /// What a worker can take may have changed.
    pub(crate) fn refresh(&mut self, worker: WorkerIdx) {
        let this = self.workers.get_mut(worker);
        let (old, new) = (this.room, this.current_room());
        if old == new {
            return;
        }
        this.room = new;
        for index in 0..this.classes.len() {
            let id = self.workers.get(worker).classes[index];
            let class = self.queue.class_mut(id);
            take(&mut class.idle, &mut class.roomy, old, worker);
            self.place(worker, id);
        }
    }

    fn place(&mut self, worker: WorkerIdx, id: ClassId) {
        let class = self.queue.class_mut(id);
        match self.workers.get(worker).room {
            Room::None => return,
            Room::Slot(n) => class.idle.insert((n, worker)),
            Room::Wait(n) => class.roomy.insert((n, worker)),
        };
        if !class.waiting.is_empty() || !class.prefetched.is_empty() {
            self.queue.touch(id);
        }
    }

    /// A job waits for a slot.
    pub(crate) fn enqueue(&mut self, class: ClassId, key: QueueKey) {
        self.queue.class_mut(class).waiting.insert(key);
        self.queue.touch(class);
    }

    /// A worker is sent an attempt.
    pub(crate) fn occupy(&mut self, worker: WorkerIdx, job: JobRef, class: ClassId, wait: bool) {
        let place = match wait {
            true => Place::Prefetched,
            false => Place::Slot,
        };
        let now_ms = self.now.mono_ms;
        let this = self.workers.get_mut(worker);
        this.held.push(Holding { job, class, place });
        // The worker counts from when it gets it, which is not before now.
        this.lease_from_ms = this.lease_from_ms.max(now_ms);
        if wait {
            self.queue.class_mut(class).prefetched.insert((job, worker));
        }
        self.refresh(worker);
    }

    /// An attempt that was thought to be in a slot waits for one.
    pub(crate) fn put_behind(&mut self, worker: WorkerIdx, job: JobRef) {
        let this = self.workers.get_mut(worker);
        if let Some(held) = this.held.iter_mut().find(|held| held.job == job) {
            held.place = Place::Prefetched;
            let class = self.queue.class_mut(held.class);
            class.prefetched.insert((job, worker));
        }
        self.refresh(worker);
    }

    /// An attempt has begun: it is in a slot, whatever we thought.
    pub(crate) fn begin(&mut self, worker: WorkerIdx, job: JobRef) {
        self.settle_place(worker, job);
        self.refresh(worker);
    }

    /// An attempt has left its worker: the next one there moves up.
    pub(crate) fn vacate(&mut self, worker: WorkerIdx, job: JobRef) {
        self.settle_place(worker, job);
        let this = self.workers.get_mut(worker);
        this.held.retain(|held| held.job != job);
        while self.workers.get(worker).n_used() < self.workers.get(worker).n_slots {
            let this = self.workers.get(worker);
            let next = this.held.iter().find(|held| held.place != Place::Slot);
            let Some(next) = next.map(|held| held.job) else {
                break;
            };
            self.settle_place(worker, next);
        }
        self.refresh(worker);
    }

    /// An attempt is in a slot now, and can't be asked back any more.
    fn settle_place(&mut self, worker: WorkerIdx, job: JobRef) {
        let this = self.workers.get_mut(worker);
        let Some(held) = this.held.iter_mut().find(|held| held.job == job) else {
            return;
        };
        let class = self.queue.class_mut(held.class);
        match std::mem::replace(&mut held.place, Place::Slot) {
            Place::Slot => {}
            Place::Prefetched => {
                class.prefetched.remove(&(job, worker));
            }
            Place::Recalled => class.n_recalled -= 1,
        }
    }

    /// Jobs of these classes that wait at a worker are wanted back, as many as workers are idle.
    pub(crate) fn wanted_back(&self) -> Vec<(JobRef, WorkerIdx)> {
        let mut wanted = Vec::new();
        for id in &self.queue.touched {
            let class = self.queue.class(*id);
            let n_idle = class.idle.len().saturating_sub(class.n_recalled as usize);
            if class.waiting.is_empty() {
                wanted.extend(class.prefetched.iter().copied().take(n_idle));
            }
        }
        wanted
    }

    /// An attempt that waits at its worker is asked back.
    pub(crate) fn mark_recalled(&mut self, worker: WorkerIdx, job: JobRef) {
        let this = self.workers.get_mut(worker);
        let held = this.held.iter_mut().find(|held| held.job == job);
        if let Some(held) = held.filter(|held| held.place == Place::Prefetched) {
            held.place = Place::Recalled;
            let class = self.queue.class_mut(held.class);
            class.prefetched.remove(&(job, worker));
            class.n_recalled += 1;
        }
    }

    /// A worker that may hold the first waiting job of a touched class unstarted: one that runs
    /// something of the same run.
    pub(crate) fn next_prefetch(
        &self,
        may_wait: impl Fn(&QueueKey) -> bool,
    ) -> Option<(QueueKey, WorkerIdx)> {
        /// How many workers are looked at for one job: the least loaded ones are the best ones, and a
        /// decision must not take longer where there are thousands.
        const LOOKED_AT: usize = 8;
        self.queue.touched.iter().find_map(|id| {
            let class = self.queue.class(*id);
            let key = *class.waiting.first().filter(|key| may_wait(key))?;
            let mut roomy = class.roomy.iter().take(LOOKED_AT);
            let worker = roomy.find(|(_, worker)| {
                let held = &self.workers.get(*worker).held;
                held.iter().any(|held| held.job.slot == key.slot)
            });
            worker.map(|(_, worker)| (key, *worker))
        })
    }

    /// Drops classes that nobody uses, where there are many.
    pub(crate) fn sweep_classes(&mut self) {
        for (id, class) in self.queue.sweep() {
            for worker in class.workers {
                let classes = &mut self.workers.get_mut(worker).classes;
                classes.retain(|known| *known != id);
            }
        }
    }
}

fn take(
    idle: &mut BTreeSet<(u32, WorkerIdx)>,
    roomy: &mut BTreeSet<(u32, WorkerIdx)>,
    room: Room,
    worker: WorkerIdx,
) {
    match room {
        Room::None => {}
        Room::Slot(n) => {
            idle.remove(&(n, worker));
        }
        Room::Wait(n) => {
            roomy.remove(&(n, worker));
        }
    }
}
