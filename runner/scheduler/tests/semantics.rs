//! Smoke.
mod support;
use model::ids::*;
use scheduler::input::*;
use scheduler::*;
use std::collections::*;
use support::plan::Builder;
#[test]
fn smoke() {
    let mut b = Builder::new();
    b.job("a").output("x", model::Type::Int);
    b.job("b").needs("a");
    b.job("c").uses("a", "x");
    b.job("d")
        .over("e", &["1", "2", "3"])
        .needs("b")
        .max_parallel(2);
    b.job("f").needs("d");
    b.job("last").phase(model::plan::Phase::Always);
    let mut s = Scheduler::new(SchedulerConfig::default());
    let mut now = Now {
        mono_ms: 0,
        wall_ms: 1000,
    };
    let mut out = vec![];
    s.handle(
        now,
        Input::WorkerRegistered(Registration {
            worker: WorkerId(0),
            name: "w".into(),
            labels: BTreeSet::new(),
            facts: BTreeMap::new(),
            n_slots: 2,
            n_prefetch: 2,
            held: vec![],
        }),
        &mut out,
    );
    s.handle(
        now,
        Input::Submit(Submit {
            run: RunId(1),
            plan: b.build(),
            selection: Selection::All,
            by: "me".into(),
            keep_going: false,
        }),
        &mut out,
    );
    let mut i = 0;
    while i < out.len() {
        let e = out[i].clone();
        i += 1;
        match e {
            Effect::Record(c) => println!(
                "   {}",
                format!("{c:?}").chars().take(150).collect::<String>()
            ),
            Effect::Dispatch(d) => {
                now.mono_ms += 10;
                println!("dispatch {} {} {:?}", d.spec.name, d.prefetch, d.spec.env);
                s.handle(
                    now,
                    Input::Started {
                        worker: WorkerId(0),
                        attempt: d.attempt,
                        token: d.token,
                    },
                    &mut out,
                );
                let mut outputs = BTreeMap::new();
                if d.spec.name == "a" {
                    outputs.insert("x".to_owned(), serde_json::json!(3));
                }
                s.handle(
                    now,
                    Input::Finished {
                        worker: WorkerId(0),
                        attempt: d.attempt,
                        token: d.token,
                        result: AttemptResult {
                            outcome: model::Outcome::Succeeded,
                            outputs,
                            produced: None,
                            log_length: 0,
                            took_ms: 3,
                        },
                    },
                    &mut out,
                );
            }
            e => println!("{}", format!("{e:?}").chars().take(200).collect::<String>()),
        }
    }
}
