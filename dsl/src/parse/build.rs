//! From pest's pairs to the syntax tree: statements, types and names.

use pest::iterators::Pairs;

use crate::ast::{
    Expr, ExprKind, FanOut, Key, Name, Node, Parameter, Setting, Source, Statement, Text, TextForm,
    Type, TypeArgument,
};
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::source::{FileId, Span};

use super::grammar::{Pair, Rule};
use super::recover;

/// Builds the tree of one piece of text.
///
/// The grammar lets blanks and comments follow within a rule, so that the spans of whatever doesn't
/// end in a token of its own are made of its parts'.
pub(super) struct Builder<'a> {
    file: FileId,
    /// Where the piece begins in the file.
    base: u32,
    /// How many operators are around what is being built.
    pub(super) depth: usize,
    /// The brace of a block that an operator before it swallowed.
    pub(super) dangling: Option<u32>,
    pub(super) diagnostics: &'a mut Vec<Diagnostic>,
}

impl<'a> Builder<'a> {
    pub fn new(file: FileId, base: u32, diagnostics: &'a mut Vec<Diagnostic>) -> Self {
        Self {
            file,
            base,
            depth: 0,
            dangling: None,
            diagnostics,
        }
    }

    /// The statement that a `piece` is; a node's block is still missing.
    pub fn piece(&mut self, pair: Pair<'_>) -> Statement {
        match pair.as_rule() {
            Rule::setting => Statement::Setting(self.setting(pair.into_inner())),
            _ => Statement::Node(Box::new(self.header(pair.into_inner()))),
        }
    }

    fn setting(&mut self, pairs: Pairs<'_, Rule>) -> Setting {
        let (key, value) = self.assigned(pairs);
        let span = key.span().to(value.span);
        Setting { key, value, span }
    }

    /// `key = value`, or what other languages write for it.
    pub(super) fn assigned(&mut self, mut pairs: Pairs<'_, Rule>) -> (Key, Expr) {
        let key = match pairs.next() {
            Some(pair) if pair.as_rule() == Rule::text => Key::Text(self.text(pair)),
            Some(pair) => Key::Name(self.name(&pair)),
            None => Key::Name(self.no_name()),
        };
        let mut value = None;
        for pair in pairs {
            match pair.as_rule() {
                Rule::foreign_assign => self.foreign_assign(&pair),
                _ => value = Some(self.expression(pair)),
            }
        }
        (key, value.unwrap_or_else(|| self.no_expression()))
    }

    fn foreign_assign(&mut self, pair: &Pair<'_>) {
        let span = self.trimmed(pair);
        let written = pair.as_str().trim_end();
        let diagnostic = Diagnostic::error(
            Code::ForeignAssignment,
            format!("`{written}` sets nothing"),
            span,
            "`=` is expected",
        )
        .help("a setting is `name = value`");
        // `key: value` has no blank before its colon, and `key= value` is nobody's style.
        let replacement = if written == ":" { " =" } else { "=" };
        self.report(diagnostic.fix(span, replacement, Applicability::Machine));
    }

    fn header(&mut self, pairs: Pairs<'_, Rule>) -> Node {
        let mut node = Node {
            word: self.no_name(),
            arguments: Vec::new(),
            parameters: None,
            type_of: None,
            value: None,
            fan_out: None,
            alias: None,
            block: None,
            header: self.span_at(0, 0),
            span: self.span_at(0, 0),
        };
        let mut end = None;
        for pair in pairs {
            let span = match pair.as_rule() {
                Rule::word => {
                    node.word = self.name(&pair);
                    node.header = node.word.span;
                    node.word.span
                }
                Rule::signature => self.signature(pair, &mut node),
                Rule::type_of => node.type_of.insert(Box::new(self.type_of(pair))).span,
                Rule::value_of => node.value.insert(self.value_of(pair)).span,
                Rule::fan_out => node.fan_out.insert(Box::new(self.fan_out(pair))).span,
                Rule::alias => node.alias.insert(self.alias(pair)).span,
                _ => {
                    let argument = self.operand(pair);
                    let span = argument.span;
                    node.arguments.push(argument);
                    span
                }
            };
            end = Some(span);
        }
        if let Some(end) = end {
            node.header = node.header.to(end);
        }
        if let Some(fan_out) = &mut node.fan_out {
            node.header = self.release_block(fan_out, node.header);
        }
        node.span = node.header;
        // A vector grows to four at once, and nearly every node has one argument.
        node.arguments.shrink_to_fit();
        no_parameters(&mut node);
        node
    }

