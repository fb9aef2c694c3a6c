//! The store: what is written is read again, and what can't be used is refused with a reason.

use model::event::StepEnd;
use model::ids::{AttemptId, JobId, NodeId, RunId, Token, WorkerId};
use model::outcome::{Failure, Outcome, SkipReason};
use model::plan::{Event, PLAN_VERSION, Plan};
use model::spec::Place;
use model::value::{Float, Value};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use runner::store::RunStatus;
use runner::{Durability, Layout, Store, StoreError};
use scheduler::Change;
use scheduler::record::{FanOutRow, JobRow, JobState, RunRow, StageRow, StageState, StepRow};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Arc;

struct Sandbox {
    layout: Layout,
    _folder: tempfile::TempDir,
}

impl Sandbox {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            layout: Layout::at(folder.path().join("store")),
            _folder: folder,
        }
    }

    fn open(&self) -> Store {
        Store::open(&self.layout, Durability::Normal).unwrap()
    }

    /// Changes the database behind the store's back.
    fn tamper(&self, sql: &str) {
        let db = rusqlite::Connection::open(self.layout.store()).unwrap();
        db.execute_batch(sql).unwrap();
    }
}

fn plan(pipeline: &str) -> Arc<Plan> {
    Arc::new(Plan {
        version: PLAN_VERSION,
        language: 1,
        pipeline: pipeline.to_owned(),
        title: None,
        path: ".gantry/ci.gantry".to_owned(),
        event: Event {
            kind: "manual".to_owned(),
            commit: "4f2a".to_owned(),
            dirty: true,
            trusted: true,
            fields: BTreeMap::new(),
        },
        params: [("share".to_owned(), Value::Float(Float(0.1 + 0.2)))].into(),
        timeout_ms: None,
        priority: 0,
        fail_fast: false,
        concurrency: None,
        nodes: Vec::new(),
        secrets: Vec::new(),
        unsupported: Vec::new(),
    })
}

fn alive(run: RunId) -> RunRow {
    RunRow {
        run,
        by: "ann".to_owned(),
        submitted_ms: 1_700_000_000_000,
        selected: None,
        keep_going: false,
        canceled_by: None,
        outcome: None,
        finished_ms: None,
    }
}

fn ended(run: RunId, outcome: Outcome) -> RunRow {
    RunRow {
        outcome: Some(outcome),
        finished_ms: Some(1_700_000_001_000),
        ..alive(run)
    }
}

mod rows {
    use super::*;

    const RUN: RunId = RunId(3);

    pub fn changes() -> impl Strategy<Value = Vec<Change>> {
        let change = prop_oneof![
            run().prop_map(Change::Run),
            job().prop_map(Change::Job),
            fan_out().prop_map(Change::FanOut),
            stage().prop_map(Change::Stage),
            step().prop_map(Change::Step),
            any::<u32>().prop_map(|token| Change::Token(Token(token.into()))),
        ];
        vec(change, 1..40)
    }

    fn text() -> impl Strategy<Value = String> {
        "\\PC{0,6}"
    }

    fn values() -> impl Strategy<Value = Vec<Vec<Value>>> {
        let value = prop_oneof![
            text().prop_map(Value::String),
            any::<i64>().prop_map(Value::Int),
            any::<u64>().prop_map(Value::Size),
            proptest::num::f64::NORMAL.prop_map(|n| Value::Float(Float(n))),
        ];
        vec(vec(value, 1..3), 0..3)
    }

