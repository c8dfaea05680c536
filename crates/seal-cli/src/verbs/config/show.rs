//! `seal config show`.

use std::io::Write as _;

use clap::Args;
use seal_study::{ConfigValue, ValueOrigin, resolve_config};
use toml::Value;

use crate::options::ConfigArgs;
use crate::plain;

/// Which config.
#[derive(Clone, Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    config: ConfigArgs,
    /// The config of this arm.
    #[arg(long, value_name = "ID")]
    arm: Option<String>,
    /// One line a value, with a comment that says where it comes from. The lines are TOML, too.
    #[arg(long)]
    origins: bool,
}

/// Prints the config.
pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let resolved = resolve_config(&options.config.source(), options.arm.as_deref())?;
    let mut out = plain::stdout();
    if let Some(arm) = &options.arm {
        writeln!(out, "{}", of_arm(arm))?;
    }
    if !options.origins {
        return Ok(out.write_all(resolved.config.resolved_toml()?.as_bytes())?);
    }
    for value in &resolved.values {
        writeln!(out, "{}", line(value))?;
    }
    Ok(())
}

/// What stands above the settings of an arm: they are no config by themselves.
fn of_arm(arm: &str) -> String {
    // An id is the name of a folder, so it has no quotation mark.
    format!(
        "# The settings of the arm {arm}, as its stages use them. They are no whole config: the study\n\
         # has arms, bindings and metrics, too, which `config show` prints without --arm. The study\n\
         # runs this arm and the reference alone with --set 'study.only=[\"{arm}\"]'."
    )
}

/// A value with its key and its origin, as a line of TOML.
fn line(value: &ConfigValue) -> String {
    let key: Vec<String> = value.key.iter().map(|part| quoted(part)).collect();
    // TOML writes an inline value on one line.
    let text = format!("{} = {}", key.join("."), inline(&value.value));
    format!("{text}  # {}", words(&value.origin, &value.key))
}

/// A value on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::Table(table) => {
            let entries = table.iter().map(|(k, v)| format!("{} = {}", quoted(k), inline(v)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", "))
        }
        // A text with line breaks would be written on several.
        Value::String(text) => basic(text),
        other => other.to_string(),
    }
}

/// A part of a key.
fn quoted(part: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match !part.is_empty() && part.chars().all(is_bare) {
        true => part.to_owned(),
        false => basic(part),
    }
}

/// A basic string. Every character that TOML does not take as it is becomes its number.
fn basic(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The origin of the value of `key`, for people.
fn words(origin: &ValueOrigin, key: &[String]) -> String {
    match origin {
        ValueOrigin::Default => "default".to_owned(),
        ValueOrigin::BuiltIn { line: Some(line) } => format!("built-in config, line {line}"),
        ValueOrigin::BuiltIn { line: None } => "built-in config".to_owned(),
        ValueOrigin::File { path, line } => format!("{}:{line}", path.display()),
        ValueOrigin::JudgeTable => "the judge's table".to_owned(),
        ValueOrigin::Quick => "--quick".to_owned(),
        ValueOrigin::Set { text } => format!("--set {text}"),
        // These options have the names of their keys.
        ValueOrigin::Field => format!("--{}", key.last().map_or("set", String::as_str)),
        ValueOrigin::Arm { id } => format!("arm {id}"),
        ValueOrigin::Plan { part, replacement } => format!("plan: {part} = {replacement}"),
    }
    // A comment ends with its line.
    .replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_toml_that_says_the_same() {
        let table: toml::Table = toml::from_str(
            "a = [1, 2.5, { b = \"x\\n\\\"y\\\\\\u0001\", 'c d' = [] }]\n[t.\"odd key\"]\nd = true\n",
        )
        .unwrap();
        let value = |key: &[&str], value: &Value| ConfigValue {
            key: key.iter().map(|part| (*part).to_owned()).collect(),
            value: value.clone(),
            origin: ValueOrigin::Set { text: "a\nb".to_owned() },
        };
        let lines = [
            line(&value(&["a"], &table["a"])),
            line(&value(&["t", "odd key", "d"], &table["t"]["odd key"]["d"])),
        ];
        assert!(lines.iter().all(|line| line.ends_with("  # --set a b")), "{lines:?}");
        assert_eq!(toml::from_str::<toml::Table>(&lines.join("\n")).unwrap(), table);
    }
}
