//! From pest's flat lists of operands and operators to trees.

use crate::ast::{
    Argument, Binary, BinaryOperator, Comprehension, Entry, Expr, ExprKind, If, Unary,
    UnaryOperator,
};
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::source::Span;

use super::build::Builder;
use super::foreign::{self, Operator};
use super::grammar::{Pair, Rule};
use super::number;

/// How many operators, members, calls and `else if` may be around one operand. A tree is no deeper
/// than this and the brackets allow, so that a recursive checker needs little stack.
pub const MAX_EXPRESSION_DEPTH: usize = 1_000;

/// An operator, or an operand's prefix, that waits for what is right of it.
enum Pending {
    Prefix(UnaryOperator, Span),
    Infix(BinaryOperator, Span),
}

impl Pending {
    fn binding(&self) -> u8 {
        match self {
            Pending::Prefix(UnaryOperator::Not, _) => 3,
            Pending::Prefix(UnaryOperator::Negate, _) => 7,
            Pending::Infix(operator, _) => binding(*operator),
        }
    }
}

/// How strongly an operator binds; `not` stands between `and` and the comparisons.
fn binding(operator: BinaryOperator) -> u8 {
    use BinaryOperator::*;
    match operator {
        Or => 1,
        And => 2,
        Equal | NotEqual | Less | LessOrEqual | Greater | GreaterOrEqual | In => COMPARISON,
        Add | Subtract => 5,
        Multiply => 6,
    }
}

const COMPARISON: u8 = 4;

