//! JSON: into values, and `tojson` as `transformers` defines it.

use super::budget::Budget;
use super::error::{Result, fail};
use super::show::{Writer, float};
use super::value::{Dict, Kind, Value};

/// How `json.dumps` is called.
pub(super) struct Style {
    pub ascii: bool,
    pub indent: Option<String>,
    /// Between items, and between a key and its value.
    pub separators: (String, String),
    pub sorted: bool,
}

/// `json.dumps(value)`; pays for it.
pub(super) fn dumps(value: &Value, style: &Style, budget: &mut Budget) -> Result<String> {
    budget.steps(value.size())?;
    let mut out = Writer::new(budget);
    write(value, style, 0, &mut out)?;
    budget.bytes(out.text.len() as u64)?;
    Ok(out.text)
}

fn new_line(style: &Style, depth: usize, out: &mut Writer) -> Result<()> {
    let Some(indent) = &style.indent else { return Ok(()) };
    out.push("\n")?;
    (0..depth).try_for_each(|_| out.push(indent))
}

fn write(value: &Value, style: &Style, depth: usize, out: &mut Writer) -> Result<()> {
    let (item, pair) = &style.separators;
    match value {
        Value::Str(text) | Value::Markup(text) => string(text, style.ascii, out),
        Value::List(list) if list.kind != Kind::Generator => {
            if list.items.is_empty() {
                return out.push("[]");
            }
            out.push("[")?;
            for (at, value) in list.items.iter().enumerate() {
                out.push(if at == 0 { "" } else { item })?;
                new_line(style, depth + 1, out)?;
                write(value, style, depth + 1, out)?;
            }
            new_line(style, depth, out)?;
            out.push("]")
        }
        Value::Dict(dict) => {
            if dict.entries().is_empty() {
                return out.push("{}");
            }
            let mut entries: Vec<&(Value, Value)> = dict.entries().iter().collect();
            if style.sorted {
                if entries.iter().any(|(key, _)| key.as_str().is_none()) {
                    return fail("`tojson(sort_keys=true)` of keys that are not all texts");
                }
                entries.sort_by(|a, b| a.0.as_str().cmp(&b.0.as_str()));
            }
            out.push("{")?;
            for (at, (key, value)) in entries.into_iter().enumerate() {
                out.push(if at == 0 { "" } else { item })?;
                new_line(style, depth + 1, out)?;
                match key {
                    Value::Str(key) | Value::Markup(key) => string(key, style.ascii, out)?,
                    key => string(&scalar(key)?, style.ascii, out)?,
                }
                out.push(pair)?;
                write(value, style, depth + 1, out)?;
            }
            new_line(style, depth, out)?;
            out.push("}")
        }
        other => out.push(&scalar(other)?),
    }
}

fn scalar(value: &Value) -> Result<String> {
    Ok(match value {
        Value::None => "null".into(),
        Value::Bool(true) => "true".into(),
        Value::Bool(false) => "false".into(),
        Value::Int(n) => n.to_string(),
        Value::Float(x) if x.is_nan() => "NaN".into(),
        Value::Float(x) if x.is_infinite() => {
            if *x > 0.0 {
                "Infinity".into()
            } else {
                "-Infinity".into()
            }
        }
        Value::Float(x) => float(*x),
        other => return fail(format!("`tojson` of a value of type '{}'", other.kind())),
    })
}

fn string(text: &str, ascii: bool, out: &mut Writer) -> Result<()> {
    out.push("\"")?;
    for c in text.chars() {
        match c {
            '"' => out.push("\\\"")?,
            '\\' => out.push("\\\\")?,
            '\n' => out.push("\\n")?,
            '\r' => out.push("\\r")?,
            '\t' => out.push("\\t")?,
            '\x08' => out.push("\\b")?,
            '\x0c' => out.push("\\f")?,
            c if c < ' ' => out.push(&format!("\\u{:04x}", u32::from(c)))?,
            c if ascii && !(' '..='~').contains(&c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push(&format!("\\u{unit:04x}"))?;
                }
            }
            c => out.push(c.encode_utf8(&mut [0; 4]))?,
        }
    }
    out.push("\"")
}

/// The value of a JSON text, its keys in the order of the text.
pub(crate) fn from_json(text: &str) -> Result<Value> {
    let parsed: Parsed = match serde_json::from_str(text) {
        Ok(parsed) => parsed,
        Err(e) => return fail(format!("JSON that cannot be read, at column {}", e.column())),
    };
    // What was parsed is as large as its text: it pays from a budget of its own.
    parsed.into_value(&mut Budget::new(text.len()))
}

/// A JSON value before its depth is known.
enum Parsed {
    Scalar(Value),
    List(Vec<Parsed>),
    Dict(Vec<(String, Parsed)>),
}

impl Parsed {
    fn into_value(self, budget: &mut Budget) -> Result<Value> {
        match self {
            Self::Scalar(value) => Ok(value),
            Self::List(items) => {
                let items = items.into_iter().map(|item| item.into_value(budget));
                let items = items.collect::<Result<Vec<_>>>()?;
                Value::list(Kind::List, items, budget)
            }
            Self::Dict(pairs) => {
                let pairs = pairs.into_iter();
                let pairs = pairs.map(|(k, v)| Ok((Value::str(k), v.into_value(budget)?)));
                let pairs = pairs.collect::<Result<Vec<_>>>()?;
                Ok(Value::Dict(Dict::new(pairs, budget)?.into()))
            }
        }
    }
}

impl<'de> serde::Deserialize<'de> for Parsed {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        from.deserialize_any(Visitor)
    }
}

struct Visitor;

impl<'de> serde::de::Visitor<'de> for Visitor {
    type Value = Parsed;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> std::result::Result<Parsed, E> {
        Ok(Parsed::Scalar(Value::None))
    }

    fn visit_bool<E>(self, b: bool) -> std::result::Result<Parsed, E> {
        Ok(Parsed::Scalar(Value::Bool(b)))
    }

    fn visit_i64<E>(self, n: i64) -> std::result::Result<Parsed, E> {
        Ok(Parsed::Scalar(Value::Int(n.into())))
    }

    fn visit_u64<E>(self, n: u64) -> std::result::Result<Parsed, E> {
        Ok(Parsed::Scalar(Value::Int(n.into())))
    }

    fn visit_f64<E>(self, x: f64) -> std::result::Result<Parsed, E> {
        Ok(Parsed::Scalar(Value::Float(x)))
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<Parsed, E> {
        Ok(Parsed::Scalar(Value::str(text)))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(
        self,
        mut seq: A,
    ) -> std::result::Result<Parsed, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Parsed::List(items))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(
        self,
        mut map: A,
    ) -> std::result::Result<Parsed, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Parsed::Dict(pairs))
    }
}
