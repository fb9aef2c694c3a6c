//! Every value of the model survives the way over the wire, and nothing that a peer sends makes the
//! conversions panic.

use model::Value;
use model::event::StepEnd;
use model::ids::{AttemptId, JobId, RunId, Token};
use model::outcome::{Failure, Outcome};
use model::spec::{
    Action, EnvValue, EnvVar, Hooks, JobSpec, Needed, OutputSpec, Place, Shell, Sources, StepRetry,
    StepSpec,
};
use model::types::Type;
use model::value::Float;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use prost::Message;
use protocol::convert::{facts_from_wire, facts_to_wire, outputs_from_wire, outputs_to_wire};
use protocol::{ConvertError, Lease, Source, v1};
use std::fmt::Debug;

/// Model, message, bytes, message, model: what comes back is what was sent.
fn check<M, W>(sent: &M)
where
    M: PartialEq + Debug + TryFrom<W, Error = ConvertError>,
    for<'m> W: From<&'m M> + Message + Default,
{
    let bytes = W::from(sent).encode_to_vec();
    let received = W::decode(&bytes[..]).expect("own bytes are readable");
    assert_eq!(
        &M::try_from(received).expect("own messages are valid"),
        sent
    );
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,8}"
}

fn ty() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![
        Just(Type::String),
        Just(Type::Untrusted),
        Just(Type::Int),
        Just(Type::Float),
        Just(Type::Duration),
        Just(Type::Person),
        vec(text(), 0..3).prop_map(Type::Enum),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|item| Type::List(Box::new(item))),
            inner.clone().prop_map(|item| Type::Map(Box::new(item))),
            btree_map(text(), inner, 0..3).prop_map(Type::Record),
        ]
    })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        proptest::num::f64::NORMAL.prop_map(|n| Value::Float(Float(n))),
        text().prop_map(Value::String),
        any::<u64>().prop_map(Value::Duration),
        any::<u64>().prop_map(Value::Size),
        any::<u32>().prop_map(Value::Percent),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::List),
            btree_map(text(), inner, 0..3).prop_map(Value::Map),
        ]
    })
}

fn env() -> impl Strategy<Value = Vec<EnvVar>> {
    let value = prop_oneof![
        text().prop_map(EnvValue::Text),
        text().prop_map(EnvValue::Secret),
        text().prop_map(EnvValue::Inherit),
    ];
    vec(
        (text(), value).prop_map(|(name, value)| EnvVar { name, value }),
        0..3,
    )
}

fn place() -> impl Strategy<Value = Place> {
    any::<(u32, u32)>().prop_map(|(line, column)| Place { line, column })
}

fn action() -> impl Strategy<Value = Action> {
    let shell = prop_oneof![
        Just(Shell::Sh),
        Just(Shell::Bash),
        Just(Shell::Pwsh),
        Just(Shell::Powershell),
        Just(Shell::Cmd),
        Just(Shell::Python),
    ];
    prop_oneof![
        (shell, text()).prop_map(|(shell, text)| Action::Script { shell, text }),
        vec(text(), 0..3).prop_map(|argv| Action::Exec { argv }),
        vec(text(), 0..3).prop_map(|paths| Action::Artifact { paths }),
    ]
}

fn step() -> impl Strategy<Value = StepSpec> {
    let what = (text(), place(), action(), env(), option::of(text()));
    let how = (
        any::<Option<u64>>(),
        any::<(u32, u64)>(),
        vec(any::<i32>(), 0..3),
        any::<bool>(),
        option::of(text()),
    );
    (what, how).prop_map(
        |(
            (name, place, action, env, dir),
            (timeout_ms, (times, delay_ms), exit_codes, allow_failure, skip),
        )| StepSpec {
            name,
            place,
            action,
            env,
            dir,
            timeout_ms,
            retry: StepRetry { times, delay_ms },
            exit_codes,
            allow_failure,
            skip,
        },
    )
}

fn needed() -> impl Strategy<Value = Needed> {
    (text(), option::of(text()), text()).prop_map(|(job, below, manifest)| Needed {
        job,
        below,
        manifest,
    })
}

