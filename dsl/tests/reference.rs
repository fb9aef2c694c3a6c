//! The reference and the schema are one: the tables of grammar/REFERENCE.md are made here, and its
//! examples are checked. `UPDATE_REFERENCE=1 cargo test -p dsl --test reference` writes the tables.

use dsl::schema::{Availability, EVENTS, FUNCTIONS, Level, RUN_FIELDS};
use std::fmt::Write;
use std::{env, fs};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../grammar/REFERENCE.md");
/// What stands above the tables.
const MARK: &str = "cargo test -p dsl --test reference`. -->\n";

#[test]
fn tables_are_those_of_the_schema() {
    let page = fs::read_to_string(PATH).unwrap();
    let end = page.find(MARK).expect("the mark above the tables") + MARK.len();
    let made = format!("{}{}", &page[..end], tables());
    if env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(PATH, made).unwrap();
    } else {
        assert!(
            page == made,
            "run UPDATE_REFERENCE=1 cargo test -p dsl --test reference"
        );
    }
}

#[test]
fn examples_are_without_mistakes() {
    let page = fs::read_to_string(PATH).unwrap();
    let examples: Vec<_> = page.split("```gantry\n").skip(1).collect();
    assert!(examples.len() >= 3);
    for example in examples {
        let text = example.split("```").next().unwrap();
        let source =
            dsl::source::SourceFile::new(dsl::source::FileId::default(), "reference.gantry", text);
        let diagnostics = &dsl::check(&source).diagnostics;
        assert!(diagnostics.is_empty(), "{text}\n{diagnostics:#?}");
    }
}

fn tables() -> String {
    let mut out = String::new();
    for level in Level::all() {
        let words: Vec<_> = level.all_words().collect();
        let settings: Vec<_> = level.all_settings().collect();
        if words.is_empty() && settings.is_empty() {
            continue;
        }
        let _ = write!(out, "\n### In {}\n", level.title);
        if !words.is_empty() {
            out.push_str("\n| word | what it is for | |\n| --- | --- | --- |\n");
            for word in words {
                row(&mut out, word.form, word.doc, word.availability);
            }
        }
        if !settings.is_empty() {
            out.push_str("\n| setting | what it is for | |\n| --- | --- | --- |\n");
            for setting in settings {
                row(&mut out, setting.name, setting.doc, setting.availability);
            }
        }
    }
    out.push_str("\n### Functions\n\n| function | what it gives | |\n| --- | --- | --- |\n");
    for function in &FUNCTIONS {
        row(&mut out, function.form, function.doc, function.availability);
    }
    out.push_str(
        "\n### Events\n\n| event | what happened | filters | fields |\n| --- | --- | --- | --- |\n",
    );
    for event in &EVENTS {
        let fields = event
            .fields
            .iter()
            .map(|field| format!("`{}: {}`", field.name, field.ty.ty()));
        let filters = event.filters.iter().map(|filter| format!("`{filter}`"));
        let _ = writeln!(
            out,
            "| `{}`{} | {} | {} | {} |",
            event.name,
            event
                .argument
                .map(|argument| format!(", {argument}"))
                .unwrap_or_default(),
            event.doc,
            filters.collect::<Vec<_>>().join(", "),
            fields.collect::<Vec<_>>().join(", "),
        );
    }
    out.push_str("\n### Fields of a run\n\n| field | what it is |\n| --- | --- |\n");
    for field in &RUN_FIELDS {
        let _ = writeln!(
            out,
            "| `run.{}: {}` | {} |",
            field.name,
            field.ty.ty(),
            field.doc
        );
    }
    out
}

fn row(out: &mut String, form: &str, doc: &str, availability: Availability) {
    let note = match availability {
        Availability::Ready => "",
        Availability::Windows => "on Windows",
        Availability::Planned(_) => "planned, not run yet",
        Availability::Unplanned(_) => "not in this build",
        Availability::Ignored => "read, changes nothing yet",
    };
    // A `|` would end the cell.
    let _ = writeln!(out, "| `{}` | {doc} | {note} |", form.replace('|', "\\|"));
}
