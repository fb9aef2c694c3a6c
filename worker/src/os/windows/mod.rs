//! Windows: Job Objects, a hidden console, and pipes.

pub(crate) mod strays;
