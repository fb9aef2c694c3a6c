//! What a job or a stage holds while it runs: locks and environments.

use super::{Element, GroupIdx, Place, Run, ScopeIdx, ScopeState, State};
use crate::core::Core;
use crate::locks::{LockName, Owner, Part};
use crate::shape;
use model::ids::JobId;
use std::sync::Arc;

impl Run {
    /// Takes what an element locks. `false`: it waits for it.
    pub(crate) fn claim(&mut self, core: &mut Core, element: Element) -> Result<bool, String> {
        let names = self.lock_names(element)?;
        if names.is_empty() {
            return Ok(true);
        }
        let owner = self.owner(element);
        let claimed = core.locks.claim(owner, &names);
        self.remember_locks(element, names);
        match claimed {
            Ok(()) => {
                self.keep_environment(core, element);
                Ok(true)
            }
            Err(ticket) => {
                self.set_blocked(core, element, ticket);
                Ok(false)
            }
        }
    }

    /// What was waited for is held now.
    pub(crate) fn granted(&mut self, core: &mut Core, part: Part) {
        match part {
            Part::Job(job) if matches!(self.job(job).state, State::Blocked { .. }) => {
                self.keep_environment(core, self.element_of(job));
                self.enqueue(core, job);
            }
            Part::Stage(scope) => {
                let scope = ScopeIdx(scope);
                let blocked = matches!(self.scope(scope).state, ScopeState::Blocked { .. });
                if let (true, Some(element)) = (blocked, self.scope(scope).element) {
                    self.keep_environment(core, element);
                    self.enter_scope(core, scope);
                }
            }
            Part::Job(_) | Part::FanOut(_) => {}
        }
        self.proceed(core);
    }

    /// What an element locks: its environment and its lock, without those that a stage around it
    /// holds for it.
    pub(crate) fn lock_names(&self, element: Element) -> Result<Vec<LockName>, String> {
        let kind = &self.node(element.0).kind;
        let place = Place::of_element(self, element);
        let name = |what: &str, expr: Option<&model::Expr>| {
            let name = expr.map(|expr| expr.eval_text(&self.scope_at(place)));
            name.transpose()
                .map_err(|error| self.message(place, what, &error))
        };
        let environment = name("environment", shape::environment(kind))?;
        let lock = name("lock", shape::lock(kind))?;
        let mut names = Vec::new();
        names.extend(environment.map(|name| LockName::Environment(name.into())));
        names.extend(lock.map(|name| LockName::Lock(name.into())));
        names.retain(|name| {
            let mut around = self.scopes_up(self.group(element.0).scope);
            !around.any(|scope| self.scope(scope).locks.contains(name))
        });
        Ok(names)
    }

    pub(crate) fn owner(&self, element: Element) -> Owner {
        Owner {
            run: self.id,
            part: match self.is_stage(element.0) {
                true => Part::Stage(self.scope_of(element).0),
                false => Part::Job(self.job_of(element)),
            },
        }
    }

    /// Elements that share an environment hold it together, from the first to the last, so that
    /// nobody else gets it between two of their batches.
    pub(crate) fn keep_environment(&mut self, core: &mut Core, element: Element) {
        let names = match self.is_stage(element.0) {
            true => self.scope(self.scope_of(element)).locks.clone(),
            false => {
                let details = self.job(self.job_of(element)).details.as_ref();
                details.map(|d| d.locks.clone()).unwrap_or_default()
            }
        };
        self.keep_from(core, element.0, &names);
    }

    /// Keeps the environment among these for all elements of a group.
    pub(crate) fn keep_from(&mut self, core: &mut Core, group: GroupIdx, names: &[LockName]) {
        let node = self.group(group).node.index();
        let is_shared = self.node(group).fan_out.is_some()
            && !self.shape.nodes[node].environment_by_element
            && self.group(group).kept.is_none();
        let is_environment = |name: &&LockName| matches!(name, LockName::Environment(_));
        if let (true, Some(name)) = (is_shared, names.iter().find(is_environment)) {
            let owner = self.fan_out_owner(group);
            core.locks.hold(owner, std::slice::from_ref(name));
            self.group_mut(group).kept = Some(name.clone());
        }
    }

    fn fan_out_owner(&self, group: GroupIdx) -> Owner {
        Owner {
            run: self.id,
            part: Part::FanOut(group.0),
        }
    }

    /// A group has ended: what its elements held together is free.
    pub(crate) fn release_kept(&mut self, core: &mut Core, group: GroupIdx) {
        if let Some(name) = self.group_mut(group).kept.take() {
            let owner = self.fan_out_owner(group);
            core.granted.extend(core.locks.release(owner, &[name]));
        }
    }

    /// A job has ended: what it held is free.
    pub(crate) fn release_job(&mut self, core: &mut Core, job: JobId) {
        if let State::Blocked { ticket } = self.job(job).state {
            core.locks.withdraw(ticket);
        }
        let Some(details) = &mut self.job_mut(job).details else {
            return;
        };
        let names = std::mem::take(&mut details.locks);
        let owner = self.owner(self.element_of(job));
        core.granted.extend(core.locks.release(owner, &names));
    }

    /// A stage has ended: what it held is free.
    pub(crate) fn release_scope(&mut self, core: &mut Core, scope: ScopeIdx) {
        let Some(element) = self.scope(scope).element else {
            return;
        };
        if let ScopeState::Blocked { ticket } = self.scope(scope).state {
            core.locks.withdraw(ticket);
        }
        let names = std::mem::take(&mut self.scope_mut(scope).locks);
        core.granted
            .extend(core.locks.release(self.owner(element), &names));
    }

    pub(crate) fn remember_locks(&mut self, element: Element, names: Vec<LockName>) {
        if self.is_stage(element.0) {
            let scope = self.scope_of(element);
            self.scope_mut(scope).locks = names;
        } else {
            let job = self.job_of(element);
            self.job_mut(job).details().locks = names;
        }
    }

    fn set_blocked(&mut self, core: &mut Core, element: Element, ticket: u64) {
        if self.is_stage(element.0) {
            let scope = self.scope_of(element);
            self.scope_mut(scope).state = ScopeState::Blocked { ticket };
            self.record_stage(core, scope);
        } else {
            let job = self.job_of(element);
            self.job_mut(job).state = State::Blocked { ticket };
            self.touch(job);
        }
    }

    /// The name of the first thing that a waiter waits for, for its row.
    pub(crate) fn blocked_on(&self, core: &Core, ticket: u64, names: &[LockName]) -> Arc<str> {
        let obstacle = core.locks.obstacle(ticket).map(|(name, ..)| name);
        let name = obstacle.or(names.first());
        name.map_or_else(|| Arc::from(""), |name| Arc::from(name.text()))
    }
}
