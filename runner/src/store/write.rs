//! Writing: one transaction per batch, and of each row only its last state.

use super::{Store, StoreError};
use model::ids::{AttemptId, JobId, NodeId, RunId, Token};
use model::outcome::Outcome;
use model::plan::Plan;
use model::value::Value;
use rusqlite::{Connection, params};
use scheduler::Change;
use scheduler::record::{FanOutRow, JobRow, JobState, RunRow, StageRow, StepRow};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

impl Store {
    /// Writes all changes, or none. Where it returns without an error they survive what the store's
    /// [`Durability`](super::Durability) says.
    ///
    /// # Errors
    /// Where the store can't be written to; see [`StoreError`].
    pub fn write<'c>(
        &mut self,
        changes: impl IntoIterator<Item = &'c Change>,
    ) -> Result<(), StoreError> {
        let mut changes = changes.into_iter().peekable();
        if changes.peek().is_none() {
            return Ok(());
        }
        Batch::of(changes)
            .write(&self.db, &mut self.buffer)
            .map_err(|error| StoreError::from_sql(&self.path, error))
    }
}

/// The last row of each key, in the order of the keys, so that neighbors are written together.
#[derive(Debug, Default)]
struct Batch<'c> {
    plans: BTreeMap<RunId, &'c Plan>,
    runs: BTreeMap<RunId, &'c RunRow>,
    jobs: BTreeMap<(RunId, JobId), &'c JobRow>,
    fan_outs: BTreeMap<(RunId, NodeId, &'c [Vec<Value>]), &'c FanOutRow>,
    stages: BTreeMap<(RunId, NodeId, &'c [Vec<Value>]), &'c StageRow>,
    steps: BTreeMap<(AttemptId, u32), &'c StepRow>,
    token: Option<Token>,
}

impl<'c> Batch<'c> {
    fn of(changes: impl Iterator<Item = &'c Change>) -> Self {
        let mut batch = Self::default();
        for change in changes {
            match change {
                Change::Plan { run, plan } => {
                    batch.plans.insert(*run, plan);
                }
                Change::Run(row) => {
                    batch.runs.insert(row.run, row);
                }
                Change::Job(row) => {
                    batch.jobs.insert((row.run, row.job), row);
                }
                Change::FanOut(row) => {
                    let key = (row.run, row.node, &row.scope[..]);
                    batch.fan_outs.insert(key, row);
                }
                Change::Stage(row) => {
                    let key = (row.run, row.node, &row.elements[..]);
                    batch.stages.insert(key, row);
                }
                Change::Step(row) => {
                    batch.steps.insert((row.attempt, row.step), row);
                }
                Change::Token(token) => batch.token = batch.token.max(Some(*token)),
            }
        }
        batch
    }

    fn write(&self, db: &Connection, buffer: &mut Vec<u8>) -> rusqlite::Result<()> {
        db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let written = self
            .write_rows(db, buffer)
            .and_then(|()| db.prepare_cached("COMMIT")?.execute([]));
        if written.is_err() && !db.is_autocommit() {
            // What went wrong is in `written`; a full disk may have rolled back by itself already.
            let _ = db.execute_batch("ROLLBACK");
        }
        written.map(drop)
    }

    /// One statement per row, prepared once: about a microsecond each, JSON included, beside 34 for the
    /// commit. A database on the other side of a network will want many rows in one statement.
    fn write_rows(&self, db: &Connection, buffer: &mut Vec<u8>) -> rusqlite::Result<()> {
        for row in self.runs.values() {
            write_run(db, row, buffer)?;
        }
        for (run, plan) in &self.plans {
            write_plan(db, *run, plan)?;
        }
        for row in self.fan_outs.values() {
            write_fan_out(db, row)?;
        }
        for row in self.stages.values() {
            write_stage(db, row)?;
        }
        for row in self.jobs.values() {
            write_job(db, row, buffer)?;
        }
        for row in self.steps.values() {
            write_step(db, row, buffer)?;
        }
        if let Some(token) = self.token {
            // Another process may have granted a higher one.
            db.prepare_cached("UPDATE meta SET value = max(value, ?1) WHERE key = 'last_token'")?
                .execute([token.0.cast_signed()])?;
        }
        Ok(())
    }
}

/// What of a run nobody asks for by itself.
#[derive(Serialize, Deserialize)]
pub(super) struct RunDetail<'r> {
    pub by: Cow<'r, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected: Option<Cow<'r, BTreeSet<NodeId>>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_going: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canceled_by: Option<Cow<'r, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Cow<'r, Outcome>>,
}

