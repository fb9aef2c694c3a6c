//! End-to-end tests on the real binary, each in a world of its own.
