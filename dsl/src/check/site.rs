//! The site file, as far as pipelines are checked against it: which environments, teams and facts of
//! workers there are.

use super::file_scope::FileScope;
use super::sink::Sink;
use super::types;
use crate::ast::Expr;
use crate::diagnostic::Diagnostic;
use crate::parse;
use crate::source::SourceFile;
use model::Type;
use std::collections::{BTreeMap, BTreeSet};

/// The names that a site file defines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Site {
    /// Places that are deployed to.
    pub environments: BTreeSet<String>,
    /// Groups of people.
    pub teams: BTreeSet<String>,
    /// What can be asked of a worker, besides `name`, `os` and `arch`.
    pub facts: BTreeMap<String, Type>,
}

impl Site {
    /// Reads a site file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(source: &SourceFile) -> Result<Self, Vec<Diagnostic>> {
        let checked = super::check(source);
        if checked.has_errors() {
            return Err(checked.diagnostics);
        }
        let parsed = parse::parse(source);
        let mut sink = Sink::default();
        let file = FileScope::read(&parsed.file, &mut sink);
        let mut site = Self::default();
        for (word, node) in &file.body.words {
            let Some(name) = node.arguments.first().and_then(Expr::as_name) else {
                continue;
            };
            match word.word {
                "environment" => drop(site.environments.insert(name.to_owned())),
                "team" => drop(site.teams.insert(name.to_owned())),
                "fact" => {
                    let ty = node
                        .type_of
                        .as_ref()
                        .map(|ty| types::written(ty, &mut sink));
                    site.facts.extend(ty.map(|ty| (name.to_owned(), ty)));
                }
                _ => {}
            }
        }
        Ok(site)
    }
}
