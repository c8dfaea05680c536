//! Text of others on a terminal.
//!
//! Rows, labels, file names and templates come from strangers. A raw escape character sets
//! titles and clears screens, and a bidirectional control turns the order of what is read.
//! All that verbs print goes through here: such characters are shown as their numbers.

use std::io::{self, Write};

/// Standard error, for notices and progress.
pub(crate) fn stderr() -> Plain<io::StderrLock<'static>> {
    Plain(io::stderr().lock())
}

/// Standard output, for text. JSON goes through [`json`] instead.
pub(crate) fn stdout() -> Plain<io::StdoutLock<'static>> {
    Plain(io::stdout().lock())
}

/// Shows every character that acts on a terminal as its number, line breaks and tabs apart.
pub(crate) struct Plain<W>(W);

impl<W: Write> Write for Plain<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Formatting hands on whole strings; bytes that are no text show as U+FFFD.
        self.0.write_all(text(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// `text` with every character that acts on a terminal as its number.
pub(crate) fn text(text: &str) -> String {
    escaped(text, |c| acts(c) && c != '\n' && c != '\t', |c| format!("\\u{{{:x}}}", u32::from(c)))
}

/// As [`text`], where escape characters stay: those of others are gone by then, since the log
/// escapes them, and its own set colours.
pub(crate) fn coloured(text: &str) -> String {
    let is_meant = |c: char| acts(c) && !matches!(c, '\n' | '\t' | '\u{1b}');
    escaped(text, is_meant, |c| format!("\\u{{{:x}}}", u32::from(c)))
}

/// A value as JSON on one line. The same characters are escaped as JSON escapes them.
pub(crate) fn json(value: &impl serde::Serialize) -> serde_json::Result<String> {
    // They stand in strings only, and those that JSON itself escapes are gone already.
    let four = |c: char| format!("\\u{:04x}", u32::from(c));
    Ok(escaped(&serde_json::to_string(value)?, acts, four))
}

fn escaped(text: &str, is_meant: impl Fn(char) -> bool, number: impl Fn(char) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match is_meant(c) {
            true => out += &number(c),
            false => out.push(c),
        }
    }
    out
}

/// Control characters, line and paragraph separators, the controls of writing direction, and
/// characters that are not shown.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{ad}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_shown_as_its_number() {
        let odd = "a\u{1b}]0;title\u{7}\r\u{9b}2J\u{202e}b\u{2066}\u{2028}\u{7f}";
        let mut out = Plain(Vec::new());
        write!(out, "{odd}\n\té").unwrap();
        let shown = String::from_utf8(out.0).unwrap();
        assert_eq!(
            shown,
            "a\\u{1b}]0;title\\u{7}\\u{d}\\u{9b}2J\\u{202e}b\\u{2066}\\u{2028}\\u{7f}\n\té"
        );
        let json = json(&odd).unwrap();
        assert!(json.chars().all(|c| !acts(c)), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), odd);
    }
}