impl Builder<'_> {
    pub(super) fn expression(&mut self, pair: Pair<'_>) -> Expr {
        let mut pairs = pair.into_inner();
        let Some(first) = pairs.next() else {
            return self.no_expression();
        };
        if first.as_rule() == Rule::choice {
            return self.choice(first);
        }
        let written = first.as_str();
        let condition = self.operation(first);
        match pairs.next() {
            Some(choice) => self.foreign_choice(condition, written, choice),
            None => condition,
        }
    }

    /// `if c then a else if d then b else e`, folded from its end.
    fn choice(&mut self, pair: Pair<'_>) -> Expr {
        let words = pair.clone().into_inner();
        let arms = words.filter(|pair| pair.as_rule() == Rule::kw_if).count();
        let Some(depth) = self.enter(arms, &pair) else {
            return self.error(&pair);
        };
        let mut starts = Vec::with_capacity(arms);
        let mut operations = Vec::with_capacity(2 * arms + 1);
        for pair in pair.into_inner() {
            match pair.as_rule() {
                Rule::kw_if => starts.push(self.span(&pair)),
                Rule::operation => operations.push(self.operation(pair)),
                _ => {}
            }
        }
        self.depth = depth;
        let mut last = operations.pop().unwrap_or_else(|| self.no_expression());
        while let (Some(start), Some(yes), Some(condition)) =
            (starts.pop(), operations.pop(), operations.pop())
        {
            let span = start.to(last.span);
            last = Expr {
                kind: ExprKind::If(Box::new(If {
                    condition,
                    yes,
                    no: last,
                })),
                span,
            };
        }
        last
    }

    /// `c ? a : b`; what is written of the condition may end in blanks and a comment.
    fn foreign_choice(&mut self, condition: Expr, written: &str, pair: Pair<'_>) -> Expr {
        let mut texts = Vec::with_capacity(2);
        let mut arms = Vec::with_capacity(2);
        for pair in pair.into_inner() {
            let written = pair.as_str();
            let arm = self.operation(pair);
            texts.push(&written[..arm.span.len()]);
            arms.push(arm);
        }
        let (Some(no), Some(yes)) = (arms.pop(), arms.pop()) else {
            return condition;
        };
        let span = condition.span.to(no.span);
        let written = &written[..condition.span.len()];
        let meant = format!("if {written} then {} else {}", texts[0], texts[1]);
        self.report(
            Diagnostic::error(
                Code::ForeignOperator,
                "there is no `? :`",
                span,
                "a choice is written with words",
            )
            .help(format!("write `{meant}`"))
            .fix(span, meant, Applicability::Machine),
        );
        Expr {
            kind: ExprKind::If(Box::new(If { condition, yes, no })),
            span,
        }
    }

    /// Orders operands and operators by how strongly they bind, without recursion.
    fn operation(&mut self, pair: Pair<'_>) -> Expr {
        let operators = pair
            .clone()
            .into_inner()
            .filter(|pair| is_operator(pair))
            .count();
        if operators == 0 {
            return match pair.into_inner().next() {
                Some(operand) => self.operand(operand),
                None => self.no_expression(),
            };
        }
        let Some(depth) = self.enter(operators, &pair) else {
            return self.error(&pair);
        };
        let whole = pair.clone();
        let mut waiting: Vec<Pending> = Vec::new();
        let mut operands: Vec<Expr> = Vec::new();
        let mut is_readable = true;
        for pair in pair.into_inner() {
            match pair.as_rule() {
                Rule::prefix => {
                    let prefix = self.prefix(&pair, waiting.last());
                    waiting.push(Pending::Prefix(prefix, self.trimmed(&pair)));
                }
                Rule::infix => {
                    let span = self.trimmed(&pair);
                    let written = pair.as_str().trim_end();
                    let Some(operator) = self.infix(written, span) else {
                        is_readable = false;
                        continue;
                    };
                    while waiting
                        .last()
                        .is_some_and(|left| left.binding() >= binding(operator))
                    {
                        self.chained(waiting.last(), operator, span);
                        reduce(&mut waiting, &mut operands);
                    }
                    waiting.push(Pending::Infix(operator, span));
                }
                _ => operands.push(self.operand(pair)),
            }
        }
        self.depth = depth;
        if !is_readable {
            return self.error(&whole);
        }
        while !waiting.is_empty() {
            reduce(&mut waiting, &mut operands);
        }
        operands.pop().unwrap_or_else(|| self.no_expression())
    }

    fn prefix(&mut self, pair: &Pair<'_>, left: Option<&Pending>) -> UnaryOperator {
        let span = self.trimmed(pair);
        let operator = match pair.as_str().trim_end() {
            "-" => return UnaryOperator::Negate,
            "!" => {
                self.report(
                    Diagnostic::error(
                        Code::ForeignOperator,
                        "there is no `!`",
                        span,
                        "`not` is expected",
                    )
                    .help("write `not`; it binds weaker than a comparison")
                    .fix(span, "not ", Applicability::Machine),
                );
                UnaryOperator::Not
            }
            _ => UnaryOperator::Not,
        };
        if left.is_some_and(|left| left.binding() >= COMPARISON) {
            self.report(
                Diagnostic::error(
                    Code::NeedsParentheses,
                    "`not` binds weaker than what stands before it",
                    span,
                    "what does it belong to?",
                )
                .help("put parentheses around `not` and its operand"),
            );
        }
        operator
    }

    fn infix(&mut self, written: &str, span: Span) -> Option<BinaryOperator> {
        if let Some(operator) = known(written) {
            return Some(operator);
        }
        let Operator {
            headline,
            help,
            replacement,
            meant,
        } = foreign::operator(written);
        let mut diagnostic = Diagnostic::error(
            Code::ForeignOperator,
            headline,
            span,
            "no operator of this language",
        )
        .help(help);
        if let Some(replacement) = replacement {
            diagnostic = diagnostic.fix(span, replacement, Applicability::Machine);
        }
        self.report(diagnostic);
        meant
    }

    /// `a < b < c` compares a bool with `c`, which nobody means.
    fn chained(&mut self, left: Option<&Pending>, right: BinaryOperator, span: Span) {
        let Some(Pending::Infix(operator, left)) = left else {
            return;
        };
        if binding(*operator) != COMPARISON || binding(right) != COMPARISON {
            return;
        }
        let diagnostic = Diagnostic::error(
            Code::ChainedComparison,
            "comparisons can't be chained",
            span,
            "a second comparison",
        )
        .label(*left, "the first one")
        .help("join two comparisons with `and`, or use parentheses");
        self.report(diagnostic);
    }

    /// An operand without operators: what an argument of a node is.
    pub(super) fn operand(&mut self, pair: Pair<'_>) -> Expr {
        let span = self.span(&pair);
        match pair.as_rule() {
            Rule::text => {
                let text = self.text(pair);
                let span = text.span;
                Expr {
                    kind: ExprKind::Text(text),
                    span,
                }
            }
            Rule::number => {
                let kind = match number::number(pair.as_str(), span) {
                    Ok(number) => ExprKind::Number(number),
                    Err(diagnostic) => {
                        self.report(diagnostic);
                        ExprKind::Error
                    }
                };
                Expr { kind, span }
            }
            Rule::boolean => Expr {
                kind: ExprKind::Bool(pair.as_str() == "true"),
                span,
            },
            _ => self.chain(pair),
        }
    }

    /// `a.b[c](d)`
    fn chain(&mut self, pair: Pair<'_>) -> Expr {
        let links = pair.clone().into_inner().count() - 1;
        let Some(depth) = self.enter(links, &pair) else {
            return self.error(&pair);
        };
        let mut pairs = pair.into_inner();
        let mut expr = match pairs.next() {
            Some(head) => self.head(head),
            None => self.no_expression(),
        };
        for link in pairs {
            let span = expr.span.to(self.span(&link));
            let kind = match link.as_rule() {
                Rule::member => match link.into_inner().next() {
                    Some(name) => ExprKind::Member(Box::new(expr), self.name(&name)),
                    None => expr.kind,
                },
                Rule::index => {
                    let indexes = link
                        .into_inner()
                        .map(|pair| self.expression(pair))
                        .collect();
                    ExprKind::Index(Box::new(expr), indexes)
                }
                _ => {
                    let arguments = link.into_inner().map(|pair| self.argument(pair)).collect();
                    ExprKind::Call(Box::new(expr), arguments)
                }
            };
            expr = Expr { kind, span };
        }
        self.depth = depth;
        expr
    }

    fn head(&mut self, pair: Pair<'_>) -> Expr {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::name => ExprKind::Name(self.name(&pair).text),
            Rule::list => return self.list(pair, span),
            Rule::map => ExprKind::Map(pair.into_inner().map(|pair| self.entry(pair)).collect()),
            _ => match pair.into_inner().next() {
                Some(inner) => ExprKind::Paren(Box::new(self.expression(inner))),
                None => ExprKind::Error,
            },
        };
        Expr { kind, span }
    }

    fn list(&mut self, pair: Pair<'_>, span: Span) -> Expr {
        let mut items = Vec::new();
        for pair in pair.into_inner() {
            if pair.as_rule() != Rule::fan_out {
                items.push(self.expression(pair));
            } else if let Some(item) = items.pop() {
                let fan_out = self.fan_out(pair);
                let kind = ExprKind::Comprehension(Box::new(Comprehension { item, fan_out }));
                return Expr { kind, span };
            }
        }
        Expr {
            kind: ExprKind::List(items),
            span,
        }
    }

    fn entry(&mut self, pair: Pair<'_>) -> Entry {
        let (key, value) = self.assigned(pair.into_inner());
        let span = key.span().to(value.span);
        Entry { key, value, span }
    }

    fn argument(&mut self, pair: Pair<'_>) -> Argument {
        if pair.as_rule() != Rule::named {
            return Argument {
                name: None,
                value: self.expression(pair),
            };
        }
        let (key, value) = self.assigned(pair.into_inner());
        Argument {
            name: key.into_name(),
            value,
        }
    }

    /// Goes down by `levels`, and gives the depth to go back to; `None` where that is too deep.
    fn enter(&mut self, levels: usize, pair: &Pair<'_>) -> Option<usize> {
        let before = self.depth;
        if before + levels > MAX_EXPRESSION_DEPTH {
            let span = self.trimmed(pair);
            self.report(
                Diagnostic::error(
                    Code::ExpressionTooLong,
                    format!(
                        "an expression has more than {MAX_EXPRESSION_DEPTH} operators in a row"
                    ),
                    span,
                    "too long",
                )
                .help("give a part of it a name with `let`, or put the values into a list"),
            );
            return None;
        }
        self.depth += levels;
        Some(before)
    }

    fn error(&self, pair: &Pair<'_>) -> Expr {
        Expr {
            kind: ExprKind::Error,
            span: self.trimmed(pair),
        }
    }
}

