//! General categories of Unicode, from the tables of `regex-syntax`.

use std::sync::LazyLock;

use regex_syntax::hir::{Class, ClassUnicode, HirKind};

/// A general category, or a group of them.
pub(crate) struct Category(LazyLock<ClassUnicode>);

/// P: punctuation.
pub(crate) static PUNCTUATION: Category = Category(LazyLock::new(|| class(r"\p{P}")));
/// L: letters.
pub(crate) static LETTER: Category = Category(LazyLock::new(|| class(r"\p{L}")));
/// Lt: letters of title case.
pub(crate) static TITLE_CASE: Category = Category(LazyLock::new(|| class(r"\p{Lt}")));
/// Nd: decimal digits.
pub(crate) static DECIMAL: Category = Category(LazyLock::new(|| class(r"\p{Nd}")));
/// C and Z: characters that Python does not print, the space among them.
pub(crate) static UNPRINTABLE: Category = Category(LazyLock::new(|| class(r"[\p{C}\p{Z}]")));

impl Category {
    /// Whether `c` is in it.
    pub(crate) fn has(&self, c: char) -> bool {
        // Ranges rise and are apart.
        let ranges = self.0.ranges();
        let after = ranges.partition_point(|range| range.start() <= c);
        after > 0 && c <= ranges[after - 1].end()
    }
}

fn class(pattern: &str) -> ClassUnicode {
    match regex_syntax::parse(pattern).expect("a constant pattern").into_kind() {
        HirKind::Class(Class::Unicode(class)) => class,
        _ => unreachable!("`{pattern}` is a class of characters"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_are_those_of_unicode() {
        let all: [(&Category, &str, &str); 5] = [
            (&PUNCTUATION, "!_-«¿、；", "+$^`|~<=>a"),
            (&LETTER, "aßǅʰ文", "1²_\u{301}"),
            (&TITLE_CASE, "ǅᾈ", "Aa"),
            (&DECIMAL, "0٣９", "²½Ⅷ"),
            (&UNPRINTABLE, "\0\u{ad}\u{e000}\u{378}\u{2028}\u{a0} ", "aé文\u{301}"),
        ];
        for (category, inside, outside) in all {
            for c in inside.chars() {
                assert!(category.has(c), "{c:?}");
            }
            for c in outside.chars() {
                assert!(!category.has(c), "{c:?}");
            }
        }
        assert!(!LETTER.has('\0') && !LETTER.has(char::MAX));
    }
}
