//! Steps: what a job does, one after the other.

use super::checker::{Checker, Typed};
use super::coerce::{secret_leak, untrusted};
use super::env::Env;
use super::path::PathRule;
use super::settings::Settings;
use super::shape::Body;
use super::types::is_scalar;
use crate::ast::{self, ExprKind, Node};
use crate::diagnostic::{Code, Diagnostic};
use crate::names::with_article;
use crate::schema::{LevelKind, Word};
use crate::source::Span;
use crate::text;
use model::plan::{Step, StepAction};
use model::spec::{Shell, StepRetry};
use model::{Expr, Type, Value};

/// How much of a script stands for its name, in characters: what a line of a terminal has room for.
const NAME_LIMIT: usize = 60;

impl<'a> Checker<'a> {
    /// The steps among the words of a job or hook. What this build can't do is noted and left out.
    pub(super) fn steps(&mut self, body: &Body<'a>, env: &Env) -> Vec<Step> {
        let mut steps = Vec::new();
        for (word, node) in &body.words {
            if is_step(word) {
                steps.extend(self.nested(|checker| checker.step(word, node, env)));
            }
        }
        steps
    }

    fn step(&mut self, word: &'static Word, node: &'a Node, job_env: &Env) -> Option<Step> {
        self.announce(word, node);
        let body = Body::of_block(word, node, &mut self.sink);
        let when = self.when(&body);
        let settings = self.settings(&body);
        let mut env = Env::default();
        for node in body.named("env") {
            env.extend(self.env(node));
        }
        let (label, argument) = match node.arguments.as_slice() {
            [label, argument] if word.word != "artifact" && word.word != "report" => {
                (label.as_name(), Some(argument))
            }
            [argument, ..] => (None, Some(argument)),
            [] => (None, None),
        };
        let (action, name) = match (word.word, argument) {
            ("exec", Some(argument)) => self.exec(argument)?,
            ("artifact", _) => self.artifact(node),
            ("report", _) => {
                if let Some(path) = node.arguments.last() {
                    let typed = self.expect(path, &Type::Path, "`report`");
                    self.check_path(&typed, PathRule::GLOB, path.span);
                }
                return None;
            }
            ("use", Some(call)) => {
                self.use_of(call, node, false);
                return None;
            }
            ("container", Some(image)) => {
                self.expect(image, &Type::String, "`container`");
                let mut inner = job_env.clone();
                inner.extend(env);
                self.steps(&body, &inner);
                return None;
            }
            (_, Some(argument)) => self.script(word.word, argument)?,
            (_, None) => return None,
        };
        if word.word == "cmd"
            && let Some(span) = job_env.untrusted.or(env.untrusted)
        {
            self.cmd_expands(node.word.span, span);
        }
        Some(Step {
            name: label.map_or(name, str::to_owned),
            place: self.place(node.span),
            action,
            env: env.variables,
            when,
            dir: settings.expr("dir"),
            timeout: settings.expr("timeout"),
            retry: step_retry(&settings),
            exit_codes: exit_codes(&settings),
            allow_failure: settings.bool("allow_failure").unwrap_or(false),
        })
    }

    fn script(&mut self, word: &str, argument: &ast::Expr) -> Option<(StepAction, String)> {
        let ExprKind::Text(text) = &argument.kind else {
            return None;
        };
        let script = match text::script(text) {
            Ok(script) => script,
            Err(diagnostics) => {
                self.sink.extend(diagnostics);
                return None;
            }
        };
        let lines = script.lines().filter(|line| !line.trim().is_empty());
        if matches!(word, "cmd" | "powershell") && lines.count() > 1 {
            self.sink.push(
                Diagnostic::warning(
                    Code::UncheckedExit,
                    format!("`{word}` goes on after an error, and reports the last exit code only"),
                    argument.span,
                    "several commands",
                )
                .help("give each command a step of its own, or use `pwsh`, which stops at the first error"),
            );
        }
        let shell = match word {
            "sh" => Shell::Sh,
            "bash" => Shell::Bash,
            "pwsh" => Shell::Pwsh,
            "powershell" => Shell::Powershell,
            "cmd" => Shell::Cmd,
            _ => Shell::Python,
        };
        let name = first_line(&script).unwrap_or_else(|| word.to_owned());
        Some((StepAction::Script(shell, script), name))
    }

    fn cmd_expands(&mut self, word: Span, value: Span) {
        self.sink.push(
            Diagnostic::error(
                Code::Untrusted,
                "`cmd` reads values as commands, and this job's environment holds text from outside",
                word,
                "expands `%NAME%` before it parses",
            )
            .label(value, "anybody may have written this")
            .help("use `pwsh` or `exec`, which take values as they are"),
        );
    }

