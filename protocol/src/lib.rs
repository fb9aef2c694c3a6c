//! The wire protocol between runner, worker and slot: messages and their conversions.