fn write_run(db: &Connection, row: &RunRow, buffer: &mut Vec<u8>) -> rusqlite::Result<()> {
    let RunRow {
        run,
        by,
        submitted_ms,
        selected,
        keep_going,
        canceled_by,
        outcome,
        finished_ms,
    } = row;
    let detail = json(
        buffer,
        &RunDetail {
            by: by.into(),
            selected: selected.as_ref().map(Cow::Borrowed),
            keep_going: *keep_going,
            canceled_by: canceled_by.as_deref().map(Cow::Borrowed),
            outcome: outcome.as_ref().map(Cow::Borrowed),
        },
    )?;
    db.prepare_cached(
        "INSERT INTO runs (run, submitted_ms, finished_ms, detail) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (run) DO UPDATE SET submitted_ms = excluded.submitted_ms,
             finished_ms = excluded.finished_ms, detail = excluded.detail",
    )?
    .execute(params![
        run.0.cast_signed(),
        submitted_ms,
        finished_ms,
        detail
    ])?;
    Ok(())
}

/// Equal plans are kept once: most runs at a desk repeat the one before.
fn write_plan(db: &Connection, run: RunId, plan: &Plan) -> rusqlite::Result<()> {
    let body = plan
        .encode()
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let digest = blake3::hash(&body);
    db.prepare_cached("INSERT OR IGNORE INTO plans VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![
            digest.as_bytes(),
            plan.pipeline,
            plan.path,
            plan.event.kind,
            plan.event.commit,
            plan.event.dirty,
            body,
        ])?;
    db.prepare_cached("UPDATE runs SET plan = ?2 WHERE run = ?1")?
        .execute(params![run.0.cast_signed(), digest.as_bytes()])?;
    Ok(())
}

fn write_fan_out(db: &Connection, row: &FanOutRow) -> rusqlite::Result<()> {
    let FanOutRow {
        run,
        scope,
        node,
        elements,
        first_job,
    } = row;
    db.prepare_cached("INSERT OR REPLACE INTO fan_outs VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![
            run.0.cast_signed(),
            node.0,
            json(&mut Vec::new(), scope)?,
            json(&mut Vec::new(), elements)?,
            first_job.0,
        ])?;
    Ok(())
}

fn write_stage(db: &Connection, row: &StageRow) -> rusqlite::Result<()> {
    let StageRow {
        run,
        node,
        elements,
        state,
    } = row;
    db.prepare_cached("INSERT OR REPLACE INTO stages VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            run.0.cast_signed(),
            node.0,
            json(&mut Vec::new(), elements)?,
            json(&mut Vec::new(), state)?,
        ])?;
    Ok(())
}

/// What of a job nobody asks for by itself.
#[derive(Serialize, Deserialize)]
pub(super) struct JobDetail<'r> {
    pub state: Cow<'r, JobState>,
    #[serde(default, skip_serializing_if = "is_empty")]
    pub elements: Cow<'r, [Vec<Value>]>,
    #[serde(default, skip_serializing_if = "map_is_empty")]
    pub outputs: Cow<'r, BTreeMap<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub produced: Option<Cow<'r, str>>,
    #[serde(default, skip_serializing_if = "map_is_empty")]
    pub approvals: Cow<'r, BTreeMap<String, i64>>,
}

fn is_empty(elements: &[Vec<Value>]) -> bool {
    elements.is_empty()
}

fn map_is_empty<V>(map: &BTreeMap<String, V>) -> bool {
    map.is_empty()
}

