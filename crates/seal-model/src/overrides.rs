//! Dotted keys set on a table of settings, and unknown keys explained.

use std::fmt;

pub use seal_judging::most_like;
use toml::{Table, Value};

/// A key that cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A text that is no key with a value.
    #[error("a key is set as KEY=VALUE, such as sft.epochs=4; got `{text}`")]
    NoPair {
        /// The text.
        text: String,
    },
    /// A key with an empty part.
    #[error("`{key}` is no key: a part of it is empty")]
    EmptyPart {
        /// The key.
        key: String,
    },
}

/// `text` as a TOML value; a bare word is a string.
pub fn scalar(text: &str) -> Value {
    let table: Result<Table, _> = toml::from_str(&format!("v = {text}"));
    match table {
        Ok(mut t) if t.len() == 1 => t.remove("v").unwrap_or_else(|| Value::String(text.into())),
        _ => Value::String(text.into()),
    }
}

/// Splits `a.b=c` at its first `=`.
///
/// # Errors
/// [`KeyError::NoPair`].
pub fn parse_set(text: &str) -> Result<(String, Value), KeyError> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), scalar(value.trim())))
        }
        _ => Err(KeyError::NoPair { text: text.to_owned() }),
    }
}

/// Puts `value` at the dotted `key`. Sections on the way are made; whether the
/// key means anything is found out when the table gets its types. A table put
/// at a section changes the keys it names and leaves the others, so that
/// `bilevel = { gamma = 0.1 }` is `bilevel.gamma = 0.1`.
///
/// # Errors
/// [`KeyError::EmptyPart`].
pub fn put(table: &mut Table, key: &str, value: Value) -> Result<(), KeyError> {
    if let (false, Some(Value::Table(_)), Value::Table(new)) =
        (key.contains('.'), table.get(key), &value)
    {
        let new = new.clone();
        return new.into_iter().try_for_each(|(k, v)| put(table, &format!("{key}.{k}"), v));
    }
    let mut at = table;
    let mut parts = key.split('.').peekable();
    while let Some(part) = parts.next() {
        if part.is_empty() {
            return Err(KeyError::EmptyPart { key: key.to_owned() });
        }
        if parts.peek().is_none() {
            at.insert(part.to_owned(), value);
            return Ok(());
        }
        let next = at.entry(part.to_owned()).or_insert_with(|| Value::Table(Table::new()));
        // A key that goes below a value replaces it: `gamma = 0.1` by `gamma.start = 0`.
        if !next.is_table() {
            *next = Value::Table(Table::new());
        }
        at = next.as_table_mut().expect("made a table above");
    }
    unreachable!("a key has at least one part")
}

/// A table that does not fit its types: where, how, and the key that was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableError {
    /// The section at fault, by its dotted name; `None` where the parser names none.
    pub section: Option<String>,
    /// The words of the parser.
    pub problem: String,
    /// The known key that is most like an unknown one; `None` where there is none.
    pub nearest: Option<String>,
}

impl TableError {
    /// From the message of a parser of TOML or JSON.
    pub fn of(message: &str) -> Self {
        // Lines that say where are put first, the outermost before the others; their names
        // are no candidates.
        let place = |line: &&str| line.starts_with("in `") && line.ends_with('`');
        let mut places: Vec<&str> = message.lines().filter(place).collect();
        let message: Vec<&str> =
            message.lines().filter(|line| !place(line) && !line.is_empty()).collect();
        places.reverse();
        let places: Vec<&str> = places.iter().map(|line| &line[4..line.len() - 1]).collect();
        let problem = message.join("\n");
        let nearest = nearest_in(&problem);
        let section = (!places.is_empty()).then(|| places.join("."));
        Self { section, problem: in_words(problem.trim_end()), nearest }
    }

    /// The unknown key, where one is at fault.
    fn unknown_key(&self) -> Option<&str> {
        self.problem.split("unknown field `").nth(1)?.split('`').next()
    }

    /// With the key of that name which `known`, a table with many keys, has deeper in the section at
    /// fault, where no known key is like the unknown one: `optim.lr` for `lr`.
    #[must_use]
    pub fn with_deeper_key(self, known: &Table) -> Self {
        let find = || {
            let parts = self.section.iter().flat_map(|section| section.split('.'));
            let mut at = known;
            for part in parts {
                at = at.get(part)?.as_table()?;
            }
            deeper(at, self.unknown_key()?)
        };
        let nearest = self.nearest.clone().or_else(find);
        Self { nearest, ..self }
    }

    /// Whether a key is missing, as that of a whole section.
    pub fn is_missing_key(&self) -> bool {
        self.problem.starts_with("missing field `")
    }

