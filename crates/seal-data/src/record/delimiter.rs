//! Which character stands between the cells of a table.

use super::shape::is_known;
use crate::fields::is_name;

/// Those that are recognised, the likeliest first.
const COMMON: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The delimiter of a table that begins with `head`: the one by which the first
/// line names a field that rows have (a usual one, or one of `names`); else the
/// comma, where it stands in that line; else the one by which the first line
/// has several names and the second as many cells. A text with a semicolon in it
/// is not cut for it.
pub(super) fn recognise(head: &[u8], names: &[String]) -> u8 {
    let by = |between: u8| {
        let mut lines = LineCells { text: head, between };
        let first = lines.next().unwrap_or_default();
        (first, lines.next().unwrap_or_default().len())
    };
    let first = |matches: &dyn Fn(&[String], usize) -> bool| {
        COMMON.into_iter().find(|between| {
            let (cells, next) = by(*between);
            cells.len() > 1 && matches(&cells, next)
        })
    };
    let known = first(&|cells, _| cells.iter().any(|cell| is_known(cell, names)));
    let comma = || first(&|_, _| true).filter(|between| *between == b',');
    let named = || {
        let is_header = |cell: &String| !cell.is_empty() && is_name(cell);
        first(&|cells, next| cells.len() == next && cells.iter().all(is_header))
    };
    known.or_else(comma).or_else(named).unwrap_or(b',')
}

/// The delimiter that a first line `sep=;` names, as Excel writes it, and the
/// length of that line.
pub(super) fn declared(head: &[u8]) -> Option<(u8, usize)> {
    let rest = head.strip_prefix(b"sep=")?;
    let (between, end) = (rest.first()?, rest.get(1)?);
    let is_line = matches!(end, b'\r' | b'\n') && between.is_ascii() && *between != b'"';
    is_line.then_some((*between, 5))
}

/// Cells of the first lines, roughly: enough to compare lines by.
struct LineCells<'a> {
    text: &'a [u8],
    between: u8,
}

impl Iterator for LineCells<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        let start = self.text.iter().position(|b| !matches!(b, b'\r' | b'\n'))?;
        self.text = &self.text[start..];
        let (mut cells, mut cell, mut quoted, mut end) = (Vec::new(), Vec::new(), false, 0);
        let push = |cell: &mut Vec<u8>, cells: &mut Vec<String>| {
            cells.push(String::from_utf8_lossy(cell).trim().to_owned());
            cell.clear();
        };
        for byte in self.text {
            match byte {
                b'"' => quoted = !quoted,
                b'\r' | b'\n' if !quoted => break,
                byte if *byte == self.between && !quoted => push(&mut cell, &mut cells),
                byte => cell.push(*byte),
            }
            end += 1;
        }
        push(&mut cell, &mut cells);
        self.text = &self.text[end..];
        Some(cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_tells_the_delimiter() {
        let of = |head: &str| char::from(recognise(head.as_bytes(), &["q".to_owned()]));
        assert_eq!(of("prompt;response\na, b;c\n"), ';');
        assert_eq!(of("Prompt|Response\n"), '|');
        assert_eq!(of("id\t\"question\"\n"), '\t');
        assert_eq!(of("q;a, b\n1;2\n"), ';');
        assert_eq!(of("prompt,response;x\n"), ',');
        assert_eq!(of("ask;reply\n1;2\n"), ';');
        // Prompts without a header are not cut at what they are punctuated with.
        assert_eq!(of("Wait; then go.\nStay; sleep.\n"), ',');
        assert_eq!(of("one;two\nthree\n"), ',');
        assert_eq!(of("\"prompt;response\"\n"), ',');
        assert_eq!(of(""), ',');
    }

    #[test]
    fn excel_names_the_delimiter() {
        assert_eq!(declared(b"sep=;\r\nprompt;response"), Some((b';', 5)));
        assert_eq!(declared(b"sep=prompt"), None);
        assert_eq!(declared(b"sep="), None);
    }
}
