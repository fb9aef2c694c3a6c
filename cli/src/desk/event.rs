//! What started a run: a person at the desk, unless `--trigger` or `--event` says otherwise.

use super::git::{Commit, Head};
use crate::error::{Error, Result};
use crate::output::text;
use dsl::schema::{EVENTS, EventKind, Field, FieldType};
use model::plan::Event;
use model::value::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// What is said about the event on the command line.
#[derive(Debug, Clone, Copy)]
pub enum Given<'a> {
    /// Nothing: a person started it.
    Nothing,
    /// `--trigger KIND[=VALUE]`
    Trigger(&'a str),
    /// `--event FILE`
    File(&'a Path),
}

/// The event, with every field that its kind has: what is not given is as the desk is.
pub fn event(given: Given<'_>, head: &Head, commit: &Commit) -> Result<Event> {
    let desk = Desk { head, commit };
    match given {
        Given::Nothing => Ok(desk.event(kind("manual")?, None)),
        Given::Trigger(trigger) => {
            let (name, value) = match trigger.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (trigger, None),
            };
            let kind = kind(name)?;
            match (main_field(kind.name), value) {
                (None, Some(_)) => Err(Error::usage(format!("`--trigger {name}` takes no value"))),
                (Some(field), None) if kind.name == field => Err(Error::usage(format!(
                    "`--trigger {name}` needs a value: {name}=VALUE"
                ))),
                (_, value) => Ok(desk.event(kind, value)),
            }
        }
        Given::File(path) => {
            let bytes = std::fs::read(path).map_err(|error| {
                let message = format!("can't read the event {}", path.display());
                match error.kind() {
                    std::io::ErrorKind::NotFound => Error::not_found(message),
                    _ => Error::system(message),
                }
                .because(error)
            })?;
            desk.read_json(&bytes)
                .map_err(|why| Error::usage(format!("{}: {why}", path.display())))
        }
    }
}

fn kind(name: &str) -> Result<&'static EventKind> {
    const KINDS: &[EventKind] = &EVENTS;
    let names = || KINDS.iter().map(|kind| kind.name);
    KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| {
        let error = Error::usage(format!("there is no trigger {name:?}"));
        match text::closest(name, names()) {
            Some(close) => error.hint(format!("did you mean `{close}`?")),
            None => error,
        }
        .hint(format!("triggers are {}", text::list(names())))
    })
}

/// The field that the value of `--trigger KIND=VALUE` is. It has the kind's own name where the event
/// means nothing without it.
fn main_field(kind: &str) -> Option<&'static str> {
    match kind {
        "push" => Some("branch"),
        "tag" => Some("tag"),
        "pull_request" => Some("head"),
        "label" => Some("label"),
        "comment" => Some("text"),
        "webhook" => Some("payload"),
        "pipeline" => Some("pipeline"),
        _ => None,
    }
}

struct Desk<'a> {
    head: &'a Head,
    commit: &'a Commit,
}

impl Desk<'_> {
    fn event(&self, kind: &EventKind, value: Option<&str>) -> Event {
        let fields = kind.fields.iter().map(|field| {
            let value = match value {
                Some(value) if main_field(kind.name) == Some(field.name) => Value::text(value),
                _ => self.default(field),
            };
            (field.name.to_owned(), value)
        });
        Event {
            kind: kind.name.to_owned(),
            commit: self.head.commit.clone(),
            dirty: self.head.dirty,
            trusted: true,
            fields: fields.collect(),
        }
    }

    /// What a field is where nobody says it.
    fn default(&self, field: &Field) -> Value {
        match (field.ty, field.name) {
            (FieldType::Person, _) => Value::text(&self.commit.author),
            (_, "branch" | "head") => Value::text(&self.head.branch),
            (_, "base") => Value::text("main"),
            (_, "title") => Value::text(&self.commit.title),
            (FieldType::String | FieldType::Untrusted, _) => Value::text(""),
            (FieldType::UntrustedList, _) => Value::List(Vec::new()),
            (FieldType::Int, _) => Value::Int(0),
            (FieldType::Bool, _) => Value::Bool(false),
            (FieldType::PullRequest, _) => Value::Map(BTreeMap::from([
                ("author".to_owned(), Value::text(&self.commit.author)),
                ("base".to_owned(), Value::text("main")),
                ("head".to_owned(), Value::text(&self.head.branch)),
                ("number".to_owned(), Value::Int(0)),
                ("title".to_owned(), Value::text(&self.commit.title)),
            ])),
        }
    }

    fn read_json(&self, bytes: &[u8]) -> std::result::Result<Event, String> {
        let json: serde_json::Value =
            serde_json::from_slice(bytes).map_err(|error| format!("not JSON: {error}"))?;
        let object = json.as_object().ok_or("an event is a JSON object")?;
        let name = object.get("kind").and_then(serde_json::Value::as_str);
        let name = name.ok_or("an event has a \"kind\", such as \"push\"")?;
        let kind = kind(name).map_err(|error| error.message)?;
        let mut event = self.event(kind, None);
        for (key, value) in object {
            match (key.as_str(), value) {
                ("kind", _) => {}
                ("commit", serde_json::Value::String(commit)) => event.commit = commit.clone(),
                ("trusted", serde_json::Value::Bool(trusted)) => event.trusted = *trusted,
                ("commit", _) => return Err("\"commit\" is a text".to_owned()),
                ("trusted", _) => return Err("\"trusted\" is true or false".to_owned()),
                (key, value) => {
                    let field = kind.field(key).ok_or_else(|| unknown_field(kind, key))?;
                    let value = field_value(field.ty, value)
                        .ok_or_else(|| format!("{key:?} must be: {}", field.ty.ty()))?;
                    event.fields.insert(key.to_owned(), value);
                }
            }
        }
        Ok(event)
    }
}

