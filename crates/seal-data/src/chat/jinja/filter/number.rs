//! Filters of numbers.

use crate::chat::jinja::args::{Given, int, needed};
use crate::chat::jinja::error::{Result, fail};
use crate::chat::jinja::run::Run;
use crate::chat::jinja::text::is_space;
use crate::chat::jinja::value::{Value, undefined};

impl<'t> Run<'t> {
    pub(super) fn number_filter(&mut self, name: &str, value: Value, args: Given) -> Result<Value> {
        match name {
            "int" => {
                let [default, base] = args.take(name, ["default", "base"])?;
                let base = int(base, 10, name, "base")?;
                Ok(to_int(&value, base)?
                    .map_or_else(|| default.unwrap_or(Value::Int(0)), Value::Int))
            }
            "float" => {
                let [default] = args.take(name, ["default"])?;
                let x = value.as_float().or_else(|| parse_float(value.as_str()?));
                Ok(x.map_or_else(|| default.unwrap_or(Value::Float(0.0)), Value::Float))
            }
            "abs" => {
                args.none(name)?;
                match (value.as_int(), &value) {
                    (Some(n), _) => Ok(Value::Int(n.saturating_abs())),
                    (None, Value::Float(x)) => Ok(Value::Float(x.abs())),
                    (None, Value::Undefined(words)) => undefined(words.as_ref()),
                    _ => fail(format!("`abs` of a value of type '{}'", value.kind())),
                }
            }
            "round" => {
                let [precision, method] = args.take(name, ["precision", "method"])?;
                round(&value, int(precision, 0, name, "precision")?, method)
            }
            _ => {
                let [attribute, start] = args.take(name, ["attribute", "start"])?;
                let mut sum = start.unwrap_or(Value::Int(0));
                for item in self.walk(&value)? {
                    let item = match &attribute {
                        None | Some(Value::None) => item,
                        Some(path) => self.path(&item, path)?,
                    };
                    sum = self.binary("+", sum, item)?;
                }
                Ok(sum)
            }
        }
    }
}

fn to_int(value: &Value, base: i128) -> Result<Option<i128>> {
    if let Some(n) = value.as_int() {
        return Ok(Some(n));
    }
    let whole = |x: f64| (x.is_finite() && x.abs() < 1e38).then_some(x.trunc() as i128);
    if let Value::Float(x) = value {
        return Ok(whole(*x));
    }
    let Some(text) = value.as_str() else { return Ok(None) };
    let Ok(radix @ 2..=36) = u32::try_from(base) else {
        return fail("`int`: `base` lies between 2 and 36");
    };
    let digits = text.trim_matches(is_space).replace('_', "");
    let (sign, body) = match digits.strip_prefix('-') {
        Some(body) => (-1, body),
        None => (1, digits.strip_prefix('+').unwrap_or(&digits)),
    };
    let lower = body.to_ascii_lowercase();
    let prefix = match radix {
        2 => "0b",
        8 => "0o",
        16 => "0x",
        _ => "\0",
    };
    let body = lower.strip_prefix(prefix).unwrap_or(&lower);
    if body.starts_with(['+', '-']) {
        return Ok(None);
    }
    match i128::from_str_radix(body, radix) {
        Ok(n) => Ok(n.checked_mul(sign)),
        Err(_) => Ok(parse_float(text).and_then(whole)),
    }
}

fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim_matches(is_space).to_ascii_lowercase();
    text.replace('_', "").parse().ok()
}

fn round(value: &Value, precision: i128, method: Option<Value>) -> Result<Value> {
    let Some(x) = value.as_float() else {
        return match value {
            Value::Undefined(words) => undefined(words.as_ref()),
            other => fail(format!("`round` of a value of type '{}'", other.kind())),
        };
    };
    let method = method.map_or(Ok("common".into()), |m| {
        crate::chat::jinja::args::text(Some(needed(Some(m), "round", "method")?), "round", "method")
    })?;
    let digits = i32::try_from(precision.clamp(-400, 400)).unwrap_or(0);
    let scale = 10f64.powi(digits);
    match &*method {
        "common" => match (value.as_int(), digits) {
            (Some(n), 0..) => Ok(Value::Int(n)),
            (None, 0..) => {
                let text = format!("{x:.0$}", digits as usize);
                Ok(Value::Float(text.parse().unwrap_or(x)))
            }
            _ => {
                let unit = 10f64.powi(-digits);
                let rounded = (x / unit).round_ties_even() * unit;
                Ok(match value.as_int() {
                    Some(_) => Value::Int(rounded as i128),
                    None => Value::Float(rounded),
                })
            }
        },
        "ceil" => Ok(Value::Float((x * scale).ceil() / scale + 0.0)),
        "floor" => Ok(Value::Float((x * scale).floor() / scale)),
        _ => fail("`round`: `method` is common, ceil or floor"),
    }
}
