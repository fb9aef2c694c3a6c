//! What holds for every text.

use dsl::ast::{Expr, ExprKind, File, Statement, Text};
use dsl::diagnostic::render::{Report, Style, concise, full, github};
use dsl::parse::parse;
use dsl::source::{FileId, SourceFile, Sources, Span};
use dsl::text;
use proptest::prelude::*;
use proptest::sample::select;

const PROGRAMS: &[&str] = &[
    include_str!("../../../examples/language/01-smallest.gantry"),
    include_str!("../../../examples/language/02-library.gantry"),
    include_str!("../../../examples/language/03-deploy-by-label.gantry"),
    include_str!("../../../examples/language/04-rolling-deployment.gantry"),
    include_str!("../../../examples/language/05-dynamic-fan-out.gantry"),
    include_str!("../../../examples/language/06-template.gantry"),
    include_str!("../../../examples/language/07-sandbox.gantry"),
    include_str!("../../../examples/language/08-tests.gantry"),
    include_str!("../../../examples/language/09-site.gantry"),
];

/// Pieces of which most texts are nearly a pipeline.
const PIECES: &[&str] = &[
    "job",
    "a",
    "b-c",
    "for",
    "in",
    "where",
    "if",
    "then",
    "else",
    "as",
    "and",
    "or",
    "not",
    "true",
    " ",
    " ",
    " ",
    "\n",
    "\n",
    "\r\n",
    "\t",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ",",
    "=",
    "==",
    ":",
    ":=",
    ".",
    "\"",
    "\"x\"",
    "\"\"\"",
    "\"\"\"\n",
    "'",
    "'y'",
    "#",
    "//",
    "/*",
    "*/",
    "\\",
    "$",
    "${",
    "1",
    "10m",
    "5x",
    "25%",
    "+",
    "-",
    "*",
    "/",
    "%",
    "!",
    "!=",
    "&&",
    "||",
    "?",
    "<",
    ">=",
    "é",
    "日",
    "\u{1F600}",
    "\0",
    "\u{202E}",
    ";",
    "@",
    "`",
];

/// Reads the text, reads all of its literals, and shows all that is said about it.
fn check(text: &str) -> Result<(), TestCaseError> {
    let mut sources = Sources::new();
    sources.add("a.gantry", text);
    let source = sources.get(FileId(0)).expect("the file just added");
    let parsed = parse(source);
    let mut check = Check {
        source,
        wrong: Vec::new(),
    };
    check.file(&parsed.file);
    prop_assert!(check.wrong.is_empty(), "{:?}", check.wrong);
    for diagnostic in &parsed.diagnostics {
        let edited = diagnostic.fix.iter().map(|fix| fix.span);
        for span in diagnostic
            .labels
            .iter()
            .map(|label| label.span)
            .chain(edited)
        {
            prop_assert!(
                source.text().get(span.range()).is_some(),
                "{span:?} of {diagnostic:?}"
            );
        }
        let shown = full(diagnostic, &sources, Style::Plain);
        let is_shown = |character: char| character == '\n' || !character.is_control();
        prop_assert!(shown.chars().all(is_shown), "{shown:?}");
        prop_assert_eq!(concise(diagnostic, &sources).lines().count(), 1);
        prop_assert_eq!(github(diagnostic, &sources).lines().count(), 1);
    }
    let json = serde_json::to_string(&Report::new(&parsed.diagnostics, &sources));
    prop_assert!(json.is_ok());
    Ok(())
}

/// Goes through a tree: every span lies in the text and in that of its parent.
struct Check<'s> {
    source: &'s SourceFile,
    wrong: Vec<String>,
}

