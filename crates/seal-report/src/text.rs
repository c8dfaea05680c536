//! Text of others: labels, names and rows come from configs, plans and data.

use std::borrow::Cow;

/// Whether a character steers a terminal, ends a line where none is expected, or
/// turns or hides the text around it. Joiners are not among them: scripts and
/// pictographs need them.
pub(crate) fn steers(letter: char) -> bool {
    let hides = matches!(letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    letter.is_control() || hides
}

/// A whole document with such characters, but for line ends and tabs, written as
/// `‹U+202E›`: those letters mean nothing in HTML or Markdown.
pub(crate) fn visible(document: String) -> String {
    let bad = |c: char| steers(c) && !matches!(c, '\n' | '\t');
    if !document.contains(bad) {
        return document;
    }
    let mut out = String::with_capacity(document.len() + 64);
    for letter in document.chars() {
        if bad(letter) { out.push_str(&name(letter)) } else { out.push(letter) }
    }
    out
}

/// `‹U+202E›`.
pub(crate) fn name(letter: char) -> String {
    format!("‹U+{:04X}›", u32::from(letter))
}

/// A field of a table that a spreadsheet opens: no control character, and nothing
/// that it would take for a formula. A number stays one.
pub(crate) fn cell(text: &str) -> Cow<'_, str> {
    let plain = match text.contains(steers) {
        false => Cow::Borrowed(text),
        true => Cow::Owned(
            text.chars().map(|c| if steers(c) { name(c) } else { c.to_string() }).collect(),
        ),
    };
    let number = plain.parse::<f64>().is_ok_and(f64::is_finite);
    let formula = |c: char| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    // Some programs drop spaces before they look.
    match !number && plain.trim_start().starts_with(formula) {
        true => Cow::Owned(format!("'{plain}")),
        false => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_text_and_numbers_stay() {
        for (text, shown) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("+1+1", "'+1+1"),
            ("-2-3", "'-2-3"),
            (" =1", "' =1"),
            ("-", "'-"),
            ("\t=1", "‹U+0009›=1"),
            ("\r=1", "‹U+000D›=1"),
            ("＝1+1", "'＝1+1"),
            ("-inf", "'-inf"),
            ("-0.5", "-0.5"),
            ("+1e-3", "+1e-3"),
            ("γ = 0.1", "γ = 0.1"),
            ("a\u{202e}b", "a‹U+202E›b"),
            ("", ""),
        ] {
            assert_eq!(cell(text), shown, "{text:?}");
        }
    }
}
