//! The arguments of a call.

use std::sync::Arc;

use super::error::{Result, fail};
use super::value::{Value, undefined};

#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    pub positional: Vec<Value>,
    pub named: Vec<(Arc<str>, Value)>,
}

impl Given {
    /// The arguments called `names`, in this order, for `what`.
    pub fn take<const N: usize>(self, what: &str, names: [&str; N]) -> Result<[Option<Value>; N]> {
        if self.positional.len() > N {
            return fail(format!("`{what}` takes {N} arguments at most"));
        }
        let mut out = [const { None }; N];
        for (slot, value) in out.iter_mut().zip(self.positional) {
            *slot = Some(value);
        }
        for (name, value) in self.named {
            match names.iter().position(|n| **n == *name) {
                Some(at) if out[at].is_none() => out[at] = Some(value),
                Some(at) => return fail(format!("`{what}` is given `{}` twice", names[at])),
                // Its name may be a key of a row, through `**`.
                None => return fail(format!("`{what}` is given an argument that it lacks")),
            }
        }
        Ok(out)
    }

    /// Refuses arguments.
    pub fn none(self, what: &str) -> Result<()> {
        self.take::<0>(what, []).map(|_| ())
    }
}

/// An argument that must be there.
pub(super) fn needed(value: Option<Value>, what: &str, name: &str) -> Result<Value> {
    match value {
        Some(value) => Ok(value),
        None => fail(format!("`{what}` needs the argument `{name}`")),
    }
}

/// A text.
pub(super) fn text(value: Option<Value>, what: &str, name: &str) -> Result<Arc<str>> {
    match needed(value, what, name)? {
        Value::Str(text) | Value::Markup(text) => Ok(text),
        Value::Undefined(words) => undefined(words.as_ref()),
        other => fail(format!("`{what}`: `{name}` must be a text, not {}", other.kind())),
    }
}

/// A whole number, or what stands for a missing one.
pub(super) fn int(value: Option<Value>, default: i128, what: &str, name: &str) -> Result<i128> {
    match value {
        None => Ok(default),
        Some(Value::Undefined(words)) => undefined(words.as_ref()),
        Some(value) => match value.as_int() {
            Some(n) => Ok(n),
            None => {
                fail(format!("`{what}`: `{name}` must be a whole number, not {}", value.kind()))
            }
        },
    }
}

/// A truth value, or what stands for a missing one.
pub(super) fn truth(value: Option<Value>, default: bool) -> bool {
    value.map_or(default, |value| value.is_true())
}

/// An argument that is there and not `None`.
pub(super) fn some(value: Option<Value>) -> Option<Value> {
    value.filter(|value| !matches!(value, Value::None))
}