fn write_job(db: &Connection, row: &JobRow, buffer: &mut Vec<u8>) -> rusqlite::Result<()> {
    let JobRow {
        run,
        job,
        node,
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
    } = row;
    let detail = json(
        buffer,
        &JobDetail {
            state: Cow::Borrowed(state),
            elements: elements.into(),
            outputs: Cow::Borrowed(outputs),
            produced: produced.as_deref().map(Cow::Borrowed),
            approvals: Cow::Borrowed(approvals),
        },
    )?;
    db.prepare_cached(
        "INSERT OR REPLACE INTO jobs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        run.0.cast_signed(),
        job.0,
        node.0,
        name,
        state_word(state),
        n_attempts,
        ready_ms,
        started_ms,
        finished_ms,
        detail,
    ])?;
    Ok(())
}

/// The state as a column, for whoever looks into the store with another program.
fn state_word(state: &JobState) -> &'static str {
    match state {
        JobState::Queued => "queued",
        JobState::Blocked { .. } => "blocked",
        JobState::Asking => "asking",
        JobState::Retrying { .. } => "retrying",
        JobState::Assigned { .. } => "assigned",
        JobState::Running { .. } => "running",
        JobState::Held { .. } => "held",
        JobState::Ended { outcome, .. } => outcome.word(),
    }
}

fn write_step(db: &Connection, row: &StepRow, buffer: &mut Vec<u8>) -> rusqlite::Result<()> {
    let StepRow {
        attempt,
        step,
        name,
        place,
        log_from,
        started_ms,
        end,
    } = row;
    let ending = match end {
        Some((end, _, _)) => Some(json(buffer, end)?),
        None => None,
    };
    let (log_to, took_ms) = match end {
        Some((_, log_to, took_ms)) => (Some(log_to.cast_signed()), Some(took_ms.cast_signed())),
        None => (None, None),
    };
    db.prepare_cached(
        "INSERT OR REPLACE INTO steps VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        attempt.run.0.cast_signed(),
        attempt.job.0,
        attempt.number,
        step,
        name,
        place.line,
        place.column,
        log_from.cast_signed(),
        log_to,
        started_ms,
        took_ms,
        ending,
    ])?;
    Ok(())
}

/// A part of a row as JSON, in a buffer that is used again.
fn json<'b>(buffer: &'b mut Vec<u8>, part: &impl Serialize) -> rusqlite::Result<&'b str> {
    let failed = |error| rusqlite::Error::ToSqlConversionFailure(error);
    buffer.clear();
    serde_json::to_writer(&mut *buffer, part).map_err(|error| failed(error.into()))?;
    std::str::from_utf8(buffer).map_err(|error| failed(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Durability, Layout};

    fn run(run: u64, by: String) -> Change {
        Change::Run(RunRow {
            run: RunId(run),
            by,
            submitted_ms: 0,
            selected: None,
            keep_going: false,
            canceled_by: None,
            outcome: None,
            finished_ms: None,
        })
    }

    /// A disk that is full fails the batch as a whole, and what was there stays.
    #[test]
    fn a_full_disk_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::at(folder.path());
        let mut store = Store::open(&layout, Durability::Normal).unwrap();
        store.write(&[run(1, "ann".to_owned())]).unwrap();
        let n_pages: i64 = store
            .db
            .pragma_query_value(None, "page_count", |row| row.get(0))
            .unwrap();
        store
            .db
            .pragma_update_and_check(None, "max_page_count", n_pages + 2, |_| Ok(()))
            .unwrap();
        let batch = [run(2, "bob".to_owned()), run(3, "b".repeat(100_000))];
        let error = store.write(&batch).unwrap_err();
        assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
        assert!(error.hint().is_some());

        let found = |store: &mut Store| -> Vec<_> {
            let runs = store.runs(None, 9).unwrap();
            runs.into_iter().map(|run| run.row.by).collect()
        };
        assert_eq!(found(&mut store), ["ann"]);
        drop(store);
        let mut store = Store::open(&layout, Durability::Normal).unwrap();
        assert_eq!(found(&mut store), ["ann"]);
        store.write(&batch[..1]).unwrap();
        assert_eq!(found(&mut store), ["bob", "ann"]);
    }
}
