//! Calls of functions.

use super::checker::{Checker, Typed};
use super::fold::{is_left_to_run, unknown};
use super::path::PathRule;
use super::types::{is_never, list};
use crate::ast::{self, Argument, ExprKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::names::one_of;
use crate::schema::{Availability, FUNCTIONS, Function};
use crate::source::Span;
use model::expr::whole_match;
use model::{Expr, Type, Value};

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        callee: &ast::Expr,
        arguments: &[Argument],
        span: Span,
        want: Option<&Type>,
    ) -> Typed {
        let Some(name) = callee.inner().as_name() else {
            if !matches!(callee.inner().kind, ExprKind::Error) {
                self.sink.push(
                    Diagnostic::error(
                        Code::UnknownFunction,
                        "only functions can be called in an expression",
                        callee.span,
                        "no function",
                    )
                    .help("a plugin is a step of its own: `use plugin.function(…)`"),
                );
            }
            return Typed::poison();
        };
        let Some(function) = Function::of(name) else {
            let known = FUNCTIONS.iter().map(|function| function.name);
            let help = format!("the functions are {}", one_of(known.clone()));
            let headline = format!("there is no function `{name}`");
            self.sink.unknown_with(
                Code::UnknownFunction,
                headline,
                name,
                callee.span,
                known,
                Some(help),
            );
            return Typed::poison();
        };
        if !self.has_right_arguments(function, arguments, span) {
            return Typed::poison();
        }
        let values: Vec<&ast::Expr> = arguments.iter().map(|argument| &argument.value).collect();
        self.apply(function, &values, span, want)
    }

    fn has_right_arguments(
        &mut self,
        function: &'static Function,
        arguments: &[Argument],
        span: Span,
    ) -> bool {
        if let Some(named) = arguments.iter().find_map(|argument| argument.name.as_ref()) {
            self.sink.push(
                Diagnostic::error(
                    Code::WrongCall,
                    format!("`{}` takes no named arguments", function.name),
                    named.span,
                    "not here",
                )
                .help(format!("its form is `{}`", function.form)),
            );
            return false;
        }
        if (function.min..=function.max).contains(&arguments.len()) {
            return true;
        }
        let count = match function.min {
            0 => "no arguments".to_owned(),
            1 if function.max == 1 => "one argument".to_owned(),
            1 => "at least one argument".to_owned(),
            n => format!("{n} arguments"),
        };
        self.sink.push(
            Diagnostic::error(
                Code::WrongCall,
                format!("`{}` takes {count}, not {}", function.name, arguments.len()),
                span,
                "in this call",
            )
            .help(format!("its form is `{}`", function.form)),
        );
        false
    }

    fn apply(
        &mut self,
        function: &'static Function,
        values: &[&ast::Expr],
        span: Span,
        want: Option<&Type>,
    ) -> Typed {
        self.note(function.name, span, function.availability);
        match (function.name, values) {
            ("changed", patterns) => {
                self.of_commit(function.name, patterns, Type::Bool, span, want)
            }
            ("glob", patterns) => {
                self.of_commit(function.name, patterns, list(Type::Path), span, want)
            }
            ("digest", patterns) => {
                self.of_commit(function.name, patterns, Type::String, span, want)
            }
            ("read_json", path) => self.read_json(path, span, want),
            ("range", [count]) => {
                let count = self.expect(count, &Type::Int, "`range`");
                self.folded(list(Type::Int), Expr::Range(Box::new(count.expr)), span)
            }
            ("checked", [text, pattern]) => self.checked(text, pattern, span),
            ("default", [value, otherwise]) => self.default(value, otherwise, span),
            ("failed", _) => {
                if !self.cx.ending {
                    self.sink.push(
                        Diagnostic::error(
                            Code::EndOnly,
                            "`failed()` is not known before the end",
                            span,
                            "the run still goes on here",
                        )
                        .help("use it in `notify`, or in a job of `finally`; for a failure of one job there is `on_failure`"),
                    );
                }
                Typed::new(Type::Bool, Expr::Failed)
            }
            ("has", [label]) => self.has(label, span),
            ("inherit", [name]) => self.inherit(name),
            ("file", [secret]) => {
                self.expect(secret, &Type::Secret, "`file`");
                Typed::new(Type::Inherited, unknown("file"))
            }
            ("id_token", [audience]) => {
                self.expect(audience, &Type::String, "`id_token`");
                Typed::value(Type::Secret, Value::Secret("id_token".to_owned()))
            }
            ("tool", [name]) => {
                self.expect(name, &Type::String, "`tool`");
                if want != Some(&Type::Path) {
                    self.sink.push(
                        Diagnostic::error(
                            Code::WrongCall,
                            "`tool` stands among `inputs` only",
                            span,
                            "not here",
                        )
                        .help("write `inputs = [\"src/**\", tool(\"rustc\")]`"),
                    );
                }
                Typed::new(Type::Path, unknown("tool"))
            }
            ("workers", [selector]) => self.workers(function, selector, span),
            _ => Typed::poison(),
        }
    }

    /// A function over the commit: asked when the plan is made.
    fn of_commit(
        &mut self,
        name: &'static str,
        patterns: &[&ast::Expr],
        ty: Type,
        span: Span,
        _want: Option<&Type>,
    ) -> Typed {
        let mut texts = Vec::new();
        for pattern in patterns {
            let typed = self.expect(pattern, &Type::String, &format!("`{name}`"));
            match self.known_text(&typed, pattern.span, &format!("what `{name}` is asked")) {
                Some(text) if self.path(&text, PathRule::GLOB, pattern.span) => texts.push(text),
                _ => {}
            }
        }
        if texts.len() < patterns.len() || self.cx.dead {
            return Typed::new(ty, unknown(name));
        }
        let Some(known) = self.known else {
            return Typed::new(ty, unknown(name));
        };
        let key = (name, texts);
        if let Some(answer) = self.answers.get(&key) {
            return Typed::value(ty, answer.clone());
        }
        let patterns: Vec<&str> = key.1.iter().map(String::as_str).collect();
        let answer = match name {
            "changed" => known.commit.changed(&patterns).map(Value::Bool),
            "digest" => known.commit.digest(&patterns).map(Value::String),
            _ => known.commit.glob(&patterns).map(|mut paths| {
                // The same for the same commit, whatever order they come in.
                paths.sort();
                paths.dedup();
                Value::List(paths.into_iter().map(Value::String).collect())
            }),
        };
        match answer {
            Ok(value) => {
                if !self.spend(super::fold::weight(&value), span) {
                    return Typed::new(ty, unknown(name));
                }
                self.answers.insert(key, value.clone());
                Typed::value(ty, value)
            }
            Err(error) => {
                self.commit_failed(name, &error.0, span);
                Typed::poison()
            }
        }
    }

    fn commit_failed(&mut self, function: &str, why: &str, span: Span) {
        self.sink.push(
            Diagnostic::error(
                Code::CommitFailed,
                format!("`{function}` has no answer: {why}"),
                span,
                "asked of the source tree",
            )
            .help("look whether the files are there, and are added to git"),
        );
    }

    /// The text of a literal, or of what is known in the plan. `None` where it is not known, which is
    /// an error only where it never will be.
    pub(super) fn known_text(&mut self, typed: &Typed, span: Span, what: &str) -> Option<String> {
        match &typed.expr {
            Expr::Const(value) => Some(value.to_text()),
            open if is_left_to_run(open) => {
                self.sink.push(
                    Diagnostic::error(
                        Code::NotKnownYet,
                        format!("{what} must be known before the run starts"),
                        span,
                        "depends on an output, or on an element",
                    )
                    .help("use a literal, a parameter, or a field of the event"),
                );
                None
            }
            _ => None,
        }
    }

    fn read_json(&mut self, values: &[&ast::Expr], span: Span, want: Option<&Type>) -> Typed {
        let Some(ty) = want.filter(|ty| !is_never(ty)) else {
            self.sink.push(
                Diagnostic::error(
                    Code::WrongCall,
                    "of which type the file is, is not known here",
                    span,
                    "nothing says its type",
                )
                .help("name the type: `let x: list(string) = read_json(\"x.json\")`"),
            );
            return Typed::poison();
        };
        let Some(value) = values.first() else {
            return Typed::poison();
        };
        let path = self.expect(value, &Type::String, "`read_json`");
        let open = Typed::new(ty.clone(), unknown("read_json"));
        let Some(path) = self.known_text(&path, value.span, "the path of the file") else {
            return open;
        };
        if !self.path(&path, PathRule::PLAIN, value.span) || self.cx.dead {
            return open;
        }
        let Some(known) = self.known else {
            return open;
        };
        let read = known
            .commit
            .read(&path)
            .map_err(|error| error.0)
            .and_then(|text| {
                let json = serde_json::from_str(&text)
                    .map_err(|error| format!("{path} is no JSON: {error}"))?;
                ty.read_json(&json)
                    .map_err(|error| format!("{path}: {error}"))
            });
        match read {
            Ok(value) if self.spend(super::fold::weight(&value), span) => {
                Typed::value(ty.clone(), value)
            }
            Ok(_) => open,
            Err(why) => {
                self.commit_failed("read_json", &why, span);
                Typed::poison()
            }
        }
    }

    fn checked(&mut self, text: &ast::Expr, pattern: &ast::Expr, span: Span) -> Typed {
        let text = self.expect(text, &Type::Untrusted, "`checked`");
        let typed = self.expect(pattern, &Type::String, "`checked`");
        let Some(known) = self.known_text(&typed, pattern.span, "the expression of `checked`")
        else {
            return Typed::new(Type::String, unknown("checked"));
        };
        if !self.pattern(&known, pattern.span) {
            return Typed::poison();
        }
        self.folded(
            Type::String,
            Expr::Checked(Box::new(text.expr), known),
            span,
        )
    }

    /// Whether a regular expression can be read; says why not.
    pub(super) fn pattern(&mut self, pattern: &str, span: Span) -> bool {
        let Err(error) = whole_match(pattern) else {
            return true;
        };
        self.sink.push(
            Diagnostic::error(
                Code::BadPattern,
                format!("this regular expression can't be read: {error}"),
                span,
                "not a regular expression",
            )
            .help("for example `[a-z0-9._-]+`; it matches from end to end"),
        );
        false
    }

    fn default(&mut self, value: &ast::Expr, otherwise: &ast::Expr, span: Span) -> Typed {
        let outer = std::mem::replace(&mut self.cx.in_default, true);
        let value_typed = self.expr(value, None);
        self.cx.in_default = outer;
        let mut mentions_output = false;
        value_typed
            .expr
            .visit(&mut |part| mentions_output |= matches!(part, Expr::Output { .. }));
        if !mentions_output && !is_never(&value_typed.ty) {
            self.sink.push(
                Diagnostic::error(
                    Code::WrongCall,
                    "only an output of a job can be absent",
                    value.span,
                    "always there",
                )
                .help("write the value alone"),
            );
            return value_typed;
        }
        let ty = value_typed.ty.clone();
        let otherwise = self.expect(otherwise, &ty, "`default`");
        let expr = Expr::Default(Box::new(value_typed.expr), Box::new(otherwise.expr));
        self.folded(ty, expr, span)
    }

    fn has(&mut self, label: &ast::Expr, span: Span) -> Typed {
        if !self.cx.selector {
            self.sink.push(
                Diagnostic::error(
                    Code::BadSelector,
                    "workers can't be asked here",
                    span,
                    "no worker has been chosen",
                )
                .help(
                    "`has` stands in `runs_on`, and in `workers(…)`; for a list write `x in list`",
                ),
            );
            return Typed::poison();
        }
        let label = self.nested_plain(|checker| checker.expect(label, &Type::String, "`has`"));
        Typed::new(Type::Selector, Expr::HasLabel(Box::new(label.expr)))
    }

    fn inherit(&mut self, name: &ast::Expr) -> Typed {
        let typed = self.expect(name, &Type::String, "`inherit`");
        match self.known_text(&typed, name.span, "the name of the variable") {
            Some(variable) => Typed::value(Type::Inherited, Value::Inherit(variable)),
            None => Typed::new(Type::Inherited, unknown("inherit")),
        }
    }

    fn workers(&mut self, function: &'static Function, selector: &ast::Expr, span: Span) -> Typed {
        self.selector(selector, "`workers`");
        if let Availability::Unplanned(help) = function.availability {
            self.not_in_this_build("workers", span, help);
        }
        Typed::new(list(Type::Worker), unknown("workers"))
    }

    /// Says that not even a plan can be made of it.
    pub(super) fn not_in_this_build(&mut self, word: &str, span: Span, help: &str) {
        self.sink.push(
            Diagnostic::error(
                Code::NotInThisBuild,
                format!("this build of Gantry can't plan `{word}` yet"),
                span,
                "not in this build",
            )
            .help(help),
        );
    }

    /// Which workers: a `bool` about a worker.
    pub(super) fn selector(&mut self, source: &ast::Expr, what: &str) -> Expr {
        let outer = std::mem::replace(&mut self.cx.selector, true);
        let typed = self.expr(source, None);
        self.cx.selector = outer;
        match typed.ty {
            Type::Selector => typed.expr,
            ref ty if is_never(ty) => typed.expr,
            Type::String | Type::Enum(_) => match typed.expr {
                Expr::Worker(_) => {
                    self.no_selector(source.span, what);
                    unknown("?")
                }
                label => Expr::HasLabel(Box::new(label)),
            },
            Type::Worker => Expr::Binary(
                model::expr::Operator::Equal,
                Box::new(Expr::Worker("name".to_owned())),
                Box::new(Expr::Member(Box::new(typed.expr), "name".to_owned())),
            ),
            Type::Bool => {
                self.no_selector(source.span, what);
                unknown("?")
            }
            _ => self.coerce(typed, source, &Type::Selector, what).expr,
        }
    }

    fn no_selector(&mut self, span: Span, what: &str) {
        self.sink.push(
            Diagnostic::error(
                Code::BadSelector,
                format!("{what} must depend on the worker"),
                span,
                "the same for every worker",
            )
            .help("a label is a string: `\"linux\"`; facts are compared: `worker.os == \"linux\"`"),
        );
    }
}
