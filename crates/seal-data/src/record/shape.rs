//! How the rows of a text stand in it, told from its beginning.

use super::parse::{is_cut, parse};
use crate::file::RowSyntax;

/// Names by which a row is known.
const KNOWN: [&str; 17] = [
    "prompt",
    "question",
    "instruction",
    "goal",
    "text",
    "input",
    "query",
    "response",
    "answer",
    "completion",
    "output",
    "chosen",
    "rejected",
    "messages",
    "conversations",
    "conversation",
    "row",
];

/// Fields of an object under which a file may have its rows.
const WRAPPERS: [&str; 17] = [
    "data",
    "rows",
    "train",
    "training",
    "examples",
    "instances",
    "items",
    "records",
    "samples",
    "dataset",
    "entries",
    "questions",
    "validation",
    "valid",
    "dev",
    "eval",
    "test",
];

/// Whether a field of this name makes a row of what has it: a usual one, or one
/// of `names`.
pub(super) fn is_known(name: &str, names: &[String]) -> bool {
    let same = |known: &str| known.eq_ignore_ascii_case(name.trim());
    KNOWN.iter().any(|known| same(known)) || names.iter().any(|known| same(known))
}

/// How JSON stands in a text that begins with `head`, whatever its name says:
/// one row a line, or values over any number of lines.
pub(super) fn shape(named: RowSyntax, head: &[u8]) -> RowSyntax {
    let Ok(head) =
        std::str::from_utf8(head).or_else(|e| std::str::from_utf8(&head[..e.valid_up_to()]))
    else {
        return named;
    };
    let head = head.trim_start();
    if matches!(named, RowSyntax::Table(_)) || !head.starts_with(['{', '[']) {
        return named;
    }
    if head.starts_with('[') {
        return RowSyntax::Json;
    }
    let Some((first, rest)) = head.split_once('\n') else {
        // The only line may hold all rows in one object.
        return if parse(head).is_ok() { RowSyntax::Json } else { named };
    };
    let next = rest.trim_start();
    match named {
        // The only line may hold all rows in one object.
        RowSyntax::Lines if next.is_empty() && parse(first).is_ok() => RowSyntax::Json,
        // An object over several lines; a line that is cut is an odd row of its file.
        RowSyntax::Lines if !next.starts_with('{') && !next.is_empty() && is_cut(first) => {
            RowSyntax::Json
        }
        RowSyntax::Json if is_lines(head) => RowSyntax::Lines,
        _ => named,
    }
}

/// Whether most lines are objects: then one that is none is an odd line.
fn is_lines(head: &str) -> bool {
    let lines: Vec<&str> = head.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let whole = lines.iter().filter(|line| line.starts_with('{') && parse(line).is_ok()).count();
    whole > 1 && 2 * whole >= lines.len()
}

/// An object with an array of rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrapper {
    /// Where the rows begin, behind the bracket.
    pub rows: usize,
    /// The field that holds them.
    pub field: String,
}

/// A field of an object.
pub(super) struct FieldKey {
    pub name: String,
    /// Whether it is one of [`WRAPPERS`] and holds an array of objects.
    pub holds_objects: bool,
    /// Where its value begins.
    value: usize,
}

/// The array of rows in the object that `head` begins with. `None` where the
/// object is itself a row, or where its beginning does not tell.
pub(super) fn wrapper(head: &[u8], names: &[String]) -> Option<Wrapper> {
    let mut at = 1;
    loop {
        at += blank(&head[at..])?;
        let key = key_at(&head[at..])?;
        if is_known(&key.name, names) {
            return None;
        }
        let value = at + key.value;
        if is_wrapper(&key.name) && head.get(value) == Some(&b'[') {
            let first = value + 1 + blank(&head[value + 1..])?;
            let is_row = match head[first] {
                b'"' => true,
                b'{' => has_known(&head[first..], names),
                _ => false,
            };
            if is_row {
                return Some(Wrapper { rows: value + 1, field: key.name });
            }
        }
        at = value + length(&head[value..])?;
        at += blank(&head[at..])?;
        if head[at] != b',' {
            return None;
        }
        at += 1;
    }
}