    /// In `for x in xs where y != { … }` the grammar takes the block for a map, but in a header `{`
    /// opens the block. Gives the span of the header without it.
    fn release_block(&mut self, fan_out: &mut FanOut, header: Span) -> Span {
        let FanOut {
            sources,
            filter,
            span,
        } = fan_out;
        let Some(source) = sources.last_mut() else {
            return header;
        };
        let before = if filter.is_some() {
            source.span
        } else {
            source.name.span
        };
        let expr = filter.as_mut().unwrap_or(&mut source.list);
        let Some(last) = last_operand(expr) else {
            return header;
        };
        self.dangling = Some(last.map.start);
        self.diagnostics.push(match last.operator {
            Some((operator, written)) => recover::dangling_operator(operator, written),
            None => recover::missing_value(Span {
                end: last.map.start + 1,
                ..last.map
            }),
        });
        // What ended with the map ends before it now.
        let end = last
            .operator
            .map_or(before.end, |(operator, _)| operator.end);
        if filter.is_none() {
            source.span.end = source.span.end.min(end);
        }
        span.end = end;
        Span { end, ..header }
    }

    /// `name(a: type, …)`
    fn signature(&mut self, pair: Pair<'_>, node: &mut Node) -> Span {
        let span = self.span(&pair);
        let mut pairs = pair.into_inner();
        if let Some(name) = pairs.next() {
            let name = self.name(&name);
            let kind = ExprKind::Name(name.text);
            node.arguments.push(Expr {
                kind,
                span: name.span,
            });
        }
        let mut parameters = Vec::new();
        for pair in pairs.flat_map(Pair::into_inner) {
            parameters.push(self.parameter(pair));
        }
        if node.parameters.is_some() {
            self.report(Diagnostic::error(
                Code::UnexpectedText,
                "a second list of parameters",
                span,
                "one is all that a statement may have",
            ));
        } else {
            node.parameters = Some(parameters);
        }
        span
    }

    fn parameter(&mut self, pair: Pair<'_>) -> Parameter {
        let mut pairs = pair.into_inner();
        let name = self.next_name(&mut pairs);
        let (mut type_of, mut default) = (None, None);
        for pair in pairs {
            match pair.as_rule() {
                Rule::type_of => type_of = Some(self.type_of(pair)),
                _ => default = Some(self.value_of(pair)),
            }
        }
        let type_of = type_of.unwrap_or_else(|| self.no_type());
        let end = default
            .as_ref()
            .map_or(type_of.span, |default| default.span);
        let span = name.span.to(end);
        Parameter {
            name,
            type_of,
            default,
            span,
        }
    }

    fn value_of(&mut self, pair: Pair<'_>) -> Expr {
        match pair.into_inner().next() {
            Some(pair) => self.expression(pair),
            None => self.no_expression(),
        }
    }

    fn alias(&mut self, pair: Pair<'_>) -> Name {
        let mut pairs = pair.into_inner();
        pairs.next(); // The word `as`.
        self.next_name(&mut pairs)
    }

    pub(super) fn fan_out(&mut self, pair: Pair<'_>) -> FanOut {
        let mut span: Option<Span> = None;
        let (mut sources, mut filter) = (Vec::new(), None);
        for pair in pair.into_inner() {
            let part = match pair.as_rule() {
                Rule::source => {
                    let source = self.source(pair);
                    let span = source.span;
                    sources.push(source);
                    span
                }
                Rule::filter => match pair.into_inner().nth(1) {
                    Some(pair) => filter.insert(self.expression(pair)).span,
                    None => continue,
                },
                _ => self.span(&pair), // The word `for`.
            };
            span = Some(span.map_or(part, |span| span.to(part)));
        }
        FanOut {
            sources,
            filter,
            span: span.unwrap_or_else(|| self.span_at(0, 0)),
        }
    }

    fn source(&mut self, pair: Pair<'_>) -> Source {
        let mut pairs = pair.into_inner();
        let name = self.next_name(&mut pairs);
        let list = match pairs.nth(1) {
            Some(pair) => self.expression(pair),
            None => self.no_expression(),
        };
        let span = name.span.to(list.span);
        Source { name, list, span }
    }

    fn type_of(&mut self, pair: Pair<'_>) -> Type {
        match pair.into_inner().next() {
            Some(pair) => self.type_(pair),
            None => self.no_type(),
        }
    }

    fn type_(&mut self, pair: Pair<'_>) -> Type {
        // Where there are arguments it ends in their parenthesis, else blanks may follow.
        let end = self.trimmed(&pair);
        let mut type_ = self.no_type();
        for pair in pair.into_inner() {
            match pair.as_rule() {
                Rule::untrusted => type_.untrusted = Some(self.trimmed(&pair)),
                Rule::name => type_.name = self.name(&pair),
                Rule::text => type_.arguments.push(TypeArgument::Text(self.text(pair))),
                Rule::type_field => {
                    let mut pairs = pair.into_inner();
                    let name = self.next_name(&mut pairs);
                    let of = pairs.next().map(|pair| self.type_(pair));
                    let of = of.unwrap_or_else(|| self.no_type());
                    type_.arguments.push(TypeArgument::Field(name, of));
                }
                _ => type_.arguments.push(TypeArgument::Type(self.type_(pair))),
            }
        }
        let ends_in_name = type_.arguments.is_empty();
        let start = type_.untrusted.unwrap_or(type_.name.span);
        type_.span = start.to(if ends_in_name { type_.name.span } else { end });
        type_
    }

