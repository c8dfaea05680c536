//! A template, read.
//!
//! Chains (`a + b + c`, `x|f|g`, `not not a`, `elif`) are lists here and not
//! trees: however long one is, no function recurses over it. Only brackets and
//! blocks nest, and the parser bounds how deep.

use super::value::Value;

/// A statement with the line of its tag.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub line: u32,
    pub stmt: Stmt,
}

pub(super) type Body = Vec<Node>;

#[derive(Clone, Debug)]
pub(super) enum Stmt {
    Text(String),
    Print(Expr),
    If { branches: Vec<(Expr, Body)>, otherwise: Body },
    For(Box<For>),
    Set(Target, Expr),
    SetBlock { target: Target, filters: Vec<Step>, body: Body },
    With { bindings: Vec<(Target, Expr)>, body: Body },
    Macro(Box<Macro>),
    Call { caller: Box<Macro>, call: Expr },
    Filter { filters: Vec<Step>, body: Body },
    Generation(Body),
    Break,
    Continue,
}

#[derive(Clone, Debug)]
pub(super) struct For {
    pub target: Target,
    pub iter: Expr,
    pub test: Option<Expr>,
    pub recursive: bool,
    pub body: Body,
    pub otherwise: Body,
}

#[derive(Clone, Debug)]
pub(super) struct Macro {
    pub name: String,
    pub params: Vec<(String, Option<Expr>)>,
    pub body: Body,
    pub uses: Uses,
}

/// Which of its special names a macro mentions: it takes these arguments only then.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Uses {
    pub varargs: bool,
    pub kwargs: bool,
    pub caller: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Target {
    Name(String),
    /// An attribute of a namespace.
    Attr(String, String),
    Tuple(Vec<Target>),
}

#[derive(Clone, Debug)]
pub(super) enum Expr {
    Const(Value),
    Name(String),
    List(Vec<Expr>),
    Tuple(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    /// Operators of one precedence, from the left.
    Chain(Box<Expr>, Vec<(&'static str, Expr)>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Concat(Vec<Expr>),
    Compare(Box<Expr>, Vec<(&'static str, Expr)>),
    /// Signs and `not`, the outermost first.
    Unary(Vec<&'static str>, Box<Expr>),
    /// (value, condition) in the order they are tried, and the last value.
    Cond(Vec<(Expr, Expr)>, Option<Box<Expr>>),
    Postfix(Box<Expr>, Vec<Step>),
}

/// What follows an operand.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Attr(String),
    Item(Expr),
    Slice([Option<Expr>; 3]),
    Call(Args),
    Filter(String, Args),
    Test { name: String, args: Args, negated: bool },
}

#[derive(Clone, Debug, Default)]
pub(super) struct Args {
    pub positional: Vec<Expr>,
    pub named: Vec<(String, Expr)>,
    pub more: Option<Expr>,
    pub more_named: Option<Expr>,
}
