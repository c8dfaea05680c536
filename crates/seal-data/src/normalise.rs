//! Text as it is compared: case, punctuation and spacing do not count.

use unicode_categories::UnicodeCategories as _;

/// `text` in lower case, without punctuation (Unicode category P), each run of
/// white space as one space, none at the ends. Idempotent.
///
/// Texts that differ in nothing else ("What's up?" and "whats  up") are the
/// same prompt to a model that is tested on one after training on the other.
pub fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        let before = out.len();
        if before > 0 {
            out.push(' ');
        }
        let start = out.len();
        out.extend(word.chars().flat_map(char::to_lowercase).filter(|c| !c.is_punctuation()));
        if out.len() == start {
            out.truncate(before);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_punctuation_and_spacing_do_not_count() {
        assert_eq!(normalise("  What's\u{a0}UP -\t\r\n“Doc”？ "), "whats up doc");
        assert_eq!(normalise("2 + 2 = 4"), "2 + 2 = 4");
        assert_eq!(normalise("ΟΔΟΣ İ"), normalise("οδοσ i\u{307}"));
        assert_eq!(normalise("... !"), "");
    }

    proptest! {
        #[test]
        fn idempotent(text in "\\PC*|[ -~\\s]*") {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
        }

        #[test]
        fn blind_to_case_and_added_punctuation(words in prop::collection::vec("[a-z]{1,5}", 1..6)) {
            let plain = words.join(" ");
            let dressed = format!("\"{}!\"\n", plain.to_uppercase().replace(' ', " , \t"));
            prop_assert_eq!(normalise(&dressed), plain);
        }
    }
}
