//! Operators, as Python defines them.

use std::cmp::Ordering;
use std::sync::Arc;

use super::error::{Result, fail};
use super::run::Run;
use super::value::{Kind, Value, range_len, undefined};

const TOO_LARGE: &str = "a whole number is too large";

/// `+` or `-` before a value.
pub(super) fn sign(sign: &str, value: &Value) -> Result<Value> {
    match (value.as_int(), value) {
        (Some(n), _) if sign == "+" => Ok(Value::Int(n)),
        (Some(n), _) => n.checked_neg().map_or_else(|| fail(TOO_LARGE), |n| Ok(Value::Int(n))),
        (None, Value::Float(x)) => Ok(Value::Float(if sign == "+" { *x } else { -x })),
        (None, Value::Undefined(words)) => undefined(words.as_ref()),
        _ => fail(format!("`{sign}` before a value of type '{}'", value.kind())),
    }
}

/// HTML's escapes, as `markupsafe` writes them.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&#34;"),
            c => out.push(c),
        }
    }
    out
}

impl<'t> Run<'t> {
    #[inline(never)]
    pub fn binary(&mut self, op: &'static str, a: Value, b: Value) -> Result<Value> {
        self.budget.steps(1)?;
        if let (Some(a), Some(b)) = (a.as_int(), b.as_int()) {
            return ints(op, a, b);
        }
        if let (Some(a), Some(b)) = (a.as_float(), b.as_float()) {
            return floats(op, a, b);
        }
        match (op, &a, &b) {
            ("%", Value::Str(format), _) => self.printf(format, &b),
            (_, Value::Undefined(words), _) | (_, _, Value::Undefined(words)) => {
                undefined(words.as_ref())
            }
            ("+", Value::Str(x), Value::Str(y)) => self.joined(x, y).map(Value::Str),
            ("+", Value::Markup(_) | Value::Str(_), Value::Markup(_) | Value::Str(_)) => {
                let part = |v: &Value| match v {
                    Value::Markup(text) => text.to_string(),
                    v => escape(v.as_str().unwrap_or_default()),
                };
                self.budget.bytes(a.size() * 64 * 6 + b.size() * 64 * 6)?;
                self.joined(&part(&a), &part(&b)).map(Value::Markup)
            }
            ("+", Value::List(x), Value::List(y))
                if x.kind == y.kind && x.kind != Kind::Generator =>
            {
                let items = x.items.iter().chain(&y.items).cloned().collect();
                Value::list(x.kind, items, &mut self.budget)
            }
            ("*", _, _) => match (a.as_int(), b.as_int()) {
                (None, Some(n)) => self.repeated(&a, n),
                (Some(n), None) => self.repeated(&b, n),
                _ => unsupported(op, &a, &b),
            },
            _ => unsupported(op, &a, &b),
        }
    }

    fn joined(&mut self, a: &str, b: &str) -> Result<Arc<str>> {
        self.budget.bytes((a.len() + b.len()) as u64)?;
        Ok([a, b].concat().into())
    }

    fn repeated(&mut self, value: &Value, n: i128) -> Result<Value> {
        let n = usize::try_from(n.max(0)).unwrap_or(usize::MAX);
        match value {
            Value::Str(text) | Value::Markup(text) => {
                self.budget.bytes((text.len() as u64).saturating_mul(n as u64))?;
                Ok(Value::str(if text.is_empty() { String::new() } else { text.repeat(n) }))
            }
            Value::List(list) if list.kind != Kind::Generator => {
                self.budget.bytes((32 * list.items.len() as u64).saturating_mul(n as u64))?;
                let n = if list.items.is_empty() { 0 } else { n };
                let items = list.items.iter().cycle().take(list.items.len() * n).cloned();
                Value::list(list.kind, items.collect(), &mut self.budget)
            }
            _ => unsupported("*", value, &Value::Int(0)),
        }
    }

    /// Whether a comparison holds.
    #[inline(never)]
    pub fn holds(&mut self, op: &'static str, a: &Value, b: &Value) -> Result<bool> {
        self.budget.steps(1)?;
        match op {
            "==" => self.equal(a, b),
            "!=" => Ok(!self.equal(a, b)?),
            "in" => self.contains(b, a),
            "not in" => Ok(!self.contains(b, a)?),
            _ => {
                let order = self.order(a, b, op)?;
                Ok(match op {
                    "<" => order == Some(Ordering::Less),
                    "<=" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
                    ">" => order == Some(Ordering::Greater),
                    _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
                })
            }
        }
    }

    pub fn equal(&mut self, a: &Value, b: &Value) -> Result<bool> {
        self.budget.steps(a.size().min(b.size()))?;
        Ok(a.equals(b))
    }

    pub fn order(&mut self, a: &Value, b: &Value, op: &str) -> Result<Option<Ordering>> {
        // Elements are compared twice on each level: for equality, then for their order.
        let levels = u64::from(a.depth().min(b.depth())) + 1;
        self.budget.steps(a.size().min(b.size()).saturating_mul(levels))?;
        a.order(b, op)
    }

