//! What all runs share: time, effects, workers, queue, locks, timers, tokens.

use crate::config::SchedulerConfig;
use crate::effect::Effect;
use crate::input::Now;
use crate::locks::{Locks, Owner};
use crate::queue::Queue;
use crate::record::Change;
use crate::timers::Timers;
use crate::workers::Workers;
use model::event::EventKind;
use model::ids::{RunId, Token};
use std::collections::VecDeque;

/// Tokens are recorded this many at a time, so that not every dispatch writes a row. A restart goes
/// on above the recorded one; a few numbers are never used.
const TOKENS_AT_A_TIME: u64 = 1024;

/// What all runs share.
#[derive(Debug)]
pub(crate) struct Core {
    pub config: SchedulerConfig,
    pub now: Now,
    pub effects: Vec<Effect>,
    pub workers: Workers,
    pub queue: Queue,
    pub locks: Locks,
    pub timers: Timers,
    /// Who was granted what it waited for, and does not know yet.
    pub granted: VecDeque<Owner>,
    last_token: u64,
    recorded_token: u64,
}

impl Core {
    pub(crate) fn new(config: SchedulerConfig, now: Now, token: Token) -> Self {
        Self {
            config,
            now,
            effects: Vec::new(),
            workers: Workers::default(),
            queue: Queue::default(),
            locks: Locks::default(),
            timers: Timers::default(),
            granted: VecDeque::new(),
            last_token: token.0,
            recorded_token: token.0,
        }
    }

    pub(crate) fn next_token(&mut self) -> Token {
        self.last_token += 1;
        if self.last_token > self.recorded_token {
            self.recorded_token = self.last_token + TOKENS_AT_A_TIME - 1;
            self.record(Change::Token(Token(self.recorded_token)));
        }
        Token(self.last_token)
    }

    pub(crate) fn record(&mut self, change: Change) {
        self.effects.push(Effect::Record(change));
    }

    pub(crate) fn publish(&mut self, run: RunId, event: EventKind) {
        self.effects.push(Effect::Publish { run, event });
    }
}