    fn next_name(&mut self, pairs: &mut Pairs<'_, Rule>) -> Name {
        match pairs.next() {
            Some(pair) => self.name(&pair),
            None => self.no_name(),
        }
    }

    /// A name; one with a dash is taken for one with an underscore, and refused.
    pub(super) fn name(&mut self, pair: &Pair<'_>) -> Name {
        let span = self.span(pair);
        let text = pair.as_str();
        if !text.contains('-') {
            return Name {
                text: text.into(),
                span,
            };
        }
        let meant = text.replace('-', "_");
        self.report(
            Diagnostic::error(
                Code::DashInName,
                format!("`{text}` is no name"),
                span,
                "a name has letters, digits and `_`",
            )
            .help(format!(
                "write `{meant}`; a difference has blanks: `{}`",
                text.replace('-', " - ")
            ))
            .fix(span, meant.clone(), Applicability::Machine),
        );
        Name {
            text: meant.into(),
            span,
        }
    }

    /// A text; one in single quotes is taken for one in double quotes, and refused.
    pub(super) fn text(&mut self, pair: Pair<'_>) -> Text {
        let Some(inner) = pair.into_inner().next() else {
            return Text {
                raw: "\"\"".into(),
                form: TextForm::Quoted,
                span: self.span_at(0, 0),
            };
        };
        let span = self.span(&inner);
        let raw = inner.as_str();
        match inner.as_rule() {
            Rule::fenced => Text {
                raw: raw.into(),
                form: TextForm::Fenced,
                span,
            },
            Rule::foreign_text => {
                let content = &raw[1..raw.len() - 1];
                let meant = format!("\"{}\"", content.replace('"', "\\\""));
                // A backslash means one thing between single quotes, and another in a string.
                let is_same = !content.contains(['\\', '$']);
                let sure = if is_same {
                    Applicability::Machine
                } else {
                    Applicability::Maybe
                };
                self.report(
                    Diagnostic::error(
                        Code::ForeignQuotes,
                        "a text stands between double quotation marks",
                        span,
                        "single ones quote nothing",
                    )
                    .help(format!("write `{meant}`"))
                    .fix(span, meant.clone(), sure),
                );
                // A backslash before the last mark would protect it.
                let raw = if content.ends_with('\\') {
                    "\"\"".to_owned()
                } else {
                    meant
                };
                Text {
                    raw: raw.into(),
                    form: TextForm::Quoted,
                    span,
                }
            }
            _ => Text {
                raw: raw.into(),
                form: TextForm::Quoted,
                span,
            },
        }
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// From the first byte of a rule to its last, which may be a blank.
    pub(super) fn span(&self, pair: &Pair<'_>) -> Span {
        let span = pair.as_span();
        self.span_at(span.start(), span.end())
    }

    /// A rule's span without the blanks after it; for rules in which no comment can follow.
    pub(super) fn trimmed(&self, pair: &Pair<'_>) -> Span {
        let start = pair.as_span().start();
        self.span_at(start, start + pair.as_str().trim_end().len())
    }

    fn span_at(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, self.base + start as u32, self.base + end as u32)
    }

    // The grammar promises that these are never needed; if it ever breaks its word, a checker finds
    // a nameless thing and no user finds a panic.

    fn no_name(&self) -> Name {
        Name {
            text: "".into(),
            span: self.span_at(0, 0),
        }
    }

    fn no_type(&self) -> Type {
        let name = self.no_name();
        Type {
            untrusted: None,
            span: name.span,
            name,
            arguments: Vec::new(),
        }
    }

    pub(super) fn no_expression(&self) -> Expr {
        Expr {
            kind: ExprKind::Error,
            span: self.span_at(0, 0),
        }
    }
}

/// `template lib() { … }` declares a template without parameters; to the grammar it is a call.
fn no_parameters(node: &mut Node) {
    if &*node.word.text != "template" {
        return;
    }
    let Some(last) = node.arguments.last_mut() else {
        return;
    };
    let ExprKind::Call(callee, arguments) = &mut last.kind else {
        return;
    };
    if arguments.is_empty() {
        let callee = std::mem::replace(&mut callee.kind, ExprKind::Error);
        last.kind = callee;
        node.parameters = Some(Vec::new());
    }
}

/// A map that is the last operand of an expression.
struct LastMap {
    map: Span,
    /// What stands before it, if it is an operator.
    operator: Option<(Span, &'static str)>,
}

/// Takes the map that an expression ends with out of it, if it does.
fn last_operand(mut expr: &mut Expr) -> Option<LastMap> {
    let mut operator = None;
    while !matches!(expr.kind, ExprKind::Map(_)) {
        expr = match &mut expr.kind {
            ExprKind::Binary(binary) => {
                operator = Some((binary.operator_span, binary.operator.text()));
                &mut binary.right
            }
            ExprKind::Unary(unary) => {
                operator = Some((unary.operator_span, unary.operator.text()));
                &mut unary.operand
            }
            _ => return None,
        };
    }
    let map = expr.span;
    *expr = Expr {
        kind: ExprKind::Error,
        span: map.before(),
    };
    Some(LastMap { map, operator })
}
