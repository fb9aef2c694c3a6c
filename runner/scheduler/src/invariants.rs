//! What must be true of the whole state between two inputs. For tests and the simulator: it looks at
//! everything, so it takes long.

use crate::locks::Part;
use crate::run::{GroupIdx, GroupState, Run, ScopeIdx, ScopeState, State};
use crate::scheduler::Scheduler;
use crate::workers::{JobRef, Place};
use std::collections::BTreeSet;

impl Scheduler {
    /// Asserts the invariants of the whole state.
    ///
    /// # Panics
    /// Where one of them does not hold: a bug of the scheduler.
    pub fn check_invariants(&self) {
        assert!(self.core.granted.is_empty(), "a grant was not handed on");
        assert!(
            self.core.queue.touched.is_empty(),
            "a class was not settled"
        );
        self.core.locks.check();
        for run in self.runs.iter() {
            self.check_run(run);
        }
        self.check_locks();
        self.check_workers();
        self.check_queue();
    }

    fn check_run(&self, run: &Run) {
        assert!(run.todo.is_empty(), "something due was left in {}", run.id);
        assert!(
            run.dirty.is_empty() && !run.is_row_dirty,
            "a row was not written"
        );
        let root = &run.scope(ScopeIdx(0)).state;
        assert!(
            !matches!(root, ScopeState::Ended(_)),
            "a run that has ended is alive"
        );
        for index in 0..run.groups.len() {
            self.check_group(run, GroupIdx(index as u32));
        }
        for index in 0..run.scopes.len() {
            check_scope(run, ScopeIdx(index as u32));
        }
    }

    fn check_group(&self, run: &Run, id: GroupIdx) {
        let group = run.group(id);
        let name = &run.node(id).name;
        let elements = || (0..group.n).map(|index| (id, index));
        let n_ended = elements().filter(|e| run.has_element_ended(*e)).count();
        let n_idle = elements().filter(|e| run.is_element_unstarted(*e)).count();
        assert_eq!(group.n_ended as usize, n_ended, "{name}: ended");
        let n_active = group.n as usize - n_ended - n_idle;
        assert_eq!(group.n_active as usize, n_active, "{name}: active");
        let complete = group.is_known() && n_ended == group.n as usize;
        match &group.state {
            GroupState::Waiting => {
                assert!(group.unmet > 0, "{name}: nothing keeps it from starting");
                assert_eq!(n_active, 0, "{name}: started while it waits");
            }
            GroupState::Open => {
                assert!(
                    group.is_known() && !complete,
                    "{name}: open without elements"
                );
                assert_eq!(group.unmet, 0, "{name}: open while it waits");
            }
            GroupState::Ended(_) => assert!(complete, "{name}: ended before its elements"),
        }
        if let Some(limits) = &group.limits {
            assert!(
                group.n_active <= limits.max_parallel,
                "{name}: max_parallel"
            );
        }
        let unmet = run.shape.nodes[group.node.index()].waits.iter();
        let unmet = unmet.filter(|wait| !run.is_met(group.scope, wait)).count();
        let reached = match run.scope(group.scope).state {
            ScopeState::Entered(phase) => phase >= run.node(id).phase,
            ScopeState::Ended(_) => true,
            _ => false,
        };
        if !group.has_ended() {
            let expected = unmet + usize::from(!reached);
            assert_eq!(group.unmet as usize, expected, "{name}: edges");
        }
    }

    fn check_locks(&self) {
        for (name, owner) in self.core.locks.owners() {
            let run = self.runs.by_id(owner.run);
            let holds = run.is_some_and(|run| match owner.part {
                Part::Job(job) => {
                    let job = run.job(job);
                    let details = job.details.as_ref();
                    let named = details.is_some_and(|details| details.locks.contains(name));
                    let waits = matches!(job.state, State::Blocked { .. });
                    named && !waits && !job.has_ended()
                }
                Part::Stage(scope) => {
                    let scope = run.scope(ScopeIdx(scope));
                    let entered = matches!(scope.state, ScopeState::Entered(_));
                    entered && scope.locks.contains(name)
                }
                Part::FanOut(group) => run.group(GroupIdx(group)).kept.as_ref() == Some(name),
            });
            assert!(holds, "{name} is held by {owner:?}, who does not know it");
        }
    }

    fn check_workers(&self) {
        let mut held = BTreeSet::new();
        for (index, worker) in self.core.workers.iter() {
            for holding in &worker.held {
                assert!(held.insert(holding.job), "a job is at two workers");
                let run = self.runs.get(holding.job.slot);
                let lease = run.and_then(|run| run.job(holding.job.job).lease());
                let holder = lease.map(|lease| lease.worker);
                assert_eq!(holder, Some(index), "a worker holds what it was not given");
                let class = self.core.queue.class(holding.class);
                let prefetched = class.prefetched.contains(&(holding.job, index));
                assert_eq!(prefetched, holding.place == Place::Prefetched, "prefetched");
            }
            assert_eq!(worker.room, worker.current_room(), "a worker's room");
        }
        for run in self.runs.iter() {
            for (index, job) in run.jobs.iter().enumerate() {
                let job_ref = JobRef {
                    slot: run.slot,
                    run: run.id,
                    job: model::ids::JobId(index as u32),
                };
                let leased = job.lease().is_some();
                assert_eq!(leased, held.contains(&job_ref), "a lease without a worker");
            }
        }
    }

    fn check_queue(&self) {
        let mut n_waiting = 0;
        for (_, class) in self.core.queue.iter() {
            n_waiting += class.waiting.len();
            let idle = !class.idle.is_empty() && !class.waiting.is_empty();
            assert!(!idle, "a worker is idle while a job waits for it");
            for key in &class.waiting {
                let run = self.runs.get(key.slot);
                let queued = run.is_some_and(|run| matches!(run.job(key.job).state, State::Queued));
                assert!(queued, "what does not wait is in the queue");
            }
        }
        let jobs = self.runs.iter().flat_map(|run| &run.jobs);
        let n_queued = jobs
            .filter(|job| matches!(job.state, State::Queued))
            .count();
        assert_eq!(n_waiting, n_queued, "a queued job is not in the queue");
    }
}

fn check_scope(run: &Run, id: ScopeIdx) {
    let scope = run.scope(id);
    match scope.state {
        ScopeState::Entered(phase) => {
            let left = run.groups_in(id, phase);
            let n_left = left.filter(|group| !run.group(*group).has_ended()).count();
            assert_eq!(scope.n_left as usize, n_left, "groups that are left");
            assert!(n_left > 0, "a scope with nothing left goes on");
        }
        ScopeState::Ended(_) => {
            let ended = scope.groups().all(|group| run.group(group).has_ended());
            assert!(ended, "a scope ended before its groups");
        }
        ScopeState::Waiting | ScopeState::Due | ScopeState::Blocked { .. } => {}
    }
}
