//! Jobs that wait for a slot, by the class of workers that may run them.
//!
//! A class is one `runs_on`. It knows its jobs in order and the workers that match and have room, in
//! order; so the next pair is found without looking at the others.

use crate::run::RunSlot;
use crate::selector::Selector;
use crate::workers::{JobRef, WorkerIdx};
use model::ids::{JobId, RunId};
use std::collections::{BTreeMap, BTreeSet};

/// How many classes that no run uses any more are kept, so that the next run of the same pipeline
/// doesn't compare its `runs_on` with all workers again.
const UNUSED_CLASSES: usize = 1024;

/// The index of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClassId(pub u32);

/// A waiting job: in the order in which they are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QueueKey {
    /// When it became ready, less the advance of its priority.
    pub rank: i64,
    /// Then by age of the run.
    pub run: RunId,
    /// Then by the order of the text.
    pub job: JobId,
    /// Where the run lies.
    pub slot: RunSlot,
}

/// Jobs with one selector.
#[derive(Debug, Default)]
pub(crate) struct Class {
    /// `None`: any worker will do.
    pub selector: Option<Selector>,
    key: String,
    /// How many runs have a share in it.
    n_shares: u32,
    /// Its jobs that wait for a slot.
    pub waiting: BTreeSet<QueueKey>,
    /// The workers that match.
    pub workers: BTreeSet<WorkerIdx>,
    /// Those of them with a free slot, the least loaded first.
    pub idle: BTreeSet<(u32, WorkerIdx)>,
    /// Those of them that may hold one more job unstarted, the least loaded first.
    pub roomy: BTreeSet<(u32, WorkerIdx)>,
    /// Its jobs that wait at a worker and can be asked back.
    pub prefetched: BTreeSet<(JobRef, WorkerIdx)>,
    /// How many were asked back, and have not come.
    pub n_recalled: u32,
    /// Whether it is in [`Queue::touched`].
    is_touched: bool,
}

/// All classes.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    classes: Vec<Option<Class>>,
    free: Vec<ClassId>,
    by_key: BTreeMap<String, ClassId>,
    n_unused: usize,
    /// Classes in which something has changed that may let a job start.
    pub touched: Vec<ClassId>,
}

impl Queue {
    /// # Panics
    /// Where the class was dropped, which no run that shares it lets happen.
    #[expect(
        clippy::expect_used,
        reason = "an own invariant: ids come from `insert` alone"
    )]
    pub(crate) fn class(&self, id: ClassId) -> &Class {
        let class = self.classes[id.0 as usize].as_ref();
        class.expect("a class lives as long as its runs")
    }

    #[expect(
        clippy::expect_used,
        reason = "an own invariant: ids come from `insert` alone"
    )]
    pub(crate) fn class_mut(&mut self, id: ClassId) -> &mut Class {
        let class = self.classes[id.0 as usize].as_mut();
        class.expect("a class lives as long as its runs")
    }

    pub(crate) fn find(&self, key: &str) -> Option<ClassId> {
        self.by_key.get(key).copied()
    }

    /// A new class, without workers.
    pub(crate) fn insert(&mut self, key: String, selector: Option<Selector>) -> ClassId {
        let class = Class {
            selector,
            key: key.clone(),
            ..Class::default()
        };
        let id = match self.free.pop() {
            Some(id) => {
                self.classes[id.0 as usize] = Some(class);
                id
            }
            None => {
                self.classes.push(Some(class));
                ClassId((self.classes.len() - 1) as u32)
            }
        };
        self.by_key.insert(key, id);
        self.n_unused += 1;
        id
    }

    /// One more run uses a class.
    pub(crate) fn share(&mut self, id: ClassId) {
        let class = self.class_mut(id);
        class.n_shares += 1;
        if class.n_shares == 1 {
            self.n_unused -= 1;
        }
    }

    /// A run has ended.
    pub(crate) fn unshare(&mut self, id: ClassId) {
        let class = self.class_mut(id);
        class.n_shares -= 1;
        if class.n_shares == 0 {
            self.n_unused += 1;
        }
    }

    /// Drops the classes that nobody uses, where there are many, and gives those that it dropped.
    pub(crate) fn sweep(&mut self) -> Vec<(ClassId, Class)> {
        if self.n_unused <= UNUSED_CLASSES {
            return Vec::new();
        }
        let mut dropped = Vec::new();
        for (index, slot) in self.classes.iter_mut().enumerate() {
            if let Some(class) = slot.take_if(|class| class.n_shares == 0) {
                let id = ClassId(index as u32);
                self.by_key.remove(&class.key);
                self.free.push(id);
                self.touched.retain(|touched| *touched != id);
                dropped.push((id, class));
            }
        }
        self.n_unused = 0;
        dropped
    }

    /// All classes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ClassId, &Class)> {
        let classes = self.classes.iter().enumerate();
        classes.filter_map(|(index, class)| Some((ClassId(index as u32), class.as_ref()?)))
    }

    pub(crate) fn remove(&mut self, class: ClassId, key: &QueueKey) {
        self.class_mut(class).waiting.remove(key);
    }

    /// Something has changed in a class.
    pub(crate) fn touch(&mut self, id: ClassId) {
        let class = self.class_mut(id);
        if !std::mem::replace(&mut class.is_touched, true) {
            self.touched.push(id);
        }
    }

    /// All has been looked at.
    pub(crate) fn settle(&mut self) {
        for id in std::mem::take(&mut self.touched) {
            self.class_mut(id).is_touched = false;
        }
    }

    /// The first waiting job of the touched classes that an idle worker can take now.
    pub(crate) fn next_pair(&self) -> Option<(ClassId, QueueKey, WorkerIdx)> {
        let pairs = self.touched.iter().filter_map(|id| {
            let class = self.class(*id);
            let (_, worker) = class.idle.first()?;
            Some((*id, *class.waiting.first()?, *worker))
        });
        pairs.min_by_key(|(_, key, _)| *key)
    }
}
