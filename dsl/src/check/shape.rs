//! Whether statements have the form that the schema gives to their word, and the settings and words
//! of a block by name.

use super::form::has_form;
use super::sink::Sink;
use crate::ast::{Expr, ExprKind, Key, Node, Number, Statement};
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::names::{closest, one_of};
use crate::schema::{Level, Setting, Word};
use crate::source::Span;
use model::Value;
use std::collections::BTreeMap;

/// The statements of a block, each with its line of the schema; what has none was reported.
#[derive(Debug)]
pub(crate) struct Body<'a> {
    pub(crate) settings: Vec<(&'static Setting, &'a crate::ast::Setting)>,
    pub(crate) words: Vec<(&'static Word, &'a Node)>,
}

impl<'a> Body<'a> {
    /// Sorts the statements by the schema.
    pub(crate) fn read(
        level: &'static Level,
        statements: &'a [Statement],
        sink: &mut Sink,
    ) -> Self {
        let mut body = Self {
            settings: Vec::new(),
            words: Vec::new(),
        };
        for statement in statements {
            match statement {
                Statement::Setting(setting) => body.add_setting(level, setting, sink),
                Statement::Node(node) => body.add_node(level, node, sink),
                Statement::Broken(_) => {}
            }
        }
        body
    }

    /// The block of a node; empty where it has none.
    pub(crate) fn of_block(word: &Word, node: &'a Node, sink: &mut Sink) -> Self {
        match (word.level(), &node.block) {
            (Some(level), Some(block)) => Self::read(Level::of(level), &block.statements, sink),
            _ => Self {
                settings: Vec::new(),
                words: Vec::new(),
            },
        }
    }

    pub(crate) fn setting(&self, name: &str) -> Option<&'a crate::ast::Setting> {
        let found = self.settings.iter().find(|(known, _)| known.name == name);
        found.map(|(_, setting)| *setting)
    }

    pub(crate) fn named(&self, word: &'static str) -> impl Iterator<Item = &'a Node> + '_ {
        let named = self
            .words
            .iter()
            .filter(move |(known, _)| known.word == word);
        named.map(|(_, node)| *node)
    }

    fn add_setting(
        &mut self,
        level: &'static Level,
        setting: &'a crate::ast::Setting,
        sink: &mut Sink,
    ) {
        let Key::Name(name) = &setting.key else {
            let span = setting.key.span();
            sink.push(
                Diagnostic::error(
                    Code::UnknownSetting,
                    format!("{} has no setting of such a name", level.title),
                    span,
                    "settings are named without quotation marks",
                )
                .help("only the keys of maps and of `env` may be texts"),
            );
            return;
        };
        match level.setting(&name.text) {
            Some(known) => {
                if let Some((_, first)) = self
                    .settings
                    .iter()
                    .find(|(other, _)| other.name == known.name)
                {
                    sink.push(
                        Diagnostic::error(
                            Code::DuplicateSetting,
                            format!("`{}` is set twice", name.text),
                            name.span,
                            "set again here",
                        )
                        .label(first.key.span(), "first set here")
                        .help("keep one of them"),
                    );
                    return;
                }
                self.settings.push((known, setting));
            }
            None => unknown_setting(level, setting, &name.text, name.span, sink),
        }
    }

    fn add_node(&mut self, level: &'static Level, node: &'a Node, sink: &mut Sink) {
        match level.word(&node.word.text) {
            Some(word) => {
                if has_form(level, word, node, sink) {
                    self.words.push((word, node));
                }
            }
            None => unknown_word(level, node, sink),
        }
    }
}

/// Entries of a block in which the author gives the names: `env { NAME = value }`.
pub(crate) fn entries<'a>(
    node: &'a Node,
    what: &str,
    sink: &mut Sink,
) -> Vec<(&'a crate::ast::Setting, String, Span)> {
    let mut entries = Vec::new();
    let mut seen: BTreeMap<String, Span> = BTreeMap::new();
    for statement in node.block.iter().flat_map(|block| &block.statements) {
        match statement {
            Statement::Setting(setting) => {
                let Some(name) = key_text(&setting.key, sink) else {
                    continue;
                };
                let span = setting.key.span();
                if let Some(first) = seen.insert(name.clone(), span) {
                    sink.push(
                        Diagnostic::error(
                            Code::DuplicateSetting,
                            format!("`{name}` is set twice"),
                            span,
                            "set again here",
                        )
                        .label(first, "first set here")
                        .help("keep one of them"),
                    );
                }
                entries.push((setting, name, span));
            }
            Statement::Node(inner) => sink.push(
                Diagnostic::error(
                    Code::WrongForm,
                    format!("{what} holds `NAME = value` only"),
                    inner.header,
                    "this is no setting",
                )
                .help(match inner.arguments.is_empty() && inner.block.is_none() {
                    true => format!("did you mean `{} = …`?", inner.word.text),
                    false => "move it behind the closing `}`".to_owned(),
                }),
            ),
            Statement::Broken(_) => {}
        }
    }
    entries
}

