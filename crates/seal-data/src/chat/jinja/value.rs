//! Values of a template, as Python has them.
//!
//! Containers never change once they are made, as in the sandbox that
//! `transformers` renders in, so they are shared and hold no cycles. Each knows
//! how deep it nests and how many values a walk through it meets, shared ones
//! counted as often as they are met. What could change or hold itself
//! (namespaces, loops, macros) belongs to one rendering and is named by number.

mod dict;

use std::cmp::Ordering;
use std::sync::Arc;

use super::budget::{Budget, SLOT, VALUE_DEPTH};
use super::error::{Result, fail};

pub(crate) use dict::Dict;

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A name or an attribute that does not exist; with words for errors.
    Undefined(Option<Arc<str>>),
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(Arc<str>),
    /// A text that `safe` or `escape` marked: `+` escapes what joins it.
    Markup(Arc<str>),
    List(Arc<List>),
    Dict(Arc<Dict>),
    /// `range(start, stop, step)`.
    Range(Arc<[i128; 3]>),
    /// Something of the rendering: its number, and what `type()` calls it.
    Object(usize, &'static str),
    /// A method of a value.
    Method(Arc<(Value, &'static str)>),
    /// A function of every template.
    Function(&'static str),
}

/// How a sequence was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    List,
    Tuple,
    /// What `map` and its kin give: it can be walked, but not indexed or counted.
    Generator,
}

/// A sequence.
#[derive(Debug)]
pub(crate) struct List {
    pub kind: Kind,
    pub items: Vec<Value>,
    depth: u32,
    size: u64,
}

impl Value {
    pub fn str(text: impl Into<Arc<str>>) -> Self {
        Self::Str(text.into())
    }

    /// A sequence; its slots are paid for here.
    pub fn list(kind: Kind, items: Vec<Value>, budget: &mut Budget) -> Result<Self> {
        budget.bytes(SLOT * items.len() as u64)?;
        let (depth, size) = nesting(items.iter())?;
        Ok(Self::List(Arc::new(List { kind, items, depth, size })))
    }

    /// A list that is given to a template; it costs nothing.
    pub fn of_items(items: Vec<Value>) -> Result<Self> {
        let (depth, size) = nesting(items.iter())?;
        Ok(Self::List(Arc::new(List { kind: Kind::List, items, depth, size })))
    }

    /// The elements of a list.
    pub fn into_items(self) -> Option<Vec<Value>> {
        match self {
            Self::List(list) => Some(list.items.clone()),
            _ => None,
        }
    }

    /// A dictionary that is given to a template; it costs nothing.
    pub fn of_pairs(pairs: Vec<(&str, Value)>) -> Result<Self> {
        let budget = &mut Budget::new(64 * pairs.len());
        let pairs = pairs.into_iter().map(|(key, value)| (Self::str(key), value)).collect();
        Ok(Self::Dict(Dict::new(pairs, budget)?.into()))
    }

    /// A dictionary with another value of `key`; it costs nothing.
    pub fn with_entry(&self, key: &str, value: Value) -> Result<Self> {
        let Self::Dict(dict) = self else { return fail("a turn is no dictionary") };
        let mut entries = dict.entries().to_vec();
        match entries.iter_mut().find(|(k, _)| k.as_str() == Some(key)) {
            Some((_, old)) => *old = value,
            None => entries.push((Self::str(key), value)),
        }
        let budget = &mut Budget::new(64 * entries.len());
        Ok(Self::Dict(Dict::new(entries, budget)?.into()))
    }

    /// A text that the template builds.
    pub fn text(text: impl Into<Arc<str>>, budget: &mut Budget) -> Result<Self> {
        let text = text.into();
        budget.bytes(text.len() as u64)?;
        Ok(Self::Str(text))
    }

    /// How deep it nests: 0 without elements.
    pub fn depth(&self) -> u32 {
        match self {
            Self::List(list) => list.depth,
            Self::Dict(dict) => dict.depth,
            Self::Method(method) => 1 + method.0.depth(),
            _ => 0,
        }
    }

    /// Steps that a walk through all of it takes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Str(text) | Self::Markup(text) => 1 + text.len() as u64 / 64,
            Self::List(list) => list.size,
            Self::Dict(dict) => dict.size,
            Self::Range(_) => 8,
            _ => 1,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) | Self::Markup(text) => Some(text),
            _ => None,
        }
    }

    /// Integers and truth values, as Python's `__index__`.
    pub fn as_int(&self) -> Option<i128> {
        match self {
            Self::Int(n) => Some(*n),
            Self::Bool(b) => Some(i128::from(*b)),
            _ => None,
        }
    }

    pub fn as_float(&self) -> Option<f64> {
        match self {
            Self::Float(x) => Some(*x),
            other => other.as_int().map(|n| n as f64),
        }
    }

    pub fn is_undefined(&self) -> bool {
        matches!(self, Self::Undefined(_))
    }

    pub fn is_true(&self) -> bool {
        match self {
            Self::Undefined(_) | Self::None => false,
            Self::Bool(b) => *b,
            Self::Int(n) => *n != 0,
            Self::Float(x) => *x != 0.0,
            Self::Str(text) | Self::Markup(text) => !text.is_empty(),
            Self::List(list) => list.kind == Kind::Generator || !list.items.is_empty(),
            Self::Dict(dict) => !dict.entries().is_empty(),
            Self::Range(range) => range_len(range) > 0,
            Self::Object(..) | Self::Method(_) | Self::Function(_) => true,
        }
    }

    /// What Python calls its type.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Undefined(_) => "Undefined",
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::Markup(_) => "Markup",
            Self::List(list) => match list.kind {
                Kind::List => "list",
                Kind::Tuple => "tuple",
                Kind::Generator => "generator",
            },
            Self::Dict(_) => "dict",
            Self::Range(_) => "range",
            Self::Object(_, kind) => kind,
            Self::Method(_) => "method",
            Self::Function(_) => "function",
        }
    }

    /// Python's `==`. The caller pays for the smaller of the two.
    pub fn equals(&self, other: &Self) -> bool {
        if let (Some(a), Some(b)) = (self.as_str(), other.as_str()) {
            return a == b;
        }
        if let (Some(a), Some(b)) = (self.as_int(), other.as_int()) {
            return a == b;
        }
        if let (Some(a), Some(b)) = (self.as_float(), other.as_float()) {
            return a == b;
        }
        match (self, other) {
            (Self::Undefined(_), Self::Undefined(_)) | (Self::None, Self::None) => true,
            (Self::List(a), Self::List(b)) => {
                Arc::ptr_eq(a, b)
                    || a.kind == b.kind
                        && a.kind != Kind::Generator
                        && a.items.len() == b.items.len()
                        && a.items.iter().zip(&b.items).all(|(x, y)| x.equals(y))
            }
            (Self::Dict(a), Self::Dict(b)) => {
                Arc::ptr_eq(a, b)
                    || a.entries().len() == b.entries().len()
                        && a.entries().iter().all(|(k, v)| b.get(k).is_some_and(|w| v.equals(w)))
            }
            (Self::Range(a), Self::Range(b)) => a == b,
            (Self::Object(a, _), Self::Object(b, _)) => a == b,
            (Self::Function(a), Self::Function(b)) => a == b,
            (Self::Method(a), Self::Method(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// Python's `<`; `None` where NaN is compared.
    pub fn order(&self, other: &Self, sign: &str) -> Result<Option<Ordering>> {
        if let (Some(a), Some(b)) = (self.as_str(), other.as_str()) {
            return Ok(Some(a.cmp(b)));
        }
        if let (Some(a), Some(b)) = (self.as_int(), other.as_int()) {
            return Ok(Some(a.cmp(&b)));
        }
        if let (Some(a), Some(b)) = (self.as_float(), other.as_float()) {
            return Ok(a.partial_cmp(&b));
        }
        match (self, other) {
            (Self::List(a), Self::List(b)) if a.kind == b.kind && a.kind != Kind::Generator => {
                for (x, y) in a.items.iter().zip(&b.items) {
                    if !x.equals(y) {
                        return x.order(y, sign);
                    }
                }
                Ok(Some(a.items.len().cmp(&b.items.len())))
            }
            (Self::Undefined(words), _) | (_, Self::Undefined(words)) => undefined(words.as_ref()),
            _ => fail(format!(
                "'{sign}' is not supported between '{}' and '{}'",
                self.kind(),
                other.kind()
            )),
        }
    }
}

/// The error of using something that does not exist.
pub(super) fn undefined<T>(words: Option<&Arc<str>>) -> Result<T> {
    fail(words.map_or_else(|| "a value that is used is undefined".to_owned(), ToString::to_string))
}

/// Depth and size of a container of `items`.
pub(super) fn nesting<'a>(items: impl Iterator<Item = &'a Value>) -> Result<(u32, u64)> {
    let (mut depth, mut size) = (0, 1u64);
    for item in items {
        depth = depth.max(item.depth());
        size = size.saturating_add(item.size());
    }
    if depth >= VALUE_DEPTH {
        return fail(format!("lists and dictionaries nest deeper than {VALUE_DEPTH}"));
    }
    Ok((depth + 1, size))
}

/// The number of elements of a range.
pub(super) fn range_len([start, stop, step]: &[i128; 3]) -> i128 {
    let (span, step) = if *step > 0 { (stop - start, *step) } else { (start - stop, -step) };
    if span <= 0 { 0 } else { (span + step - 1) / step }
}
