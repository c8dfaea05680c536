//! `"%s and %d" % (a, b)`.

use super::number;
use crate::chat::jinja::error::{Result, fail};
use crate::chat::jinja::run::Run;
use crate::chat::jinja::show;
use crate::chat::jinja::value::{Kind, Value, undefined};

/// One conversion.
struct Conversion {
    left: bool,
    zero: bool,
    sign: &'static str,
    alternate: bool,
    width: i128,
    precision: Option<usize>,
    kind: char,
}

impl<'t> Run<'t> {
    pub fn printf(&mut self, format: &str, args: &Value) -> Result<Value> {
        let tuple = match args {
            Value::List(list) if list.kind == Kind::Tuple => Some(list.items.clone()),
            _ => None,
        };
        let single = tuple.is_none();
        let mut values = tuple.unwrap_or_else(|| vec![args.clone()]).into_iter();
        let mut used_names = false;
        let mut out = String::new();
        let mut rest = format;
        self.budget.bytes(format.len() as u64)?;
        while let Some(at) = rest.find('%') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let mut named = None;
            if let Some(tail) = rest.strip_prefix('(') {
                let Some((name, tail)) = tail.split_once(')') else {
                    return fail("a format's name has no end");
                };
                let Value::Dict(dict) = args else {
                    return fail("a format with names takes a dictionary");
                };
                used_names = true;
                match dict.get_str(name) {
                    Some(value) => named = Some(value.clone()),
                    None => return fail("a format names a value that is not given"),
                }
                rest = tail;
            }
            let mut next =
                || values.next().map_or_else(|| fail("a format is given too few values"), Ok);
            let (conversion, tail) = conversion(rest, &mut next)?;
            rest = tail;
            if conversion.kind == '%' {
                out.push('%');
                continue;
            }
            let value = named.map_or_else(next, Ok)?;
            let text = self.convert(&conversion, &value)?;
            out.push_str(&text);
        }
        out.push_str(rest);
        let left = values.next().is_some();
        if left && !used_names && !(single && matches!(args, Value::Dict(_) | Value::List(_))) {
            return fail("a format is given more values than it writes");
        }
        Ok(Value::str(out))
    }

    fn convert(&mut self, c: &Conversion, value: &Value) -> Result<String> {
        self.budget.steps(1)?;
        let text = match c.kind {
            's' | 'r' | 'a' => {
                let text = match c.kind {
                    's' => self.show(value)?,
                    _ => show::repr(value, &self.objects, &mut self.budget)?,
                };
                let text = match c.precision {
                    Some(n) => text.chars().take(n).collect(),
                    None => text,
                };
                return self.padded(&text, c.width, ' ', if c.left { '<' } else { '>' });
            }
            'c' => {
                let code =
                    value.as_int().and_then(|n| u32::try_from(n).ok()).and_then(char::from_u32);
                let one = value.as_str().filter(|text| text.chars().count() == 1);
                match code.map(String::from).or_else(|| one.map(str::to_owned)) {
                    Some(text) => text,
                    None => return fail("`%c` takes a character"),
                }
            }
            _ => {
                let Some(x) = value.as_float() else {
                    return match value {
                        Value::Undefined(words) => undefined(words.as_ref()),
                        other => {
                            let kind = other.kind();
                            fail(format!(
                                "a format for numbers is used on a value of type '{kind}'"
                            ))
                        }
                    };
                };
                let negative = x < 0.0 || x == 0.0 && x.is_sign_negative();
                let sign = if negative { "-" } else { c.sign };
                let (prefix, digits) = if matches!(c.kind, 'd' | 'i' | 'u' | 'o' | 'x' | 'X') {
                    let n = match (value.as_int(), c.kind) {
                        (Some(n), _) => n,
                        (None, 'd' | 'i' | 'u') if x.is_finite() && x.abs() < 1e38 => {
                            x.trunc() as i128
                        }
                        _ => return fail("a format for whole numbers is used on another value"),
                    };
                    let (prefix, digits) = number::int(n.unsigned_abs(), c.kind, c.alternate);
                    let zeros = c.precision.unwrap_or(0).saturating_sub(digits.len());
                    self.budget.bytes(zeros as u64)?;
                    (prefix, "0".repeat(zeros) + &digits)
                } else {
                    ("", number::float(x.abs(), c.kind, c.precision, c.alternate)?)
                };
                if c.zero && !c.left && x.is_finite() {
                    let width = c.width.saturating_sub((sign.len() + prefix.len()) as i128);
                    let digits = self.padded(&digits, width, '0', '>')?;
                    return Ok(format!("{sign}{prefix}{digits}"));
                }
                format!("{sign}{prefix}{digits}")
            }
        };
        self.padded(&text, c.width, ' ', if c.left { '<' } else { '>' })
    }
}

fn conversion<'f>(
    format: &'f str,
    next: &mut dyn FnMut() -> Result<Value>,
) -> Result<(Conversion, &'f str)> {
    let flags = format.len() - format.trim_start_matches(['-', '0', '+', ' ', '#']).len();
    let (flags, mut rest) = format.split_at(flags);
    let sign = if flags.contains('+') {
        "+"
    } else if flags.contains(' ') {
        " "
    } else {
        ""
    };
    let mut number = |rest: &mut &'f str| -> Result<Option<i128>> {
        if let Some(tail) = rest.strip_prefix('*') {
            *rest = tail;
            return match next()?.as_int() {
                Some(n) => Ok(Some(n)),
                None => fail("a format's `*` takes a whole number"),
            };
        }
        let len = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, tail) = rest.split_at(len);
        *rest = tail;
        if digits.is_empty() {
            return Ok(None);
        }
        digits.parse().map_or_else(|_| fail("a format's width is too large"), |n| Ok(Some(n)))
    };
    let width = number(&mut rest)?.unwrap_or(0);
    let mut precision = None;
    if let Some(tail) = rest.strip_prefix('.') {
        rest = tail;
        let n = number(&mut rest)?.unwrap_or(0).max(0);
        precision = Some(usize::try_from(n).unwrap_or(usize::MAX));
    }
    rest = rest.trim_start_matches(['h', 'l', 'L']);
    let kind = rest.chars().next();
    let Some(kind) = kind.filter(|k| "diouxXeEfFgGcrsa%".contains(*k)) else {
        return fail("a format has a conversion that Python does not know");
    };
    let left = flags.contains('-') || width < 0;
    let (zero, alternate) = (flags.contains('0'), flags.contains('#'));
    let width = width.saturating_abs();
    Ok((Conversion { left, zero, sign, alternate, width, precision, kind }, &rest[1..]))
}
