//! Text of others, safe to print.

use std::borrow::Cow;

/// `text` without what a terminal, a browser or an editor would obey: control
/// characters, the escape character, marks that turn the direction of text
/// (U+202A to U+202E, U+2066 to U+2069 and their kin), characters without width and
/// the two line ends of Unicode are written as `\n`, `\t` or `\u{1b}`.
///
/// Names of files, labels, the words of a template and whatever else comes from
/// outside pass through it on their way into a message.
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(is_command) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_command(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

fn is_command(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{fdd0}'..='\u{fdef}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_written_out() {
        assert_eq!(shown("plain ü 你好 🙂"), Cow::Borrowed("plain ü 你好 🙂"));
        assert_eq!(shown("a\x1b]0;t\x07b"), "a\\u{1b}]0;t\\u{7}b");
        assert_eq!(shown("x\n\ty\r\u{9b}2J"), "x\\n\\ty\\r\\u{9b}2J");
        for c in
            ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}').chain(['\u{200f}', '\u{feff}'])
        {
            let text = format!("a{c}b");
            assert_eq!(shown(&text), format!("a\\u{{{:x}}}b", u32::from(c)));
        }
    }
}
