//! How diagnostics are shown, in each of the formats.

use dsl::diagnostic::render::{Report, Style, concise, full, github};
use dsl::diagnostic::{Applicability, Code, Diagnostic};
use dsl::source::{Sources, Span};
use insta::assert_snapshot;

/// A diagnostic whose labels are the stretches of the text between `‹` and `›`, the first of them
/// primary; its labels are named after the order of the text.
fn marked(text: &str) -> (Sources, Diagnostic) {
    let mut plain = String::new();
    let (mut starts, mut spans) = (Vec::new(), Vec::new());
    for character in text.chars() {
        match character {
            '‹' => starts.push((plain.len(), starts.len())),
            '›' => spans.push((starts.pop().expect("a start").0, plain.len())),
            _ => plain.push(character),
        }
    }
    let mut sources = Sources::new();
    let id = sources.add("dir/a.gantry", plain).id();
    let span = |&(start, end): &(usize, usize)| Span::new(id, start as u32, end as u32);
    let mut diagnostic = Diagnostic::error(
        Code::UnexpectedText,
        "something is wrong",
        span(&spans[0]),
        "first",
    );
    for (index, place) in spans.iter().enumerate().skip(1) {
        diagnostic = diagnostic.label(span(place), ["", "second", "third", "fourth"][index]);
    }
    (sources, diagnostic.help("mend it"))
}

fn shown(text: &str) -> String {
    let (sources, diagnostic) = marked(text);
    full(&diagnostic, &sources, Style::Plain)
}