/// A key's name, whichever form it has.
pub(crate) fn key_text(key: &Key, sink: &mut Sink) -> Option<String> {
    match key {
        Key::Name(name) => Some(name.text.to_string()),
        Key::Text(text) => match crate::text::plain_string(text) {
            Ok(name) => Some(name),
            Err(diagnostics) => {
                sink.extend(diagnostics);
                None
            }
        },
    }
}

fn unknown_setting(
    level: &'static Level,
    setting: &crate::ast::Setting,
    name: &str,
    span: Span,
    sink: &mut Sink,
) {
    if let Some(word) = level.word(name) {
        sink.push(
            Diagnostic::error(
                Code::NodeAsSetting,
                format!("`{name}` is no setting"),
                setting.key.span(),
                "this is a word, and takes no `=`",
            )
            .help(format!("write it as `{}`", word.form)),
        );
        return;
    }
    let elsewhere = Level::all().find(|other| other.setting(name).is_some());
    let help = elsewhere.map(|other| format!("`{name}` is a setting of {}", other.title));
    let candidates = level.all_settings().map(|setting| setting.name);
    let headline = format!("{} has no setting `{name}`", level.title);
    match closest(name, candidates.clone()) {
        None if elsewhere.is_none() && level.all_settings().next().is_some() => {
            let known = one_of(candidates.clone());
            sink.unknown_with(
                Code::UnknownSetting,
                headline,
                name,
                span,
                [],
                Some(format!("its settings are {known}")),
            );
        }
        _ => sink.unknown_with(Code::UnknownSetting, headline, name, span, candidates, help),
    }
}

/// A value as it would be written, where it is short.
fn short(value: &Expr) -> String {
    match &value.kind {
        ExprKind::Name(name) => name.to_string(),
        ExprKind::Bool(value) => value.to_string(),
        ExprKind::Text(text) if !text.raw.contains('\n') => text.raw.to_string(),
        ExprKind::Number(Number::Int(value)) => value.to_string(),
        ExprKind::Number(Number::Duration(length)) => {
            let ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
            Value::Duration(ms).to_string()
        }
        ExprKind::Number(Number::Size(bytes)) => Value::Size(*bytes).to_string(),
        ExprKind::Number(Number::Percent(share)) => Value::Percent(*share).to_string(),
        _ => "…".to_owned(),
    }
}

fn unknown_word(level: &'static Level, node: &Node, sink: &mut Sink) {
    let name = &*node.word.text;
    let span = node.word.span;
    if level.setting(name).is_some() {
        let diagnostic = Diagnostic::error(
            Code::SettingAsNode,
            format!("`{name}` is a setting, and takes a `=`"),
            node.header,
            "there is no `=`",
        );
        let form = match (node.arguments.as_slice(), &node.block) {
            ([], None) => format!("write `{name} = …`"),
            ([], Some(_)) => format!("write `{name} = {{ … }}`"),
            ([value], None) => format!("did you mean `{name} = {}`?", short(value)),
            _ => format!("write a `=` after `{name}`"),
        };
        sink.push(
            diagnostic
                .help(form)
                .fix(span.after(), " =", Applicability::Maybe),
        );
        return;
    }
    // `env` or `job` in the wrong block: say where it belongs, rather than what it resembles.
    let homes: Vec<_> = Level::all()
        .filter(|other| other.word(name).is_some())
        .collect();
    if let Some(home) = homes.first() {
        let mut titles: Vec<_> = homes.iter().map(|home| home.title).collect();
        titles.truncate(3);
        sink.push(
            Diagnostic::error(
                Code::MisplacedWord,
                format!("`{name}` does not stand in {}", level.title),
                span,
                "not in this block",
            )
            .help(match home.kind {
                crate::schema::LevelKind::File => format!("`{name}` stands at the top of a file"),
                _ => format!("`{name}` stands in {}", titles.join(", or ")),
            }),
        );
        return;
    }
    let words = level.all_words().map(|word| word.word);
    let help = match level.all_words().next() {
        None => format!("{} holds settings only: `name = value`", level.title),
        Some(_) => format!("{} knows {}", level.title, one_of(words.clone())),
    };
    let candidates = words.chain(level.all_settings().map(|setting| setting.name));
    sink.unknown_with(
        Code::UnknownWord,
        format!("{} knows no `{name}`", level.title),
        name,
        span,
        candidates,
        Some(help),
    );
}
