//! Hugging Face tokenizers, and ones trained here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use super::TextTokenizerError;
use crate::{EncodeError, Row, TokenSpan, Tokenizer};

/// End of text in a tokenizer that is trained here.
pub const END_OF_TEXT: &str = "<|endoftext|>";

/// A Hugging Face tokenizer (`tokenizer.json`) or one trained here.
#[derive(Clone)]
pub struct TextTokenizer {
    pub(super) inner: tokenizers::Tokenizer,
    /// The same without its special tokens; made when it is needed.
    pub(super) plain: OnceLock<Box<tokenizers::Tokenizer>>,
    bos: Option<u32>,
    /// The end of text first.
    stops: Vec<u32>,
    /// One above the largest id; ids may have gaps.
    size: usize,
    /// Texts of the special tokens.
    special: BTreeMap<u32, String>,
    named: BTreeMap<String, String>,
    templates: BTreeMap<String, String>,
    /// Whether decoding takes out spaces before punctuation.
    clean_up: bool,
}

/// What a model folder says beyond `tokenizer.json`.
pub(crate) struct FolderParts {
    /// Begins every text.
    pub(crate) bos: Option<u32>,
    /// Tokens that end generation; the first ends a text.
    pub(crate) stops: Vec<u32>,
    /// Texts of tokens that are special whatever `tokenizer.json` says.
    pub(crate) special: BTreeSet<String>,
    /// Special tokens by name.
    pub(crate) named: BTreeMap<String, String>,
    /// Chat templates by name.
    pub(crate) templates: BTreeMap<String, String>,
    /// Whether decoding takes out spaces before punctuation.
    pub(crate) clean_up: bool,
}

impl TextTokenizer {
    /// Wraps a loaded tokenizer; `eos` and `bos` name entries of its vocabulary.
    ///
    /// # Errors
    /// A name that the vocabulary lacks.
    pub fn new(
        inner: tokenizers::Tokenizer,
        bos: Option<&str>,
        eos: &str,
    ) -> Result<Self, TextTokenizerError> {
        let find = |name: &str| {
            let missing = || TextTokenizerError::NoToken { name: name.to_owned() };
            inner.token_to_id(name).ok_or_else(missing)
        };
        let (bos_id, eos_id) = (bos.map(find).transpose()?, find(eos)?);
        let named = [("bos_token", bos), ("eos_token", Some(eos))];
        let named = named.into_iter().filter_map(|(k, v)| Some((k.to_owned(), v?.to_owned())));
        Ok(Self { named: named.collect(), ..Self::wrap(inner, bos_id, vec![eos_id])? })
    }

    /// The tokenizer of a model folder.
    ///
    /// # Errors
    /// A part of the tokenizer that the library does not take back.
    pub(crate) fn of_folder(
        inner: tokenizers::Tokenizer,
        parts: FolderParts,
    ) -> Result<Self, TextTokenizerError> {
        let FolderParts { bos, stops, special, named, templates, clean_up } = parts;
        let mut this = Self::wrap(inner, bos, stops)?;
        let named_ids = special.into_iter().filter_map(|t| Some((this.inner.token_to_id(&t)?, t)));
        this.special.extend(named_ids);
        Ok(Self { named, templates, clean_up, ..this })
    }

    /// Wraps a tokenizer; the first of `stops` ends a text.
    fn wrap(
        mut inner: tokenizers::Tokenizer,
        bos: Option<u32>,
        mut stops: Vec<u32>,
    ) -> Result<Self, TextTokenizerError> {
        // A file may carry the lengths of whoever saved it; rows are never cut or padded here.
        inner.with_truncation(None)?;
        inner.with_padding(None);
        keep_spaces(&mut inner)?;
        let mut seen = BTreeSet::new();
        stops.retain(|stop| seen.insert(*stop));
        let size = inner.get_vocab(true).into_values().max().map_or(0, |id| id as usize + 1);
        let added = inner.get_added_tokens_decoder().into_iter();
        let special = added.filter(|(_, t)| t.special).map(|(id, t)| (id, t.content)).collect();
        let (named, templates) = Default::default();
        let plain = OnceLock::new();
        Ok(Self { inner, plain, bos, stops, size, special, named, templates, clean_up: false })
    }

    /// Chat templates of the model folder, by name; the usual one is `default`.
    pub fn chat_templates(&self) -> &BTreeMap<String, String> {
        &self.templates
    }

