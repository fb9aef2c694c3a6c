//! What an installation decides about its scheduler.

/// Settings of a scheduler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchedulerConfig {
    /// How long a worker may be silent before its attempts count as lost, in milliseconds.
    pub lease_ms: u64,
    /// How long a worker may be silent before nothing more is sent to it, in milliseconds.
    pub unreachable_ms: u64,
    /// The address under which people see runs, without a slash at its end: `run.url` is
    /// `BASE/runs/17`. Empty where there are no pages.
    pub url_base: String,
}

impl Default for SchedulerConfig {
    fn default() -> Self {
        Self {
            // Longer than a reboot's network outage or a runner's upgrade, short enough that a
            // retry elsewhere still helps.
            lease_ms: 120_000,
            // Three heartbeats of five seconds.
            unreachable_ms: 15_000,
            url_base: String::new(),
        }
    }
}