    fn exec(&mut self, argument: &ast::Expr) -> Option<(StepAction, String)> {
        let ExprKind::List(items) = &argument.inner().kind else {
            let typed = self.expect(argument, &super::types::list(Type::String), "`exec`");
            let typed = self.in_plan(typed, argument.span, "`exec`");
            let argv = match typed.expr {
                Expr::Const(Value::List(items)) => items.into_iter().map(Expr::Const).collect(),
                _ => Vec::new(),
            };
            return Some((StepAction::Exec(argv), "exec".to_owned()));
        };
        if items.is_empty() {
            self.sink.push(
                Diagnostic::error(
                    Code::WrongForm,
                    "`exec` needs a program",
                    argument.span,
                    "empty",
                )
                .help("the first element is the program: `exec [\"cargo\", \"test\"]`"),
            );
            return None;
        }
        let mut argv = Vec::with_capacity(items.len());
        let mut name = Vec::with_capacity(items.len());
        for item in items {
            let typed = self.argument(item, "`exec`");
            name.push(match &typed.expr {
                Expr::Const(value) => value.to_text(),
                _ => self.source.slice(item.span).to_owned(),
            });
            argv.push(typed.expr);
        }
        let name = first_line(&name.join(" ")).unwrap_or_else(|| "exec".to_owned());
        Some((StepAction::Exec(argv), name))
    }

    /// A value that becomes one argument of a program.
    fn argument(&mut self, item: &ast::Expr, what: &str) -> Typed {
        let typed = self.expr(item, None);
        if typed.ty == Type::Untrusted {
            self.sink
                .push(untrusted(item.span, self.source.slice(item.span), what));
        } else if typed.ty == Type::Secret {
            self.sink.push(secret_leak(item.span, what));
        } else if !is_scalar(&typed.ty) {
            self.sink.push(
                Diagnostic::error(
                    Code::TypeMismatch,
                    format!(
                        "an argument can't be {}",
                        with_article(&typed.ty.to_string())
                    ),
                    item.span,
                    "has no text of its own",
                )
                .help("give a text or a number; what is larger goes into `env`"),
            );
        }
        typed
    }

    fn artifact(&mut self, node: &'a Node) -> (StepAction, String) {
        let mut paths = Vec::new();
        let mut names = Vec::new();
        for argument in &node.arguments {
            let typed = self.expect(argument, &Type::Path, "`artifact`");
            self.check_path(&typed, PathRule::GLOB, argument.span);
            names.push(match &typed.expr {
                Expr::Const(value) => value.to_text(),
                _ => self.source.slice(argument.span).to_owned(),
            });
            paths.push(typed.expr);
        }
        let name = first_line(&format!("artifact {}", names.join(" "))).unwrap_or_default();
        (StepAction::Artifact(paths), name)
    }

    /// Notes, or says, that this build can't do what the word asks for.
    pub(super) fn announce(&mut self, word: &'static Word, node: &Node) {
        match word.availability {
            crate::schema::Availability::Unplanned(help) => {
                self.not_in_this_build(word.word, node.header, help);
            }
            other => self.note(word.word, node.word.span, other),
        }
    }
}

/// Whether the word stands for a step.
pub(super) fn is_step(word: &Word) -> bool {
    crate::schema::Level::of(LevelKind::JobHook)
        .word(word.word)
        .is_some()
}

/// The first line that holds something, shortened.
fn first_line(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(match line.char_indices().nth(NAME_LIMIT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    })
}

fn step_retry(settings: &Settings) -> StepRetry {
    let Some(fields) = settings.record("retry") else {
        return StepRetry::default();
    };
    StepRetry {
        times: times(fields.get("times")),
        delay_ms: delay(fields.get("delay")),
    }
}

pub(super) fn times(field: Option<&Typed>) -> u32 {
    match field.map(|typed| &typed.expr) {
        Some(Expr::Const(Value::Int(times))) => u32::try_from(*times).unwrap_or(0),
        _ => 0,
    }
}

pub(super) fn delay(field: Option<&Typed>) -> u64 {
    match field.map(|typed| &typed.expr) {
        Some(Expr::Const(Value::Duration(ms))) => *ms,
        _ => 0,
    }
}

fn exit_codes(settings: &Settings) -> Vec<i32> {
    match settings.value("exit_codes") {
        Some(Value::List(codes)) => codes
            .iter()
            .filter_map(|code| match code {
                Value::Int(code) => i32::try_from(*code).ok(),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}
