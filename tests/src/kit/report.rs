//! What a run did, read from the JSON events that it printed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Finished;

/// The events of one run, and what they say about each job.
#[derive(Debug, Default)]
pub struct Report {
    /// All events, in order.
    pub events: Vec<Value>,
    names: BTreeMap<u64, String>,
}

impl Finished {
    /// The events of a run that was started with `--output json`.
    #[must_use]
    #[track_caller]
    pub fn report(&self) -> Report {
        let mut report = Report {
            events: self.json_lines(),
            ..Report::default()
        };
        for event in &report.events {
            if let ("job_created", Some(job)) = (kind(event), event["job"].as_u64()) {
                report.names.insert(job, text(&event["name"]).to_owned());
            }
        }
        report
    }
}

impl Report {
    /// How each job ended, by its name: `succeeded`, `failed`, `skipped`, …
    #[must_use]
    pub fn outcomes(&self) -> BTreeMap<&str, &str> {
        self.of_kind("job_finished")
            .filter_map(|event| Some((self.name(event)?, text(&event["outcome"]))))
            .collect()
    }

    /// The last event of a job: how it ended, its outputs, its attempt.
    #[must_use]
    #[track_caller]
    pub fn finished(&self, job: &str) -> &Value {
        self.of_kind("job_finished")
            .find(|event| self.name(event) == Some(job))
            .unwrap_or_else(|| panic!("{job} has not finished: {:#?}", self.outcomes()))
    }

    /// How the run ended.
    #[must_use]
    #[track_caller]
    pub fn outcome(&self) -> &str {
        let last = self.of_kind("run_finished").last();
        text(&last.expect("the last event says how the run ended")["outcome"])
    }

    /// The names of the jobs in the order in which they started.
    #[must_use]
    pub fn started(&self) -> Vec<&str> {
        self.of_kind("job_started")
            .filter_map(|event| self.name(event))
            .collect()
    }

    /// The position of the first event of this kind for this job; positions say what came before
    /// what.
    #[must_use]
    #[track_caller]
    pub fn position(&self, wanted: &str, job: &str) -> usize {
        self.events
            .iter()
            .position(|event| kind(event) == wanted && self.name(event) == Some(job))
            .unwrap_or_else(|| panic!("no {wanted} of {job}"))
    }

    /// The events of one kind.
    pub fn of_kind(&self, wanted: &str) -> impl Iterator<Item = &Value> {
        self.events
            .iter()
            .filter(move |event| kind(event) == wanted)
    }

    fn name(&self, event: &Value) -> Option<&str> {
        self.names.get(&event["job"].as_u64()?).map(String::as_str)
    }
}

fn kind(event: &Value) -> &str {
    text(&event["event"])
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
