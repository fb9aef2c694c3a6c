//! What a file defines beside its pipelines: plugins, imports, templates and values.

use super::namespace::Names;
use super::shape::Body;
use super::sink::Sink;
use crate::ast::{self, Expr, ExprKind, Node, Statement};
use crate::diagnostic::{Code, Diagnostic};
use crate::schema::{BuiltinPlugin, Level, LevelKind};
use std::collections::{BTreeMap, BTreeSet};

/// The version of the language that this build reads.
pub(crate) const LANGUAGE: u32 = 1;

/// What a file defines.
#[derive(Debug)]
pub(crate) struct FileScope<'a> {
    pub(crate) body: Body<'a>,
    pub(crate) lets: BTreeMap<&'a str, &'a Node>,
    /// With what is known of it, where it comes with Gantry.
    pub(crate) plugins: BTreeMap<&'a str, Option<&'static BuiltinPlugin>>,
    pub(crate) imports: BTreeSet<&'a str>,
    pub(crate) templates: BTreeMap<&'a str, &'a Node>,
    pub(crate) pipelines: Vec<&'a Node>,
}

impl<'a> FileScope<'a> {
    pub(crate) fn read(file: &'a ast::File, sink: &mut Sink) -> Self {
        excuse(&file.statements, sink);
        let body = Body::read(Level::of(LevelKind::File), &file.statements, sink);
        let mut scope = Self {
            body,
            lets: BTreeMap::new(),
            plugins: BTreeMap::new(),
            imports: BTreeSet::new(),
            templates: BTreeMap::new(),
            pipelines: Vec::new(),
        };
        let mut names = Names::new(
            "plugins, imports, templates and `let` of a file share their names: rename one of them",
        );
        let mut pipelines =
            Names::new("pipelines of a file have different names: rename one of them");
        for (position, (word, node)) in scope.body.words.iter().enumerate() {
            match word.word {
                "gantry" => language(node, position, sink),
                "import" => {
                    if let Some(alias) = &node.alias {
                        names.define(&alias.text, alias.span, sink);
                        scope.imports.insert(&alias.text);
                    }
                }
                "plugin" => {
                    let name = names.argument(node, sink);
                    scope.plugins.insert(name, builtin(node, sink));
                }
                "template" => {
                    let name = names.argument(node, sink);
                    scope.templates.insert(name, node);
                }
                "let" => {
                    let name = names.argument(node, sink);
                    scope.lets.insert(name, node);
                }
                "pipeline" => {
                    pipelines.argument(node, sink);
                    scope.pipelines.push(node);
                }
                _ => {}
            }
        }
        scope
    }
}

/// Names in what could not be read may be anything.
fn excuse(statements: &[Statement], sink: &mut Sink) {
    for statement in statements {
        let block = match statement {
            Statement::Setting(_) => None,
            Statement::Node(node) => node.block.as_ref(),
            Statement::Broken(broken) => {
                for name in &broken.names {
                    sink.excuse(&name.text);
                }
                if let Some(block) = &broken.block {
                    excuse_all(&block.statements, sink);
                }
                None
            }
        };
        if let Some(block) = block {
            excuse(&block.statements, sink);
        }
    }
}

/// All that is defined in the block of what could not be read.
fn excuse_all(statements: &[Statement], sink: &mut Sink) {
    for statement in statements {
        if let Statement::Node(node) = statement {
            for name in node.arguments.iter().filter_map(Expr::as_name) {
                sink.excuse(name);
            }
            if let Some(block) = &node.block {
                excuse_all(&block.statements, sink);
            }
        }
    }
}

fn language(node: &Node, position: usize, sink: &mut Sink) {
    let argument = node.arguments.first();
    let version = argument.map(|argument| &argument.kind);
    let span = argument.map_or(node.header, |argument| argument.span);
    if !matches!(version, Some(ExprKind::Number(ast::Number::Int(1)))) {
        sink.push(
            Diagnostic::error(
                Code::UnknownVersion,
                "this build reads version 1 of the language",
                span,
                "another version",
            )
            .help("write `gantry 1`, or use the release of Gantry that knows this version"),
        );
    }
    if position > 0 {
        sink.push(
            Diagnostic::error(
                Code::MisplacedWord,
                "the version of the language stands first in a file",
                node.header,
                "something stands above it",
            )
            .help("move it to the first line"),
        );
    }
}

fn builtin(node: &Node, sink: &mut Sink) -> Option<&'static BuiltinPlugin> {
    let value = node.value.as_ref()?;
    let ExprKind::Text(text) = &value.kind else {
        sink.push(
            Diagnostic::error(
                Code::TypeMismatch,
                "a plugin is named by a text",
                value.span,
                "not a text",
            )
            .help("for one that comes with Gantry: `\"builtin:http\"`"),
        );
        return None;
    };
    let name = match crate::text::plain_string(text) {
        Ok(name) => name,
        Err(diagnostics) => {
            sink.extend(diagnostics);
            return None;
        }
    };
    let name = name.strip_prefix("builtin:")?;
    let found = BuiltinPlugin::of(name);
    if found.is_none() {
        sink.unknown(
            Code::UnknownName,
            format!("no plugin `{name}` comes with Gantry"),
            name,
            value.span,
            crate::schema::BUILTIN_PLUGINS
                .iter()
                .map(|plugin| plugin.name),
        );
    }
    found
}