fn unknown_field(kind: &EventKind, key: &str) -> String {
    let names = ["kind", "commit", "trusted"].into_iter();
    let names = names.chain(kind.fields.iter().map(|field| field.name));
    format!(
        "an event of kind {:?} has no field {key:?}; its fields are {}",
        kind.name,
        text::list(names)
    )
}

fn field_value(ty: FieldType, json: &serde_json::Value) -> Option<Value> {
    use serde_json::Value as Json;
    match (ty, json) {
        (FieldType::String | FieldType::Untrusted | FieldType::Person, Json::String(text)) => {
            Some(Value::text(text))
        }
        (FieldType::UntrustedList, Json::Array(items)) => {
            let texts = items.iter().map(|item| item.as_str().map(Value::text));
            texts.collect::<Option<_>>().map(Value::List)
        }
        (FieldType::Int, json) => json.as_i64().map(Value::Int),
        (FieldType::Bool, Json::Bool(value)) => Some(Value::Bool(*value)),
        (FieldType::PullRequest, Json::Object(object)) => {
            let text = |name| object.get(name)?.as_str().map(Value::text);
            Some(Value::Map(BTreeMap::from([
                ("author".to_owned(), text("author")?),
                ("base".to_owned(), text("base")?),
                ("head".to_owned(), text("head")?),
                (
                    "number".to_owned(),
                    Value::Int(object.get("number")?.as_i64()?),
                ),
                ("title".to_owned(), text("title")?),
            ])))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn show(event: Result<Event>) -> String {
        match event {
            Ok(event) => {
                let fields = event
                    .fields
                    .iter()
                    .map(|(name, value)| format!(" {name}={value}"));
                format!(
                    "{} trusted={}{}\n",
                    event.kind,
                    event.trusted,
                    fields.collect::<String>()
                )
            }
            Err(error) => error.render(crate::output::Palette::PLAIN),
        }
    }

    fn desk() -> (Head, Commit) {
        let head = Head {
            commit: "3f2c1a".to_owned(),
            branch: "feature".to_owned(),
            dirty: false,
        };
        let commit = Commit {
            author: "ann".to_owned(),
            title: "Add it".to_owned(),
        };
        (head, commit)
    }

    fn check_triggers(triggers: &[&str]) -> String {
        let (head, commit) = desk();
        let show = |trigger: &&str| show(event(Given::Trigger(trigger), &head, &commit));
        triggers.iter().map(show).collect()
    }

    fn check_file(json: &str) -> String {
        let (head, commit) = desk();
        let desk = Desk {
            head: &head,
            commit: &commit,
        };
        let event = desk.read_json(json.as_bytes());
        show(event.map_err(Error::usage))
    }

    #[test]
    fn triggers() {
        assert_snapshot!(check_triggers(&[
            "manual",
            "push",
            "push=main",
            "tag=v1",
            "label=deploy",
            "schedule",
        ]), @r#"
        manual trusted=true author="ann"
        push trusted=true author="ann" branch="feature" title="Add it"
        push trusted=true author="ann" branch="main" title="Add it"
        tag trusted=true author="ann" tag="v1"
        label trusted=true author="ann" base="main" head="feature" label="deploy" labeled_by="ann" labels=[] pull_request={ author = "ann", base = "main", head = "feature", number = 0, title = "Add it" } title="Add it"
        schedule trusted=true
        "#);
    }

    #[test]
    fn triggers_that_make_no_sense() {
        assert_snapshot!(check_triggers(&[
            "psuh", "tag", "label", "manual=x", "=", ""
        ]), @r#"
        error: there is no trigger "psuh"
          help: did you mean `push`?
          help: triggers are push, tag, pull_request, label, comment, schedule, webhook, pipeline and manual
        error: `--trigger tag` needs a value: tag=VALUE
        error: `--trigger label` needs a value: label=VALUE
        error: `--trigger manual` takes no value
        error: there is no trigger ""
          help: triggers are push, tag, pull_request, label, comment, schedule, webhook, pipeline and manual
        error: there is no trigger ""
          help: triggers are push, tag, pull_request, label, comment, schedule, webhook, pipeline and manual
        "#);
    }

    #[test]
    fn events_of_files() {
        assert_snapshot!(
            [
                r#"{"kind": "push", "branch": "main", "trusted": false}"#,
                r#"{"kind": "pull_request", "labels": ["a", "b"]}"#,
                r#"{"kind": "push", "brunch": "main"}"#,
                r#"{"kind": "push", "branch": 7}"#,
                r#"{"branch": "main"}"#,
                r#"["push"]"#,
                r#"{"kind": "push""#,
            ]
            .map(check_file)
            .concat(), @r#"
        push trusted=false author="ann" branch="main" title="Add it"
        pull_request trusted=true author="ann" base="main" head="feature" labels=["a", "b"] pull_request={ author = "ann", base = "main", head = "feature", number = 0, title = "Add it" } title="Add it"
        error: an event of kind "push" has no field "brunch"; its fields are kind, commit, trusted, author, branch and title
        error: "branch" must be: untrusted string
        error: an event has a "kind", such as "push"
        error: an event is a JSON object
        error: not JSON: EOF while parsing an object at line 1 column 15
        "#);
    }
}
