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

#[cfg(test)]
mod tests {
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
}