    /// The id of the entry `text` of the vocabulary, written as the vocabulary writes it.
    pub fn entry(&self, text: &str) -> Option<u32> {
        self.inner.token_to_id(text)
    }

    /// The text of `token`, as in the vocabulary; `None` for an unknown id.
    pub fn token(&self, token: u32) -> Option<String> {
        self.inner.id_to_token(token)
    }

    /// Byte-level BPE of at most `vocab_size` entries (256 bytes and one
    /// end-of-text token included), trained on prompts and answers.
    ///
    /// # Errors
    /// An error of the trainer.
    pub fn train_bpe(rows: &[Row], vocab_size: usize) -> Result<Self, TextTokenizerError> {
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
        inner.train(&mut trainer, texts)?;
        Self::new(inner, None, END_OF_TEXT)
    }

    /// Reads a `tokenizer.json` from its bytes.
    ///
    /// # Errors
    /// Bytes that are no tokenizer, or a missing special token.
    pub fn from_bytes(
        bytes: &[u8],
        bos: Option<&str>,
        eos: &str,
    ) -> Result<Self, TextTokenizerError> {
        let inner = tokenizers::Tokenizer::from_bytes(bytes)?;
        Self::new(inner, bos, eos)
    }

    /// The `tokenizer.json` of this tokenizer.
    ///
    /// # Errors
    /// An error of the serialiser.
    pub fn to_json(&self) -> Result<String, TextTokenizerError> {
        Ok(self.inner.to_string(true)?)
    }
}

/// Makes the offsets of a tokenizer cover all of a text. Byte-level tokenizers
/// may leave spaces out of them, and then a token of spaces stands nowhere and
/// would belong to no answer. Ids do not depend on it.
fn keep_spaces(inner: &mut tokenizers::Tokenizer) -> Result<(), TextTokenizerError> {
    fn untrim(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(map) => map.iter_mut().for_each(|(key, value)| {
                if key == "trim_offsets" { *value = false.into() } else { untrim(value) }
            }),
            serde_json::Value::Array(list) => list.iter_mut().for_each(untrim),
            _ => {}
        }
    }
    let Some(processor) = inner.get_post_processor() else { return Ok(()) };
    let mut json = serde_json::to_value(processor)?;
    untrim(&mut json);
    let processor: tokenizers::PostProcessorWrapper = serde_json::from_value(json)?;
    inner.with_post_processor(Some(processor));
    Ok(())
}

/// Without the spaces that cutting English into words leaves behind: what
/// `clean_up_tokenization_spaces` stands for.
fn cleaned_up(text: String) -> String {
    const SPACED: [&str; 10] =
        [" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're"];
    SPACED.iter().fold(text, |text, spaced| text.replace(spaced, spaced.trim()))
}

impl Tokenizer for TextTokenizer {
    fn encode(&self, text: &str) -> Result<Vec<u32>, EncodeError> {
        let encoding = self.inner.encode_fast(text, false).map_err(EncodeError::library)?;
        Ok(encoding.get_ids().to_vec())
    }

    fn decode(&self, tokens: &[u32]) -> String {
        let text = self.inner.decode(tokens, true);
        let text = text.unwrap_or_else(|e| format!("<undecodable: {e}>"));
        if self.clean_up { cleaned_up(text) } else { text }
    }

    fn vocab_size(&self) -> usize {
        self.size
    }

    fn bos(&self) -> Option<u32> {
        self.bos
    }

    fn eos(&self) -> u32 {
        self.stops[0]
    }

    fn stops(&self) -> Vec<u32> {
        self.stops.clone()
    }

    fn encode_spans(&self, text: &str) -> Result<Vec<TokenSpan>, EncodeError> {
        let encoding = self.inner.encode(text, false).map_err(EncodeError::library)?;
        let spans = encoding.get_offsets().iter().map(|(from, to)| *from..*to);
        Ok(encoding.get_ids().iter().copied().zip(spans).collect())
    }

    fn is_special(&self, token: u32) -> bool {
        self.special.contains_key(&token)
    }

    fn special_in(&self, text: &str) -> usize {
        // Encoding every text a second time would double the work for almost nothing.
        if !self.special.values().any(|special| text.contains(special)) {
            return 0;
        }
        self.encode(text).map_or(0, |tokens| tokens.iter().filter(|t| self.is_special(**t)).count())
    }

    fn named_tokens(&self) -> BTreeMap<String, String> {
        self.named.clone()
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
        assert_eq!(missing.err().unwrap().to_string(), "the tokenizer has no token `<s>`");
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