fn is_operator(pair: &Pair<'_>) -> bool {
    matches!(pair.as_rule(), Rule::prefix | Rule::infix)
}

fn known(written: &str) -> Option<BinaryOperator> {
    use BinaryOperator::*;
    let operators = [
        Or,
        And,
        Equal,
        NotEqual,
        Less,
        LessOrEqual,
        Greater,
        GreaterOrEqual,
        In,
        Add,
        Subtract,
        Multiply,
    ];
    operators
        .into_iter()
        .find(|operator| operator.text() == written)
}

/// Joins the last operator with its operands.
fn reduce(waiting: &mut Vec<Pending>, operands: &mut Vec<Expr>) {
    let (Some(pending), Some(right)) = (waiting.pop(), operands.pop()) else {
        return;
    };
    let expr = match pending {
        Pending::Prefix(operator, operator_span) => {
            let span = operator_span.to(right.span);
            let unary = Unary {
                operator,
                operator_span,
                operand: right,
            };
            Expr {
                kind: ExprKind::Unary(Box::new(unary)),
                span,
            }
        }
        Pending::Infix(operator, operator_span) => {
            let Some(left) = operands.pop() else {
                return operands.push(right);
            };
            let span = left.span.to(right.span);
            let binary = Binary {
                operator,
                operator_span,
                left,
                right,
            };
            Expr {
                kind: ExprKind::Binary(Box::new(binary)),
                span,
            }
        }
    };
    operands.push(expr);
}
