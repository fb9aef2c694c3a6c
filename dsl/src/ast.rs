//! The syntax tree: what the text says, before anything is known about words, names or types.
//!
//! Two kinds of statement, and one kind of expression. Every node keeps its span; comments are
//! kept apart, in the order of the text, for the formatter.

use std::time::Duration;

use crate::source::Span;

/// A whole file.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// What stands at the top level.
    pub statements: Vec<Statement>,
    /// Every comment from its `#` to the end of its line, without the newline.
    pub comments: Vec<Span>,
    /// The whole text.
    pub span: Span,
}

/// What stands between `{` and `}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// In the order of the text.
    pub statements: Vec<Statement>,
    /// With both braces.
    pub span: Span,
}

/// One statement of a body.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// `key = value`
    Setting(Setting),
    /// `word …`
    Node(Box<Node>),
    /// What could not be read, and has been reported.
    Broken(Broken),
}

impl Statement {
    /// From its first token to its last.
    pub fn span(&self) -> Span {
        match self {
            Statement::Setting(setting) => setting.span,
            Statement::Node(node) => node.span,
            Statement::Broken(broken) => broken.span,
        }
    }
}

/// `key = value`
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// A name, or a text that holds one (`"a-b" = 1`): see [`Key`].
    pub key: Key,
    /// The right side.
    pub value: Expr,
    /// From the key to the end of the value.
    pub span: Span,
}

/// `word argument… [(parameters)] [: type] [= value] [for …] [as name] [{ … }]`
///
/// Most nodes are a word and an argument, hence the boxes around what is rare.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is: `job`, `sh`, `on`.
    pub word: Name,
    /// What follows the word: names, texts, numbers, lists, calls, members and indexes.
    pub arguments: Vec<Expr>,
    /// `(name: type = default, …)` after the last argument; only a template has them.
    pub parameters: Option<Vec<Parameter>>,
    /// `: type`
    pub type_of: Option<Box<Type>>,
    /// `= value`
    pub value: Option<Expr>,
    /// `for name in list, … where condition`
    pub fan_out: Option<Box<FanOut>>,
    /// `as name`
    pub alias: Option<Name>,
    /// `{ … }`
    pub block: Option<Block>,
    /// From the word to the end of the header, without the block.
    pub header: Span,
    /// From the word to the end.
    pub span: Span,
}

/// A statement that could not be read. A checker says nothing about it, and nothing about a name
/// that may be defined in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// Every name that stands in its header.
    pub names: Vec<Name>,
    /// Its block, where one could be made out.
    pub block: Option<Block>,
    /// The whole statement.
    pub span: Span,
}

/// `name: type = default` of a template.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub type_of: Type,
    /// What it is where it is not given.
    pub default: Option<Expr>,
    /// The whole parameter.
    pub span: Span,
}

/// `for name in list, … where condition`
#[derive(Clone, Debug, PartialEq)]
pub struct FanOut {
    /// At least one.
    pub sources: Vec<Source>,
    /// What follows `where`.
    pub filter: Option<Expr>,
    /// From `for` to the end.
    pub span: Span,
}

/// `name in list`
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The variable.
    pub name: Name,
    /// What it goes through.
    pub list: Expr,
    /// Both.
    pub span: Span,
}

/// `list(string)`, `enum("a", "b")`, `record(name: string, port: int)`, `untrusted string`
#[derive(Clone, Debug, PartialEq)]
pub struct Type {
    /// The word `untrusted` before it.
    pub untrusted: Option<Span>,
    /// `string`, `list`, …
    pub name: Name,
    /// What stands in parentheses; empty also where there are none.
    pub arguments: Vec<TypeArgument>,
    /// The whole type.
    pub span: Span,
}

/// An argument of a type.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeArgument {
    /// `list(string)`
    Type(Type),
    /// `enum("a")`
    Text(Text),
    /// `record(name: string)`
    Field(Name, Type),
}

/// An identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// As written.
    pub text: Box<str>,
    /// Where.
    pub span: Span,
}

/// What stands left of `=`: a name, or a text where a name can't say it (`"PATH-X" = …`).
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    /// `name`
    Name(Name),
    /// `"name"`
    Text(Text),
}

impl Key {
    /// Where.
    pub fn span(&self) -> Span {
        match self {
            Key::Name(name) => name.span,
            Key::Text(text) => text.span,
        }
    }

    /// The name, where it is one.
    pub fn name(&self) -> Option<&Name> {
        match self {
            Key::Name(name) => Some(name),
            Key::Text(_) => None,
        }
    }

    /// The name, where it is one.
    pub fn into_name(self) -> Option<Name> {
        match self {
            Key::Name(name) => Some(name),
            Key::Text(_) => None,
        }
    }
}

