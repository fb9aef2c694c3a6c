//! Two readings of a text have to agree: that of the grammar as a whole with that of the parser,
//! which asks for pieces; and that of the grammar with the scan, which bounds what it is given.

use std::collections::BTreeSet;

use pest::Parser as _;
use proptest::prelude::*;
use proptest::sample::select;

use super::grammar::{Grammar, Rule};
use super::parse;
use super::scan::{Kind, Scanner};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, SourceFile};

const PIECES: &[&str] = &[
    "a",
    "b",
    " = ",
    " = ",
    "\n",
    "\n",
    " ",
    " { ",
    " }\n",
    "(",
    ")",
    "[",
    "]",
    ", ",
    "\"",
    "\"x\"",
    "\"\"\"",
    "\"\"\"\n",
    "\n\"\"\"\n",
    "'",
    "'y'",
    "# ",
    "//",
    "/*",
    "*/",
    "+",
    "*",
    "/",
    "!",
    "<",
    ":",
    " for a in ",
    " where ",
    "not ",
    " if ",
    " then ",
    " else ",
    "\\",
    "1",
    "?",
];

fn check(text: &str) -> Result<(), TestCaseError> {
    let source = SourceFile::new(FileId(0), "a.gantry", text);
    let parsed = parse(&source);
    let whole = Grammar::parse(Rule::file, text);
    let Ok(pairs) = whole else {
        prop_assert!(
            !parsed.diagnostics.is_empty(),
            "the grammar refuses it, the parser doesn't"
        );
        return Ok(());
    };
    let mut tokens = BTreeSet::new();
    for token in Scanner::new(text, 0) {
        if token.kind == Kind::Text {
            tokens.insert((token.start, token.end));
        }
    }
    let is_text = |rule| matches!(rule, Rule::quoted | Rule::fenced | Rule::foreign_text);
    for pair in pairs.flatten().filter(|pair| is_text(pair.as_rule())) {
        let span = pair.as_span();
        prop_assert!(
            tokens.remove(&(span.start(), span.end())),
            "a text of the grammar alone"
        );
    }
    prop_assert!(tokens.is_empty(), "texts of the scan alone: {tokens:?}");
    // Where a block is taken for a map, the parser knows better.
    let is_dangling = |one: &Diagnostic| one.code == Code::DanglingOperator;
    if !parsed.diagnostics.iter().any(is_dangling) {
        prop_assert!(parsed.is_complete(), "{:?}", parsed.diagnostics);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_readings_agree(pieces in prop::collection::vec(select(PIECES), 0..30)) {
        check(&pieces.concat())?;
    }
}
