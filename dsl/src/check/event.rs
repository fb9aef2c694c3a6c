//! What is known about the event, and what a condition on its kind says about the rest.

use super::checker::{Checker, Typed};
use super::fold::unknown;
use crate::ast::{self, BinaryOperator, ExprKind, Name, UnaryOperator};
use crate::diagnostic::{Code, Diagnostic};
use crate::names::{all_of, one_of};
use crate::schema::{EventKind, Field, KindSet};
use crate::source::Span;
use model::{Type, Value};

impl Checker<'_> {
    /// `event.name`
    pub(super) fn event_field(&mut self, name: &Name, span: Span) -> Typed {
        let request = self.known.map(|known| &known.request.event);
        match &*name.text {
            "kind" => {
                let kinds = self.scope.kinds.or(KindSet::named("manual"));
                let ty = Type::Enum(kinds.iter().map(|kind| kind.name.to_owned()).collect());
                return match request {
                    Some(event) => Typed::value(ty, Value::text(&event.kind)),
                    None => Typed::new(ty, unknown("event.kind")),
                };
            }
            "commit" => {
                return match request {
                    Some(event) => Typed::value(Type::String, Value::text(&event.commit)),
                    None => Typed::new(Type::String, unknown("event.commit")),
                };
            }
            "trusted" => {
                return match request {
                    Some(event) => Typed::value(Type::Bool, Value::Bool(event.trusted)),
                    None => Typed::new(Type::Bool, unknown("event.trusted")),
                };
            }
            _ => {}
        }
        let Some(field) = self.field_of_kinds(name, span) else {
            return Typed::poison();
        };
        let ty = field.ty.ty();
        let Some(event) = request else {
            return Typed::new(ty, unknown(&format!("event.{}", field.name)));
        };
        if self.cx.dead || KindSet::named(&event.kind).and(self.cx.kinds).is_empty() {
            // A condition excludes this event here: nothing ever asks.
            return Typed::new(ty, unknown(&format!("event.{}", field.name)));
        }
        match event.fields.get(field.name) {
            Some(value) if is_of(value, &ty) => Typed::value(ty, value.clone()),
            found => {
                let why = match found {
                    Some(_) => format!("`{}` of the event is not {ty}", field.name),
                    None => format!("a `{}` event has no `{}` here", event.kind, field.name),
                };
                self.sink.push(
                    Diagnostic::error(Code::EventField, why, span, "needed here")
                        .help("give the whole event with `--event FILE`, or ask for the kind first: `when = event.kind == \"…\"`"),
                );
                Typed::poison()
            }
        }
    }

    /// The field, if each event that can have come here has it.
    fn field_of_kinds(&mut self, name: &Name, span: Span) -> Option<&'static Field> {
        let declared = self.cx.kinds.and(self.scope.kinds);
        // `manual` counts only where it is a trigger, or nothing else is left.
        let kinds = if declared.is_empty() {
            self.cx.kinds
        } else {
            declared
        };
        let lacking: Vec<&str> = kinds
            .iter()
            .filter(|kind| kind.field(&name.text).is_none())
            .map(|kind| kind.name)
            .collect();
        let holding: Vec<&str> = KindSet::ALL
            .iter()
            .filter(|kind| kind.field(&name.text).is_some())
            .map(|kind| kind.name)
            .collect();
        if holding.is_empty() {
            let fields = kinds
                .iter()
                .flat_map(|kind| kind.fields)
                .map(|field| field.name);
            let always = ["kind", "commit", "trusted"];
            let known: Vec<&str> = always.into_iter().chain(fields).collect();
            self.sink.unknown_with(
                Code::UnknownField,
                format!("`event` has no `{}`", name.text),
                &name.text,
                name.span,
                known.iter().copied(),
                Some(format!("it has {}", all_of(known.iter().copied()))),
            );
            return None;
        }
        if let [lacking @ .., last] = lacking.as_slice() {
            let reached: Vec<&str> = self.scope.kinds.iter().map(|kind| kind.name).collect();
            let by = if reached.is_empty() {
                "by hand only".to_owned()
            } else {
                format!("by {}", all_of(reached))
            };
            let usable: Vec<&&str> = holding
                .iter()
                .filter(|kind| self.scope.kinds.iter().any(|known| known.name == **kind))
                .collect();
            let diagnostic = Diagnostic::error(
                Code::EventField,
                format!(
                    "`event.{}` is not there for {}",
                    name.text,
                    all_of(lacking.iter().copied().chain([*last]))
                ),
                span,
                format!("this pipeline is started {by}"),
            );
            self.sink.push(match usable.first() {
                Some(kind) => diagnostic.help(format!(
                    "ask for the kind first: `when = event.kind == \"{kind}\"`"
                )),
                None => diagnostic.help(format!(
                    "only {} events have it",
                    one_of(holding.iter().copied())
                )),
            });
            return None;
        }
        kinds.iter().find_map(|kind| kind.field(&name.text))
    }

    /// The kinds that are left where the condition is true, and where it is false.
    pub(super) fn narrowed(&self, condition: &ast::Expr) -> (KindSet, KindSet) {
        let (yes, no) = kinds_where(condition);
        (self.cx.kinds.and(yes), self.cx.kinds.and(no))
    }
}