fn is_wrapper(name: &str) -> bool {
    WRAPPERS.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The field that `text` begins with; `None` where it is none, or is not whole.
pub(super) fn key_at(text: &[u8]) -> Option<FieldKey> {
    let end = length(text).filter(|_| text.first() == Some(&b'"'))?;
    let name: String = serde_json::from_slice(&text[..end]).ok()?;
    let colon = end + blank(&text[end..])?;
    let value = colon + 1 + blank(text.get(colon + 1..).filter(|_| text[colon] == b':')?)?;
    let inside = || Some(value + 1 + blank(text.get(value + 1..)?)?);
    let holds_objects = is_wrapper(&name)
        && text[value] == b'['
        && inside().is_some_and(|first| text[first] == b'{');
    Some(FieldKey { name, holds_objects, value })
}

/// Whether the object that `text` begins with has a field that rows have.
fn has_known(text: &[u8], names: &[String]) -> bool {
    let mut at = 1;
    loop {
        let next = || {
            let start = at + blank(text.get(at..)?)?;
            let key = key_at(&text[start..])?;
            Some((start + key.value, key))
        };
        let Some((value, key)) = next() else { return false };
        if is_known(&key.name, names) {
            return true;
        }
        let Some(end) = length(&text[value..]) else { return false };
        at = value + end;
        match blank(&text[at..]) {
            Some(n) if text[at + n] == b',' => at += n + 1,
            _ => return false,
        }
    }
}

/// Number of blanks at the start; `None` where nothing follows.
fn blank(text: &[u8]) -> Option<usize> {
    text.iter().position(|b| !b.is_ascii_whitespace())
}

/// Length of the value at the start; `None` where it does not end.
fn length(text: &[u8]) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (i, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' if depth > 0 => depth -= 1,
            b',' | b']' | b'}' if depth == 0 => return Some(i),
            _ => continue,
        }
        if depth == 0 && !quoted && matches!(byte, b'"' | b']' | b'}') {
            return Some(i + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_beginning_tells_lines_from_values() {
        let of = |named, text: &str| shape(named, text.as_bytes());
        for named in [RowSyntax::Json, RowSyntax::Lines] {
            assert_eq!(of(named, "{\"a\": 1}\n\n {\"a\": 2}"), RowSyntax::Lines);
            assert_eq!(of(named, " [{\"a\": 1},\n{\"a\": 2}]"), RowSyntax::Json);
            assert_eq!(of(named, "{\n\"a\": 1\n}\n{\n\"a\": 2}"), RowSyntax::Json);
            assert_eq!(of(named, "{\"data\": [{}]}"), RowSyntax::Json);
            assert_eq!(of(named, "secret"), named);
        }
        // A first line that is cut is an odd row of its file.
        assert_eq!(of(RowSyntax::Lines, "{\"a\": \n{\"a\": 2}"), RowSyntax::Lines);
        assert_eq!(of(RowSyntax::Table(b','), "[{"), RowSyntax::Table(b','));
    }

    #[test]
    fn rows_under_a_field_are_found() {
        let field = |text: &str| {
            let found = wrapper(text.as_bytes(), &["q".to_owned()])?;
            Some(format!("{} {}", found.field, &text[found.rows..]))
        };
        let found = [
            r#"{"version": {"data": [1]}, "Data": [{"id": 1, "prompt": "p"}]}"#,
            r#"{"train": [{"Q": 1}], "test": []}"#,
            r#"{"rows" : [ "one" ]}"#,
        ];
        insta::assert_snapshot!(found.map(|text| field(text).unwrap()).join("\n"), @r#"
        Data {"id": 1, "prompt": "p"}]}
        train {"Q": 1}], "test": []}
        rows  "one" ]}
        "#);
        let none = [
            r#"{"prompt": "p", "data": [{"prompt": "p"}]}"#,
            r#"{"data": [{"id": 1}]}"#,
            r#"{"data": [["a", "b"]], "columns": ["prompt", "response"]}"#,
            r#"{"data": {"prompt": ["p"]}}"#,
            r#"{"data": [{"pro"#,
            "{",
        ];
        assert!(none.iter().all(|text| field(text).is_none()));
    }

    proptest! {
        #[test]
        fn any_head_is_taken(text in "\\{[\\[\\]{}:,\" dat\\\\é]{0,30}") {
            let _ = wrapper(text.as_bytes(), &[]);
            let _ = shape(RowSyntax::Lines, text.as_bytes());
        }
    }
}
