//! Text of others: labels, names and rows come from configs, plans and data.

use std::borrow::Cow;

use seal_text::{acts, escape_with};

/// A whole document with the characters that act, but for line ends and tabs, written as
/// `‹U+202E›`: those letters mean nothing in HTML or Markdown.
pub(crate) fn visible(document: String) -> String {
    let bad = |c: char| acts(c) && !matches!(c, '\n' | '\t');
    escape_with(&document, bad, name).into_owned()
}

/// Adds `‹U+202E›`.
fn name(out: &mut String, letter: char) {
    *out += &format!("‹U+{:04X}›", u32::from(letter));
}

/// A field of a table that a spreadsheet opens: no control character, and nothing
/// that it would take for a formula. A number stays one.
pub(crate) fn cell(text: &str) -> Cow<'_, str> {
    let plain = escape_with(text, acts, name);
    let number = plain.parse::<f64>().is_ok_and(f64::is_finite);
    let formula = |c: char| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    // Some programs drop spaces before they look.
    match !number && plain.trim_start().starts_with(formula) {
        true => Cow::Owned(format!("'{plain}")),
        false => plain,
    }
}

/// A name as an id: lower-case letters, digits and single hyphens.
pub(crate) fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
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