    fn outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            Just(Outcome::Succeeded),
            any::<(u32, i32)>().prop_map(|(step, code)| Outcome::Failed {
                failure: Failure::Exit { step, code }
            }),
            text().prop_map(|by| Outcome::Canceled { by }),
            text().prop_map(|name| Outcome::Skipped {
                reason: SkipReason::Blocked { name }
            }),
            any::<(u64, Option<u32>)>()
                .prop_map(|(after_ms, step)| Outcome::TimedOut { after_ms, step }),
        ]
    }

    fn run() -> impl Strategy<Value = RunRow> {
        let selected = option::of(btree_set(any::<u32>().prop_map(NodeId), 0..3));
        let end = (option::of(outcome()), option::of(text()));
        (text(), any::<i64>(), selected, any::<bool>(), end).prop_map(
            |(by, submitted_ms, selected, keep_going, (outcome, canceled_by))| RunRow {
                run: RUN,
                by,
                submitted_ms,
                selected,
                keep_going,
                canceled_by,
                finished_ms: outcome.as_ref().map(|_| submitted_ms),
                outcome,
            },
        )
    }

    fn job_state() -> impl Strategy<Value = JobState> {
        let worker = any::<(u32, u64)>();
        prop_oneof![
            Just(JobState::Queued),
            Just(JobState::Asking),
            (text(), any::<u64>()).prop_map(|(lock, ticket)| JobState::Blocked { lock, ticket }),
            any::<i64>().prop_map(|at_ms| JobState::Retrying { at_ms }),
            worker.prop_map(|(worker, token)| JobState::Assigned {
                worker: WorkerId(worker),
                token: Token(token),
            }),
            (any::<(u32, u64)>(), option::of(text())).prop_map(|((worker, token), stopping)| {
                JobState::Running {
                    worker: WorkerId(worker),
                    token: Token(token),
                    stopping,
                }
            }),
            (outcome(), any::<bool>())
                .prop_map(|(outcome, allowed)| JobState::Ended { outcome, allowed }),
        ]
    }

    fn job() -> impl Strategy<Value = JobRow> {
        let what = (0..6_u32, any::<u32>(), values(), text(), job_state());
        let outputs = btree_map(text(), any::<i64>().prop_map(Value::Int), 0..3);
        let gave = (any::<u32>(), outputs, option::of(text()));
        let times = any::<(Option<i64>, Option<i64>, Option<i64>)>();
        let approvals = btree_map(text(), any::<i64>(), 0..2);
        (what, gave, times, approvals).prop_map(
            |(
                (job, node, elements, name, state),
                (n_attempts, outputs, produced),
                (ready_ms, started_ms, finished_ms),
                approvals,
            )| JobRow {
                run: RUN,
                job: JobId(job),
                node: NodeId(node),
                elements,
                name,
                state,
                n_attempts,
                outputs,
                produced,
                ready_ms,
                started_ms,
                finished_ms,
                approvals,
            },
        )
    }

    fn fan_out() -> impl Strategy<Value = FanOutRow> {
        (values(), 0..3_u32, values(), any::<u32>()).prop_map(
            |(scope, node, elements, first_job)| FanOutRow {
                run: RUN,
                scope,
                node: NodeId(node),
                elements,
                first_job: JobId(first_job),
            },
        )
    }

    fn stage() -> impl Strategy<Value = StageRow> {
        let state = prop_oneof![
            Just(StageState::Entered),
            (text(), any::<u64>()).prop_map(|(lock, ticket)| StageState::Blocked { lock, ticket }),
            outcome().prop_map(|outcome| StageState::Ended { outcome }),
        ];
        (0..3_u32, values(), state).prop_map(|(node, elements, state)| StageRow {
            run: RUN,
            node: NodeId(node),
            elements,
            state,
        })
    }

    fn step() -> impl Strategy<Value = StepRow> {
        let end = prop_oneof![
            Just(StepEnd::Succeeded),
            any::<i32>().prop_map(|signal| StepEnd::Signal { signal }),
            text().prop_map(|message| StepEnd::Error { message }),
        ];
        let place = any::<(u32, u32)>().prop_map(|(line, column)| Place { line, column });
        let key = (0..3_u32, 1..3_u32, 0..3_u32);
        let ending = option::of((end, any::<u64>(), any::<u64>()));
        (key, text(), place, any::<(u64, i64)>(), ending).prop_map(
            |((job, number, step), name, place, (log_from, started_ms), end)| StepRow {
                attempt: AttemptId {
                    run: RUN,
                    job: JobId(job),
                    number,
                },
                step,
                name,
                place,
                log_from,
                started_ms,
                end,
            },
        )
    }

    /// What a store should hold after some changes.
    #[derive(Default, PartialEq, Debug)]
    pub struct Expected {
        run: Option<RunRow>,
        jobs: BTreeMap<JobId, JobRow>,
        fan_outs: BTreeMap<(JobId, NodeId, String), FanOutRow>,
        stages: BTreeMap<(NodeId, Vec<Vec<Value>>), StageRow>,
        steps: BTreeMap<(AttemptId, u32), StepRow>,
        token: u64,
    }

    impl Expected {
        pub fn apply(&mut self, change: &Change) {
            match change.clone() {
                Change::Plan { .. } => {}
                Change::Run(row) => self.run = Some(row),
                Change::Job(row) => drop(self.jobs.insert(row.job, row)),
                Change::FanOut(row) => {
                    self.fan_outs
                        .retain(|_, old| (old.node, &old.scope) != (row.node, &row.scope));
                    let scope = serde_json::to_string(&row.scope).unwrap();
                    self.fan_outs.insert((row.first_job, row.node, scope), row);
                }
                Change::Stage(row) => {
                    drop(self.stages.insert((row.node, row.elements.clone()), row));
                }
                Change::Step(row) => drop(self.steps.insert((row.attempt, row.step), row)),
                Change::Token(token) => self.token = self.token.max(token.0),
            }
        }

        pub fn check(&self, store: &mut Store) {
            let found = store.run(RUN).unwrap().map(|run| run.row);
            assert_eq!(found, self.run);
            let jobs: Vec<_> = self.jobs.values().cloned().collect();
            assert_eq!(store.jobs(RUN).unwrap(), jobs);
            let fan_outs: Vec<_> = self.fan_outs.values().cloned().collect();
            assert_eq!(store.fan_outs(RUN).unwrap(), fan_outs);
            let mut stages = store.stages(RUN).unwrap();
            stages.sort_by_key(|row| (row.node, row.elements.clone()));
            assert_eq!(stages, self.stages.values().cloned().collect::<Vec<_>>());
            let steps: Vec<_> = self.steps.values().cloned().collect();
            assert_eq!(store.steps(RUN, None).unwrap(), steps);
            assert_eq!(store.last_token().unwrap(), Token(self.token));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However the changes are cut into batches, the last row of each key is there, in this
    /// connection and for whoever opens the store later.
    #[test]
    fn rows_are_read_as_they_were_written(batches in vec(rows::changes(), 1..4)) {
        let sandbox = Sandbox::new();
        let mut store = sandbox.open();
        let mut expected = rows::Expected::default();
        for batch in &batches {
            store.write(batch).unwrap();
            batch.iter().for_each(|change| expected.apply(change));
            expected.check(&mut store);
        }
        drop(store);
        expected.check(&mut Store::open_for_reading(&sandbox.layout).unwrap());
    }
}

#[test]
fn a_plan_is_kept_once_and_belongs_to_its_runs() {
    let sandbox = Sandbox::new();
    let mut store = sandbox.open();
    let mut submit = |plan: &Arc<Plan>| {
        let (run, _lock) = store.begin_run().unwrap();
        let changes = [
            Change::Plan {
                run,
                plan: Arc::clone(plan),
            },
            Change::Run(alive(run)),
        ];
        store.write(&changes).unwrap();
        run
    };
    let (build, deploy) = (plan("build"), plan("deploy"));
    let runs = [submit(&build), submit(&deploy), submit(&build)];
    assert_eq!(runs, [RunId(1), RunId(2), RunId(3)]);

    let mut store = Store::open_for_reading(&sandbox.layout).unwrap();
    let pipelines = |runs: Vec<runner::store::RunSummary>| -> Vec<(u64, String)> {
        runs.into_iter()
            .map(|run| (run.id().0, run.pipeline))
            .collect()
    };
    assert_eq!(
        pipelines(store.runs(None, 2).unwrap()),
        [(3, "build".to_owned()), (2, "deploy".to_owned())]
    );
    assert_eq!(
        pipelines(store.runs(Some(RunId(2)), 2).unwrap()),
        [(1, "build".to_owned())]
    );
    assert_eq!(store.plan(RunId(3)).unwrap().as_ref(), Some(&*build));
    assert_eq!(store.plan(RunId(4)).unwrap(), None);
    let run = store.run(RunId(2)).unwrap().unwrap();
    assert_eq!((run.commit.as_str(), run.dirty), ("4f2a", true));

    let db = rusqlite::Connection::open(sandbox.layout.store()).unwrap();
    let count = |db: &rusqlite::Connection| -> u32 {
        db.query_row("SELECT count(*) FROM plans", [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(count(&db), 2);
}

#[test]
fn a_run_is_alive_while_its_lock_is_held() {
    let sandbox = Sandbox::new();
    let mut store = sandbox.open();
    let (run, lock) = store.begin_run().unwrap();
    store.write(&[Change::Run(alive(run))]).unwrap();
    let mut reader = Store::open_for_reading(&sandbox.layout).unwrap();
    let mut status = || reader.run(run).unwrap().unwrap().status;
    assert_eq!(status(), RunStatus::Alive);
    drop(lock);
    assert_eq!(status(), RunStatus::Interrupted);
    store
        .write(&[Change::Run(ended(run, Outcome::Succeeded))])
        .unwrap();
    assert_eq!(status(), RunStatus::Ended(Outcome::Succeeded));
    assert!(store.unfinished_runs().unwrap().is_empty());
}

#[test]
fn workers_keep_their_ids() {
    let sandbox = Sandbox::new();
    let mut store = sandbox.open();
    let (ada, bob) = (
        store.worker_id("ada").unwrap(),
        store.worker_id("bob").unwrap(),
    );
    assert_ne!(ada, bob);
    drop(store);
    let mut store = sandbox.open();
    assert_eq!(store.worker_id("bob").unwrap(), bob);
    assert_eq!(store.worker_id("ada").unwrap(), ada);
}

/// The folder of the store that a second process of the test below uses.
const CHILD: &str = "GANTRY_TEST_STORE_CHILD";
const RUNS_EACH: usize = 50;

fn begin_runs(layout: &Layout) -> BTreeSet<RunId> {
    let mut store = Store::open(layout, Durability::Normal).unwrap();
    let begin = |_| {
        let (run, _lock) = store.begin_run().unwrap();
        store.write(&[Change::Run(alive(run))]).unwrap();
        run
    };
    (0..RUNS_EACH).map(begin).collect()
}

#[test]
fn processes_share_a_store_from_its_first_moment() {
    if let Some(root) = std::env::var_os(CHILD) {
        begin_runs(&Layout::at(root));
        return;
    }
    let sandbox = Sandbox::new();
    let start = |_| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "processes_share_a_store_from_its_first_moment"])
            .env(CHILD, sandbox.layout.root())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    let children: Vec<_> = (0..2).map(start).collect();
    let own = begin_runs(&sandbox.layout);
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(own.len(), RUNS_EACH);
    let all = sandbox.open().runs(None, u32::MAX).unwrap();
    assert_eq!(all.len(), 3 * RUNS_EACH);
}

/// What is refused, with the words that a user reads; `FOLDER` stands for the store's.
fn check_refused(sandbox: &Sandbox, expected: &str) {
    let root = sandbox.layout.root().display().to_string();
    let shown = |error: StoreError| {
        let hint = error.hint().unwrap_or_default();
        let shown = format!("{error}\nhelp: {hint}").replace(&root, "FOLDER");
        shown.replace('\\', "/")
    };
    let write = Store::open(&sandbox.layout, Durability::Normal).map(drop);
    assert_eq!(shown(write.unwrap_err()), expected);
    let read = Store::open_for_reading(&sandbox.layout).map(drop);
    assert_eq!(shown(read.unwrap_err()), expected);
}

#[test]
fn a_store_of_a_newer_version_is_left_alone() {
    let sandbox = Sandbox::new();
    drop(sandbox.open());
    sandbox.tamper("PRAGMA user_version = 7");
    check_refused(
        &sandbox,
        "the store FOLDER/store.sqlite has version 7; this gantry knows versions up to 1\n\
         help: update gantry, or name another folder with `--store`; the store was not changed",
    );
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let sandbox = Sandbox::new();
    sandbox.layout.create().unwrap();
    sandbox.tamper("CREATE TABLE songs (title TEXT)");
    check_refused(
        &sandbox,
        "FOLDER/store.sqlite is a database of another program\n\
         help: name another folder with `--store`",
    );
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let sandbox = Sandbox::new();
    sandbox.layout.create().unwrap();
    std::fs::write(sandbox.layout.store(), "certainly no database ".repeat(400)).unwrap();
    check_refused(
        &sandbox,
        "the store FOLDER/store.sqlite is damaged: file is not a database\n\
         help: move FOLDER away (its logs stay readable as files), and the next run makes a new one",
    );
}

#[test]
fn a_damaged_row_is_named() {
    let sandbox = Sandbox::new();
    let mut store = sandbox.open();
    store.write(&[Change::Run(alive(RunId(1)))]).unwrap();
    sandbox.tamper("UPDATE runs SET detail = '{'");
    let error = store.run(RunId(1)).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("is damaged: "), "{error}");
}

#[test]
fn nothing_is_made_where_only_reading_is_asked_for() {
    let sandbox = Sandbox::new();
    let error = Store::open_for_reading(&sandbox.layout).unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error:?}");
    assert!(!sandbox.layout.root().exists());
}

#[test]
fn a_file_in_the_way_of_the_folder_is_an_error() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.layout.root(), "").unwrap();
    let error = Store::open(&sandbox.layout, Durability::Normal).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
}
