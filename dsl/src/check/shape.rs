//! Whether statements have the form that the schema gives to their word, and the settings and words
//! of a block by name.

use super::sink::Sink;
use crate::ast::{Expr, ExprKind, Key, Node, Statement};
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::names::{closest, one_of};
use crate::schema::{Argument, BlockUse, EVENTS, EventKind, HeaderPart, Level, Setting, Word};
use crate::source::Span;
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

/// Whether a node has the form of its word; says what is wrong where it has not.
fn has_form(level: &'static Level, word: &'static Word, node: &Node, sink: &mut Sink) -> bool {
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
