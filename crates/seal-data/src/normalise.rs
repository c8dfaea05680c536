//! Text as it is compared: case, punctuation and spacing do not count.

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization as _;

use crate::unicode::PUNCTUATION;

/// `text` without what a reader does not take for a difference: with case folded
/// (Unicode's full case folding), in the compatibility form NFKC, without characters that
/// are not shown (zero width, soft hyphens, byte-order marks), without punctuation
/// (Unicode category P), each run of white space as one space, none at the ends.
/// Idempotent.
///
/// Texts that differ in nothing else ("What's up?" and "whats  up", "STRASSE" and
/// "straße") are the same prompt to a model that is tested on one after training
/// on the other.
pub fn normalise(text: &str) -> String {
    if text.is_ascii() {
        return plain(text, |c| c.is_ascii_punctuation() && !b"$+<=>^`|~".contains(&(c as u8)));
    }
    let mut text = text.to_owned();
    loop {
        // Marks that punctuation kept apart may join: once more, until nothing changes.
        let next = plain(&folded(&text), |c| PUNCTUATION.has(c));
        if next == text {
            return text;
        }
        text = next;
    }
}

/// `text` without the characters of `is_left_out`, in lower case, words apart by one space.
fn plain(text: &str, is_left_out: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        let before = out.len();
        if before > 0 {
            out.push(' ');
        }
        let start = out.len();
        out.extend(word.chars().filter(|c| !is_left_out(*c)).map(|c| c.to_ascii_lowercase()));
        if out.len() == start {
            out.truncate(before);
        }
    }
    out
}

/// Unicode's compatibility caseless form (The Unicode Standard, 3.13, D146), without
/// what is not shown.
fn folded(text: &str) -> String {
    let fold = |text: String| UniCase::unicode(text).to_folded_case();
    let shown = text.chars().filter(|c| !is_ignorable(*c));
    let once: String = fold(shown.nfd().collect()).nfkc().collect();
    fold(once).nfkc().filter(|c| !is_ignorable(*c)).collect()
}

/// Unicode's property Default_Ignorable_Code_Point.
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
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
        assert_eq!(normalise("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"), "$+<=>^`|~");
    }

    /// Pairs that look alike; what `tests/reference/normalise.py` makes of many more
    /// is in `tests/normalise.rs`.
    #[test]
    fn forms_of_one_text_are_one() {
        let pairs = [
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
            ("STRASSE", "straße"),
            ("Caf\u{e9}", "CAFE\u{301}"),
            ("ＦＵＬＬ　ｗｉｄｔｈ１", "full width1"),
            ("\u{feff}zero\u{200b}wi\u{ad}dth", "Zerowidth"),
            ("ﬁne", "FINE"),
            ("ẞ", "ss"),
        ];
        for (a, b) in pairs {
            assert_eq!(normalise(a), normalise(b), "{a} {b}");
        }
        assert_ne!(normalise("ı"), normalise("i"));
        assert_ne!(normalise("e"), normalise("é"));
    }

    proptest! {
        #[test]
        fn idempotent(text in "\\PC*|[ -~\\s]*|[a.\u{301}\u{323}\u{34f}é]*") {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
        }

        #[test]
        fn blind_to_case_and_added_punctuation(words in prop::collection::vec("[a-z]{1,5}", 1..6)) {
            let plain = words.join(" ");
            let decorated = format!("\"{}!\"\n", plain.to_uppercase().replace(' ', " , \t"));
            prop_assert_eq!(normalise(&decorated), plain);
        }
    }
}
