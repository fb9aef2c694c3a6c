//! The parser that pest makes of the grammar.

/// See `grammar/gantry.pest`.
#[derive(pest_derive::Parser)]
#[grammar = "../grammar/gantry.pest"]
pub(super) struct Grammar;

pub(super) type Pair<'s> = pest::iterators::Pair<'s, Rule>;
