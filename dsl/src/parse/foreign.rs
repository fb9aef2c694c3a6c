//! What people bring from other languages, and what it is called here.

use crate::ast::BinaryOperator;

/// What is to be said about an operator of another language.
pub(super) struct Operator {
    pub headline: String,
    pub help: &'static str,
    /// What stands for it, where nothing around it has to change.
    pub replacement: Option<&'static str>,
    /// What is taken for meant, so that the rest can be checked.
    pub meant: Option<BinaryOperator>,
}

/// About an operator that is none of this language's.
pub(super) fn operator(written: &str) -> Operator {
    use BinaryOperator::*;
    let (replacement, meant, help) = match written {
        "&&" => (Some("and"), Some(And), "write `and`"),
        "||" => (Some("or"), Some(Or), "write `or`"),
        "===" => (Some("=="), Some(Equal), "write `==`"),
        "!==" => (Some("!="), Some(NotEqual), "write `!=`"),
        "<>" => (Some("!="), Some(NotEqual), "write `!=`"),
        "??" => (
            None,
            None,
            "for an output that may be absent there is `default(x, y)`",
        ),
        "=~" => (
            None,
            None,
            "to compare with a pattern there is `checked(text, regex)`",
        ),
        "/" => (
            None,
            None,
            "there is no division; a path is a string: \"a/b\"",
        ),
        "%" => (
            None,
            None,
            "there is no remainder; a percentage is written `25%`",
        ),
        "**" => (None, None, "there is no power; write the number"),
        _ => (
            None,
            Some(In),
            "write `not x in xs`: `not` binds weaker than `in`",
        ),
    };
    Operator {
        headline: format!("there is no `{written}`"),
        help,
        replacement,
        meant,
    }
}