#[test]
fn labels_on_one_line_and_on_several() {
    assert_snapshot!(shown("a = ‹b› + ‹c› + ‹d›\n"), @r"
    error[G0110]: something is wrong
     --> dir/a.gantry:1:5
      |
    1 | a = b + c + d
      |     ^   -   - third
      |     |   second
      |     first
      |
      = help: mend it
    ");
    assert_snapshot!(shown("‹a›\n\n‹b›\nc\nd\n‹e›\n"), @r"
    error[G0110]: something is wrong
     --> dir/a.gantry:1:1
      |
    1 | a
      | ^ first
    2 |
    3 | b
      | - second
    ...
    6 | e
      | - third
      |
      = help: mend it
    ");
    assert_snapshot!(shown("‹a = [\n  1\n]›\n"), @r"
    error[G0110]: something is wrong
     --> dir/a.gantry:1:1
      |
    1 | a = [
      | ^^^^^ first
      |
      = help: mend it
    ");
    assert_snapshot!(shown("a = b‹›\n"), @r"
    error[G0110]: something is wrong
     --> dir/a.gantry:1:6
      |
    1 | a = b
      |      ^ first
      |
      = help: mend it
    ");
    assert_snapshot!(shown("a‹›"), @r"
    error[G0110]: something is wrong
     --> dir/a.gantry:1:2
      |
    1 | a
      |  ^ first
      |
      = help: mend it
    ");
}

#[test]
fn what_is_wide_or_invisible() {
    assert_snapshot!(shown("\t\tx = ‹y› \"日本語\" ‹z›\n"), @r#"
    error[G0110]: something is wrong
     --> dir/a.gantry:1:7
      |
    1 |         x = y "日本語" z
      |             ^          - second
      |             first
      |
      = help: mend it
    "#);
    assert_snapshot!(shown("日本 ‹語›\n"), @r"
    error[G0110]: something is wrong
     --> dir/a.gantry:1:4
      |
    1 | 日本 語
      |      ^^ first
      |
      = help: mend it
    ");
    assert_snapshot!(shown("e\u{301} ‹x›\r\n"), @r"
    error[G0110]: something is wrong
     --> dir/a.gantry:1:4
      |
    1 | é x
      |   ^ first
      |
      = help: mend it
    ");
    assert_snapshot!(shown("a \u{1b}[31m\u{202e}‹b›\n"), @r"
    error[G0110]: something is wrong
     --> dir/a.gantry:1:9
      |
    1 | a \u{1b}[31m\u{202e}b
      |                     ^ first
      |
      = help: mend it
    ");
}

#[test]
fn a_long_line_is_cut_around_what_matters() {
    let long = "word ".repeat(100);
    assert_snapshot!(shown(&format!("{long}‹here›{long}\n")), @r"
    error[G0110]: something is wrong
     --> dir/a.gantry:1:501
      |
    1 | …word word word word word word hereword word word word word word word word word word word word word word word word word w…
      |                                ^^^^ first
      |
      = help: mend it
    ");
    assert_snapshot!(shown(&format!("‹here› {long}\n")), @r"
    error[G0110]: something is wrong
     --> dir/a.gantry:1:1
      |
    1 | here word word word word word word word word word word word word word word word word word word word word word word word …
      | ^^^^ first
      |
      = help: mend it
    ");
    assert_snapshot!(shown(&format!("{long}‹here›\n")), @r"
    error[G0110]: something is wrong
     --> dir/a.gantry:1:501
      |
    1 | … word word word word word word word word word word word word word word word word word word word word word word word here
      |                                                                                                                      ^^^^ first
      |
      = help: mend it
    ");
    assert_snapshot!(shown(&format!("‹here› {long}‹there›\n")), @r"
    error[G0110]: something is wrong
     --> dir/a.gantry:1:1
      |
    1 | here word word word word word word word word word word word word word word word word word word word word word word word …
      | ^^^^                                                                                                                    - second
      | first
      |
      = help: mend it
    ");
}

#[test]
fn several_files() {
    let mut sources = Sources::new();
    let one = sources.add("one.gantry", "use lib.build(x = 1)\n").id();
    let other = sources
        .add("lib.gantry", "\ntemplate build(y: int) { }\n")
        .id();
    let diagnostic = Diagnostic::warning(
        Code::UnexpectedText,
        "no parameter",
        Span::new(one, 14, 15),
        "this one",
    )
    .label(Span::new(other, 10, 15), "declared here");
    assert_snapshot!(full(&diagnostic, &sources, Style::Plain), @r"
    warning[G0110]: no parameter
     --> one.gantry:1:15
      |
    1 | use lib.build(x = 1)
      |               ^ this one
      |
     ::: lib.gantry:2:10
      |
    2 | template build(y: int) { }
      |          ----- declared here
    ");
}

#[test]
fn with_colors() {
    let (sources, diagnostic) = marked("a = ‹b› + ‹c›\n");
    let colored = full(&diagnostic, &sources, Style::Color);
    assert_snapshot!(colored.replace('\x1b', "^"), @r"
    ^[1;31merror[G0110]^[0m^[1m: something is wrong^[0m
     ^[34m-->^[0m dir/a.gantry:1:5
    ^[34m  |^[0m
    ^[34m1 |^[0m a = b + c
    ^[34m  |^[0m     ^[1;31m^^[0m   ^[1;34m-^[0m ^[1;34msecond^[0m
    ^[34m  |^[0m     ^[1;31mfirst^[0m
    ^[34m  |^[0m
      ^[34m=^[0m ^[1;36mhelp^[0m: mend it
    ");
}

#[test]
fn other_formats() {
    let (sources, diagnostic) = marked("# 100%\na = ‹b› + ‹c›\n");
    let span = diagnostic.span();
    let diagnostic = diagnostic.fix(span, "d", Applicability::Maybe);
    assert_snapshot!(concise(&diagnostic, &sources), @"dir/a.gantry:2:5: error[G0110]: something is wrong");
    assert_snapshot!(github(&diagnostic.clone().help("50%, or less"), &sources), @"::error file=dir/a.gantry,line=2,endLine=2,col=5,endColumn=6,title=G0110::something is wrong%0Afirst%0Ahelp: mend it%0Ahelp: 50%25, or less");
    let report = Report::new([&diagnostic], &sources);
    let json = serde_json::to_string_pretty(&report).expect("a report is JSON");
    assert_snapshot!(json, @r#"
    {
      "format": "gantry-diagnostics",
      "version": 1,
      "diagnostics": [
        {
          "code": "G0110",
          "severity": "error",
          "headline": "something is wrong",
          "labels": [
            {
              "path": "dir/a.gantry",
              "start": {
                "offset": 11,
                "line": 2,
                "column": 5
              },
              "end": {
                "offset": 12,
                "line": 2,
                "column": 6
              },
              "text": "first"
            },
            {
              "path": "dir/a.gantry",
              "start": {
                "offset": 15,
                "line": 2,
                "column": 9
              },
              "end": {
                "offset": 16,
                "line": 2,
                "column": 10
              },
              "text": "second"
            }
          ],
          "help": [
            "mend it"
          ],
          "fix": {
            "path": "dir/a.gantry",
            "start": {
              "offset": 11,
              "line": 2,
              "column": 5
            },
            "end": {
              "offset": 12,
              "line": 2,
              "column": 6
            },
            "replacement": "d",
            "applicability": "maybe"
          }
        }
      ]
    }
    "#);
}

#[test]
fn every_code_has_a_page() {
    let mut numbers: Vec<_> = Code::ALL.iter().map(|code| code.number()).collect();
    for &code in Code::ALL {
        assert_eq!(Code::parse(&code.to_string()), Some(code));
        assert!(
            !code.title().is_empty() && !code.title().ends_with('.'),
            "{code}"
        );
        assert!(
            code.explanation().len() > code.title().len(),
            "{code} says no more than its title"
        );
        assert!(code.explanation().ends_with('.'), "{code}");
    }
    let in_order = numbers.clone();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(
        numbers, in_order,
        "the catalogue is in order, each number once"
    );
}
