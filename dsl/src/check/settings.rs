//! Settings: each is read as the schema says.

use super::checker::{Checker, Typed};
use super::fold::{is_left_to_run, unknown};
use super::path::PathRule;
use super::shape::Body;
use super::types::{is_never, list};
use crate::ast::{self, ExprKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::names::with_article;
use crate::plan::link::Link;
use crate::schema::{Record, SettingType as S};
use crate::source::Span;
use model::plan::When;
use model::value::Value;
use model::{Expr, Type};
use std::collections::BTreeMap;

/// What the settings of a block say.
#[derive(Debug, Default)]
pub(super) struct Settings {
    values: BTreeMap<&'static str, (Taken, Span)>,
}

/// What a setting says.
#[derive(Debug)]
pub(super) enum Taken {
    Value(Typed),
    Links(Vec<Link>),
    Record(BTreeMap<&'static str, Typed>),
}

impl Settings {
    pub(super) fn expr(&self, name: &str) -> Option<Expr> {
        match self.values.get(name)? {
            (Taken::Value(typed), _) => Some(typed.expr.clone()),
            _ => None,
        }
    }

    /// The elements of a list: those that a literal has, each by itself.
    pub(super) fn exprs(&self, name: &str) -> Option<Vec<Expr>> {
        Some(match self.expr(name)? {
            Expr::List(items) => items,
            Expr::Const(Value::List(items)) => items.into_iter().map(Expr::Const).collect(),
            other => vec![other],
        })
    }

    pub(super) fn record(&self, name: &str) -> Option<&BTreeMap<&'static str, Typed>> {
        match self.values.get(name)? {
            (Taken::Record(fields), _) => Some(fields),
            _ => None,
        }
    }

    pub(super) fn links(&mut self, name: &str) -> Vec<Link> {
        match self.values.get_mut(name) {
            Some((Taken::Links(links), _)) => std::mem::take(links),
            _ => Vec::new(),
        }
    }

    pub(super) fn span(&self, name: &str) -> Option<Span> {
        self.values.get(name).map(|(_, span)| *span)
    }

    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        match self.values.get(name)? {
            (Taken::Value(typed), _) => typed.expr.as_const(),
            _ => None,
        }
    }

    pub(super) fn int(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn bool(&self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn duration(&self, name: &str) -> Option<u64> {
        match self.value(name)? {
            Value::Duration(ms) => Some(*ms),
            _ => None,
        }
    }
}

impl<'a> Checker<'a> {
    /// Reads all settings of a block but `when`, which is read before ([`Checker::when`]).
    pub(super) fn settings(&mut self, body: &Body<'a>) -> Settings {
        let mut settings = Settings::default();
        for (known, setting) in &body.settings {
            if known.ty == S::Condition {
                continue;
            }
            self.note(known.name, setting.key.span(), known.availability);
            let what = format!("`{}`", known.name);
            let taken = self.setting(known.ty, &setting.value, &what, known.name);
            settings
                .values
                .insert(known.name, (taken, setting.value.span));
        }
        settings
    }

    /// Reads `when`. From here on, what it asks about the event is known.
    pub(super) fn when(&mut self, body: &Body<'a>) -> Option<When> {
        let setting = body.setting("when")?;
        let typed = self.expect(&setting.value, &Type::Bool, "`when`");
        let is_right = !is_never(&typed.ty);
        let expr = typed.expr;
        let (kinds, _) = self.narrowed(&setting.value);
        self.cx.kinds = kinds;
        let is_false = matches!(expr, Expr::Const(Value::Bool(false)));
        let is_impossible = kinds.is_empty();
        if is_right && ((is_false && !self.is_planning()) || is_impossible) {
            self.sink.push(
                Diagnostic::warning(
                    Code::AlwaysFalse,
                    "this is never true, whatever starts the run",
                    setting.value.span,
                    "always false",
                )
                .help("take out what it belongs to, or mend the condition"),
            );
        }
        if is_false && self.is_planning() {
            self.cx.dead = true;
        }
        let text = self.source.slice(setting.value.span);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(When { expr, text })
    }

    pub(super) fn setting(
        &mut self,
        ty: S,
        value: &ast::Expr,
        what: &str,
        name: &'static str,
    ) -> Taken {
        let typed = match ty {
            S::References => return Taken::Links(self.references(value, what, name)),
            S::Record(record) => return self.record(record, value, what),
            S::Text => self.expect(value, &Type::String, what),
            S::Shown => self.expect(value, &Type::Untrusted, what),
            S::Literal | S::Pattern => self.literal(ty, value, what),
            S::Int(low, high) => self.int(value, low, high, what),
            S::Bool => {
                let typed = self.expect(value, &Type::Bool, what);
                self.in_plan(typed, value.span, what)
            }
            S::Condition => self.expect(value, &Type::Bool, what),
            S::Duration => self.expect(value, &Type::Duration, what),
            S::Path => {
                let typed = self.expect(value, &Type::Path, what);
                self.check_path(&typed, PathRule::PLAIN, value.span);
                typed
            }
            S::Globs | S::Inputs => self.paths(value, PathRule::GLOB, what),
            S::CachePaths => self.paths(value, PathRule::CACHE, what),
            S::Texts => self.expect(value, &list(Type::String), what),
            S::Values => self.values(value, what),
            S::Selector => Typed::new(Type::Selector, self.selector(value, what)),
            S::Word(words) => self.expect(value, &words_type(words), what),
            S::Words(words) => {
                let typed = self.expect(value, &list(words_type(words)), what);
                self.in_plan(typed, value.span, what)
            }
            S::ExitCodes => self.exit_codes(value, what),
            S::Batch => self.batch(value, what),
            S::Environment => self.environment(value, what),
            S::Person | S::Team => self.expect(value, &Type::Person, what),
            S::People => self.expect(value, &list(Type::Person), what),
            S::Ports => self.expect(value, &list(Type::Int), what),
            S::Ready => self.ready(value),
            S::Keys => match value.as_name() {
                Some("any") => Typed::value(Type::String, Value::text("any")),
                _ => self.expect(value, &list(Type::String), what),
            },
            // Names of other files; an event of a test, which a run has no use for.
            S::Name | S::Event => Typed::new(super::types::never(), unknown(name)),
        };
        Taken::Value(typed)
    }

    /// A value that must be known when the plan is made.
    pub(super) fn in_plan(&mut self, typed: Typed, span: Span, what: &str) -> Typed {
        if !is_left_to_run(&typed.expr) {
            return typed;
        }
        self.sink.push(
            Diagnostic::error(
                Code::NotKnownYet,
                format!("{what} must be known before the run starts"),
                span,
                "depends on an output, or on an element",
            )
            .help("use a literal, a parameter, or a field of the event"),
        );
        Typed::poison()
    }

    fn literal(&mut self, ty: S, value: &ast::Expr, what: &str) -> Typed {
        let typed = self.expect(value, &Type::String, what);
        let typed = self.in_plan(typed, value.span, what);
        if let (S::Pattern, Some(Value::String(pattern))) = (ty, typed.expr.as_const()) {
            self.pattern(&pattern.clone(), value.span);
        }
        typed
    }

    fn int(&mut self, value: &ast::Expr, low: i64, high: i64, what: &str) -> Typed {
        let typed = self.expect(value, &Type::Int, what);
        let typed = self.in_plan(typed, value.span, what);
        if let Some(Value::Int(number)) = typed.expr.as_const()
            && !(low..=high).contains(number)
        {
            self.sink.push(
                Diagnostic::error(
                    Code::OutOfRange,
                    format!("{what} can't be {number}"),
                    value.span,
                    "out of range",
                )
                .help(format!("it is a number from {low} to {high}")),
            );
            return Typed::poison();
        }
        typed
    }

    fn exit_codes(&mut self, value: &ast::Expr, what: &str) -> Typed {
        let typed = self.expect(value, &list(Type::Int), what);
        let typed = self.in_plan(typed, value.span, what);
        if let Some(Value::List(codes)) = typed.expr.as_const() {
            let fits =
                |code: &Value| matches!(code, Value::Int(code) if i32::try_from(*code).is_ok());
            if !codes.iter().all(fits) {
                self.sink.push(
                    Diagnostic::error(
                        Code::OutOfRange,
                        "an exit code has 32 bits",
                        value.span,
                        "out of range",
                    )
                    .help("on Linux they are from 0 to 255"),
                );
            }
        }
        typed
    }

    fn batch(&mut self, value: &ast::Expr, what: &str) -> Typed {
        let typed = self.expr(value, None);
        let typed = self.in_plan(typed, value.span, what);
        let fits = match typed.expr.as_const() {
            Some(Value::Int(count)) => (1..=1_000_000).contains(count),
            Some(Value::Percent(share)) => (1..=10_000).contains(share),
            Some(_) => false,
            None => matches!(typed.ty, Type::Int | Type::Percent) || is_never(&typed.ty),
        };
        if !fits {
            self.sink.push(
                Diagnostic::error(
                    Code::TypeMismatch,
                    format!("{what} is a number of elements, or a share of them"),
                    value.span,
                    with_article(&typed.ty.to_string()),
                )
                .help("for example `2` or `25%`"),
            );
        }
        typed
    }

    /// Values of any types, which no text of a secret may get into.
    fn values(&mut self, value: &ast::Expr, what: &str) -> Typed {
        let items = match &value.inner().kind {
            ExprKind::List(items) => items.as_slice(),
            _ => std::slice::from_ref(value),
        };
        for item in items {
            let typed = self.expr(item, None);
            let refused = matches!(typed.ty, Type::Secret | Type::Inherited | Type::Untrusted);
            if refused {
                self.coerce(typed, item, &Type::String, what);
            }
        }
        Typed::new(list(super::types::never()), unknown("values"))
    }

    /// A list of paths; a single one is said to need brackets.
    pub(super) fn paths(&mut self, value: &ast::Expr, rule: PathRule, what: &str) -> Typed {
        let ExprKind::List(items) = &value.inner().kind else {
            let typed = self.expect(value, &list(Type::Path), what);
            if let Some(Value::List(paths)) = typed.expr.as_const() {
                for path in paths.clone() {
                    self.path(&path.to_text(), rule, value.span);
                }
            }
            return typed;
        };
        let mut exprs = Vec::with_capacity(items.len());
        for item in items {
            let typed = self.expect(item, &Type::Path, what);
            self.check_path(&typed, rule, item.span);
            exprs.push(typed.expr);
        }
        Typed::new(list(Type::Path), Expr::List(exprs))
    }

    pub(super) fn check_path(&mut self, typed: &Typed, rule: PathRule, span: Span) {
        if let Some(Value::String(path)) = typed.expr.as_const() {
            self.path(&path.clone(), rule, span);
        }
    }

    /// `prod` or `prod["eu"]`: the key of the environment that is held.
    fn environment(&mut self, value: &ast::Expr, what: &str) -> Typed {
        let (base, keys) = match &value.inner().kind {
            ExprKind::Index(base, keys) => (base.inner(), keys.as_slice()),
            _ => (value.inner(), &[][..]),
        };
        let Some(name) = base.as_name() else {
            self.sink.push(
                Diagnostic::error(
                    Code::TypeMismatch,
                    format!("{what} takes an environment"),
                    value.span,
                    "no environment",
                )
                .help("an environment is a name of the site file: `prod`, or `prod[\"eu\"]`"),
            );
            return Typed::poison();
        };
        match self.site {
            Some(site) if !site.environments.contains(name) => self.sink.unknown(
                Code::UnknownName,
                format!("the site file has no environment `{name}`"),
                name,
                base.span,
                site.environments.iter().map(String::as_str),
            ),
            Some(_) => {}
            None => drop(self.assumed.insert(("environment", name.to_owned()))),
        }
        let mut parts = vec![Expr::text(name)];
        for key in keys {
            let typed = self.expr(key, None);
            if !super::types::is_scalar(&typed.ty) || typed.ty == Type::Untrusted {
                return self.coerce(typed, key, &Type::String, what);
            }
            parts.extend([Expr::text("["), typed.expr, Expr::text("]")]);
        }
        self.folded(Type::Environment, Expr::Join(parts), value.span)
    }

    /// `tcp(port, within = 30s)`, `http("/health", within = 30s)`
    fn ready(&mut self, value: &ast::Expr) -> Typed {
        const FORM: &str =
            "its form is `tcp(8080, within = 30s)` or `http(\"http://…\", within = 30s)`";
        let ExprKind::Call(callee, arguments) = &value.inner().kind else {
            self.sink.push(
                Diagnostic::error(
                    Code::TypeMismatch,
                    "`ready` takes a probe",
                    value.span,
                    "no probe",
                )
                .help(FORM),
            );
            return Typed::poison();
        };
        let probe = match callee.as_name() {
            Some("tcp") => Type::Int,
            Some("http") => Type::String,
            other => {
                self.sink.unknown_with(
                    Code::UnknownFunction,
                    "`ready` knows no such probe",
                    other.unwrap_or_default(),
                    callee.span,
                    ["tcp", "http"],
                    Some(FORM.to_owned()),
                );
                return Typed::poison();
            }
        };
        for argument in arguments {
            match argument.name.as_ref().map(|name| &*name.text) {
                Some("within") => drop(self.expect(&argument.value, &Type::Duration, "`within`")),
                Some("status") => drop(self.expect(&argument.value, &Type::Int, "`status`")),
                None => drop(self.expect(&argument.value, &probe, "`ready`")),
                Some(other) => self.sink.unknown_with(
                    Code::WrongCall,
                    format!("the probe has no argument `{other}`"),
                    other,
                    argument.value.span,
                    ["within", "status"],
                    Some(FORM.to_owned()),
                ),
            }
        }
        Typed::new(super::types::never(), unknown("ready"))
    }

    /// `{ times = 2, on = [worker_lost] }`
    fn record(&mut self, record: &'static Record, value: &ast::Expr, what: &str) -> Taken {
        let mut fields = BTreeMap::new();
        let ExprKind::Map(entries) = &value.inner().kind else {
            if !matches!(value.inner().kind, ExprKind::Error) {
                let typed = self.expr(value, None);
                let example = match typed.expr.as_const() {
                    Some(Value::Int(n)) if record.title == "retry" => format!("{{ times = {n} }}"),
                    _ => record.example.to_owned(),
                };
                self.sink.push(
                    Diagnostic::error(
                        Code::TypeMismatch,
                        format!("{what} takes fields between braces"),
                        value.span,
                        with_article(&typed.ty.to_string()),
                    )
                    .help(format!("write `{} = {example}`", record.title)),
                );
            }
            return Taken::Record(fields);
        };
        for entry in entries {
            let Some(key) = super::shape::key_text(&entry.key, &mut self.sink) else {
                continue;
            };
            let Some(field) = record.fields.iter().find(|field| field.name == key) else {
                let known = record.fields.iter().map(|field| field.name);
                self.sink.unknown_with(
                    Code::UnknownField,
                    format!("{what} has no field `{key}`"),
                    &key,
                    entry.key.span(),
                    known,
                    Some(format!("for example `{}`", record.example)),
                );
                continue;
            };
            let what = format!("`{key}`");
            if let Taken::Value(typed) = self.setting(field.ty, &entry.value, &what, field.name) {
                let typed = match field.ty {
                    S::Duration => self.in_plan(typed, entry.value.span, &what),
                    _ => typed,
                };
                fields.insert(field.name, typed);
            }
        }
        for field in record.fields.iter().filter(|field| field.required) {
            let given = entries.iter().any(|entry| {
                entry
                    .key
                    .name()
                    .is_some_and(|name| &*name.text == field.name)
            });
            if !given {
                self.sink.push(
                    Diagnostic::error(
                        Code::MissingSetting,
                        format!("{what} lacks `{}`", field.name),
                        value.span,
                        "not complete",
                    )
                    .help(format!("for example `{}`", record.example)),
                );
            }
        }
        Taken::Record(fields)
    }
}

fn words_type(words: &[&str]) -> Type {
    Type::Enum(words.iter().map(|word| (*word).to_owned()).collect())
}
