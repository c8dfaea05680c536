//! Texts of strangers inside texts of one's own.

use std::ops::Range;

use super::TextTokenizer;
use crate::{EncodeError, Tokenizer};

impl TextTokenizer {
    /// As [`Tokenizer::encode`], but for special tokens that stand in the bytes `untrusted` of
    /// `text`, wholly or in part: those become the tokens of their letters. So no text of a
    /// stranger ends a turn or begins one. Without such a token in them the result is that of
    /// [`Tokenizer::encode`].
    ///
    /// # Errors
    /// An error of the tokenizer.
    pub fn encode_untrusted(
        &self,
        text: &str,
        untrusted: &[Range<usize>],
    ) -> Result<Vec<u32>, EncodeError> {
        let tokens = self.encode_spans(text)?;
        let is_inside = |at: &Range<usize>| {
            let at = without_white_space(text, at);
            untrusted.iter().any(|range| at.start < range.end && range.start < at.end)
        };
        let mut ids = Vec::with_capacity(tokens.len());
        for (id, at) in tokens {
            match self.is_special(id) && is_inside(&at) {
                true => ids.extend(self.letters_of(&text[at])?),
                false => ids.push(id),
            }
        }
        Ok(ids)
    }

    /// The tokens of `text` without special ones.
    fn letters_of(&self, text: &str) -> Result<Vec<u32>, EncodeError> {
        let plain = self.plain.get_or_init(|| {
            let mut plain = self.inner.clone();
            plain.set_encode_special_tokens(true);
            Box::new(plain)
        });
        let encode = |text: &str| -> Result<Vec<u32>, EncodeError> {
            let encoding = plain.encode_fast(text, false).map_err(EncodeError::library)?;
            Ok(encoding.get_ids().to_vec())
        };
        let ids = encode(text)?;
        if !ids.iter().any(|id| self.is_special(*id)) {
            return Ok(ids);
        }
        // A folder may call a word special that its tokenizer takes for any other. Its letters are
        // none.
        let mut buffer = [0; 4];
        let letters = text.chars().map(|letter| encode(letter.encode_utf8(&mut buffer)));
        Ok(letters.collect::<Result<Vec<_>, _>>()?.concat())
    }
}

/// The bytes `at` of `text` without the white space at their ends. A token may take in white space
/// that stands beside it (`lstrip`, `rstrip`), and that may be of another text than the token. A
/// token of white space alone keeps it.
fn without_white_space(text: &str, at: &Range<usize>) -> Range<usize> {
    let found = &text[at.clone()];
    let kept = found.trim();
    if kept.is_empty() {
        return at.clone();
    }
    let start = at.start + found.len() - found.trim_start().len();
    start..start + kept.len()
}

#[cfg(test)]
mod tests {
    use tokenizers::AddedToken;

    use super::*;
    use crate::Rows;

    fn tokenizer() -> TextTokenizer {
        let mut rows = Rows::new();
        for word in ["low", "lower", "slower", "slow tower"] {
            rows.push(word, word);
        }
        TextTokenizer::train_bpe(rows.as_slice(), 300).unwrap()
    }

    #[test]
    fn a_special_token_counts_where_the_text_is_ones_own() {
        let tokenizer = tokenizer();
        let end = crate::tokenize::END_OF_TEXT;
        let text = format!("low{end} slower{end}tower{end}");
        let slot = 3 + end.len()..text.len() - end.len();
        let specials = |ids: &[u32]| ids.iter().filter(|id| tokenizer.is_special(**id)).count();
        let whole = tokenizer.encode(&text).unwrap();
        assert_eq!(specials(&whole), 3);
        let found = tokenizer.encode_untrusted(&text, std::slice::from_ref(&slot)).unwrap();
        assert_eq!(specials(&found), 2);
        let kept: Vec<u32> =
            found.iter().copied().filter(|id| !tokenizer.is_special(*id)).collect();
        assert_eq!(tokenizer.decode(&kept), format!("low slower{end}tower"));
        // A token that only begins in the slot is no border of ours either.
        let part = slot.start..text.len() - 1;
        assert_eq!(specials(&tokenizer.encode_untrusted(&text, &[part]).unwrap()), 1);
        // Nothing else changes.
        assert_eq!(tokenizer.encode_untrusted(&text, &[]).unwrap(), whole);
        let harmless =
            tokenizer.encode_untrusted("slow low", std::slice::from_ref(&(0..8))).unwrap();
        assert_eq!(harmless, tokenizer.encode("slow low").unwrap());
    }

    #[test]
    fn a_token_that_takes_in_the_white_space_of_a_slot_stays() {
        let end = crate::tokenize::END_OF_TEXT;
        let mut inner = tokenizer().inner;
        let added = [
            AddedToken::from("<|own|>", true).rstrip(true),
            AddedToken::from("<|next|>", true).lstrip(true),
            AddedToken::from("\t\t", true),
        ];
        inner.add_special_tokens(added).unwrap();
        let tokenizer = TextTokenizer::new(inner, None, end).unwrap();
        let in_slot = |before: &str, slot: &str, behind: &str| {
            let (text, at) = (format!("{before}{slot}{behind}"), before.len());
            let at = at..at + slot.len();
            let found = tokenizer.encode_untrusted(&text, std::slice::from_ref(&at)).unwrap();
            (found, tokenizer.encode(&text).unwrap())
        };
        for slot in [" low", "low ", " low ", " ", "\n"] {
            let (found, whole) = in_slot("<|own|>\n", slot, "<|next|>");
            assert_eq!(found, whole, "{slot:?}");
        }
        // One inside of the slot is letters all the same, and keeps the white space beside it.
        for slot in ["low<|own|> \n", " \n<|next|>low", "<|own|>", "\t\t"] {
            let (found, whole) = in_slot("<|own|>low", slot, "");
            let specials = |ids: &[u32]| ids.iter().filter(|id| tokenizer.is_special(**id)).count();
            assert_eq!((specials(&found), specials(&whole)), (1, 2), "{slot:?}");
            assert_eq!(tokenizer.decode(&found), format!("low{slot}"));
        }
    }
}