    /// Whether a key is unknown, and not a value of another kind than its key takes.
    pub fn is_unknown_key(&self) -> bool {
        self.problem.contains("unknown field `")
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(section) = &self.section {
            write!(f, "{section}: ")?;
        }
        f.write_str(&self.problem)?;
        self.nearest.iter().try_for_each(|name| write!(f, "; did you mean `{name}`?"))
    }
}

impl std::error::Error for TableError {}

/// The dotted key below `table` that ends with `name`.
fn deeper(table: &Table, name: &str) -> Option<String> {
    table.iter().find_map(|(key, value)| {
        let below = value.as_table()?;
        match below.contains_key(name) {
            true => Some(format!("{key}.{name}")),
            false => deeper(below, name).map(|rest| format!("{key}.{rest}")),
        }
    })
}

/// A fault with the types of the program as kinds of numbers.
fn in_words(problem: &str) -> String {
    const WHOLE: [&str; 4] = ["usize", "u64", "u32", "u8"];
    const SIGNED: [&str; 3] = ["isize", "i64", "i32"];
    const REAL: [&str; 2] = ["f64", "f32"];
    let kinds = [
        (&WHOLE[..], "a whole number, 0 or more"),
        (&SIGNED[..], "a whole number"),
        (&REAL[..], "a number"),
    ];
    let Some((before, expected)) = problem.rsplit_once(", expected ") else {
        return problem.to_owned();
    };
    let words = kinds.iter().find(|(types, _)| types.contains(&expected));
    words.map_or_else(|| problem.to_owned(), |(_, words)| format!("{before}, expected {words}"))
}

/// The known key that is most like the unknown one that `message` names.
fn nearest_in(message: &str) -> Option<String> {
    let rest = message.split("unknown field `").nth(1)?;
    let (unknown, rest) = rest.split_once('`')?;
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    most_like(unknown, &known).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_toml_or_bare_words() {
        assert_eq!(scalar("0.1"), Value::Float(0.1));
        assert_eq!(scalar("3"), Value::Integer(3));
        assert_eq!(scalar("relu"), Value::String("relu".into()));
        assert_eq!(scalar("[0, 1]"), Value::Array(vec![Value::Integer(0), Value::Integer(1)]));
        assert_eq!(scalar("a b = c"), Value::String("a b = c".into()));
        assert!(scalar("{ start = 0.0 }").is_table());
    }

    #[test]
    fn a_key_is_put_where_it_points() {
        let mut t: Table = toml::from_str("[a]\nb = 1\n").unwrap();
        put(&mut t, "a.b", Value::Integer(2)).unwrap();
        put(&mut t, "a.c.d", Value::Integer(3)).unwrap();
        put(&mut t, "a.b.e", Value::Integer(4)).unwrap();
        assert_eq!(toml::to_string(&t).unwrap(), "[a.b]\ne = 4\n\n[a.c]\nd = 3\n");
        put(&mut t, "a", scalar("{ c = 5 }")).unwrap();
        assert_eq!(toml::to_string(&t).unwrap(), "[a]\nc = 5\n\n[a.b]\ne = 4\n");
        assert!(put(&mut t, "a..b", Value::Integer(2)).is_err());
    }

    #[test]
    fn an_unknown_key_gets_the_nearest_known_one() {
        let explain = |message: &str| TableError::of(message).to_string();
        let message = "unknown field `epoch`, expected one of `epochs`, `batch`";
        assert!(explain(message).ends_with("did you mean `epochs`?"));
        assert_eq!(explain("something else"), "something else");
        for (kind, words) in
            [("usize", "a whole number, 0 or more"), ("i64", "a whole number"), ("f64", "a number")]
        {
            let said = explain(&format!("invalid type: string \"x\", expected {kind}\nin `sft`\n"));
            assert_eq!(said, format!("sft: invalid type: string \"x\", expected {words}"));
        }
        assert!(TableError::of(message).is_unknown_key());
        assert!(TableError::of("missing field `study`").is_missing_key());
        let known: Table = toml::from_str("[a.b]\nlr = 1\n[sft.optim]\nlr = 1").unwrap();
        let in_section = "unknown field `lr`, expected `epochs`\nin `sft`\n";
        let found = TableError::of(in_section).with_deeper_key(&known).to_string();
        assert!(found.ends_with("expected `epochs`; did you mean `optim.lr`?"), "{found}");
        let none = "unknown field `gamma_`, expected `epochs`\nin `sft`\n";
        assert_eq!(TableError::of(none).with_deeper_key(&known).nearest, None);
        assert!(!TableError::of("something else").is_unknown_key());
        let inside = "unknown field `sftt`, expected `epochs`\nin `sft`\n";
        assert_eq!(explain(inside), "sft: unknown field `sftt`, expected `epochs`");
        let deeper = "unknown field `size_`, expected `size`\nin `expect`\n\nin `model`\n";
        assert_eq!(
            explain(deeper),
            "model.expect: unknown field `size_`, expected `size`; did you mean `size`?"
        );
    }
}
