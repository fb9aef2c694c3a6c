//! The store as the engine has it: rows by key.

use model::ids::{AttemptId, JobId, NodeId, RunId, Token};
use model::plan::Plan;
use model::value::Value;
use scheduler::record::{Change, FanOutRow, JobRow, LiveRun, RunRow, StageRow, StepRow};
use std::collections::BTreeMap;
use std::sync::Arc;

type Elements = Vec<Vec<Value>>;

/// Rows by key.
#[derive(Default)]
pub struct Store {
    pub plans: BTreeMap<RunId, Arc<Plan>>,
    pub runs: BTreeMap<RunId, RunRow>,
    pub jobs: BTreeMap<(RunId, JobId), JobRow>,
    pub fan_outs: BTreeMap<(RunId, Elements, NodeId), FanOutRow>,
    pub stages: BTreeMap<(RunId, NodeId, Elements), StageRow>,
    pub steps: BTreeMap<(AttemptId, u32), StepRow>,
    pub token: Option<Token>,
}

impl Store {
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Plan { run, plan } => {
                self.plans.insert(run, plan);
            }
            Change::Run(row) => {
                self.runs.insert(row.run, row);
            }
            Change::Job(row) => {
                self.jobs.insert((row.run, row.job), row);
            }
            Change::FanOut(row) => {
                let key = (row.run, row.scope.clone(), row.node);
                self.fan_outs.insert(key, row);
            }
            Change::Stage(row) => {
                let key = (row.run, row.node, row.elements.clone());
                self.stages.insert(key, row);
            }
            Change::Step(row) => {
                self.steps.insert((row.attempt, row.step), row);
            }
            Change::Token(token) => self.token = Some(token),
        }
    }

    /// What a restart reads.
    pub fn live_runs(&self) -> Vec<LiveRun> {
        let live = self.runs.values().filter(|row| row.outcome.is_none());
        live.map(|row| {
            let run = row.run;
            let of = |id: RunId| id == run;
            LiveRun {
                plan: Arc::clone(&self.plans[&run]),
                run: row.clone(),
                jobs: self.jobs_of(run).cloned().collect(),
                fan_outs: self
                    .fan_outs
                    .values()
                    .filter(|row| of(row.run))
                    .cloned()
                    .collect(),
                stages: self
                    .stages
                    .values()
                    .filter(|row| of(row.run))
                    .cloned()
                    .collect(),
                steps: self
                    .steps
                    .values()
                    .filter(|row| of(row.attempt.run) && row.end.is_none())
                    .cloned()
                    .collect(),
            }
        })
        .collect()
    }

    pub fn jobs_of(&self, run: RunId) -> impl Iterator<Item = &JobRow> {
        let range = (run, JobId(0))..=(run, JobId(u32::MAX));
        self.jobs.range(range).map(|(_, row)| row)
    }

    pub fn is_live(&self, run: RunId) -> bool {
        self.runs.get(&run).is_some_and(|row| row.outcome.is_none())
    }
}
