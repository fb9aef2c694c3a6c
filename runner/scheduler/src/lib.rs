//! The pure state machine that decides everything about runs and jobs.
