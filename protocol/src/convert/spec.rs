//! What a worker is told to do: jobs.

use super::error::{ConvertError, Problem, each, json};
use crate::v1;
use model::spec::{EnvValue, EnvVar, Hooks, JobSpec, Needed, OutputSpec, Sources};

impl From<&JobSpec> for v1::JobSpec {
    fn from(spec: &JobSpec) -> Self {
        let JobSpec {
            name,
            workspace,
            sources,
            env,
            dir,
            timeout_ms,
            steps,
            hooks,
            outputs,
            produces,
        } = spec;
        Self {
            name: name.clone(),
            workspace: workspace.clone(),
            checkout: sources.checkout,
            inputs: sources.inputs.clone().map(|globs| v1::Globs { globs }),
            needs: sources.needs.iter().map(Into::into).collect(),
            env: env.iter().map(Into::into).collect(),
            dir: dir.clone(),
            timeout_ms: *timeout_ms,
            steps: steps.iter().map(Into::into).collect(),
            on_failure: hooks.on_failure.iter().map(Into::into).collect(),
            on_success: hooks.on_success.iter().map(Into::into).collect(),
            always: hooks.always.iter().map(Into::into).collect(),
            outputs: outputs.iter().map(Into::into).collect(),
            produces: produces.clone(),
        }
    }
}

impl TryFrom<v1::JobSpec> for JobSpec {
    type Error = ConvertError;

    fn try_from(spec: v1::JobSpec) -> Result<Self, ConvertError> {
        Ok(Self {
            name: spec.name,
            workspace: spec.workspace,
            sources: Sources {
                checkout: spec.checkout,
                inputs: spec.inputs.map(|inputs| inputs.globs),
                needs: each(spec.needs, "needs")?,
            },
            env: each(spec.env, "env")?,
            dir: spec.dir,
            timeout_ms: spec.timeout_ms,
            steps: each(spec.steps, "steps")?,
            hooks: Hooks {
                on_failure: each(spec.on_failure, "on_failure")?,
                on_success: each(spec.on_success, "on_success")?,
                always: each(spec.always, "always")?,
            },
            outputs: each(spec.outputs, "outputs")?,
            produces: spec.produces,
        })
    }
}

impl From<&Needed> for v1::Needed {
    fn from(needed: &Needed) -> Self {
        let Needed {
            job,
            below,
            manifest,
        } = needed.clone();
        Self {
            job,
            below,
            manifest,
        }
    }
}

impl From<v1::Needed> for Needed {
    fn from(needed: v1::Needed) -> Self {
        Self {
            job: needed.job,
            below: needed.below,
            manifest: needed.manifest,
        }
    }
}

impl From<&EnvVar> for v1::EnvVar {
    fn from(variable: &EnvVar) -> Self {
        use v1::env_var::Value as Wire;
        let value = match &variable.value {
            EnvValue::Text(text) => Wire::Text(text.clone()),
            EnvValue::Secret(name) => Wire::Secret(name.clone()),
            EnvValue::Inherit(name) => Wire::Inherit(name.clone()),
        };
        Self {
            name: variable.name.clone(),
            value: Some(value),
        }
    }
}

impl TryFrom<v1::EnvVar> for EnvVar {
    type Error = ConvertError;

    fn try_from(variable: v1::EnvVar) -> Result<Self, ConvertError> {
        use v1::env_var::Value as Wire;
        let value = match variable.value {
            Some(Wire::Text(text)) => EnvValue::Text(text),
            Some(Wire::Secret(name)) => EnvValue::Secret(name),
            Some(Wire::Inherit(name)) => EnvValue::Inherit(name),
            None => return Err(ConvertError::new("value", Problem::Missing)),
        };
        Ok(Self {
            name: variable.name,
            value,
        })
    }
}

impl From<&OutputSpec> for v1::Output {
    fn from(output: &OutputSpec) -> Self {
        Self {
            name: output.name.clone(),
            r#type: serde_json::json!(output.ty).to_string(),
            optional: output.optional,
        }
    }
}

impl TryFrom<v1::Output> for OutputSpec {
    type Error = ConvertError;

    fn try_from(output: v1::Output) -> Result<Self, ConvertError> {
        Ok(Self {
            ty: json(&output.r#type, || "type".to_owned())?,
            name: output.name,
            optional: output.optional,
        })
    }
}
