//! How values are printed: Python's `str` and `repr`.

use super::budget::Budget;
use super::error::{Result, fail};
use super::object::Object;
use super::text::is_printable;
use super::value::{Kind, Value};

/// A text that is refused once it is longer than what is left of the budget.
pub(super) struct Writer {
    pub text: String,
    room: usize,
}

impl Writer {
    pub fn new(budget: &Budget) -> Self {
        Self { text: String::new(), room: budget.room() }
    }

    pub fn push(&mut self, text: &str) -> Result<()> {
        if self.text.len() + text.len() > self.room {
            return fail("the template builds more text than any conversation needs");
        }
        self.text.push_str(text);
        Ok(())
    }
}

/// `str(value)`; pays for it.
pub(super) fn show(value: &Value, objects: &[Object<'_>], budget: &mut Budget) -> Result<String> {
    budget.steps(value.size())?;
    let mut out = Writer::new(budget);
    match value {
        Value::Undefined(_) => {}
        Value::Str(text) | Value::Markup(text) => out.push(text)?,
        other => repr_into(other, objects, &mut out)?,
    }
    budget.bytes(out.text.len() as u64)?;
    Ok(out.text)
}

/// `repr(value)`; pays for it.
pub(super) fn repr(value: &Value, objects: &[Object<'_>], budget: &mut Budget) -> Result<String> {
    budget.steps(value.size())?;
    let mut out = Writer::new(budget);
    repr_into(value, objects, &mut out)?;
    budget.bytes(out.text.len() as u64)?;
    Ok(out.text)
}

fn repr_into(value: &Value, objects: &[Object<'_>], out: &mut Writer) -> Result<()> {
    match value {
        Value::Undefined(_) => out.push("Undefined"),
        Value::None => out.push("None"),
        Value::Bool(true) => out.push("True"),
        Value::Bool(false) => out.push("False"),
        Value::Int(n) => out.push(&n.to_string()),
        Value::Float(x) => out.push(&float(*x)),
        Value::Str(text) => quoted(text, out),
        Value::Markup(text) => {
            out.push("Markup(")?;
            quoted(text, out)?;
            out.push(")")
        }
        Value::List(list) => {
            let (open, close) = match list.kind {
                Kind::List => ("[", "]"),
                Kind::Tuple => ("(", ")"),
                Kind::Generator => {
                    return fail("a generator is printed; `|list` makes a list of it");
                }
            };
            out.push(open)?;
            for (at, item) in list.items.iter().enumerate() {
                out.push(if at == 0 { "" } else { ", " })?;
                repr_into(item, objects, out)?;
            }
            out.push(if list.kind == Kind::Tuple && list.items.len() == 1 { "," } else { "" })?;
            out.push(close)
        }
        Value::Dict(dict) => {
            out.push("{")?;
            for (at, (key, value)) in dict.entries().iter().enumerate() {
                out.push(if at == 0 { "" } else { ", " })?;
                repr_into(key, objects, out)?;
                out.push(": ")?;
                repr_into(value, objects, out)?;
            }
            out.push("}")
        }
        Value::Range(range) => match **range {
            [start, stop, 1] => out.push(&format!("range({start}, {stop})")),
            [start, stop, step] => out.push(&format!("range({start}, {stop}, {step})")),
        },
        Value::Object(at, _) => match &objects[*at] {
            Object::Macro { node, .. } => out.push(&format!("<Macro '{}'>", node.name)),
            Object::Loop(state) => {
                out.push(&format!("<LoopContext {}/{}>", state.at + 1, state.len))
            }
            _ => fail(format!("a value of type '{}' is printed", value.kind())),
        },
        Value::Method(_) | Value::Function(_) => {
            fail(format!("a {} is printed and not called", value.kind()))
        }
    }
}

/// A text in quotes, with Python's choice of them.
fn quoted(text: &str, out: &mut Writer) -> Result<()> {
    let quote = if text.contains('\'') && !text.contains('"') { "\"" } else { "'" };
    out.push(quote)?;
    for c in text.chars() {
        match c {
            '\\' => out.push("\\\\")?,
            '\n' => out.push("\\n")?,
            '\r' => out.push("\\r")?,
            '\t' => out.push("\\t")?,
            '\'' if quote == "'" => out.push("\\'")?,
            c if is_printable(c) => out.push(c.encode_utf8(&mut [0; 4]))?,
            c => {
                let n = u32::from(c);
                out.push(&match n {
                    0..=0xff => format!("\\x{n:02x}"),
                    0x100..=0xffff => format!("\\u{n:04x}"),
                    _ => format!("\\U{n:08x}"),
                })?;
            }
        }
    }
    out.push(quote)
}

/// `repr` of a float: the shortest digits that give it back.
pub(super) fn float(x: f64) -> String {
    if x.is_nan() {
        return "nan".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let shown = format!("{x:e}");
    let (digits, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{x}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}