fn spec() -> impl Strategy<Value = JobSpec> {
    let sources = (
        any::<bool>(),
        option::of(vec(text(), 0..3)),
        vec(needed(), 0..3),
    )
        .prop_map(|(checkout, inputs, needs)| Sources {
            checkout,
            inputs,
            needs,
        });
    let hooks = (vec(step(), 0..2), vec(step(), 0..2), vec(step(), 0..2)).prop_map(
        |(on_failure, on_success, always)| Hooks {
            on_failure,
            on_success,
            always,
        },
    );
    let output = (text(), ty(), any::<bool>()).prop_map(|(name, ty, optional)| OutputSpec {
        name,
        ty,
        optional,
    });
    let head = (text(), text(), sources, env(), option::of(text()));
    let rest = (
        any::<Option<u64>>(),
        vec(step(), 0..3),
        hooks,
        vec(output, 0..3),
    );
    (head, rest, vec(text(), 0..3)).prop_map(
        |((name, workspace, sources, env, dir), (timeout_ms, steps, hooks, outputs), produces)| {
            JobSpec {
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
            }
        },
    )
}

fn step_end() -> impl Strategy<Value = StepEnd> {
    prop_oneof![
        Just(StepEnd::Succeeded),
        any::<i32>().prop_map(|code| StepEnd::Exit { code }),
        any::<i32>().prop_map(|signal| StepEnd::Signal { signal }),
        text().prop_map(|message| StepEnd::Error { message }),
        Just(StepEnd::TimedOut),
        Just(StepEnd::Stopped),
        text().prop_map(|condition| StepEnd::Skipped { condition }),
    ]
}

/// What a worker can say; the rest is tested below.
fn outcome() -> impl Strategy<Value = Outcome> {
    let failure = prop_oneof![
        any::<(u32, i32)>().prop_map(|(step, code)| Failure::Exit { step, code }),
        any::<(u32, i32)>().prop_map(|(step, signal)| Failure::Signal { step, signal }),
        (any::<u32>(), text()).prop_map(|(step, message)| Failure::Start { step, message }),
        text().prop_map(|message| Failure::Output { message }),
        text().prop_map(|message| Failure::Produces { message }),
        text().prop_map(|message| Failure::Workspace { message }),
        text().prop_map(|message| Failure::System { message }),
    ];
    prop_oneof![
        Just(Outcome::Succeeded),
        failure.prop_map(|failure| Outcome::Failed { failure }),
        any::<(u64, Option<u32>)>()
            .prop_map(|(after_ms, step)| Outcome::TimedOut { after_ms, step }),
        text().prop_map(|by| Outcome::Canceled { by }),
        text().prop_map(|message| Outcome::Lost { message }),
    ]
}