/// For which kinds a condition can be true, and for which it can be false.
fn kinds_where(condition: &ast::Expr) -> (KindSet, KindSet) {
    let open = (KindSet::ALL, KindSet::ALL);
    match &condition.inner().kind {
        ExprKind::Unary(unary) if unary.operator == UnaryOperator::Not => {
            let (yes, no) = kinds_where(&unary.operand);
            (no, yes)
        }
        ExprKind::Binary(binary) => match binary.operator {
            BinaryOperator::And | BinaryOperator::Or => {
                let (left_yes, left_no) = kinds_where(&binary.left);
                let (right_yes, right_no) = kinds_where(&binary.right);
                match binary.operator {
                    BinaryOperator::And => (left_yes.and(right_yes), left_no.or(right_no)),
                    _ => (left_yes.or(right_yes), left_no.and(right_no)),
                }
            }
            BinaryOperator::Equal | BinaryOperator::NotEqual => {
                let kind = match (is_kind(&binary.left), is_kind(&binary.right)) {
                    (true, false) => literal(&binary.right),
                    (false, true) => literal(&binary.left),
                    _ => None,
                };
                match kind {
                    Some(kind) if binary.operator == BinaryOperator::Equal => (kind, kind.others()),
                    Some(kind) => (kind.others(), kind),
                    None => open,
                }
            }
            BinaryOperator::In if is_kind(&binary.left) => match &binary.right.inner().kind {
                ExprKind::List(items) => {
                    let kinds: Option<Vec<KindSet>> = items.iter().map(literal).collect();
                    match kinds {
                        Some(kinds) => {
                            let any = kinds.into_iter().fold(KindSet::EMPTY, KindSet::or);
                            (any, any.others())
                        }
                        None => open,
                    }
                }
                _ => open,
            },
            _ => open,
        },
        _ => open,
    }
}

fn is_kind(expr: &ast::Expr) -> bool {
    matches!(&expr.inner().kind, ExprKind::Member(base, name)
        if base.inner().as_name() == Some("event") && &*name.text == "kind")
}

fn literal(expr: &ast::Expr) -> Option<KindSet> {
    let word = match &expr.inner().kind {
        ExprKind::Text(text) => crate::text::plain_string(text).ok()?,
        ExprKind::Name(name) => name.to_string(),
        _ => return None,
    };
    EventKind::index(&word).map(|_| KindSet::named(&word))
}

/// Whether a value that came from outside has the type.
fn is_of(value: &Value, ty: &Type) -> bool {
    match (ty, value) {
        (Type::List(item), Value::List(items)) => items.iter().all(|value| is_of(value, item)),
        (Type::Record(fields), Value::Map(entries)) => fields
            .iter()
            .all(|(name, ty)| entries.get(name).is_some_and(|value| is_of(value, ty))),
        (Type::Int, Value::Int(_)) | (Type::Bool, Value::Bool(_)) => true,
        (Type::String | Type::Untrusted | Type::Person, Value::String(_)) => true,
        _ => false,
    }
}
