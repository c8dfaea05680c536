//! Filters that pick elements of sequences.

use std::sync::Arc;

use crate::chat::jinja::args::{Given, int, needed, some, text};
use crate::chat::jinja::error::{Result, fail};
use crate::chat::jinja::run::Run;
use crate::chat::jinja::value::{Kind, Value};

impl<'t> Run<'t> {
    pub(super) fn item_filter(&mut self, name: &str, value: Value, args: Given) -> Result<Value> {
        match name {
            "first" | "last" => {
                args.none(name)?;
                let generator = matches!(&value, Value::List(l) if l.kind == Kind::Generator);
                if name == "last" && generator {
                    return fail("`last` of a generator; `|list` makes a list of it");
                }
                let items = self.walk(&value)?;
                let found = if name == "first" { items.first() } else { items.last() };
                let words = || format!("an empty sequence has no {name} element");
                Ok(found.cloned().unwrap_or_else(|| Value::Undefined(Some(words().into()))))
            }
            "list" => {
                args.none(name)?;
                let items = self.walk(&value)?;
                self.list(items)
            }
            "reverse" => {
                args.none(name)?;
                if let Some(text) = value.as_str() {
                    self.budget.bytes(text.len() as u64)?;
                    return Ok(Value::str(text.chars().rev().collect::<String>()));
                }
                let mut items = self.walk(&value)?;
                items.reverse();
                self.generator(items)
            }
            "map" => self.map(&value, args),
            "batch" | "slice" => self.parts(name, &value, args),
            _ => self.select(name, &value, args),
        }
    }

    fn map(&mut self, value: &Value, args: Given) -> Result<Value> {
        let items = self.walk(value)?;
        let Given { mut positional, mut named } = args;
        let mut out = Vec::with_capacity(items.len());
        if positional.is_empty() {
            let mut take = |wanted: &str| {
                let at = named.iter().position(|(name, _)| &**name == wanted);
                at.map(|at| named.remove(at).1)
            };
            let (path, default) = (take("attribute"), some(take("default")));
            let path = needed(path, "map", "attribute")?;
            for item in items {
                let found = self.path(&item, &path)?;
                out.push(match (&default, found.is_undefined()) {
                    (Some(default), true) => default.clone(),
                    _ => found,
                });
            }
        } else {
            let filter = text(Some(positional.remove(0)), "map", "filter")?;
            for item in items {
                let args = Given { positional: positional.clone(), named: named.clone() };
                out.push(self.filter(&filter, item, args)?);
            }
        }
        self.generator(out)
    }

    /// `select`, `reject`, `selectattr`, `rejectattr`.
    fn select(&mut self, name: &str, value: &Value, args: Given) -> Result<Value> {
        let Given { mut positional, named } = args;
        let attribute = if name.ends_with("attr") {
            if positional.is_empty() {
                return fail(format!("`{name}` needs the name of an attribute"));
            }
            Some(positional.remove(0))
        } else {
            None
        };
        let test: Option<Arc<str>> = if positional.is_empty() {
            None
        } else {
            Some(text(Some(positional.remove(0)), name, "test")?)
        };
        let mut kept = Vec::new();
        for item in self.walk(value)? {
            let tested = match &attribute {
                Some(path) => self.path(&item, path)?,
                None => item.clone(),
            };
            let holds = match &test {
                Some(test) => {
                    let args = Given { positional: positional.clone(), named: named.clone() };
                    self.test(test, &tested, args)?
                }
                None => tested.is_true(),
            };
            if holds == name.starts_with("select") {
                kept.push(item);
            }
        }
        self.generator(kept)
    }

    /// `batch`: lists of so many; `slice`: so many lists.
    fn parts(&mut self, name: &str, value: &Value, args: Given) -> Result<Value> {
        let count_name = if name == "batch" { "linecount" } else { "slices" };
        let [count, fill] = args.take(name, [count_name, "fill_with"])?;
        let count = int(Some(needed(count, name, count_name)?), 0, name, count_name)?;
        let Some(count) = usize::try_from(count).ok().filter(|n| *n > 0) else {
            return fail(format!("`{name}`: `{count_name}` must be above 0"));
        };
        let fill = some(fill);
        let items = self.walk(value)?;
        let mut out = Vec::new();
        if name == "batch" {
            for part in items.chunks(count) {
                let mut part = part.to_vec();
                if let Some(fill) = &fill {
                    self.budget.bytes((count as u64).saturating_mul(32))?;
                    part.resize(count, fill.clone());
                }
                out.push(self.list(part)?);
            }
        } else {
            self.budget.bytes((count as u64).saturating_mul(32))?;
            let (size, more) = (items.len() / count, items.len() % count);
            let mut rest = &items[..];
            for at in 0..count {
                let (part, tail) = rest.split_at(size + usize::from(at < more));
                rest = tail;
                let mut part = part.to_vec();
                if let (Some(fill), true) = (&fill, at >= more) {
                    part.push(fill.clone());
                }
                out.push(self.list(part)?);
            }
        }
        self.generator(out)
    }
}
