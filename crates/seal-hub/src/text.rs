//! Text of others, made safe for a terminal and a log.

/// The text with control characters, and the format characters that reorder or
/// hide text, as escapes (`\u{1b}`, `\u{202e}`), cut to `longest` characters.
pub(crate) fn shown(text: &str, longest: usize) -> String {
    let mut out = String::with_capacity(text.len().min(longest));
    for letter in text.chars().take(longest) {
        match letter {
            _ if letter.is_control() || hides(letter) => out.extend(letter.escape_unicode()),
            _ => out.push(letter),
        }
    }
    if text.chars().nth(longest).is_some() {
        out.push('…');
    }
    out
}

/// Line ends, format characters of Unicode, tags.
fn hides(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn what_moves_a_cursor_or_turns_text_is_escaped() {
        assert_eq!(
            shown("a\u{1b}[2Jb\u{202e}c\u{2028}\u{9b}ü", 99),
            "a\\u{1b}[2Jb\\u{202e}c\\u{2028}\\u{9b}ü"
        );
        assert_eq!(shown("abc", 2), "ab…");
    }
}
