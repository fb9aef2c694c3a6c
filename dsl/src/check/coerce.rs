//! Whether a value fits where it stands; what is said where it does not, and what would fit.

use super::checker::{Checker, Typed};
use super::types::{fits, holds, holds_untrusted, is_never};
use crate::ast;
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::names::{closest, one_of, with_article};
use crate::source::Span;
use model::value::Float;
use model::{Expr, Type, Value};

impl Checker<'_> {
    /// The expression, which must be of that type where it stands: `what` is the setting.
    pub(super) fn expect(&mut self, expr: &ast::Expr, want: &Type, what: &str) -> Typed {
        let got = self.expr(expr, Some(want));
        self.coerce(got, expr, want, what)
    }

    /// Says where a type doesn't fit, with what would.
    pub(super) fn coerce(
        &mut self,
        got: Typed,
        source: &ast::Expr,
        want: &Type,
        what: &str,
    ) -> Typed {
        if let (Type::Enum(words), Expr::Const(Value::String(word))) = (want, &got.expr)
            && !words.is_empty()
            && fits(&got.ty, &Type::String)
        {
            if words.contains(word) {
                return Typed::new(want.clone(), got.expr);
            }
            self.no_member(word, words, source.span, what);
            return Typed::poison();
        }
        if fits(&got.ty, want) {
            let expr = match (want, got.expr) {
                (Type::Float, Expr::Const(Value::Int(whole))) => {
                    Expr::Const(Value::Float(Float(whole as f64)))
                }
                (_, expr) => expr,
            };
            let ty = if is_never(want) { got.ty } else { want.clone() };
            return Typed::new(ty, expr);
        }
        let diagnostic = self.mismatch(&got, source, want, what);
        self.sink.push(diagnostic);
        Typed::poison()
    }

    fn mismatch(&self, got: &Typed, source: &ast::Expr, want: &Type, what: &str) -> Diagnostic {
        let span = source.span;
        if holds(&got.ty, &Type::Secret) {
            return secret_leak(span, what);
        }
        if holds(&got.ty, &Type::Inherited) {
            return Diagnostic::error(
                Code::TypeMismatch,
                format!("an inherited variable can't be used by {what}"),
                span,
                "known on the machine that runs the job only",
            )
            .help("bind it in `env`, and let the script read it");
        }
        if holds_untrusted(&got.ty) && !holds_untrusted(want) {
            return untrusted(span, self.source.slice(span), what);
        }
        let found = with_article(&got.ty.to_string());
        let diagnostic = Diagnostic::error(
            Code::TypeMismatch,
            format!(
                "expected {}, found {found}",
                with_article(&want.to_string())
            ),
            span,
            format!("{what} takes {}", with_article(&want.to_string())),
        );
        suggest(diagnostic, got, span, want)
    }

    pub(super) fn no_member(&mut self, word: &str, words: &[String], span: Span, what: &str) {
        let all = words.iter().map(String::as_str);
        let diagnostic = Diagnostic::error(
            Code::NoSuchMember,
            format!("`{word}` is none of the words that {what} takes"),
            span,
            "not one of them",
        );
        self.sink.push(match closest(word, all.clone()) {
            Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
            None => diagnostic.help(format!("it takes {}", one_of(all))),
        });
    }
}

pub(super) fn secret_leak(span: Span, what: &str) -> Diagnostic {
    Diagnostic::error(
        Code::SecretLeak,
        format!("a secret can't be used by {what}"),
        span,
        "a secret could be read from there",
    )
    .help("a secret can be bound in `env`, or handed to a plugin: `env { TOKEN = secret.token }`")
}

pub(super) fn untrusted(span: Span, text: &str, what: &str) -> Diagnostic {
    let short = if text.len() <= 40 && !text.contains('\n') {
        text
    } else {
        "text"
    };
    Diagnostic::error(
        Code::Untrusted,
        format!("text that came from outside can't be used by {what}"),
        span,
        "anybody may have written this",
    )
    .help(format!(
        "say what it may look like: `checked({short}, \"[a-z0-9-]+\")`; or bind it in `env`"
    ))
}

/// What would fit, where it can be guessed from the value.
fn suggest(diagnostic: Diagnostic, got: &Typed, span: Span, want: &Type) -> Diagnostic {
    let maybe = Applicability::Maybe;
    match (want, &got.ty, got.expr.as_const()) {
        (Type::Duration, Type::Int, Some(Value::Int(n))) => {
            diagnostic.help(format!("did you mean `{n}s` or `{n}m`?"))
        }
        (Type::Size, Type::Int, Some(Value::Int(n))) => {
            diagnostic.help(format!("did you mean `{n}MiB` or `{n}GiB`?"))
        }
        (Type::Percent, Type::Int, Some(Value::Int(n))) => diagnostic
            .help(format!("did you mean `{n}%`?"))
            .fix(span, format!("{n}%"), maybe),
        (Type::Duration | Type::Size | Type::Percent | Type::Int | Type::Float | Type::Bool, Type::String, Some(Value::String(text))) => {
            match want.read(text) {
                Ok(value) if !text.is_empty() => diagnostic
                    .help(format!("write it without quotation marks: `{value}`"))
                    .fix(span, value.to_string(), maybe),
                _ => diagnostic.help(example_of(want)),
            }
        }
        (Type::String, Type::Int | Type::Float | Type::Bool | Type::Duration | Type::Size | Type::Percent, Some(value)) => diagnostic
            .help(format!("write it in quotation marks: `\"{value}\"`"))
            .fix(span, format!("\"{value}\""), maybe),
        (Type::List(item), found, Some(value)) if fits(found, item) => diagnostic
            .help(format!("put it in brackets: `[{value}]`"))
            .fix(span, format!("[{value}]"), maybe),
        (Type::List(item), found, _) if fits(found, item) => {
            diagnostic.help("put it in brackets: `[…]`")
        }
        (Type::Bool, Type::Selector, _) => {
            diagnostic.help("workers can be asked in `runs_on` only: a condition is decided before a worker is chosen")
        }
        _ => diagnostic.help(example_of(want)),
    }
}

fn example_of(ty: &Type) -> &'static str {
    match ty {
        Type::Duration => "a duration is a number that touches its unit: `10s`, `10m`, `2h`",
        Type::Size => "a size is a number that touches its unit: `512MiB`, `2GB`",
        Type::Percent => "a percentage is a number that touches its `%`: `25%`",
        Type::Bool => "a condition is `true`, `false`, or a comparison: `x == \"a\"`",
        Type::Int => "an int is a whole number: `3`",
        Type::Float => "a float is a number: `1.5`",
        Type::List(_) => "a list stands in brackets: `[a, b]`",
        Type::Map(_) | Type::Record(_) => "a map stands in braces: `{ name = value }`",
        Type::Person => "people are `event.author`, `owner.on_call` and `team.NAME`",
        Type::Path | Type::String | Type::Untrusted => "a text stands in quotation marks: `\"a\"`",
        _ => "use a value of that type",
    }
}
