//! Gantry's data: ids, plans, job specs, expressions, states, outcomes, events. No IO, no async.