impl Check<'_> {
    fn file(&mut self, file: &File) {
        self.statements(&file.statements, file.span);
        for &comment in &file.comments {
            let text = self.source.slice(comment);
            let begins = text.starts_with('#') || text.starts_with("//") || text.starts_with("/*");
            self.expect(begins, comment, "is a comment");
        }
    }

    fn expect(&mut self, holds: bool, span: Span, what: &str) {
        if !holds {
            self.wrong
                .push(format!("{span:?} {what}: {:?}", self.source.slice(span)));
        }
    }

    fn within(&mut self, span: Span, outer: Span) {
        self.expect(outer.contains(span), span, "lies within its parent");
        self.expect(
            self.source.text().get(span.range()).is_some(),
            span,
            "lies in the text",
        );
        let text = self.source.slice(span);
        self.expect(text.trim() == text, span, "has no blanks around it");
    }

    fn statements(&mut self, statements: &[Statement], outer: Span) {
        let mut end = outer.start;
        for statement in statements {
            let span = statement.span();
            self.expect(outer.contains(span), span, "lies within its parent");
            self.expect(end <= span.start, span, "follows the one before it");
            end = span.end;
            match statement {
                Statement::Setting(setting) => {
                    self.within(setting.key.span(), span);
                    self.expr(&setting.value, span);
                }
                Statement::Node(node) => {
                    self.within(node.header, span);
                    self.within(node.word.span, node.header);
                    node.arguments
                        .iter()
                        .for_each(|argument| self.expr(argument, node.header));
                    node.value
                        .iter()
                        .for_each(|value| self.expr(value, node.header));
                    if let Some(fan_out) = &node.fan_out {
                        self.within(fan_out.span, node.header);
                    }
                    if let Some(of) = &node.type_of {
                        self.within(of.span, node.header);
                    }
                    if let Some(block) = &node.block {
                        self.statements(&block.statements, block.span);
                    }
                }
                Statement::Broken(broken) => {
                    if let Some(block) = &broken.block {
                        self.statements(&block.statements, block.span);
                    }
                }
            }
        }
    }

    fn expr(&mut self, expr: &Expr, outer: Span) {
        self.within(expr.span, outer);
        let span = expr.span;
        match &expr.kind {
            ExprKind::Text(text) => self.text(text),
            ExprKind::List(items) => items.iter().for_each(|item| self.expr(item, span)),
            ExprKind::Map(entries) => entries
                .iter()
                .for_each(|entry| self.expr(&entry.value, span)),
            ExprKind::Member(base, name) => {
                self.expr(base, span);
                self.within(name.span, span);
            }
            ExprKind::Index(base, indexes) => {
                self.expr(base, span);
                indexes.iter().for_each(|index| self.expr(index, span));
            }
            ExprKind::Call(callee, arguments) => {
                self.expr(callee, span);
                arguments
                    .iter()
                    .for_each(|argument| self.expr(&argument.value, span));
            }
            ExprKind::Unary(unary) => self.expr(&unary.operand, span),
            ExprKind::Binary(binary) => {
                self.expr(&binary.left, span);
                self.expr(&binary.right, span);
            }
            ExprKind::If(choice) => {
                self.expr(&choice.condition, span);
                self.expr(&choice.yes, span);
                self.expr(&choice.no, span);
            }
            ExprKind::Paren(inner) => self.expr(inner, span),
            ExprKind::Comprehension(inner) => self.expr(&inner.item, span),
            ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Name(_) | ExprKind::Error => {}
        }
    }

    /// Both ways of reading end, and point into the literal.
    fn text(&mut self, literal: &Text) {
        let of_string = text::string(literal).err().unwrap_or_default();
        let of_script = text::script(literal).err().unwrap_or_default();
        for diagnostic in of_string.iter().chain(&of_script) {
            let span = diagnostic.span();
            self.expect(literal.span.contains(span), span, "lies within its text");
            self.expect(
                self.source.text().get(span.range()).is_some(),
                span,
                "lies in the text",
            );
        }
    }
}

fn pieces() -> impl Strategy<Value = String> {
    prop::collection::vec(select(PIECES), 0..60).prop_map(|pieces| pieces.concat())
}

/// A program in which pieces were put in, taken out or put elsewhere.
fn mutated() -> impl Strategy<Value = String> {
    let change = (any::<prop::sample::Index>(), 0..12_usize, select(PIECES));
    (select(PROGRAMS), prop::collection::vec(change, 1..6)).prop_map(|(program, changes)| {
        let mut text: Vec<char> = program.chars().collect();
        for (at, length, piece) in changes {
            let at = at.index(text.len() + 1);
            let end = (at + length).min(text.len());
            text.splice(at..end, piece.chars());
        }
        text.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn nearly_a_pipeline(text in pieces()) {
        check(&text)?;
    }

    #[test]
    fn a_program_with_changes(text in mutated()) {
        check(&text)?;
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut sources = Sources::new();
        let parsed = parse(sources.read("a.gantry", bytes));
        for diagnostic in &parsed.diagnostics {
            full(diagnostic, &sources, Style::Plain);
        }
    }

    /// Both ways of reading a text agree: by the grammar as a whole, and piece by piece.
    #[test]
    fn a_cut_program_is_wrong_in_few_places(program in select(PROGRAMS), at in any::<prop::sample::Index>()) {
        let mut end = at.index(program.len());
        while !program.is_char_boundary(end) {
            end -= 1;
        }
        let mut sources = Sources::new();
        let parsed = parse(sources.add("a.gantry", &program[..end]));
        prop_assert!(parsed.diagnostics.len() <= 2, "{:?}", parsed.diagnostics);
    }
}
