//! Reading: rows as they were written. A row that makes no sense is damage, and says which it is.

use super::write::{JobDetail, RunDetail};
use super::{RunLock, RunStatus, RunSummary, Store, StoreError};
use model::ids::{AttemptId, JobId, NodeId, RunId, Token};
use model::plan::Plan;
use model::spec::Place;
use rusqlite::types::{FromSql, Type};
use rusqlite::{OptionalExtension, Params, Row};
use scheduler::LiveRun;
use scheduler::record::{FanOutRow, JobRow, RunRow, StageRow, StepRow};
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::sync::Arc;

/// The columns that [`summary`] reads.
const SUMMARY: &str = "
    SELECT run, submitted_ms, finished_ms, detail, pipeline, path, trigger, commit_id, dirty
    FROM runs LEFT JOIN plans ON plans.digest = runs.plan";

/// The columns that [`job`] reads.
const JOB: &str = "
    SELECT run, job, node, name, n_attempts, ready_ms, started_ms, finished_ms, detail FROM jobs";

impl Store {
    /// Runs, newest first: at most `limit` of those before `before`.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub fn runs(
        &mut self,
        before: Option<RunId>,
        limit: u32,
    ) -> Result<Vec<RunSummary>, StoreError> {
        let before = before.map_or(i64::MAX, |run| run.0.cast_signed());
        let sql = format!("{SUMMARY} WHERE run < ?1 ORDER BY run DESC LIMIT ?2");
        let runs = self.rows(&sql, (before, limit), summary)?;
        runs.into_iter().map(|run| self.with_status(run)).collect()
    }

    /// A run.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub fn run(&mut self, run: RunId) -> Result<Option<RunSummary>, StoreError> {
        let sql = format!("{SUMMARY} WHERE run = ?1");
        let mut found = self.rows(&sql, [run.0.cast_signed()], summary)?;
        found.pop().map(|run| self.with_status(run)).transpose()
    }

    /// The runs that have not ended, oldest first: those of living processes and of ended ones.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub fn unfinished_runs(&mut self) -> Result<Vec<RunSummary>, StoreError> {
        let sql = format!("{SUMMARY} WHERE finished_ms IS NULL ORDER BY run");
        let runs = self.rows(&sql, [], summary)?;
        runs.into_iter().map(|run| self.with_status(run)).collect()
    }

    /// What a run does.
    ///
    /// # Errors
    /// Where the store can't be read, or the plan is of another version.
    pub fn plan(&mut self, run: RunId) -> Result<Option<Plan>, StoreError> {
        let body: Option<Vec<u8>> = self
            .db
            .prepare_cached(
                "SELECT body FROM plans WHERE digest = (SELECT plan FROM runs WHERE run = ?1)",
            )
            .and_then(|mut statement| {
                statement
                    .query_row([run.0.cast_signed()], |row| row.get(0))
                    .optional()
            })
            .map_err(|error| StoreError::from_sql(&self.path, error))?;
        let plan = body.as_deref().map(Plan::decode).transpose();
        plan.map_err(|error| self.damaged(format!("the plan of run {run}: {error}")))
    }

    /// The jobs of a run that have left Waiting, in the order of their ids.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub fn jobs(&mut self, run: RunId) -> Result<Vec<JobRow>, StoreError> {
        let sql = format!("{JOB} WHERE run = ?1 ORDER BY job");
        self.rows(&sql, [run.0.cast_signed()], job)
    }

    /// What the fan-outs of a run have become, in the order of the plan.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub fn fan_outs(&mut self, run: RunId) -> Result<Vec<FanOutRow>, StoreError> {
        let sql = "SELECT run, node, scope, elements, first_job FROM fan_outs WHERE run = ?1
                   ORDER BY first_job, node, scope";
        self.rows(sql, [run.0.cast_signed()], fan_out)
    }

    /// The stages of a run that have left Waiting, in the order of the plan.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub fn stages(&mut self, run: RunId) -> Result<Vec<StageRow>, StoreError> {
        let sql = "SELECT run, node, elements, state FROM stages WHERE run = ?1
                   ORDER BY node, elements";
        self.rows(sql, [run.0.cast_signed()], stage)
    }

    /// The steps of a run, or of one of its jobs, in the order of jobs, attempts and steps.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub fn steps(&mut self, run: RunId, job: Option<JobId>) -> Result<Vec<StepRow>, StoreError> {
        let (first, last) = job.map_or((0, u32::MAX), |job| (job.0, job.0));
        let sql = "SELECT run, job, attempt, step, name, line, col, log_from, started_ms, ending,
                          log_to, took_ms
                   FROM steps WHERE run = ?1 AND job BETWEEN ?2 AND ?3
                   ORDER BY run, job, attempt, step";
        self.rows(sql, (run.0.cast_signed(), first, last), step)
    }

    /// All that a scheduler needs to go on with a run; `None` where it has ended or there is none.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub fn live_run(&mut self, run: RunId) -> Result<Option<LiveRun>, StoreError> {
        let row = self.run(run)?.map(|summary| summary.row);
        let Some(row) = row.filter(|row| row.outcome.is_none()) else {
            return Ok(None);
        };
        let plan = self
            .plan(run)?
            .ok_or_else(|| self.damaged(format!("run {run} has no plan")))?;
        let mut steps = self.steps(run, None)?;
        steps.retain(|step| step.end.is_none());
        Ok(Some(LiveRun {
            plan: Arc::new(plan),
            run: row,
            jobs: self.jobs(run)?,
            fan_outs: self.fan_outs(run)?,
            stages: self.stages(run)?,
            steps,
        }))
    }

    /// The highest token that was granted.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub fn last_token(&mut self) -> Result<Token, StoreError> {
        let sql = "SELECT value FROM meta WHERE key = 'last_token'";
        let found = self.rows(sql, [], |row| {
            Ok(Token(get::<i64>(row, 0)?.cast_unsigned()))
        })?;
        Ok(found.into_iter().next().unwrap_or(Token(0)))
    }

    fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.db
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_map(params, read)?.collect())
            .map_err(|error| StoreError::from_sql(&self.path, error))
    }

    fn with_status(&self, mut run: RunSummary) -> Result<RunSummary, StoreError> {
        if run.row.outcome.is_none() && RunLock::is_held(&self.layout, run.row.run)? {
            run.status = RunStatus::Alive;
        }
        Ok(run)
    }
}

