//! One namespace: what is defined in it is defined once, and hides nothing.

use super::sink::Sink;
use crate::ast::Node;
use crate::diagnostic::{Code, Diagnostic};
use crate::schema::ROOTS;
use crate::source::Span;
use std::collections::BTreeMap;

/// The names of one namespace.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    pub(super) known: BTreeMap<&'a str, Span>,
    /// What shares it, as advice.
    help: &'static str,
}

impl<'a> Names<'a> {
    pub(super) fn new(help: &'static str) -> Self {
        Self {
            known: BTreeMap::new(),
            help,
        }
    }

    /// Defines the first argument of a node, which its form has found to be a name.
    pub(super) fn argument(&mut self, node: &'a Node, sink: &mut Sink) -> &'a str {
        match node
            .arguments
            .iter()
            .find_map(|argument| Some((argument.as_name()?, argument.span)))
        {
            Some((name, span)) => {
                self.define(name, span, sink);
                name
            }
            None => "",
        }
    }

    pub(super) fn define(&mut self, name: &'a str, span: Span, sink: &mut Sink) -> bool {
        if ROOTS.contains(&name) {
            sink.push(
                Diagnostic::error(
                    Code::ReservedName,
                    format!("`{name}` can't be defined: it means the same everywhere"),
                    span,
                    "taken",
                )
                .help(format!(
                    "choose another name; {} name nothing else",
                    crate::names::all_of(ROOTS)
                )),
            );
            return false;
        }
        if let Some(first) = self.known.get(name) {
            sink.push(
                Diagnostic::error(
                    Code::DuplicateName,
                    format!("`{name}` is defined twice"),
                    span,
                    "defined again here",
                )
                .label(*first, "first defined here")
                .help(self.help),
            );
            return false;
        }
        self.known.insert(name, span);
        true
    }
}
