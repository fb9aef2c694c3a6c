//! What the engine tells workers.

use super::Secrets;
use model::spec::{EnvValue, EnvVar, JobSpec};
use protocol::{ConvertError, Lease, Source, v1};
use scheduler::effect::Dispatch;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a run's attempts are sent beside their specs.
#[derive(Debug)]
pub(super) struct Given {
    source: v1::Source,
    secrets: Secrets,
}

impl Given {
    pub(super) fn new(source: &Source, secrets: Secrets) -> Result<Self, ConvertError> {
        let source = source.try_into()?;
        Ok(Self { source, secrets })
    }
}

/// An attempt with all that it needs, and no secret that it didn't ask for.
pub(super) fn assign(dispatch: &Dispatch, given: &Given) -> v1::Assign {
    let Dispatch {
        worker: _,
        attempt,
        token,
        spec,
        lease_ms,
        prefetch,
    } = dispatch;
    let lease = Lease {
        attempt: *attempt,
        token: *token,
    };
    v1::Assign {
        lease: Some(lease.into()),
        lease_ms: *lease_ms,
        prefetch: *prefetch,
        spec: Some((&**spec).into()),
        secrets: secrets_of(spec, given),
        source: Some(given.source.clone()),
    }
}

fn secrets_of(spec: &JobSpec, given: &Given) -> BTreeMap<String, Vec<u8>> {
    let hooks = &spec.hooks;
    let steps = [
        &spec.steps,
        &hooks.on_failure,
        &hooks.on_success,
        &hooks.always,
    ];
    let of_steps = steps.into_iter().flatten().flat_map(|step| &step.env);
    let asked = spec.env.iter().chain(of_steps).filter_map(secret);
    asked
        .filter_map(|name| Some((name.clone(), given.secrets.0.get(name)?.clone())))
        .collect()
}

fn secret(variable: &EnvVar) -> Option<&String> {
    match &variable.value {
        EnvValue::Secret(name) => Some(name),
        EnvValue::Text(_) | EnvValue::Inherit(_) => None,
    }
}

pub(super) fn stop(lease: Lease, reason: String, grace: Duration) -> v1::Stop {
    v1::Stop {
        lease: Some(lease.into()),
        reason,
        // A grace is seconds; what doesn't fit is "very long".
        grace_ms: u64::try_from(grace.as_millis()).unwrap_or(u64::MAX),
    }
}

pub(super) fn recall(lease: Lease) -> v1::Recall {
    v1::Recall {
        lease: Some(lease.into()),
    }
}

pub(super) fn acknowledge(lease: Lease) -> v1::Acknowledge {
    v1::Acknowledge {
        lease: Some(lease.into()),
    }
}
