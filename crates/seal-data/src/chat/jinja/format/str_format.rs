//! `"{} and {name!r:>8}".format(..)`.

use crate::chat::jinja::args::Given;
use crate::chat::jinja::error::{Result, fail};
use crate::chat::jinja::run::Run;
use crate::chat::jinja::show;
use crate::chat::jinja::value::Value;

/// How fields without a number are counted.
#[derive(Default)]
struct Count {
    next: usize,
    automatic: bool,
    by_number: bool,
}

impl<'t> Run<'t> {
    pub fn str_format(&mut self, format: &str, args: Given) -> Result<Value> {
        let text = self.fields(format, &args, &mut Count::default(), 0)?;
        Ok(Value::str(text))
    }

    fn fields(
        &mut self,
        format: &str,
        args: &Given,
        count: &mut Count,
        depth: usize,
    ) -> Result<String> {
        if depth > 1 {
            return fail("a format nests too deep");
        }
        self.budget.bytes(format.len() as u64)?;
        let mut out = String::new();
        let mut rest = format;
        while let Some(at) = rest.find(['{', '}']) {
            out.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(tail) = rest.strip_prefix(brace) {
                out.push_str(brace);
                rest = tail;
                continue;
            }
            let Some(end) = (brace == "{").then(|| field_end(rest)).flatten() else {
                return fail("a format has a brace without its partner");
            };
            let text = self.field(&rest[..end], args, count, depth)?;
            out.push_str(&text);
            rest = &rest[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    fn field(
        &mut self,
        field: &str,
        args: &Given,
        count: &mut Count,
        depth: usize,
    ) -> Result<String> {
        // The name ends at `!` or `:` outside of brackets.
        let mut inside = false;
        let end = field.char_indices().find(|(_, c)| {
            inside = (inside || *c == '[') && *c != ']';
            !inside && matches!(c, '!' | ':')
        });
        let (path, tail) = field.split_at(end.map_or(field.len(), |(at, _)| at));
        let (conversion, spec) = match tail.strip_prefix('!') {
            None => (None, tail.strip_prefix(':').unwrap_or("")),
            Some(tail) => {
                let (word, spec) = tail.split_once(':').unwrap_or((tail, ""));
                (Some(word), spec)
            }
        };
        let mut value = self.field_value(path, args, count)?;
        value = match conversion {
            None => value,
            Some("s") => Value::str(self.show(&value)?),
            Some("r" | "a") => Value::str(show::repr(&value, &self.objects, &mut self.budget)?),
            Some(_) => return fail("a format has a conversion other than !s, !r and !a"),
        };
        let spec = if spec.contains('{') {
            self.fields(spec, args, count, depth + 1)?
        } else {
            spec.to_owned()
        };
        self.format_value(&value, &spec)
    }

    fn field_value(&mut self, path: &str, args: &Given, count: &mut Count) -> Result<Value> {
        let end = path.find(['.', '[']).unwrap_or(path.len());
        let (first, mut rest) = path.split_at(end);
        let number = if first.is_empty() {
            count.automatic = true;
            count.next += 1;
            Some(count.next - 1)
        } else {
            let number = first.parse().ok();
            count.by_number |= number.is_some();
            number
        };
        if count.automatic && count.by_number {
            return fail("a format mixes fields with and without numbers");
        }
        let found = match number {
            Some(at) => args.positional.get(at),
            None => args.named.iter().find(|(name, _)| **name == *first).map(|(_, value)| value),
        };
        let Some(value) = found else {
            return fail("a format has a field that no argument is given for");
        };
        let mut value = value.clone();
        while !rest.is_empty() {
            self.budget.steps(1)?;
            if let Some(tail) = rest.strip_prefix('.') {
                let end = tail.find(['.', '[']).unwrap_or(tail.len());
                value = self.attribute(&value, &tail[..end])?;
                rest = &tail[end..];
            } else {
                let Some((key, tail)) = rest.strip_prefix('[').and_then(|t| t.split_once(']'))
                else {
                    return fail("a format has a bracket without its partner");
                };
                let key = key.parse().map_or_else(|_| Value::str(key), Value::Int);
                value = self.item(&value, &key)?;
                rest = tail;
            }
        }
        Ok(value)
    }
}

/// Where the field at the start of `text` ends; its format may hold fields itself.
fn field_end(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}
