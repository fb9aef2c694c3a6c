//! From a job of a plan and what the run knows to the [`JobSpec`] that a worker is sent.

use crate::expr::{EvalError, Expr, Scope};
use crate::plan::{Job, Node, Step, StepAction};
use crate::spec::{Action, EnvValue, EnvVar, Hooks, JobSpec, Needed, Place, Sources, StepSpec};
use crate::value::Value;
use thiserror::Error;

/// Why a job can't be sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} (line {}): {error}", place.line)]
pub struct ResolveError {
    /// The setting whose expression has no value.
    pub what: String,
    /// Where its job or step stands.
    pub place: Place,
    /// Why.
    pub error: EvalError,
}

/// How a node is called for one element of each of its fan-outs: `deploy["eu"]`; inside a stage
/// `roll["web1"].install`, where the stage is fanned out, and just `install` where it is not.
#[must_use]
pub fn instance_name(stages: &[(&str, &[Value])], name: &str, element: &[Value]) -> String {
    let indexed = |name: &str, element: &[Value]| match element {
        [] => name.to_owned(),
        [single] => format!("{name}[{}]", quoted(single)),
        several => format!("{name}[{}]", Value::element_key(several)),
    };
    let mut whole = String::new();
    for (stage, values) in stages.iter().filter(|(_, values)| !values.is_empty()) {
        whole.push_str(&indexed(stage, values));
        whole.push('.');
    }
    whole + &indexed(name, element)
}

fn quoted(value: &Value) -> String {
    match value {
        Value::Map(_) => {
            serde_json::Value::String(Value::element_key(std::slice::from_ref(value))).to_string()
        }
        other => other.to_json().to_string(),
    }
}

/// Evaluates all that the job leaves open.
///
/// # Errors
/// Where an expression has no value; see [`EvalError`].
pub fn resolve(
    pipeline: &str,
    node: &Node,
    job: &Job,
    name: String,
    needs: Vec<Needed>,
    scope: &dyn Scope,
) -> Result<JobSpec, ResolveError> {
    let at = |what: &str| {
        let what = what.to_owned();
        move |error| ResolveError {
            what,
            place: node.place,
            error,
        }
    };
    let texts = |what: &str, exprs: &[Expr]| {
        exprs
            .iter()
            .map(|expr| expr.eval_text(scope).map_err(at(what)))
            .collect::<Result<Vec<_>, _>>()
    };
    let steps = |steps: &[Step]| {
        steps
            .iter()
            .map(|step| resolve_step(step, scope))
            .collect::<Result<Vec<_>, _>>()
    };
    Ok(JobSpec {
        workspace: format!("{pipeline}/{name}"),
        sources: Sources {
            checkout: job.checkout,
            inputs: job
                .inputs
                .as_deref()
                .map(|globs| texts("inputs", globs))
                .transpose()?,
            needs,
        },
        env: resolve_env(&job.env, node.place, scope)?,
        dir: job
            .dir
            .as_ref()
            .map(|dir| dir.eval_text(scope))
            .transpose()
            .map_err(at("dir"))?,
        timeout_ms: duration(job.timeout.as_ref(), scope).map_err(at("timeout"))?,
        steps: steps(&job.steps)?,
        hooks: Hooks {
            on_failure: steps(&job.on_failure)?,
            on_success: steps(&job.on_success)?,
            always: steps(&job.always)?,
        },
        outputs: job.outputs.clone(),
        produces: texts("produces", &job.produces)?,
        name,
    })
}

fn resolve_step(step: &Step, scope: &dyn Scope) -> Result<StepSpec, ResolveError> {
    let at = |what: &'static str| {
        move |error| ResolveError {
            what: what.to_owned(),
            place: step.place,
            error,
        }
    };
    let texts = |what: &'static str, exprs: &[Expr]| {
        exprs
            .iter()
            .map(|expr| expr.eval_text(scope).map_err(at(what)))
            .collect::<Result<Vec<_>, _>>()
    };
    let applies = step
        .when
        .as_ref()
        .map_or(Ok(true), |when| when.expr.eval_bool(scope));
    let skip = match &step.when {
        Some(when) if !applies.map_err(at("when"))? => Some(when.text.clone()),
        _ => None,
    };
    Ok(StepSpec {
        name: step.name.clone(),
        place: step.place,
        action: match &step.action {
            StepAction::Script(shell, text) => Action::Script {
                shell: *shell,
                text: text.clone(),
            },
            StepAction::Exec(argv) => Action::Exec {
                argv: texts("exec", argv)?,
            },
            StepAction::Artifact(paths) => Action::Artifact {
                paths: texts("artifact", paths)?,
            },
        },
        env: resolve_env(&step.env, step.place, scope)?,
        dir: step
            .dir
            .as_ref()
            .map(|dir| dir.eval_text(scope))
            .transpose()
            .map_err(at("dir"))?,
        timeout_ms: duration(step.timeout.as_ref(), scope).map_err(at("timeout"))?,
        retry: step.retry,
        exit_codes: step.exit_codes.clone(),
        allow_failure: step.allow_failure,
        skip,
    })
}

fn resolve_env(
    env: &[(String, Expr)],
    place: Place,
    scope: &dyn Scope,
) -> Result<Vec<EnvVar>, ResolveError> {
    env.iter()
        .map(|(name, expr)| {
            let value = expr.eval(scope).map_err(|error| ResolveError {
                what: format!("env {name}"),
                place,
                error,
            })?;
            let value = match value {
                Value::Secret(secret) => EnvValue::Secret(secret),
                Value::Inherit(variable) => EnvValue::Inherit(variable),
                known => EnvValue::Text(known.to_text()),
            };
            Ok(EnvVar {
                name: name.clone(),
                value,
            })
        })
        .collect()
}

fn duration(expr: Option<&Expr>, scope: &dyn Scope) -> Result<Option<u64>, EvalError> {
    match expr.map(|expr| expr.eval(scope)).transpose()? {
        None => Ok(None),
        Some(Value::Duration(ms)) => Ok(Some(ms)),
        Some(other) => Err(EvalError::Shape {
            operation: "timeout",
            found: other.to_string(),
        }),
    }
}
