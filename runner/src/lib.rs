//! The engine around the scheduler: store, transports, embedded runs.
