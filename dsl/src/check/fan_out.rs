//! `for` on a job or stage: how many of it there are.

use super::checker::Checker;
use super::coerce::{secret_leak, untrusted};
use super::declare::Declared;
use super::fold::is_closed_but_for;
use super::settings::Settings;
use crate::ast;
use crate::diagnostic::{Code, Diagnostic};
use crate::names::with_article;
use crate::source::Span;
use model::expr::{NoScope, combinations};
use model::plan::{Batch, FanOut, Over};
use model::{Expr, Type, Value};
use std::collections::BTreeSet;

/// How many combinations a `for` may have before its `where`: as many as a plan may have jobs, since
/// each is a job.
pub const MAX_COMBINATIONS: usize = 10_000;

/// Settings that say how the elements of a `for` are run.
const OF_ELEMENTS: [&str; 4] = ["max_parallel", "batch", "max_failures", "absent"];

impl<'a> Checker<'a> {
    /// The elements of a node; its variables are known from here on.
    pub(super) fn over(&mut self, declared: &'a Declared<'a>) -> Option<Over> {
        let many = declared.node.fan_out.as_deref()?;
        let outer = self.cx.variables.len();
        let sources = self.sources(&many.sources);
        for (index, source) in many.sources.iter().enumerate() {
            let ty = self.cx.variables[outer + index].ty.clone();
            self.variable_of_node(source, &ty);
        }
        self.cx.n_node_variables = self.cx.variables.len();
        let filter = many
            .filter
            .as_ref()
            .map(|filter| self.expect(filter, &Type::Bool, "`where`").expr);
        let names: BTreeSet<&str> = sources.iter().map(|(name, _)| name.as_str()).collect();
        let is_known = sources
            .iter()
            .all(|(_, list)| is_closed_but_for(list, &names))
            && filter
                .as_ref()
                .is_none_or(|filter| is_closed_but_for(filter, &names));
        if !is_known {
            return Some(Over::Found { sources, filter });
        }
        Some(Over::Known(self.elements(many, &sources, filter.as_ref())))
    }

    fn variable_of_node(&mut self, source: &ast::Source, ty: &Type) {
        let name = &*source.name.text;
        self.env_name(name, source.name.span, false);
        if let Some(param) = self.scope.params.iter().find(|param| param.name == name) {
            self.sink.push(
                Diagnostic::error(
                    Code::NameHides,
                    format!("the variable `{name}` would hide the parameter of that name"),
                    source.name.span,
                    "both are bound in the environment of scripts",
                )
                .label(param.span, "the parameter")
                .help("call one of them otherwise"),
            );
        }
        let span = source.list.span;
        match ty {
            Type::Untrusted => {
                self.sink
                    .push(untrusted(span, self.source.slice(span), "`for`"));
            }
            Type::Secret => self.sink.push(secret_leak(span, "`for`")),
            Type::Record(fields) if fields.contains_key("name") => {}
            Type::List(_) | Type::Map(_) | Type::Record(_) | Type::Inherited | Type::Selector => {
                self.sink.push(
                    Diagnostic::error(
                        Code::NotAList,
                        format!(
                            "an element of a `for` can't be {}",
                            with_article(&ty.to_string())
                        ),
                        span,
                        "such elements have no name",
                    )
                    .help("go through texts or numbers, or through records with a field `name`"),
                );
            }
            _ => {}
        }
    }

    fn elements(
        &mut self,
        many: &ast::FanOut,
        sources: &[(String, Expr)],
        filter: Option<&Expr>,
    ) -> Vec<Vec<Value>> {
        let n_combinations = sources
            .iter()
            .fold(1_usize, |product, (_, list)| match list {
                Expr::Const(Value::List(items)) => product.saturating_mul(items.len()),
                _ => product,
            });
        if n_combinations > MAX_COMBINATIONS {
            self.sink.push(
                Diagnostic::error(
                    Code::TooManyCombinations,
                    format!("a `for` may have {MAX_COMBINATIONS} combinations"),
                    many.span,
                    format!("{n_combinations} here, before any `where`"),
                )
                .help("go through fewer elements, or do the inner loop in the script"),
            );
            return Vec::new();
        }
        if !self.spend(n_combinations, many.span) {
            return Vec::new();
        }
        match combinations(sources, filter, &NoScope) {
            Ok(elements) => {
                self.equal_elements(&elements, many.span);
                elements
            }
            Err(error) => {
                self.sink.push(
                    Diagnostic::error(
                        Code::NoValue,
                        format!("the elements can't be computed: {error}"),
                        many.span,
                        "computed here",
                    )
                    .help("mend the lists, or the `where`"),
                );
                Vec::new()
            }
        }
    }

    fn equal_elements(&mut self, elements: &[Vec<Value>], span: Span) {
        let mut seen = BTreeSet::new();
        for element in elements {
            let key = Value::element_key(element);
            if seen.contains(&key) {
                self.sink.push(
                    Diagnostic::error(
                        Code::EqualElements,
                        format!("two elements of the `for` are `{key}`"),
                        span,
                        "elements must differ",
                    )
                    .help("take one of them out: outputs and logs are found by the element"),
                );
                return;
            }
            seen.insert(key);
        }
    }

    /// Puts the elements and the settings about them together.
    pub(super) fn fan_out(
        &mut self,
        declared: &'a Declared<'a>,
        over: Option<Over>,
        settings: &Settings,
    ) -> Option<FanOut> {
        let Some(over) = over else {
            for name in OF_ELEMENTS {
                if let Some(setting) = declared.body.setting(name) {
                    self.sink.push(
                        Diagnostic::error(
                            Code::NoElements,
                            format!("`{name}` is about the elements of a `for`"),
                            setting.key.span(),
                            "there is no `for`",
                        )
                        .label(declared.node.header, "only one of it")
                        .help("take it out, or give it a `for`"),
                    );
                }
            }
            return None;
        };
        let count = |name| {
            settings
                .int(name)
                .and_then(|count| u32::try_from(count).ok())
        };
        let batch = match settings.value("batch") {
            Some(Value::Int(count)) => u32::try_from(*count).ok().map(Batch::Count),
            Some(Value::Percent(share)) => Some(Batch::Share(*share)),
            _ => None,
        };
        // Where something is deployed, the first failure is one too many.
        let strict = declared.body.setting("environment").is_some().then_some(0);
        Some(FanOut {
            vars: declared
                .node
                .fan_out
                .iter()
                .flat_map(|many| &many.sources)
                .map(|source| source.name.text.to_string())
                .collect(),
            over,
            max_parallel: count("max_parallel"),
            batch,
            max_failures: count("max_failures").or(strict),
            fail_fast: settings.bool("fail_fast").unwrap_or(false),
        })
    }
}
