//! What the rest of the project asks of a tokenizer.

use crate::Row;

/// Text to token ids and back. Implementations are pure.
pub trait Tokenizer: Send + Sync {
    /// Token ids of `text`, with no special token added.
    ///
    /// # Errors
    /// Text that the vocabulary cannot express (a word-level tokenizer).
    fn encode(&self, text: &str) -> Result<Vec<u32>, String>;
    /// Text of `tokens`; special tokens are left out.
    fn decode(&self, tokens: &[u32]) -> String;
    /// Number of token ids; every id is below it.
    fn vocab_size(&self) -> usize;
    /// Begins every sequence, where the model wants one.
    fn bos(&self) -> Option<u32>;
    /// Ends every answer.
    fn eos(&self) -> u32;
}

/// End of text in a tokenizer that is trained here.
pub const END_OF_TEXT: &str = "<|endoftext|>";

/// A Hugging Face tokenizer (`tokenizer.json`) or one trained here.
#[derive(Clone)]
pub struct TextTokenizer {
    inner: tokenizers::Tokenizer,
    bos: Option<u32>,
    eos: u32,
}

impl TextTokenizer {
    /// Wraps a loaded tokenizer; `eos` and `bos` name entries of its vocabulary.
    ///
    /// # Errors
    /// A name that the vocabulary lacks.
    pub fn new(inner: tokenizers::Tokenizer, bos: Option<&str>, eos: &str) -> Result<Self, String> {
        let find = |name: &str| {
            inner.token_to_id(name).ok_or_else(|| format!("the tokenizer has no token `{name}`"))
        };
        let (bos, eos) = (bos.map(find).transpose()?, find(eos)?);
        Ok(Self { inner, bos, eos })
    }

    /// Byte-level BPE of at most `vocab_size` entries (256 bytes and one
    /// end-of-text token included), trained on prompts and answers.
    ///
    /// # Errors
    /// What the trainer reports, in words.
    pub fn train_bpe(rows: &[Row], vocab_size: usize) -> Result<Self, String> {
        use tokenizers::models::TrainerWrapper;
        use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
        use tokenizers::pre_tokenizers::byte_level::ByteLevel;
        let mut trainer: TrainerWrapper = BpeTrainerBuilder::new()
            .show_progress(false)
            .vocab_size(vocab_size)
            .min_frequency(2)
            .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
            .special_tokens(vec![tokenizers::AddedToken::from(END_OF_TEXT, true)])
            .build()
            .into();
        let mut inner = tokenizers::Tokenizer::new(BPE::default());
        inner.with_pre_tokenizer(Some(ByteLevel::default().add_prefix_space(false)));
        inner.with_decoder(Some(ByteLevel::default()));
        let texts = rows.iter().flat_map(|r| [r.prompt.as_str(), r.response.as_str()]);
        inner.train(&mut trainer, texts).map_err(|e| e.to_string())?;
        Self::new(inner, None, END_OF_TEXT)
    }

    /// Reads a `tokenizer.json` from its bytes.
    ///
    /// # Errors
    /// Bytes that are no tokenizer, or a missing special token.
    pub fn from_bytes(bytes: &[u8], bos: Option<&str>, eos: &str) -> Result<Self, String> {
        let inner = tokenizers::Tokenizer::from_bytes(bytes).map_err(|e| e.to_string())?;
        Self::new(inner, bos, eos)
    }

    /// The `tokenizer.json` of this tokenizer.
    ///
    /// # Errors
    /// What the serialiser reports, in words.
    pub fn to_json(&self) -> Result<String, String> {
        self.inner.to_string(true).map_err(|e| e.to_string())
    }
}

impl Tokenizer for TextTokenizer {
    fn encode(&self, text: &str) -> Result<Vec<u32>, String> {
        let encoding = self.inner.encode_fast(text, false).map_err(|e| e.to_string())?;
        Ok(encoding.get_ids().to_vec())
    }

    fn decode(&self, tokens: &[u32]) -> String {
        self.inner.decode(tokens, true).unwrap_or_else(|e| format!("<undecodable: {e}>"))
    }

    fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    fn bos(&self) -> Option<u32> {
        self.bos
    }

    fn eos(&self) -> u32 {
        self.eos
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Rows;

    fn corpus() -> Vec<Row> {
        let mut rows = Rows::new();
        for i in 0..60u32 {
            let word = |k: u32| ["lamp", "tower", "slow", "slower", "low", "lower"][k as usize % 6];
            rows.push(
                format!("how do i clean a {} {}?", word(i), word(i / 6)),
                format!("with {} drops, {}", i * i, word(i * 7 + 1)),
            );
        }
        rows.into_vec()
    }

    /// The trainer counts in hash maps and on several threads; ties are broken
    /// by token ids, so neither shows. Maps are seeded anew by each process,
    /// hence the pinned hash.
    #[test]
    fn training_is_a_function_of_the_rows() {
        let train = |rows: &[Row]| TextTokenizer::train_bpe(rows, 350).unwrap().to_json().unwrap();
        let rows = corpus();
        let first = train(&rows);
        let mut backward = rows.clone();
        backward.reverse();
        for _ in 0..5 {
            assert!(train(&rows) == first);
            assert!(train(&backward) == first, "the order of the rows must not matter");
        }
        insta::assert_snapshot!(&blake3::hash(first.as_bytes()).to_hex()[..16], @"a52d9c43d11a9f64");
    }

    #[test]
    fn a_tokenizer_survives_its_file() {
        let tokenizer = TextTokenizer::train_bpe(&corpus(), 300).unwrap();
        let json = tokenizer.to_json().unwrap();
        let again = TextTokenizer::from_bytes(json.as_bytes(), None, END_OF_TEXT).unwrap();
        let text = "how do i clean a slower tower?";
        assert_eq!(again.encode(text), tokenizer.encode(text));
        assert_eq!((again.bos(), again.eos()), (None, tokenizer.eos()));
        let missing = TextTokenizer::from_bytes(json.as_bytes(), Some("<s>"), END_OF_TEXT);
        assert_eq!(missing.err().as_deref(), Some("the tokenizer has no token `<s>`"));
        assert!(TextTokenizer::from_bytes(b"{}", None, "x").is_err());
    }

    #[test]
    fn the_vocabulary_is_as_large_as_asked_and_merges_are_used() {
        let tokenizer = TextTokenizer::train_bpe(&corpus(), 300).unwrap();
        assert_eq!(tokenizer.vocab_size(), 300);
        let text = "how do i clean a tower";
        assert!(tokenizer.encode(text).unwrap().len() < text.len() / 2);
        assert_eq!(tokenizer.decode(&[tokenizer.eos()]), "");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_text_survives_its_tokens(texts in prop::collection::vec(any::<String>(), 1..8)) {
            let tokenizer = TextTokenizer::train_bpe(&corpus(), 300).unwrap();
            for text in texts {
                let tokens = tokenizer.encode(&text).unwrap();
                prop_assert!(tokens.iter().all(|t| (*t as usize) < tokenizer.vocab_size()));
                prop_assert!(!tokens.contains(&tokenizer.eos()));
                prop_assert_eq!(tokenizer.decode(&tokens), text);
            }
        }
    }
}
