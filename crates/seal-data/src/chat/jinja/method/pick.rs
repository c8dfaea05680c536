//! Methods that look for parts of a text.

use crate::chat::jinja::args::{Given, int, needed, some, text, truth};
use crate::chat::jinja::error::{Result, fail};
use crate::chat::jinja::run::Run;
use crate::chat::jinja::text::{is_line_end, is_space};
use crate::chat::jinja::value::{Kind, Value};

/// Bytes of a short text in a list, its place while it is looked for included.
const PART: u64 = 96;

/// The lines of a text, with their ends or without.
pub(in crate::chat::jinja) fn lines(text: &str, keep: bool) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(is_line_end) {
        let end = rest[at..].chars().next().map_or(1, char::len_utf8);
        let end = if rest[at..].starts_with("\r\n") { 2 } else { end };
        lines.push(if keep { &rest[..at + end] } else { &rest[..at] });
        rest = &rest[at + end..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

impl<'t> Run<'t> {
    pub(super) fn pick_method(&mut self, whole: &str, name: &str, args: Given) -> Result<Value> {
        match name {
            "startswith" | "endswith" => {
                let [part, start, end] = args.take(name, ["prefix", "start", "end"])?;
                let (_, within) = window(whole, start, end, name)?;
                let Some(within) = within else { return Ok(Value::Bool(false)) };
                let part = needed(part, name, "prefix")?;
                let parts = match &part {
                    Value::List(list) if list.kind == Kind::Tuple => list.items.clone(),
                    part => vec![part.clone()],
                };
                for part in parts {
                    let part = text(Some(part), name, "prefix")?;
                    let found = if name == "startswith" {
                        within.starts_with(&*part)
                    } else {
                        within.ends_with(&*part)
                    };
                    if found {
                        return Ok(Value::Bool(true));
                    }
                }
                Ok(Value::Bool(false))
            }
            "count" | "find" | "index" | "rfind" | "rindex" => {
                let [part, start, end] = args.take(name, ["sub", "start", "end"])?;
                let part = text(part, name, "sub")?;
                let (before, within) = window(whole, start, end, name)?;
                let found = within.and_then(|w| {
                    if name.starts_with('r') { w.rfind(&*part) } else { w.find(&*part) }
                });
                if name == "count" {
                    return Ok(Value::Int(within.map_or(0, |w| w.matches(&*part).count()) as i128));
                }
                match (found, within) {
                    (Some(at), Some(within)) => {
                        Ok(Value::Int((before + within[..at].chars().count()) as i128))
                    }
                    _ if name.ends_with("index") => fail(format!("`{name}` finds nothing")),
                    _ => Ok(Value::Int(-1)),
                }
            }
            "removeprefix" | "removesuffix" => {
                let [part] = args.take(name, ["part"])?;
                let part = text(part, name, "part")?;
                let rest = if name == "removeprefix" {
                    whole.strip_prefix(&*part)
                } else {
                    whole.strip_suffix(&*part)
                };
                Value::text(rest.unwrap_or(whole), &mut self.budget)
            }
            "partition" | "rpartition" => {
                let [by] = args.take(name, ["sep"])?;
                let by = text(by, name, "sep")?;
                if by.is_empty() {
                    return fail(format!("`{name}`: `sep` is empty"));
                }
                let parts = if name == "partition" {
                    whole.split_once(&*by).map_or([whole, "", ""], |(a, b)| [a, &by, b])
                } else {
                    whole.rsplit_once(&*by).map_or(["", "", whole], |(a, b)| [a, &by, b])
                };
                self.texts(Kind::Tuple, parts.into_iter())
            }
            "splitlines" => {
                let [keep] = args.take(name, ["keepends"])?;
                self.pay_parts(whole.matches(is_line_end).count())?;
                self.texts(Kind::List, lines(whole, truth(keep, false)).into_iter())
            }
            _ => {
                let [by, most] = args.take(name, ["sep", "maxsplit"])?;
                let most = int(most, -1, name, "maxsplit")?;
                let most = usize::try_from(most).unwrap_or(usize::MAX - 1);
                let reverse = name == "rsplit";
                let parts = match some(by) {
                    None => {
                        let count = whole.split(is_space).filter(|w| !w.is_empty()).count();
                        self.pay_parts(count.min(most))?;
                        words(whole, most, reverse)
                    }
                    Some(by) => {
                        let by = text(Some(by), name, "sep")?;
                        if by.is_empty() {
                            return fail(format!("`{name}`: `sep` is empty"));
                        }
                        self.pay_parts(whole.matches(&*by).count().min(most))?;
                        if reverse {
                            let mut parts: Vec<&str> =
                                whole.rsplitn(most.saturating_add(1), &*by).collect();
                            parts.reverse();
                            parts
                        } else {
                            whole.splitn(most.saturating_add(1), &*by).collect()
                        }
                    }
                };
                self.texts(Kind::List, parts.into_iter())
            }
        }
    }

    /// Pays for a list of so many texts and one more, before it is made.
    fn pay_parts(&mut self, count: usize) -> Result<()> {
        self.budget.bytes(PART * (count as u64 + 1))
    }

    fn texts<'a>(&mut self, kind: Kind, parts: impl Iterator<Item = &'a str>) -> Result<Value> {
        let mut out = Vec::new();
        for part in parts {
            out.push(Value::text(part, &mut self.budget)?);
        }
        Value::list(kind, out, &mut self.budget)
    }
}

/// `text[start:end]`: characters before it, and the part, where start is not behind end.
fn window<'a>(
    text: &'a str,
    start: Option<Value>,
    end: Option<Value>,
    name: &str,
) -> Result<(usize, Option<&'a str>)> {
    let (start, end) = (some(start), some(end));
    if start.is_none() && end.is_none() {
        return Ok((0, Some(text)));
    }
    let len = text.chars().count() as i128;
    let place = |value, default, what| {
        let n = int(value, default, name, what)?;
        Ok(if n < 0 { n.saturating_add(len).max(0) } else { n })
    };
    let (start, end) = (place(start, 0, "start")?, place(end, len, "end")?.min(len));
    if start > end {
        return Ok((0, None));
    }
    let byte = |n: i128| text.char_indices().nth(n as usize).map_or(text.len(), |(at, _)| at);
    Ok((start as usize, Some(&text[byte(start)..byte(end)])))
}

/// The words of a text, cut `most` times from the left or from the right.
fn words(text: &str, most: usize, reverse: bool) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest =
        if reverse { text.trim_end_matches(is_space) } else { text.trim_start_matches(is_space) };
    while !rest.is_empty() {
        if words.len() == most {
            words.push(rest);
            break;
        }
        if reverse {
            let at = rest
                .rfind(is_space)
                .map_or(0, |at| at + rest[at..].chars().next().map_or(1, char::len_utf8));
            words.push(&rest[at..]);
            rest = rest[..at].trim_end_matches(is_space);
        } else {
            let at = rest.find(is_space).unwrap_or(rest.len());
            words.push(&rest[..at]);
            rest = rest[at..].trim_start_matches(is_space);
        }
    }
    if reverse {
        words.reverse();
    }
    words
}
