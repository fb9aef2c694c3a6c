//! Locks and environments: held by one, granted first come first served.
//!
//! A lock has one holder. An environment is held by one *run*: its jobs share it. Who needs several
//! takes all of them at once or none, so that nobody holds one while it waits for the other; who
//! can't have all of its own yet doesn't stand in the way of those behind it who can.

use model::ids::{JobId, RunId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// What can be held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LockName {
    /// An environment's key.
    Environment(Arc<str>),
    /// A lock.
    Lock(Arc<str>),
}

impl LockName {
    /// What it is called in the pipeline.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Environment(name) | Self::Lock(name) => name,
        }
    }
}

impl fmt::Display for LockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "the environment {name}"),
            Self::Lock(name) => write!(f, "the lock {name}"),
        }
    }
}

/// Who holds, or wants to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    pub run: RunId,
    pub part: Part,
}

/// The part of a run that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// A job, from before it starts until it has ended.
    Job(JobId),
    /// An element of a stage, by the index of its scope.
    Stage(u32),
    /// All elements of a fan-out together, by the index of their group.
    FanOut(u32),
}

#[derive(Debug, Default)]
struct Lock {
    /// More than one only where the run holds an environment several times.
    holders: BTreeSet<Owner>,
    /// Tickets, in order.
    waiting: BTreeSet<u64>,
}

#[derive(Debug)]
struct Waiter {
    owner: Owner,
    names: Vec<LockName>,
}

/// All locks that are held or waited for.
#[derive(Debug, Default)]
pub(crate) struct Locks {
    locks: BTreeMap<LockName, Lock>,
    waiters: BTreeMap<u64, Waiter>,
    next_ticket: u64,
}

impl Locks {
    /// Takes all of these, or a ticket for them.
    pub(crate) fn claim(&mut self, owner: Owner, names: &[LockName]) -> Result<(), u64> {
        if names.iter().all(|name| self.is_available(name, owner)) {
            self.hold(owner, names);
            return Ok(());
        }
        let ticket = self.next_ticket;
        self.wait(owner, names, ticket);
        Err(ticket)
    }

    /// Holds without asking: what is known to be free, or held by the same run, or was held before.
    pub(crate) fn hold(&mut self, owner: Owner, names: &[LockName]) {
        for name in names {
            let lock = self.locks.entry(name.clone()).or_default();
            lock.holders.insert(owner);
        }
    }

    /// Waits with this ticket.
    pub(crate) fn wait(&mut self, owner: Owner, names: &[LockName], ticket: u64) {
        self.next_ticket = self.next_ticket.max(ticket + 1);
        for name in names {
            let lock = self.locks.entry(name.clone()).or_default();
            lock.waiting.insert(ticket);
        }
        let names = names.to_vec();
        self.waiters.insert(ticket, Waiter { owner, names });
    }

    /// Waits no more.
    pub(crate) fn withdraw(&mut self, ticket: u64) {
        let Some(waiter) = self.waiters.remove(&ticket) else {
            return;
        };
        for name in &waiter.names {
            if let Some(lock) = self.locks.get_mut(name) {
                lock.waiting.remove(&ticket);
            }
            self.forget_if_unused(name);
        }
    }

    /// Gives up what is held, and returns those who hold now, in order.
    pub(crate) fn release(&mut self, owner: Owner, names: &[LockName]) -> Vec<Owner> {
        for name in names {
            if let Some(lock) = self.locks.get_mut(name) {
                lock.holders.remove(&owner);
            }
        }
        let granted = self.grant(names);
        for name in names {
            self.forget_if_unused(name);
        }
        granted
    }

    /// Gives what has become free to those who wait, in the order of their tickets over all of it.
    fn grant(&mut self, names: &[LockName]) -> Vec<Owner> {
        let mut granted = Vec::new();
        let mut after = 0;
        while let Some(ticket) = self.next_ticket(names, after) {
            after = ticket + 1;
            let waiter = &self.waiters[&ticket];
            let owner = waiter.owner;
            let is_available = |name| self.is_available(name, owner);
            if waiter.names.iter().all(is_available) {
                let names = waiter.names.clone();
                self.withdraw(ticket);
                self.hold(owner, &names);
                granted.push(owner);
            }
        }
        granted
    }

    /// The first ticket from a number on for one of these that has something to give: a lock that is
    /// held has nothing, an environment may have, to the same run.
    fn next_ticket(&self, names: &[LockName], from: u64) -> Option<u64> {
        let locks = names.iter().filter_map(|name| {
            let lock = self.locks.get(name)?;
            let may_give = lock.holders.is_empty() || matches!(name, LockName::Environment(_));
            may_give.then_some(lock)
        });
        let first = |lock: &Lock| lock.waiting.range(from..).next().copied();
        locks.filter_map(first).min()
    }

    fn is_available(&self, name: &LockName, owner: Owner) -> bool {
        let Some(lock) = self.locks.get(name) else {
            return true;
        };
        match (lock.holders.first(), name) {
            (None, _) => true,
            (Some(holder), LockName::Environment(_)) => holder.run == owner.run,
            (Some(_), LockName::Lock(_)) => false,
        }
    }

    fn forget_if_unused(&mut self, name: &LockName) {
        let unused = self
            .locks
            .get(name)
            .is_some_and(|lock| lock.holders.is_empty() && lock.waiting.is_empty());
        if unused {
            self.locks.remove(name);
        }
    }

    /// What a waiter waits for: the first of its names that others hold, who holds it, and how many
    /// stand before it.
    pub(crate) fn obstacle(&self, ticket: u64) -> Option<(&LockName, Owner, usize)> {
        let waiter = self.waiters.get(&ticket)?;
        waiter.names.iter().find_map(|name| {
            let lock = self.locks.get(name)?;
            let holder = *lock.holders.first()?;
            let ahead = lock.waiting.range(..ticket).count();
            (!self.is_available(name, waiter.owner)).then_some((name, holder, ahead))
        })
    }

    /// Asserts what must always hold.
    pub(crate) fn check(&self) {
        for (name, lock) in &self.locks {
            let runs: BTreeSet<_> = lock.holders.iter().map(|owner| owner.run).collect();
            assert!(runs.len() <= 1, "{name} is held by several runs");
            if matches!(name, LockName::Lock(_)) {
                assert!(lock.holders.len() <= 1, "{name} is held more than once");
            }
            for ticket in &lock.waiting {
                let waiter = self.waiters.get(ticket);
                let names = waiter.map(|waiter| &waiter.names);
                assert!(
                    names.is_some_and(|names| names.contains(name)),
                    "ticket {ticket} waits for {name} and is not known"
                );
            }
        }
        for (ticket, waiter) in &self.waiters {
            let all = |name| self.is_available(name, waiter.owner);
            assert!(
                !waiter.names.iter().all(all),
                "ticket {ticket} waits for what is free"
            );
        }
    }

    /// All owners that hold something.
    pub(crate) fn owners(&self) -> impl Iterator<Item = (&LockName, Owner)> {
        self.locks
            .iter()
            .flat_map(|(name, lock)| lock.holders.iter().map(move |owner| (name, *owner)))
    }
}