/// A run as far as the database knows it: one that has not ended counts as interrupted until its lock
/// is looked at.
fn summary(row: &Row<'_>) -> rusqlite::Result<RunSummary> {
    let detail: RunDetail<'_> = from_json(row, 3)?;
    let outcome = detail.outcome.map(Cow::into_owned);
    Ok(RunSummary {
        status: outcome
            .clone()
            .map_or(RunStatus::Interrupted, RunStatus::Ended),
        row: RunRow {
            run: run_id(row)?,
            by: detail.by.into_owned(),
            submitted_ms: get(row, 1)?,
            selected: detail.selected.map(Cow::into_owned),
            keep_going: detail.keep_going,
            canceled_by: detail.canceled_by.map(Cow::into_owned),
            outcome,
            finished_ms: get(row, 2)?,
        },
        // A run whose plan is missing is still one that people want to see.
        pipeline: get::<Option<_>>(row, 4)?.unwrap_or_default(),
        path: get::<Option<_>>(row, 5)?.unwrap_or_default(),
        trigger: get::<Option<_>>(row, 6)?.unwrap_or_default(),
        commit: get::<Option<_>>(row, 7)?.unwrap_or_default(),
        dirty: get::<Option<_>>(row, 8)?.unwrap_or_default(),
    })
}

fn job(row: &Row<'_>) -> rusqlite::Result<JobRow> {
    let detail: JobDetail<'_> = from_json(row, 8)?;
    Ok(JobRow {
        run: run_id(row)?,
        job: JobId(get(row, 1)?),
        node: NodeId(get(row, 2)?),
        elements: detail.elements.into_owned(),
        name: get(row, 3)?,
        state: detail.state.into_owned(),
        n_attempts: get(row, 4)?,
        outputs: detail.outputs.into_owned(),
        produced: detail.produced.map(Cow::into_owned),
        ready_ms: get(row, 5)?,
        started_ms: get(row, 6)?,
        finished_ms: get(row, 7)?,
        approvals: detail.approvals.into_owned(),
    })
}

fn fan_out(row: &Row<'_>) -> rusqlite::Result<FanOutRow> {
    Ok(FanOutRow {
        run: run_id(row)?,
        node: NodeId(get(row, 1)?),
        scope: from_json(row, 2)?,
        elements: from_json(row, 3)?,
        first_job: JobId(get(row, 4)?),
    })
}

fn stage(row: &Row<'_>) -> rusqlite::Result<StageRow> {
    Ok(StageRow {
        run: run_id(row)?,
        node: NodeId(get(row, 1)?),
        elements: from_json(row, 2)?,
        state: from_json(row, 3)?,
    })
}

fn step(row: &Row<'_>) -> rusqlite::Result<StepRow> {
    let end = match get::<Option<String>>(row, 9)? {
        Some(_) => Some((
            from_json(row, 9)?,
            get::<i64>(row, 10)?.cast_unsigned(),
            get::<i64>(row, 11)?.cast_unsigned(),
        )),
        None => None,
    };
    Ok(StepRow {
        attempt: AttemptId {
            run: run_id(row)?,
            job: JobId(get(row, 1)?),
            number: get(row, 2)?,
        },
        step: get(row, 3)?,
        name: get(row, 4)?,
        place: Place {
            line: get(row, 5)?,
            column: get(row, 6)?,
        },
        log_from: get::<i64>(row, 7)?.cast_unsigned(),
        started_ms: get(row, 8)?,
        end,
    })
}

/// The run of a row; every table has it first.
fn run_id(row: &Row<'_>) -> rusqlite::Result<RunId> {
    Ok(RunId(get::<i64>(row, 0)?.cast_unsigned()))
}

fn get<T: FromSql>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    row.get(column)
}

fn from_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
    })
}
