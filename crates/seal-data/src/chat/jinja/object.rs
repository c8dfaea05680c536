//! The names of a block, and the things that belong to one rendering.

use super::ast::{For, Macro};
use super::value::Value;

/// The names of a block. The one at number 0 is the template's own.
pub(super) struct Scope<'t> {
    pub names: Vec<(&'t str, Value)>,
    pub parent: usize,
    /// A macro reads it: it outlives its block.
    pub kept: bool,
}

/// What changes or holds itself.
pub(super) enum Object<'t> {
    Namespace(Vec<(String, Value)>),
    Macro { node: &'t Macro, scope: usize },
    Loop(Loop<'t>),
    Cycler { items: Vec<Value>, at: usize },
    Joiner { between: Value, used: bool },
}

/// The state of a `for` block.
pub(super) struct Loop<'t> {
    pub items: Vec<Value>,
    pub at: usize,
    pub len: usize,
    pub depth: usize,
    /// The loop itself, where it is recursive, and the scope around it.
    pub recursive: Option<(&'t For, usize)>,
    pub last_seen: Option<Vec<Value>>,
}