    pub fn contains(&mut self, container: &Value, value: &Value) -> Result<bool> {
        match (container, value) {
            (Value::Str(text) | Value::Markup(text), value) => match value.as_str() {
                Some(part) => {
                    self.budget.scan(text.len())?;
                    Ok(text.contains(part))
                }
                None => fail(format!("`in` a text takes a text, not {}", value.kind())),
            },
            (Value::List(list), value) => {
                for item in &list.items {
                    if self.equal(item, value)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (Value::Dict(dict), value) => {
                self.budget.steps(value.size().saturating_add(8))?;
                Ok(dict.get(value).is_some())
            }
            (Value::Range(range), value) => {
                let at = value.as_int().and_then(|n| n.checked_sub(range[0]));
                let places = 0..range_len(range);
                let place = |at: i128| (at.checked_rem(range[2]) == Some(0)).then(|| at / range[2]);
                Ok(at.and_then(place).is_some_and(|place| places.contains(&place)))
            }
            (Value::Undefined(_), _) => Ok(false),
            _ => fail(format!("`in` a value of type '{}'", container.kind())),
        }
    }

    /// `value[start:stop:step]`.
    pub fn slice(
        &mut self,
        value: &Value,
        [start, stop, step]: [Option<i128>; 3],
    ) -> Result<Value> {
        let step = step.unwrap_or(1);
        if step == 0 {
            return fail("the step of a slice is 0");
        }
        let places = |len: usize| {
            let len = len as i128;
            let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
            let place = |n: Option<i128>, default| {
                n.map_or(default, |n| {
                    if n < 0 { n.saturating_add(len) } else { n }.clamp(low, high)
                })
            };
            let (first, last) = if step > 0 { (low, high) } else { (high, low) };
            let (from, to) = (place(start, first), place(stop, last));
            let step_size = step.unsigned_abs().min(1 << 62) as usize;
            let range = if step > 0 { (from, to) } else { (to + 1, from + 1) };
            let places = (range.0.max(0) as usize)..(range.1.max(range.0.max(0)) as usize);
            (places, step_size)
        };
        match value {
            Value::Str(text) | Value::Markup(text) => {
                self.budget.scan(text.len())?;
                let len = if text.is_ascii() { text.len() } else { text.chars().count() };
                let (range, size) = places(len);
                let mut picked: String = if step > 0 {
                    text.chars().skip(range.start).take(range.len()).step_by(size).collect()
                } else {
                    let skipped = len - range.end;
                    text.chars().rev().skip(skipped).take(range.len()).step_by(size).collect()
                };
                picked.shrink_to_fit();
                Value::text(picked, &mut self.budget)
            }
            Value::List(list) if list.kind != Kind::Generator => {
                let (range, size) = places(list.items.len());
                let part = &list.items[range];
                let items = if step > 0 {
                    part.iter().step_by(size).cloned().collect()
                } else {
                    part.iter().rev().step_by(size).cloned().collect()
                };
                Value::list(list.kind, items, &mut self.budget)
            }
            Value::Range(_) => {
                let items = self.walk(value)?;
                let list = self.list(items)?;
                self.slice(&list, [start, stop, Some(step)])
            }
            Value::Undefined(words) => undefined(words.as_ref()),
            _ => {
                let words = format!("a value of type '{}' has no slices", value.kind());
                Ok(Value::Undefined(Some(words.into())))
            }
        }
    }
}

fn unsupported<T>(op: &str, a: &Value, b: &Value) -> Result<T> {
    fail(format!("`{op}` is not supported between '{}' and '{}'", a.kind(), b.kind()))
}

fn ints(op: &'static str, a: i128, b: i128) -> Result<Value> {
    let whole = |n: Option<i128>| n.map_or_else(|| fail(TOO_LARGE), |n| Ok(Value::Int(n)));
    match op {
        "+" => whole(a.checked_add(b)),
        "-" => whole(a.checked_sub(b)),
        "*" => whole(a.checked_mul(b)),
        "/" | "//" | "%" if b == 0 => fail("a division by zero"),
        "/" => Ok(Value::Float(a as f64 / b as f64)),
        "//" => {
            let down = i128::from(a.checked_rem(b).is_some_and(|r| r != 0) && (a < 0) != (b < 0));
            whole(a.checked_div(b).map(|q| q - down))
        }
        "%" => {
            whole(a.checked_rem(b).map(|r| if r != 0 && (r < 0) != (b < 0) { r + b } else { r }))
        }
        _ if b < 0 => floats("**", a as f64, b as f64),
        _ => whole(u32::try_from(b).ok().and_then(|b| a.checked_pow(b)).or(match a {
            0 | 1 => Some(a),
            -1 => Some(if b % 2 == 0 { 1 } else { -1 }),
            _ => None,
        })),
    }
}

fn floats(op: &'static str, a: f64, b: f64) -> Result<Value> {
    Ok(Value::Float(match op {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" | "//" | "%" if b == 0.0 => return fail("a division by zero"),
        "**" if a == 0.0 && b < 0.0 => return fail("a division by zero"),
        "**" if a < 0.0 && b.fract() != 0.0 => return fail("a power that is no real number"),
        "/" => a / b,
        "//" => ((a - modulo(a, b)) / b).round(),
        "%" => modulo(a, b),
        _ => a.powf(b),
    }))
}

/// The remainder with the sign of `b`.
fn modulo(a: f64, b: f64) -> f64 {
    let r = a % b;
    if r != 0.0 && (r < 0.0) != (b < 0.0) { r + b } else { r }
}
