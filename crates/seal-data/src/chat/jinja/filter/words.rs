//! Filters of texts.

use crate::chat::jinja::args::{Given, int, some, text, truth};
use crate::chat::jinja::error::{Result, fail};
use crate::chat::jinja::method::lines;
use crate::chat::jinja::ops::escape;
use crate::chat::jinja::run::Run;
use crate::chat::jinja::text::{capitalize, is_line_end, is_space};
use crate::chat::jinja::value::{Kind, Value};

impl<'t> Run<'t> {
    pub(super) fn word_filter(&mut self, name: &str, value: Value, args: Given) -> Result<Value> {
        match name {
            "join" => return self.join_filter(&value, args),
            "format" => {
                let format = self.show(&value)?;
                let args = if args.named.is_empty() {
                    Value::list(Kind::Tuple, args.positional, &mut self.budget)?
                } else if args.positional.is_empty() {
                    let pairs = args.named.into_iter().map(|(k, v)| (Value::Str(k), v));
                    self.dict(pairs.collect())?
                } else {
                    return fail("`format` takes either positional or named arguments");
                };
                return self.printf(&format, &args);
            }
            "safe" | "escape" | "e" => {
                args.none(name)?;
                return Ok(match &value {
                    Value::Markup(text) => Value::Markup(text.clone()),
                    _ => {
                        let shown = self.show(&value)?;
                        let shown = if name == "safe" {
                            shown
                        } else {
                            self.budget.bytes(6 * shown.len() as u64)?;
                            escape(&shown)
                        };
                        Value::Markup(shown.into())
                    }
                });
            }
            _ => {}
        }
        let shown = self.show(&value)?;
        // A change of case writes three times the bytes at most.
        self.budget.bytes(3 * shown.len() as u64)?;
        let text = match name {
            "trim" => {
                let [chars] = args.take(name, ["chars"])?;
                match some(chars) {
                    None => shown.trim_matches(is_space).to_owned(),
                    Some(chars) => {
                        let chars = text(Some(chars), name, "chars")?;
                        self.budget.steps(shown.len() as u64 * (1 + chars.len() as u64 / 64))?;
                        shown.trim_matches(|c| chars.contains(c)).to_owned()
                    }
                }
            }
            "replace" => {
                let [old, new, count] = args.take(name, ["old", "new", "count"])?;
                let old = old.map_or(Ok(String::new()), |v| self.show(&v))?;
                let new = new.map_or(Ok(String::new()), |v| self.show(&v))?;
                return self.replace(&shown, &old, &new, int(some(count), -1, name, "count")?);
            }
            "center" => {
                let [width] = args.take(name, ["width"])?;
                let width = int(width, 80, name, "width")?;
                return self.padded(&shown, width, ' ', '^').map(Value::str);
            }
            "indent" => {
                let [width, first, blank] = args.take(name, ["width", "first", "blank"])?;
                return self.indent(&shown, width, truth(first, false), truth(blank, false));
            }
            "truncate" => return self.truncate(shown, args),
            _ => {
                args.none(name)?;
                match name {
                    "upper" => shown.to_uppercase(),
                    "lower" => shown.to_lowercase(),
                    "capitalize" => capitalize(&shown),
                    "title" => title(&shown),
                    "wordcount" => {
                        let word = |c: char| c == '_' || c.is_alphanumeric();
                        let words = shown.split(|c| !word(c)).filter(|w| !w.is_empty());
                        return Ok(Value::Int(words.count() as i128));
                    }
                    _ => shown,
                }
            }
        };
        Ok(Value::str(text))
    }

    fn join_filter(&mut self, value: &Value, args: Given) -> Result<Value> {
        let [between, attribute] = args.take("join", ["d", "attribute"])?;
        let between = between.map_or(Ok(String::new()), |d| self.show(&d))?;
        let attribute = some(attribute);
        let mut out = String::new();
        for (at, item) in self.walk(value)?.into_iter().enumerate() {
            if at > 0 {
                self.budget.bytes(between.len() as u64)?;
                out.push_str(&between);
            }
            let item =
                attribute.as_ref().map_or(Ok(item.clone()), |path| self.path(&item, path))?;
            self.show_into(&item, &mut out)?;
        }
        Ok(Value::str(out))
    }

    fn indent(
        &mut self,
        text: &str,
        width: Option<Value>,
        first: bool,
        blank: bool,
    ) -> Result<Value> {
        let indent = match width {
            Some(Value::Str(indent)) => indent.to_string(),
            width => {
                let width = int(width, 4, "indent", "width")?;
                let width = u64::try_from(width.max(0)).unwrap_or(u64::MAX);
                self.budget.bytes(width)?;
                " ".repeat(width as usize)
            }
        };
        let text = format!("{text}\n");
        let count = text.matches(is_line_end).count() as u64;
        // A line's place while it is looked for has 16 bytes.
        self.budget.bytes((indent.len() as u64 + 17).saturating_mul(count))?;
        let lines = lines(&text, false);
        let mut out = String::new();
        for (at, line) in lines.iter().enumerate() {
            if at > 0 {
                out.push('\n');
            }
            if (at == 0 && first) || (at > 0 && (blank || !line.is_empty())) {
                out.push_str(&indent);
            }
            out.push_str(line);
        }
        Ok(Value::str(out))
    }

    fn truncate(&mut self, shown: String, args: Given) -> Result<Value> {
        let names = ["length", "killwords", "end", "leeway"];
        let [length, killwords, end, leeway] = args.take("truncate", names)?;
        let length = int(length, 255, "truncate", "length")?;
        let end = end.map_or(Ok("...".into()), |end| text(Some(end), "truncate", "end"))?;
        let leeway = int(some(leeway), 5, "truncate", "leeway")?;
        let end_len = end.chars().count() as i128;
        if length < end_len || leeway < 0 {
            return fail("`truncate`: `length` is shorter than `end`, or `leeway` is negative");
        }
        if shown.chars().count() as i128 <= length.saturating_add(leeway) {
            return Ok(Value::str(shown));
        }
        let kept: String = shown.chars().take((length - end_len) as usize).collect();
        let kept = match kept.rsplit_once(' ') {
            Some((words, _)) if !truth(killwords, false) => words,
            _ => &kept,
        };
        Ok(Value::str(format!("{kept}{end}")))
    }
}

/// The filter `title`: unlike `str.title`, words begin after space and opening brackets only.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut first = true;
    for c in text.chars() {
        if c == '-' || is_space(c) || matches!(c, '(' | '{' | '[' | '<') {
            out.push(c);
            first = true;
        } else if std::mem::take(&mut first) {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
    }
    out
}
