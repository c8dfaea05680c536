//! Attributes and items of values.

use std::sync::Arc;

use super::error::{Result, fail};
use super::method;
use super::object::{Loop, Object};
use super::run::Run;
use super::scope::NAMES_PER_STEP;
use super::value::{Kind, Value, range_len, undefined};

impl<'t> Run<'t> {
    /// `value.name` of the template: an attribute as Python has it, or else an item.
    pub fn named_attribute(&mut self, value: &Value, name: &str) -> Result<Value> {
        let words = || format!("a value of type '{}' has no attribute `{name}`", value.kind());
        let found = self.find_attribute(value, name)?;
        Ok(found.unwrap_or_else(|| Value::Undefined(Some(words().into()))))
    }

    /// The attribute of a name that is computed, and so in no error.
    pub fn attribute(&mut self, value: &Value, name: &str) -> Result<Value> {
        let words =
            || format!("a value of type '{}' lacks an attribute that is read", value.kind());
        let found = self.find_attribute(value, name)?;
        Ok(found.unwrap_or_else(|| Value::Undefined(Some(words().into()))))
    }

    fn find_attribute(&mut self, value: &Value, name: &str) -> Result<Option<Value>> {
        if let Some(found) = self.own_attribute(value, name)? {
            return Ok(Some(found));
        }
        Ok(match value {
            Value::Dict(dict) => dict.get_str(name).cloned(),
            _ => None,
        })
    }

    /// `value[key]`: an item, or else an attribute as Python has it.
    pub fn item(&mut self, value: &Value, key: &Value) -> Result<Value> {
        let at = |len: usize| {
            let n = key.as_int()?;
            let n = if n < 0 { n + len as i128 } else { n };
            usize::try_from(n).ok().filter(|n| *n < len)
        };
        let found = match value {
            Value::Undefined(words) => return undefined(words.as_ref()),
            Value::Dict(dict) => {
                self.budget.steps(key.size())?;
                dict.get(key).cloned()
            }
            Value::List(list) if list.kind != Kind::Generator => {
                at(list.items.len()).map(|at| list.items[at].clone())
            }
            Value::Str(text) | Value::Markup(text) if key.as_int().is_some() => {
                self.budget.scan(text.len())?;
                let len = if text.is_ascii() { text.len() } else { text.chars().count() };
                at(len).and_then(|at| text.chars().nth(at)).map(|c| Value::str(c.to_string()))
            }
            Value::Range(range) => {
                let len = usize::try_from(range_len(range)).unwrap_or(0);
                at(len).map(|at| Value::Int(range[0] + at as i128 * range[2]))
            }
            _ => None,
        };
        if let Some(found) = found {
            return Ok(found);
        }
        if let Some(name) = key.as_str()
            && let Some(found) = self.own_attribute(value, name)?
        {
            return Ok(found);
        }
        let words = format!("a value of type '{}' lacks an item that is read", value.kind());
        Ok(Value::Undefined(Some(words.into())))
    }

    fn own_attribute(&mut self, value: &Value, name: &str) -> Result<Option<Value>> {
        match value {
            Value::Undefined(words) => undefined(words.as_ref()),
            Value::Object(at, _) => {
                let at = *at;
                match &mut self.objects[at] {
                    Object::Namespace(fields) => {
                        self.budget.steps(fields.len() as u64 / NAMES_PER_STEP)?;
                        Ok(fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()))
                    }
                    Object::Loop(state) => Ok(loop_attribute(state, name).or_else(|| {
                        let methods = ["cycle", "changed"];
                        let found = methods.iter().find(|m| **m == name)?;
                        Some(Value::Method(Arc::new((value.clone(), found))))
                    })),
                    Object::Macro { node, .. } => {
                        Ok((name == "name").then(|| Value::str(&*node.name)))
                    }
                    Object::Cycler { items, at } => {
                        if name == "current" {
                            return Ok(items.get(*at).cloned());
                        }
                        let found = ["next", "reset"].iter().find(|m| **m == name);
                        Ok(found.map(|m| Value::Method(Arc::new((value.clone(), m)))))
                    }
                    Object::Joiner { .. } => Ok(None),
                }
            }
            // What `groupby` gives are named pairs.
            Value::List(list)
                if list.kind == Kind::Tuple
                    && list.items.len() == 2
                    && matches!(name, "grouper" | "list") =>
            {
                Ok(Some(list.items[usize::from(name == "list")].clone()))
            }
            _ => {
                let found = method::find(value, name);
                Ok(found.map(|name| Value::Method(Arc::new((value.clone(), name)))))
            }
        }
    }

    /// A nested attribute (`"a.b"`, `"0.x"`), as filters take it.
    pub fn path(&mut self, value: &Value, path: &Value) -> Result<Value> {
        let Some(path) = path.as_str() else { return self.item(value, path) };
        let mut value = value.clone();
        for part in path.split('.') {
            self.budget.steps(1)?;
            let key = match part.parse::<u32>() {
                Ok(n) => Value::Int(n.into()),
                Err(_) => Value::str(part),
            };
            value = self.item(&value, &key)?;
        }
        Ok(value)
    }
}

fn loop_attribute(state: &Loop<'_>, name: &str) -> Option<Value> {
    let int = |n: usize| Some(Value::Int(n as i128));
    let words = || Some(Value::Undefined(Some(format!("there is no `loop.{name}` here").into())));
    match name {
        "index" => int(state.at + 1),
        "index0" => int(state.at),
        "revindex" => int(state.len - state.at),
        "revindex0" => int(state.len - state.at - 1),
        "first" => Some(Value::Bool(state.at == 0)),
        "last" => Some(Value::Bool(state.at + 1 == state.len)),
        "length" => int(state.len),
        "depth" => int(state.depth + 1),
        "depth0" => int(state.depth),
        "previtem" => state.at.checked_sub(1).map(|at| state.items[at].clone()).or_else(words),
        "nextitem" => state.items.get(state.at + 1).cloned().or_else(words),
        _ => None,
    }
}

/// The length of a value, as the filter `length` counts.
pub(super) fn length(value: &Value) -> Result<usize> {
    match value {
        Value::Undefined(_) => Ok(0),
        Value::Str(text) | Value::Markup(text) => Ok(text.chars().count()),
        Value::List(list) if list.kind != Kind::Generator => Ok(list.items.len()),
        Value::Dict(dict) => Ok(dict.entries().len()),
        Value::Range(range) => Ok(usize::try_from(range_len(range)).unwrap_or(0)),
        _ => fail(format!(
            "a value of type '{}' has no length; `|list` makes one of it",
            value.kind()
        )),
    }
}
