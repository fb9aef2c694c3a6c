//! Whether a node has the form that the schema gives to its word.

use super::sink::Sink;
use crate::ast::{Expr, ExprKind, Node};
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::names::{closest, one_of};
use crate::schema::{Argument, BlockUse, EVENTS, EventKind, HeaderPart, Level, Word};
use crate::source::Span;

/// Whether a node has the form of its word; says what is wrong where it has not.
pub(super) fn has_form(
    level: &'static Level,
    word: &'static Word,
    node: &Node,
    sink: &mut Sink,
) -> bool {
    let form = Form { level, word, node };
    match form.arguments().and_then(|()| form.header()) {
        Ok(()) => true,
        Err(diagnostic) => {
            sink.push(*diagnostic);
            false
        }
    }
}

struct Form<'a> {
    level: &'static Level,
    word: &'static Word,
    node: &'a Node,
}

type Checked = Result<(), Box<Diagnostic>>;

impl Form<'_> {
    fn arguments(&self) -> Checked {
        let mut rest = self.node.arguments.as_slice();
        for argument in self.word.arguments {
            rest = self.argument(*argument, rest)?;
        }
        match rest.first() {
            None => Ok(()),
            Some(extra) => Err(Box::new(self.extra(extra))),
        }
    }

    /// Takes one argument from the front.
    fn argument<'r>(
        &self,
        argument: Argument,
        rest: &'r [Expr],
    ) -> Result<&'r [Expr], Box<Diagnostic>> {
        let Some((first, after)) = rest.split_first() else {
            return match argument {
                Argument::Label => Ok(rest),
                _ => Err(self.wrong(
                    self.node.header.after(),
                    format!("`{}` needs {}", self.word.word, what(argument)),
                    format!("{} is missing", what(argument)),
                )),
            };
        };
        let is_text = matches!(first.kind, ExprKind::Text(_));
        let fits = match argument {
            Argument::Label => {
                // A lone name is not the label, but what stands in the place of the script.
                let takes = first.as_name().is_some() && !after.is_empty();
                return Ok(if takes { after } else { rest });
            }
            Argument::Name | Argument::Signature => first.as_name().is_some(),
            Argument::Script | Argument::Text => is_text,
            Argument::List => {
                matches!(first.kind, ExprKind::List(_) | ExprKind::Comprehension(_))
            }
            Argument::Value | Argument::Path => true,
            Argument::Paths => return Ok(self.paths(rest)),
            Argument::Call => matches!(first.kind, ExprKind::Call(..)),
            Argument::Word(words) => return self.one_word(words, first, after),
            Argument::Event => return self.event(first, after),
        };
        if fits || matches!(first.kind, ExprKind::Error) {
            return Ok(after);
        }
        let mut diagnostic = self.wrong(
            first.span,
            format!("`{}` takes {} here", self.word.word, what(argument)),
            format!("this is not {}", what(argument)),
        );
        if argument == Argument::Name && is_text {
            diagnostic.help = vec!["names are written without quotation marks".to_owned()];
        }
        if argument == Argument::List && is_text {
            diagnostic.help = vec![
                "each argument is a text of its own: `exec [\"cargo\", \"test\"]`; for a line of a \
                 shell use `sh`"
                    .to_owned(),
            ];
        }
        Err(diagnostic)
    }

    /// All up to a word that would begin another statement.
    fn paths<'r>(&self, rest: &'r [Expr]) -> &'r [Expr] {
        let next = rest.iter().skip(1).position(|expr| {
            expr.as_name()
                .is_some_and(|name| self.level.word(name).is_some())
        });
        next.map_or(&[], |next| &rest[next + 1..])
    }

    fn one_word<'r>(
        &self,
        words: &'static [&'static str],
        first: &Expr,
        after: &'r [Expr],
    ) -> Result<&'r [Expr], Box<Diagnostic>> {
        let found = first.as_name().unwrap_or_default();
        if words.contains(&found) {
            return Ok(after);
        }
        let mut diagnostic = self.wrong(
            first.span,
            format!(
                "`{}` takes one of {}",
                self.word.word,
                one_of(words.iter().copied())
            ),
            "none of them".to_owned(),
        );
        if let Some(meant) = closest(found, words.iter().copied()) {
            diagnostic.help.clear();
            *diagnostic = diagnostic.meant(first.span, meant);
        }
        Err(diagnostic)
    }

    fn event<'r>(&self, first: &Expr, after: &'r [Expr]) -> Result<&'r [Expr], Box<Diagnostic>> {
        let found = first.as_name().unwrap_or_default();
        let kinds = EVENTS.iter().map(|kind| kind.name);
        let Some(kind) = EventKind::index(found).map(|index| &EVENTS[index]) else {
            let mut diagnostic = self.wrong(
                first.span,
                format!("`on` takes one of {}", one_of(kinds.clone())),
                "no such event".to_owned(),
            );
            if let Some(meant) = closest(found, kinds) {
                diagnostic.help.clear();
                *diagnostic = diagnostic.meant(first.span, meant);
            }
            return Err(diagnostic);
        };
        let (Some(argument), next) = (kind.argument, after.first()) else {
            return Ok(after);
        };
        match next {
            Some(Expr {
                kind: ExprKind::Text(_) | ExprKind::Error,
                ..
            }) => Ok(&after[1..]),
            // Pipelines are named, not quoted.
            Some(Expr {
                kind: ExprKind::Name(_),
                ..
            }) if kind.name == "pipeline" => Ok(&after[1..]),
            other => Err(self.wrong(
                other.map_or(first.span.after(), |expr| expr.span),
                format!("`on {}` needs {argument}", kind.name),
                format!("write it in quotation marks: `on {} \"…\"`", kind.name),
            )),
        }
    }

    /// An argument too many. Most often two statements stand on one line.
    fn extra(&self, extra: &Expr) -> Diagnostic {
        let begins = extra
            .as_name()
            .filter(|name| self.level.word(name).is_some() || self.level.setting(name).is_some());
        if let Some(word) = begins {
            return Diagnostic::error(
                Code::MissingSeparator,
                "two statements on one line",
                extra.span,
                "another one begins here",
            )
            .help(format!(
                "start a new line before `{word}`, or write a comma"
            ))
            .fix(extra.span.before(), "\n", Applicability::Maybe);
        }
        Diagnostic::error(
            Code::WrongForm,
            format!("`{}` takes no more arguments", self.word.word),
            extra.span,
            "one too many",
        )
        .help(format!("its form is `{}`", self.word.form))
    }

    fn header(&self) -> Checked {
        let node = self.node;
        let word = self.word;
        let parts = [
            (
                node.type_of.as_ref().map(|ty| ty.span),
                &[HeaderPart::Type, HeaderPart::OptionalType][..],
                "a type",
            ),
            (
                node.value.as_ref().map(|value| value.span),
                &[HeaderPart::Value, HeaderPart::Default],
                "a value",
            ),
            (
                node.fan_out.as_ref().map(|many| many.span),
                &[HeaderPart::For],
                "a `for`",
            ),
            (
                node.alias.as_ref().map(|alias| alias.span),
                &[HeaderPart::As, HeaderPart::OptionalAs],
                "an `as`",
            ),
        ];
        for (span, allowed, title) in parts {
            let known = allowed.iter().any(|part| word.has(*part));
            if let (Some(span), false) = (span, known) {
                return Err(self.wrong(
                    span,
                    format!(
                        "`{}` takes no {}",
                        word.word,
                        &title[title.find(' ').map_or(0, |at| at + 1)..]
                    ),
                    "not here".to_owned(),
                ));
            }
            let required = [HeaderPart::Type, HeaderPart::Value, HeaderPart::As];
            if span.is_none()
                && allowed
                    .iter()
                    .any(|part| required.contains(part) && word.has(*part))
            {
                return Err(self.wrong(
                    node.header.after(),
                    format!("`{}` needs {title}", word.word),
                    format!("{title} is missing"),
                ));
            }
        }
        if word.arguments.contains(&Argument::Signature) && node.parameters.is_none() {
            return Err(self.wrong(
                node.header.after(),
                format!("`{}` needs parameters", word.word),
                "write `()` where there are none".to_owned(),
            ));
        }
        match (word.block, &node.block) {
            (BlockUse::Required(_), None) => Err(self.wrong(
                node.header.after(),
                format!("`{}` needs a block", word.word),
                "`{ … }` is missing".to_owned(),
            )),
            (BlockUse::None, Some(block)) => Err(self.wrong(
                block.span.before(),
                format!("`{}` has no block", word.word),
                "not here".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    fn wrong(&self, span: Span, headline: String, label: String) -> Box<Diagnostic> {
        Box::new(
            Diagnostic::error(Code::WrongForm, headline, span, label)
                .help(format!("its form is `{}`", self.word.form)),
        )
    }
}

fn what(argument: Argument) -> &'static str {
    match argument {
        Argument::Name | Argument::Label => "a name",
        Argument::Script => "a script in quotation marks",
        Argument::Text => "a text in quotation marks",
        Argument::Paths | Argument::Path => "a path",
        Argument::List => "a list",
        Argument::Value => "a value",
        Argument::Call => "a call",
        Argument::Signature => "a name with parameters",
        Argument::Word(_) => "a word",
        Argument::Event => "an event",
    }
}
