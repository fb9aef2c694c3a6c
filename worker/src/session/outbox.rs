//! What waits for being sent to the runner.

use protocol::v1::{ToRunner, to_runner};
use std::collections::VecDeque;
use tokio::sync::mpsc;

/// From how many waiting messages on nothing more is taken from the slots. A job has a handful of
/// messages; a runner that is so far behind should be waited for.
const MAX_WAITING: usize = 1024;

/// Messages in the order in which they must arrive. None is ever dropped, but of the lengths of one
/// log only the last one counts.
#[derive(Debug)]
pub(super) struct Outbox {
    tx: mpsc::Sender<ToRunner>,
    waiting: VecDeque<ToRunner>,
}

impl Outbox {
    pub(super) fn new(tx: mpsc::Sender<ToRunner>) -> Self {
        Self {
            tx,
            waiting: VecDeque::new(),
        }
    }

    /// Sends it at once where that is possible.
    pub(super) fn push(&mut self, message: ToRunner) {
        if self.waiting.is_empty() {
            match self.tx.try_send(message) {
                // Closed: whoever waits for the runner learns that.
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => return,
                Err(mpsc::error::TrySendError::Full(message)) => self.waiting.push_back(message),
            }
            return;
        }
        if let (Some(last), Some(next)) = (
            self.waiting.back_mut().and_then(|last| log_of(last)),
            log_of(&message),
        ) && last == next
        {
            self.waiting.pop_back();
        }
        self.waiting.push_back(message);
    }

    /// Sends one that waits; never ready where none does. `false` when the runner is gone.
    pub(super) async fn send(&mut self) -> bool {
        if self.waiting.is_empty() {
            return std::future::pending().await;
        }
        match self.tx.reserve().await {
            Ok(permit) => {
                if let Some(message) = self.waiting.pop_front() {
                    permit.send(message);
                }
                true
            }
            Err(_) => false,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_WAITING
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }
}

/// The attempt of whose log a message tells the length.
fn log_of(message: &ToRunner) -> Option<protocol::v1::Lease> {
    match &message.body {
        Some(to_runner::Body::LogGrew(grew)) => grew.lease,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::v1::{Heartbeat, Lease, LogGrew};

    fn grew(job: u32, length: u64) -> ToRunner {
        let lease = Some(Lease {
            job,
            ..Lease::default()
        });
        LogGrew { lease, length }.into()
    }

    #[test]
    fn only_the_last_length_of_a_log_waits() {
        let (tx, mut rx) = mpsc::channel(1);
        let mut outbox = Outbox::new(tx);
        for message in [
            Heartbeat {}.into(),
            grew(1, 10),
            grew(1, 20),
            grew(2, 5),
            grew(1, 30),
            Heartbeat {}.into(),
            grew(1, 40),
        ] {
            outbox.push(message);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let received = runtime.block_on(async {
            let mut received = Vec::new();
            loop {
                received.extend(rx.try_recv());
                if outbox.waiting.is_empty() {
                    return received;
                }
                assert!(outbox.send().await);
            }
        });
        let expected: Vec<ToRunner> = vec![
            Heartbeat {}.into(),
            grew(1, 20),
            grew(2, 5),
            grew(1, 30),
            Heartbeat {}.into(),
            grew(1, 40),
        ];
        assert_eq!(received, expected);
    }
}
