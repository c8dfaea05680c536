//! Writes YAML.
//!
//! Every text is in double quotes, with the escapes of JSON, which YAML has too. So nothing that
//! looks like a number, a truth value or a mark of YAML is taken for one.

use std::fmt::Write as _;

use serde_json::Value;

/// A value as a document, block by block.
pub(super) fn text(value: &Value) -> String {
    let mut text = String::new();
    put(&mut text, value, 0);
    text
}

fn put(text: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let _ = write!(text, "{indent}{}:", name_of(name));
                below(text, value, depth);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let _ = write!(text, "{indent}-");
                below(text, item, depth);
            }
        }
        scalar => {
            let _ = writeln!(text, "{indent}{scalar}");
        }
    }
}

/// A value after its name or dash.
fn below(text: &mut String, value: &Value, depth: usize) {
    let is_block = match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    match is_block {
        true => {
            text.push('\n');
            put(text, value, depth + 1);
        }
        false => {
            let _ = writeln!(text, " {value}");
        }
    }
}

fn name_of(name: &str) -> String {
    // A name of letters alone could still be a truth value, such as `on`, which none here is.
    match name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        true => name.to_owned(),
        false => Value::from(name).to_string(),
    }
}
