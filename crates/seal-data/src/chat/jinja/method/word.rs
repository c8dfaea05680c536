//! Methods that write a text anew.

use crate::chat::jinja::args::{Given, int, needed, some, text};
use crate::chat::jinja::error::{Result, fail};
use crate::chat::jinja::run::Run;
use crate::chat::jinja::text::{capitalize, is_space, title};
use crate::chat::jinja::value::Value;

impl<'t> Run<'t> {
    pub(super) fn word_method(&mut self, whole: &str, name: &str, args: Given) -> Result<Value> {
        // A change of case writes three times the bytes at most.
        self.budget.bytes(3 * whole.len() as u64)?;
        let out = match name {
            "strip" | "lstrip" | "rstrip" => {
                let [chars] = args.take(name, ["chars"])?;
                let chars = match some(chars) {
                    None => None,
                    Some(chars) => Some(text(Some(chars), name, "chars")?),
                };
                let cost = chars.as_ref().map_or(1, |chars| 1 + chars.len() as u64 / 64);
                self.budget.steps(cost.saturating_mul(1 + whole.len() as u64 / 8))?;
                let strip = |c: char| match &chars {
                    None => is_space(c),
                    Some(chars) => chars.contains(c),
                };
                match name {
                    "strip" => whole.trim_matches(strip),
                    "lstrip" => whole.trim_start_matches(strip),
                    _ => whole.trim_end_matches(strip),
                }
                .to_owned()
            }
            "center" | "ljust" | "rjust" => {
                let [width, fill] = args.take(name, ["width", "fillchar"])?;
                let width = int(Some(needed(width, name, "width")?), 0, name, "width")?;
                let fill =
                    fill.map_or(Ok(" ".into()), |fill| text(Some(fill), name, "fillchar"))?;
                let mut chars = fill.chars();
                let (Some(fill), None) = (chars.next(), chars.next()) else {
                    return fail(format!("`{name}`: `fillchar` is one character"));
                };
                let align = match name {
                    "center" => '^',
                    "ljust" => '<',
                    _ => '>',
                };
                self.padded(whole, width, fill, align)?
            }
            "zfill" => {
                let [width] = args.take(name, ["width"])?;
                let width = int(Some(needed(width, name, "width")?), 0, name, "width")?;
                let sign = whole.find(['+', '-']) == Some(0);
                let (sign, digits) = whole.split_at(usize::from(sign));
                let digits =
                    self.padded(digits, width.saturating_sub(sign.len() as i128), '0', '>')?;
                format!("{sign}{digits}")
            }
            "replace" => {
                let [old, new, count] = args.take(name, ["old", "new", "count"])?;
                let (old, new) = (text(old, name, "old")?, text(new, name, "new")?);
                return self.replace(whole, &old, &new, int(count, -1, name, "count")?);
            }
            "join" => {
                let [items] = args.take(name, ["iterable"])?;
                let items = self.walk(&needed(items, name, "iterable")?)?;
                let mut out = String::new();
                for (at, item) in items.into_iter().enumerate() {
                    let item = text(Some(item), name, "iterable")?;
                    self.budget.bytes((whole.len() + item.len()) as u64)?;
                    out.push_str(if at == 0 { "" } else { whole });
                    out.push_str(&item);
                }
                out
            }
            "expandtabs" => {
                let [size] = args.take(name, ["tabsize"])?;
                let size = int(size, 8, name, "tabsize")?.clamp(0, 1 << 32) as usize;
                let tabs = whole.matches('\t').count() as u64;
                self.budget.bytes(tabs.saturating_mul(size as u64))?;
                expanded(whole, size)
            }
            _ => {
                args.none(name)?;
                match name {
                    "lower" => whole.to_lowercase(),
                    "upper" => whole.to_uppercase(),
                    "casefold" => whole.to_lowercase().replace('ß', "ss").replace('ς', "σ"),
                    "capitalize" => capitalize(whole),
                    "title" => title(whole),
                    "swapcase" => {
                        let mut out = String::new();
                        for c in whole.chars() {
                            if c.is_uppercase() {
                                out.extend(c.to_lowercase());
                            } else {
                                out.extend(c.to_uppercase());
                            }
                        }
                        out
                    }
                    _ => return fail(format!("texts have no method `{name}`")),
                }
            }
        };
        Ok(Value::str(out))
    }

    /// `text.replace(old, new, count)`; a negative count is no limit.
    pub fn replace(&mut self, whole: &str, old: &str, new: &str, count: i128) -> Result<Value> {
        self.budget.scan(whole.len())?;
        let limit = usize::try_from(count).unwrap_or(usize::MAX);
        let found = whole.matches(old).count().min(limit);
        let more = (found as u64).saturating_mul(new.len() as u64);
        self.budget.bytes(more.saturating_add(whole.len() as u64))?;
        Ok(Value::str(whole.replacen(old, new, limit)))
    }

    /// `whole` in `width` characters.
    pub fn padded(&mut self, whole: &str, width: i128, fill: char, align: char) -> Result<String> {
        let len = whole.chars().count() as i128;
        let pad = u64::try_from(width.saturating_sub(len).max(0)).unwrap_or(u64::MAX);
        self.budget.bytes(pad.saturating_mul(fill.len_utf8() as u64))?;
        let pad = pad as usize;
        let left = match align {
            '<' => 0,
            '^' => pad / 2 + (pad & width as usize & 1),
            _ => pad,
        };
        let fills = |n: usize| std::iter::repeat_n(fill, n);
        Ok(fills(left).chain(whole.chars()).chain(fills(pad - left)).collect())
    }
}

fn expanded(text: &str, size: usize) -> String {
    let (mut out, mut column) = (String::new(), 0);
    for c in text.chars() {
        if c == '\t' {
            let n = if size == 0 { 0 } else { size - column % size };
            out.extend(std::iter::repeat_n(' ', n));
            column += n;
        } else {
            out.push(c);
            column = if matches!(c, '\n' | '\r') { 0 } else { column + 1 };
        }
    }
    out
}