proptest! {
    #[test]
    fn a_job_survives(spec in spec()) {
        check::<_, v1::JobSpec>(&spec);
    }

    #[test]
    fn ends_survive(end in step_end(), outcome in outcome()) {
        check::<_, v1::StepEnd>(&end);
        check::<_, v1::Outcome>(&outcome);
    }

    #[test]
    fn a_lease_survives(run: u64, job: u32, number in 1..=u32::MAX, token: u64) {
        let attempt = AttemptId { run: RunId(run), job: JobId(job), number };
        let lease = Lease { attempt, token: Token(token) };
        prop_assert_eq!(Lease::try_from(v1::Lease::from(lease)), Ok(lease));
    }

    #[test]
    fn facts_and_outputs_survive(facts in btree_map(text(), value(), 0..4)) {
        prop_assert_eq!(&facts_from_wire(facts_to_wire(&facts)).unwrap(), &facts);
        let outputs = facts.into_iter().map(|(name, value)| (name, value.to_json())).collect();
        prop_assert_eq!(outputs_from_wire(outputs_to_wire(&outputs)).unwrap(), outputs);
    }

    #[test]
    fn a_source_survives(path in text(), in_place: bool) {
        let source = match in_place {
            true => Source::InPlace(path.into()),
            false => Source::Snapshot(path.into()),
        };
        let wire = v1::Source::try_from(&source).unwrap();
        prop_assert_eq!(Source::try_from(wire), Ok(source));
    }

    /// Bytes from anywhere: refused or understood, never a panic.
    #[test]
    fn random_bytes_are_no_danger(bytes in vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
    }

    /// Nearly valid messages reach deeper than random bytes do.
    #[test]
    fn damaged_messages_are_no_danger(
        spec in spec(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = v1::JobSpec::from(&spec).encode_to_vec();
        prop_assume!(!bytes.is_empty());
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read_all(&bytes);
    }
}

/// Reads the bytes as every message that is converted; whether they are valid doesn't matter.
fn read_all(bytes: &[u8]) {
    fn read<W: Message + Default, T: TryFrom<W>>(bytes: &[u8]) {
        if let Ok(message) = W::decode(bytes) {
            let _ = T::try_from(message);
        }
    }
    read::<v1::JobSpec, JobSpec>(bytes);
    read::<v1::Step, StepSpec>(bytes);
    read::<v1::Output, OutputSpec>(bytes);
    read::<v1::StepEnd, StepEnd>(bytes);
    read::<v1::Outcome, Outcome>(bytes);
    read::<v1::Lease, Lease>(bytes);
    read::<v1::Source, Source>(bytes);
    let _ = v1::ToWorker::decode(bytes);
    if let Ok(v1::ToRunner {
        body: Some(v1::to_runner::Body::Register(register)),
    }) = v1::ToRunner::decode(bytes)
    {
        let _ = facts_from_wire(register.facts);
    }
}

/// What is wrong is named with its place in the message.
#[test]
fn errors_name_the_field() {
    fn check<W, T: TryFrom<W, Error = ConvertError> + Debug>(message: W, error: &str) {
        assert_eq!(T::try_from(message).unwrap_err().to_string(), error);
    }
    let step = |action| v1::Step {
        place: Some(v1::Place::default()),
        action,
        ..v1::Step::default()
    };
    let with_steps = |steps| v1::JobSpec {
        steps,
        ..v1::JobSpec::default()
    };
    let exec = Some(v1::step::Action::Exec(v1::Exec::default()));
    check::<_, JobSpec>(
        with_steps(vec![step(exec), step(None)]),
        "`steps[1].action` is missing, or of a kind that this build doesn't know",
    );
    let script = v1::step::Action::Script(v1::Script {
        shell: 77,
        text: String::new(),
    });
    check::<_, JobSpec>(
        with_steps(vec![step(Some(script))]),
        "`steps[0].action.shell` has the unknown value 77",
    );
    check::<_, OutputSpec>(
        v1::Output {
            r#type: "\"vector\"".to_owned(),
            ..v1::Output::default()
        },
        "`type` is no valid value: unknown variant `vector`, expected one of `string`, \
         `untrusted`, `int`, `float`, `bool`, `duration`, `size`, `percent`, `path`, `list`, `map`, \
         `enum`, `record`, `secret`, `inherited`, `artifact`, `environment`, `worker`, `selector`, \
         `person` at line 1 column 8",
    );
    check::<_, Lease>(
        v1::Lease::default(),
        "`attempt` is 0, where numbers begin at 1",
    );
    let secret = [("os".to_owned(), r#"{"list":[{"secret":"KEY"}]}"#.to_owned())];
    assert_eq!(
        facts_from_wire(secret.into()).unwrap_err().to_string(),
        r#"`facts["os"]` may not be a secret or an inherited variable"#
    );
}

/// A worker has no words for what only a runner decides; saying so is a fault that must be seen.
#[test]
fn what_only_a_runner_can_say_arrives_as_a_fault() {
    let outcome = Outcome::Skipped {
        reason: model::SkipReason::NotSelected,
    };
    let received = Outcome::try_from(v1::Outcome::from(&outcome)).unwrap();
    assert_eq!(received.to_string(), "failed: skipped: not selected");
}

/// Values of secrets never reach a log.
#[test]
fn an_assignment_shows_the_names_of_secrets_only() {
    let assign = v1::Assign {
        secrets: [("TOKEN".to_owned(), b"hunter2".to_vec())].into(),
        ..v1::Assign::default()
    };
    let shown = format!("{:?}", v1::ToWorker::from(assign));
    assert!(shown.contains("TOKEN"), "{shown}");
    assert!(!shown.contains("104"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}
