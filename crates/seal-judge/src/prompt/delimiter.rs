//! A code that no answer can know.

use super::hash::sha256_hex;

/// Digits of a code.
const DIGITS: usize = 16;

/// A code of 16 hexadecimal digits from `seed` and `texts`. It occurs in none of them. The same
/// question has the same code, so that it may be asked once.
pub(super) fn delimiter(seed: u64, texts: &[&str]) -> String {
    let mut bytes = seed.to_le_bytes().to_vec();
    for text in texts {
        // With the length in front no two lists of texts are one.
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    let mut code = sha256_hex(&bytes);
    loop {
        code.truncate(DIGITS);
        if !texts.iter().any(|text| text.contains(&code)) {
            return code;
        }
        code = sha256_hex(code.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_depends_on_seed_and_texts_and_stands_in_none() {
        let code = delimiter(1, &["a", "b"]);
        assert_eq!(code.len(), 16);
        assert_eq!(code, delimiter(1, &["a", "b"]));
        for other in [delimiter(2, &["a", "b"]), delimiter(1, &["b", "a"]), delimiter(1, &["ab"])] {
            assert_ne!(code, other);
        }
    }

    #[test]
    fn a_text_that_holds_its_own_code_gets_another() {
        // The search for such a text stops at the first digit, which stands for all.
        let texts = ["0123456789abcdef"];
        let code = delimiter(0, &texts);
        assert!(!texts[0].contains(&code));
    }
}
