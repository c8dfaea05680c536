//! What Python knows of characters.

use crate::unicode::{DECIMAL, LETTER, TITLE_CASE, UNPRINTABLE};

/// What Python strips: Unicode's white space and four separators.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// What ends a line for `splitlines`.
pub(super) fn is_line_end(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// Whether `repr` writes the character itself.
pub(super) fn is_printable(c: char) -> bool {
    c == ' ' || !UNPRINTABLE.has(c)
}

/// `str.isdecimal` of one character.
pub(super) fn is_decimal(c: char) -> bool {
    c.is_ascii_digit() || !c.is_ascii() && DECIMAL.has(c)
}

/// `str.isdigit` of one character: decimal digits, superscripts and circled ones.
pub(super) fn is_digit(c: char) -> bool {
    is_decimal(c)
        || matches!(c, '²' | '³' | '¹' | '\u{2070}' | '\u{2074}'..='\u{2079}'
            | '\u{2080}'..='\u{2089}' | '\u{2460}'..='\u{2468}' | '\u{2474}'..='\u{247c}'
            | '\u{2488}'..='\u{2490}' | '\u{24ea}' | '\u{24f5}'..='\u{24fd}'
            | '\u{24ff}' | '\u{2776}'..='\u{277e}' | '\u{2780}'..='\u{2788}'
            | '\u{278a}'..='\u{2792}')
}

/// `str.isalpha` of one character.
pub(super) fn is_alpha(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { LETTER.has(c) }
}

/// `str.isnumeric` of one character.
pub(super) fn is_numeric(c: char) -> bool {
    c.is_numeric()
        || matches!(
            c,
            '一' | '二'
                | '三'
                | '四'
                | '五'
                | '六'
                | '七'
                | '八'
                | '九'
                | '十'
                | '百'
                | '千'
                | '万'
                | '億'
                | '零'
                | '〇'
        )
}

/// Whether the character has a case.
pub(super) fn is_cased(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase() || TITLE_CASE.has(c)
}

/// The first character as a title writes it, the others small.
pub(super) fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return String::new() };
    let upper: String = first.to_uppercase().collect();
    // A character whose capital form is two ("ß") keeps only the first of them capital.
    let mut upper = upper.chars();
    let head: String = upper.next().into_iter().collect();
    let tail: String = upper.flat_map(char::to_lowercase).collect();
    head + &tail + &chars.as_str().to_lowercase()
}

/// `str.title`: a capital after each character that has no case.
pub(super) fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        match (inside, is_cased(c)) {
            (false, true) => out.push_str(&capitalize(&c.to_string())),
            (true, true) => out.extend(c.to_lowercase()),
            _ => out.push(c),
        }
        inside = is_cased(c);
    }
    out
}