/// A text literal as it stands, quotation marks and all. Whether it is a script or a string is
/// known by the schema alone: the two are decoded apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// With its quotation marks, exactly as in the file.
    pub raw: Box<str>,
    /// Which marks.
    pub form: TextForm,
    /// Where.
    pub span: Span,
}

/// How a text is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextForm {
    /// `"…"` on one line.
    Quoted,
    /// `"""`, lines, `"""`.
    Fenced,
}

/// An expression and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where.
    pub span: Span,
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `"…"`; its span is that of the expression.
    Text(Text),
    /// `10`, `1.5`, `10m`, `512MiB`, `25%`
    Number(Number),
    /// `true`, `false`
    Bool(bool),
    /// `name`
    Name(Box<str>),
    /// `[a, b]`
    List(Vec<Expr>),
    /// `[f(x) for x in xs where c]`
    Comprehension(Box<Comprehension>),
    /// `{ a = 1, b = 2 }`
    Map(Vec<Entry>),
    /// `base.name`
    Member(Box<Expr>, Name),
    /// `base[a, b]`, at least one.
    Index(Box<Expr>, Vec<Expr>),
    /// `callee(a, name = b)`
    Call(Box<Expr>, Vec<Argument>),
    /// `not x`, `-x`
    Unary(Box<Unary>),
    /// `a and b`
    Binary(Box<Binary>),
    /// `if c then a else b`
    If(Box<If>),
    /// `(x)`, kept for the formatter: see [`Expr::inner`].
    Paren(Box<Expr>),
    /// What has been reported already; a checker takes it for any type.
    Error,
}

impl Expr {
    /// The expression without the parentheses around it.
    pub fn inner(&self) -> &Expr {
        let mut expr = self;
        while let ExprKind::Paren(inner) = &expr.kind {
            expr = inner;
        }
        expr
    }

    /// The name, where it is nothing but one.
    pub fn as_name(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Name(name) => Some(name),
            _ => None,
        }
    }
}

/// A number; its unit is part of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// `10`, `10_000`
    Int(i64),
    /// `1.5`
    Float(f64),
    /// `250ms 10s 10m 2h 3d 1w`, in whole milliseconds.
    Duration(Duration),
    /// Bytes: `512MiB`, `1.5GB`.
    Size(u64),
    /// In hundredths of a percent: `12.5%` is 1250.
    Percent(u32),
}

/// `item for …` between brackets.
#[derive(Clone, Debug, PartialEq)]
pub struct Comprehension {
    /// What is made of each.
    pub item: Expr,
    /// Of what.
    pub fan_out: FanOut,
}

/// `key = value` of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Left of `=`.
    pub key: Key,
    /// Right of it.
    pub value: Expr,
    /// Both.
    pub span: Span,
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// `name =`
    pub name: Option<Name>,
    /// What is given.
    pub value: Expr,
}

/// `not x`, `-x`
#[derive(Clone, Debug, PartialEq)]
pub struct Unary {
    /// Which.
    pub operator: UnaryOperator,
    /// Where it stands.
    pub operator_span: Span,
    /// Of what.
    pub operand: Expr,
}

/// `a and b`
#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    /// Which.
    pub operator: BinaryOperator,
    /// Where it stands.
    pub operator_span: Span,
    /// Left.
    pub left: Expr,
    /// Right.
    pub right: Expr,
}

/// `if condition then yes else no`
#[derive(Clone, Debug, PartialEq)]
pub struct If {
    /// Between `if` and `then`.
    pub condition: Expr,
    /// Between `then` and `else`.
    pub yes: Expr,
    /// After `else`.
    pub no: Expr,
}

/// What stands before its operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOperator {
    /// `not`
    Not,
    /// `-`
    Negate,
}

impl UnaryOperator {
    /// As written.
    pub const fn text(self) -> &'static str {
        match self {
            UnaryOperator::Not => "not",
            UnaryOperator::Negate => "-",
        }
    }
}

/// What stands between its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOperator {
    /// `or`
    Or,
    /// `and`
    And,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `in`
    In,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
}

impl BinaryOperator {
    /// As written.
    pub const fn text(self) -> &'static str {
        match self {
            BinaryOperator::Or => "or",
            BinaryOperator::And => "and",
            BinaryOperator::Equal => "==",
            BinaryOperator::NotEqual => "!=",
            BinaryOperator::Less => "<",
            BinaryOperator::LessOrEqual => "<=",
            BinaryOperator::Greater => ">",
            BinaryOperator::GreaterOrEqual => ">=",
            BinaryOperator::In => "in",
            BinaryOperator::Add => "+",
            BinaryOperator::Subtract => "-",
            BinaryOperator::Multiply => "*",
        }
    }
}
