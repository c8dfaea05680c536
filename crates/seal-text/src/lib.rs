//! Makes text from strangers safe to print.
//!
//! Rows, labels, names of files, templates and the answers of servers come from
//! strangers. A raw escape character sets titles and clears screens. A control
//! character of writing direction reorders the text around it.
//!
//! Invariant: no dependency, no IO. No other place of the workspace decides which
//! characters are written out: [`acts`].

use std::borrow::Cow;

/// Whether `c` acts on a terminal, a browser or an editor instead of being shown:
/// control characters, the two line ends of Unicode (U+2028, U+2029), controls of
/// writing direction, tags, and characters without width.
///
/// The joiners U+200C and U+200D are not among them: scripts and pictographs need
/// them, and they act on their neighbours only.
pub fn acts(c: char) -> bool {
    let hides = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    c.is_control() || hides
}

/// `text` with every character that [`acts`] as `\n`, `\t`, `\r` or `\u{1b}`.
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_with(text, acts, |out, c| out.extend(c.escape_default()))
}

/// As [`escape`], of the first `longest` characters of `text`; `…` stands for the rest.
pub fn escape_start(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", escape(&text[..end])),
        None => escape(text).into_owned(),
    }
}

/// `text` where `write` replaces each character that `is_meant` is true for.
pub fn escape_with(
    text: &str,
    is_meant: impl Fn(char) -> bool,
    write: impl Fn(&mut String, char),
) -> Cow<'_, str> {
    if !text.contains(&is_meant) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_meant(c) { write(&mut out, c) } else { out.push(c) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_written_out() {
        assert!(matches!(escape("plain ü 你好 🙂"), Cow::Borrowed("plain ü 你好 🙂")));
        assert_eq!(escape("a\x1b]0;t\x07b"), "a\\u{1b}]0;t\\u{7}b");
        assert_eq!(escape("x\n\ty\r\u{9b}2J\u{7f}"), "x\\n\\ty\\r\\u{9b}2J\\u{7f}");
        let direction = ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}');
        let hidden = ['\u{61c}', '\u{200b}', '\u{200f}', '\u{2028}', '\u{feff}', '\u{e0041}'];
        for c in direction.chain(hidden) {
            let text = format!("a{c}b");
            assert_eq!(escape(&text), format!("a\\u{{{:x}}}b", u32::from(c)));
        }
    }

    #[test]
    fn joined_pictographs_and_scripts_stay() {
        for text in ["👩\u{200d}🚀", "می\u{200c}خواهم"] {
            assert_eq!(escape(text), text);
        }
    }

    #[test]
    fn a_long_text_is_cut_before_it_is_written_out() {
        assert_eq!(escape_start("abc", 2), "ab…");
        assert_eq!(escape_start("abc", 3), "abc");
        assert_eq!(escape_start("ü\u{1b}é", 2), "ü\\u{1b}…");
        assert_eq!(escape_start("", 0), "");
    }
}
