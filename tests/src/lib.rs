//! End-to-end tests on the real binary, the test kit, and benchmarks.
