//! The SHA-256 of a prompt's text.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::error::PromptError;

/// In the place of a hash: any text is taken.
pub const ANY_HASH: &str = "any";

/// SHA-256 of `bytes` in lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The text of a prompt with its SHA-256, which must be `expected`, or anything where `expected`
/// is [`ANY_HASH`].
///
/// # Errors
/// [`PromptError::NoHash`] without `expected`, [`PromptError::Hash`] for another text,
/// [`PromptError::NotUtf8`].
pub fn checked_text(
    bytes: Vec<u8>,
    expected: Option<&str>,
) -> Result<(String, String), PromptError> {
    let found = sha256_hex(&bytes);
    match expected.map(str::trim) {
        None | Some("") => return Err(PromptError::NoHash { found }),
        Some(ANY_HASH) => {}
        Some(expected) if expected.eq_ignore_ascii_case(&found) => {}
        Some(expected) => {
            return Err(PromptError::Hash { expected: expected.to_owned(), found });
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| PromptError::NotUtf8)?;
    Ok((text, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_one_that_other_programs_print() {
        // FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex(b"abc"), abc);
        assert!(checked_text(b"abc".to_vec(), Some(&abc.to_uppercase())).is_ok());
    }

    #[test]
    fn an_unknown_text_is_refused_unless_asked_for() {
        let of = |expected| checked_text(b"abc".to_vec(), expected);
        assert!(matches!(of(None), Err(PromptError::NoHash { .. })));
        assert!(matches!(of(Some("00")), Err(PromptError::Hash { .. })));
        assert!(of(None).unwrap_err().to_string().contains("ba7816bf"));
        assert_eq!(of(Some("any")).unwrap().0, "abc");
        assert_eq!(checked_text(vec![0xff], Some("any")), Err(PromptError::NotUtf8));
    }
}
