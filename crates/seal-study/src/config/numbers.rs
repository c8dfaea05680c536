//! Bounds of the numbers of a config, before they get types.

use toml::{Table, Value};

use crate::error::NumberError;

/// Largest whole number of a key. Sums and products of a few of them stay within the
/// program's integers.
pub(super) const LARGEST: i64 = 1_000_000_000;

/// Largest number of any other kind.
const LARGEST_SHARE: f64 = 1e12;

/// Largest whole number of a key, where memory for as many is taken at once.
fn largest(path: &str, key: &str) -> i64 {
    match key {
        "batch" | "micro_batch" => 1_000_000,
        "vocab_size" => 4_000_000,
        _ if path.starts_with("world.") => 10_000_000,
        _ => LARGEST,
    }
}

/// Keys whose numbers count nothing, or more than rows and steps.
const UNBOUNDED: [&str; 3] = ["seed", "seeds", "parameters"];

/// Refuses numbers that no study can have.
///
/// # Errors
/// The key with its number.
pub(super) fn check(table: &Table) -> Result<(), NumberError> {
    table.iter().try_for_each(|(key, value)| one(key, key, value))
}

fn one(path: &str, key: &str, value: &Value) -> Result<(), NumberError> {
    let named = || path.to_owned();
    match value {
        Value::Integer(n) if *n > largest(path, key) && !UNBOUNDED.contains(&key) => {
            Err(NumberError::Whole { key: named(), value: *n, most: largest(path, key) })
        }
        Value::Float(x) if !x.is_finite() => {
            Err(NumberError::NotFinite { key: named(), value: *x })
        }
        Value::Float(x) if x.abs() > LARGEST_SHARE => {
            Err(NumberError::Large { key: named(), value: *x, most: LARGEST_SHARE })
        }
        Value::Array(values) => values.iter().try_for_each(|value| one(path, key, value)),
        Value::Table(table) => table.iter().try_for_each(|(key, value)| {
            // Arms, bindings and [quick] name keys by their dots.
            let last = key.rsplit('.').next().unwrap_or(key);
            one(&format!("{path}.{key}"), last, value)
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_refused_by_their_key() {
        let error = |text: &str| check(&toml::from_str(text).unwrap()).unwrap_err().to_string();
        assert_eq!(
            error("[bilevel]\nbatch = 9223372036854775807"),
            "bilevel.batch = 9223372036854775807: at most 1000000"
        );
        assert_eq!(error("[a]\nb = [{ c = inf }]"), "a.b.c = inf: give a finite number");
        assert_eq!(error("[a]\nb = -1e300"), "a.b = -1e300: at most 1e12");
        let set = "[[arms]]\nset = { \"sft.epochs\" = 1000000001 }";
        assert_eq!(error(set), "arms.set.sft.epochs = 1000000001: at most 1000000000");
        let seeds = "[study]\nseeds = [9223372036854775807]\n[world]\nseed = 9223372036854775807";
        check(&toml::from_str(seeds).unwrap()).unwrap();
    }
}
