//! Which types fit where.

use super::sink::Sink;
use crate::ast::{self, TypeArgument};
use crate::diagnostic::{Code, Diagnostic};
use model::Type;
use std::collections::BTreeMap;

/// The types that an author can write, for messages.
const WRITTEN: [&str; 12] = [
    "string", "int", "float", "bool", "duration", "size", "percent", "path", "list", "map", "enum",
    "record",
];

/// The type of what has been reported, and of the elements of an empty list: the enum without
/// members, which fits everywhere.
pub(crate) const fn never() -> Type {
    Type::Enum(Vec::new())
}

pub(crate) fn is_never(ty: &Type) -> bool {
    matches!(ty, Type::Enum(words) if words.is_empty())
}

pub(crate) fn list(item: Type) -> Type {
    Type::List(Box::new(item))
}

/// Whether a value of type `from` may stand where `to` is expected.
pub(crate) fn fits(from: &Type, to: &Type) -> bool {
    match (from, to) {
        _ if from == to || is_never(from) || is_never(to) => true,
        (Type::Enum(words), Type::Enum(all)) => words.iter().all(|word| all.contains(word)),
        (Type::Enum(_) | Type::Path, Type::String)
        | (Type::String | Type::Enum(_) | Type::Path, Type::Untrusted)
        | (Type::String, Type::Path)
        | (Type::Int, Type::Float) => true,
        (Type::List(from), Type::List(to)) | (Type::Map(from), Type::Map(to)) => fits(from, to),
        (Type::Record(fields), Type::Map(item)) => fields.values().all(|ty| fits(ty, item)),
        (Type::Record(from), Type::Record(to)) => {
            from.len() == to.len()
                && to
                    .iter()
                    .all(|(name, ty)| from.get(name).is_some_and(|from| fits(from, ty)))
        }
        _ => false,
    }
}

/// The type of what is one or the other, if there is one.
pub(crate) fn common(a: &Type, b: &Type) -> Option<Type> {
    if fits(a, b) {
        return Some(if is_never(b) { a.clone() } else { b.clone() });
    }
    if fits(b, a) {
        return Some(a.clone());
    }
    match (a, b) {
        (Type::Enum(_) | Type::Path, Type::Enum(_) | Type::Path) => Some(Type::String),
        (Type::List(a), Type::List(b)) => common(a, b).map(list),
        (Type::Map(a), Type::Map(b)) => common(a, b).map(|item| Type::Map(Box::new(item))),
        _ => None,
    }
}

/// The type with every text of it untrusted: what a job hands on that has seen such text.
pub(crate) fn tainted(ty: &Type) -> Type {
    match ty {
        Type::String | Type::Path => Type::Untrusted,
        Type::List(item) => list(tainted(item)),
        Type::Map(item) => Type::Map(Box::new(tainted(item))),
        Type::Record(fields) => {
            let fields = fields.iter().map(|(name, ty)| (name.clone(), tainted(ty)));
            Type::Record(fields.collect())
        }
        other => other.clone(),
    }
}

/// Whether some text in it is untrusted.
pub(crate) fn holds_untrusted(ty: &Type) -> bool {
    holds(ty, &Type::Untrusted)
}

/// Whether it is, or holds, that type.
pub(crate) fn holds(ty: &Type, sought: &Type) -> bool {
    match ty {
        Type::List(item) | Type::Map(item) => holds(item, sought),
        Type::Record(fields) => fields.values().any(|ty| holds(ty, sought)),
        other => other == sought,
    }
}

/// Whether a value of it has a text that a person would write: what can be joined, or be an argument.
pub(crate) fn is_scalar(ty: &Type) -> bool {
    !matches!(
        ty,
        Type::List(_)
            | Type::Map(_)
            | Type::Record(_)
            | Type::Secret
            | Type::Inherited
            | Type::Selector
            | Type::Environment
            | Type::Artifact
    )
}

/// The type that is written, or `never` with the reason said.
pub(crate) fn written(ty: &ast::Type, sink: &mut Sink) -> Type {
    let word = &*ty.name.text;
    if ty.untrusted.is_some() && word != "string" {
        sink.push(
            Diagnostic::error(
                Code::UnknownType,
                format!(
                    "only a `string` can be untrusted, not {}",
                    crate::names::with_article(word)
                ),
                ty.span,
                "not a string",
            )
            .help("write `untrusted string`"),
        );
    }
    let simple = match word {
        "string" if ty.untrusted.is_some() => Type::Untrusted,
        "string" => Type::String,
        "int" => Type::Int,
        "float" => Type::Float,
        "bool" => Type::Bool,
        "duration" => Type::Duration,
        "size" => Type::Size,
        "percent" => Type::Percent,
        "path" => Type::Path,
        "secret" => Type::Secret,
        "artifact" => Type::Artifact,
        "environment" => Type::Environment,
        "worker" => Type::Worker,
        "selector" => Type::Selector,
        "person" => Type::Person,
        "list" | "map" | "enum" | "record" => return composed(ty, word, sink),
        _ => {
            sink.unknown_with(
                Code::UnknownType,
                format!("there is no type `{word}`"),
                word,
                ty.name.span,
                WRITTEN,
                Some(format!("the types are {}", crate::names::one_of(WRITTEN))),
            );
            return never();
        }
    };
    if let Some(argument) = ty.arguments.first() {
        sink.push(
            Diagnostic::error(
                Code::UnknownType,
                format!("`{word}` takes no argument"),
                argument_span(argument),
                "not here",
            )
            .help(format!("write `{word}`")),
        );
    }
    simple
}

fn composed(ty: &ast::Type, word: &str, sink: &mut Sink) -> Type {
    let wrong = |sink: &mut Sink, form: &str| {
        sink.push(
            Diagnostic::error(
                Code::UnknownType,
                format!("`{word}` needs to know of what"),
                ty.span,
                format!("`{word}` is only a part of a type"),
            )
            .help(format!("write `{form}`")),
        );
        never()
    };
    match (word, ty.arguments.as_slice()) {
        ("list", [TypeArgument::Type(item)]) => list(written(item, sink)),
        ("list", _) => wrong(sink, "list(string)"),
        ("map", [TypeArgument::Type(item)]) => Type::Map(Box::new(written(item, sink))),
        ("map", _) => wrong(sink, "map(string)"),
        ("enum", []) => wrong(sink, "enum(\"a\", \"b\")"),
        ("enum", members) => {
            let mut words = Vec::new();
            for member in members {
                let TypeArgument::Text(text) = member else {
                    return wrong(sink, "enum(\"a\", \"b\")");
                };
                match crate::text::plain_string(text) {
                    Ok(word) => words.push(word),
                    Err(diagnostics) => sink.extend(diagnostics),
                }
            }
            Type::Enum(words)
        }
        (_, []) => wrong(sink, "record(name: string, port: int)"),
        (_, members) => {
            let mut fields = BTreeMap::new();
            for member in members {
                let TypeArgument::Field(name, ty) = member else {
                    return wrong(sink, "record(name: string, port: int)");
                };
                fields.insert(name.text.to_string(), written(ty, sink));
            }
            Type::Record(fields)
        }
    }
}

fn argument_span(argument: &TypeArgument) -> crate::source::Span {
    match argument {
        TypeArgument::Type(ty) => ty.span,
        TypeArgument::Text(text) => text.span,
        TypeArgument::Field(name, ty) => name.span.to(ty.span),
    }
}
