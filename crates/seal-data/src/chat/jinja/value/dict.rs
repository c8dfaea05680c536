//! Dictionaries: in the order of their making, as Python's.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Kind, Value, nesting};
use crate::chat::jinja::budget::{Budget, SLOT};
use crate::chat::jinja::error::{Result, fail};

/// From how many entries on an index is kept.
const INDEXED: usize = 12;

/// A dictionary.
#[derive(Debug)]
pub(crate) struct Dict {
    entries: Vec<(Value, Value)>,
    index: Option<BTreeMap<DictKey, usize>>,
    pub depth: u32,
    pub size: u64,
}

/// What makes keys equal: 1, 1.0 and true are one key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum DictKey {
    None,
    Undefined,
    Int(i128),
    Float(u64),
    Str(Arc<str>),
    Tuple(Vec<DictKey>),
    Range([i128; 3]),
    Object(usize),
    Function(&'static str),
}

impl DictKey {
    fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::None => Self::None,
            Value::Undefined(_) => Self::Undefined,
            Value::Str(text) | Value::Markup(text) => Self::Str(Arc::clone(text)),
            Value::Float(x) if x.fract() == 0.0 && x.abs() < 1e30 => Self::Int(*x as i128),
            Value::Float(x) => Self::Float(x.to_bits()),
            Value::List(list) if list.kind == Kind::Tuple => {
                Self::Tuple(list.items.iter().map(Self::of).collect::<Option<_>>()?)
            }
            Value::Range(range) => Self::Range(**range),
            Value::Object(at, _) => Self::Object(*at),
            Value::Function(name) => Self::Function(name),
            other => Self::Int(other.as_int()?),
        })
    }
}

impl Dict {
    /// From pairs; of equal keys the last value counts, at the place of the first.
    pub fn new(pairs: Vec<(Value, Value)>, budget: &mut Budget) -> Result<Self> {
        budget.bytes(2 * SLOT * pairs.len() as u64)?;
        let mut dict = Self { entries: Vec::new(), index: None, depth: 0, size: 0 };
        for (key, value) in pairs {
            budget.steps(key.size())?;
            let Some(hashed) = DictKey::of(&key) else {
                return fail(format!("a value of type '{}' cannot be a key", key.kind()));
            };
            if dict.index.is_none() && dict.entries.len() >= INDEXED {
                let keys = dict.entries.iter().enumerate();
                dict.index =
                    Some(keys.filter_map(|(i, (k, _))| Some((DictKey::of(k)?, i))).collect());
            }
            match dict.find(&key, &hashed) {
                Some(at) => dict.entries[at].1 = value,
                None => {
                    if let Some(index) = &mut dict.index {
                        index.insert(hashed, dict.entries.len());
                    }
                    dict.entries.push((key, value));
                }
            }
        }
        (dict.depth, dict.size) = nesting(dict.entries.iter().flat_map(|(k, v)| [k, v]))?;
        Ok(dict)
    }

    pub fn entries(&self) -> &[(Value, Value)] {
        &self.entries
    }

    fn find(&self, key: &Value, hashed: &DictKey) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(hashed).copied(),
            None => self.entries.iter().position(|(k, _)| k.equals(key)),
        }
    }

    pub fn get(&self, key: &Value) -> Option<&Value> {
        let hashed = DictKey::of(key)?;
        self.find(key, &hashed).map(|at| &self.entries[at].1)
    }

    pub fn get_str(&self, key: &str) -> Option<&Value> {
        if self.index.is_some() {
            return self.get(&Value::str(key));
        }
        self.entries.iter().find(|(k, _)| k.as_str() == Some(key)).map(|(_, v)| v)
    }
}
