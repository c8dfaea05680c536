//! Text of others on a terminal.
//!
//! Rows, labels, file names and templates come from strangers. A raw escape character sets
//! titles and clears screens, and a bidirectional control turns the order of what is read.
//! All that verbs print goes through here: such characters are shown as their numbers.

use std::io::{self, Write};

use seal_text::{acts, escape_with};

/// Standard error, for notices and progress.
pub fn stderr() -> PlainWriter<io::StderrLock<'static>> {
    PlainWriter(io::stderr().lock())
}

/// Standard output, for text. JSON goes through [`json`] instead.
pub fn stdout() -> PlainWriter<io::StdoutLock<'static>> {
    PlainWriter(io::stdout().lock())
}

/// Shows every character that acts on a terminal as its number, line breaks and tabs apart.
pub struct PlainWriter<W>(W);

impl<W: Write> Write for PlainWriter<W> {
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
pub fn text(text: &str) -> String {
    escape_with(text, |c| acts(c) && !matches!(c, '\n' | '\t'), number).into_owned()
}

/// As [`text`], where escape characters stay: those of others are gone by then, since the log
/// escapes them, and its own set colours.
pub fn coloured(text: &str) -> String {
    escape_with(text, |c| acts(c) && !matches!(c, '\n' | '\t' | '\u{1b}'), number).into_owned()
}

/// A value as JSON on one line. The same characters are escaped as JSON escapes them.
pub fn json(value: &impl serde::Serialize) -> serde_json::Result<String> {
    // They stand in strings only, and those that JSON itself escapes are gone already.
    let units = |out: &mut String, c: char| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            *out += &format!("\\u{unit:04x}");
        }
    };
    Ok(escape_with(&serde_json::to_string(value)?, acts, units).into_owned())
}

/// Line breaks and tabs too: where they are to be seen, they are numbers like the others.
fn number(out: &mut String, c: char) {
    out.extend(c.escape_unicode());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_shown_as_its_number() {
        let odd = "a\u{1b}]0;title\u{7}\r\u{9b}2J\u{202e}b\u{2066}\u{2028}\u{7f}\u{e0041}";
        let mut out = PlainWriter(Vec::new());
        write!(out, "{odd}\n\té").unwrap();
        let shown = String::from_utf8(out.0).unwrap();
        assert_eq!(
            shown,
            "a\\u{1b}]0;title\\u{7}\\u{d}\\u{9b}2J\\u{202e}b\\u{2066}\\u{2028}\\u{7f}\\u{e0041}\n\té"
        );
        let json = json(&odd).unwrap();
        assert!(json.chars().all(|c| !acts(c)), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), odd);
    }
}
