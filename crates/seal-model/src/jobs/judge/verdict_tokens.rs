//! Verdict tokens by their ids.

use seal_data::{TextTokenizer, Tokenizer};
use seal_judge::pointwise::{GuardVerdictSettings, VerdictToken};

use crate::encoder::Encoder;
use crate::{JudgeModelError, ModelError};

/// Ids of the tokens by which a verdict is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct VerdictTokens {
    pub(super) good: Vec<u32>,
    pub(super) bad: Vec<u32>,
    /// Stands before the verdict.
    pub(super) before: Vec<u32>,
}

impl VerdictTokens {
    /// Those of `settings`; the model has `vocab_size` tokens.
    ///
    /// # Errors
    /// A text that is not one token, a token that the model does not have, one of two meanings.
    pub(super) fn resolve(
        settings: &GuardVerdictSettings,
        encoder: &Encoder,
        tokenizer: &TextTokenizer,
        vocab_size: usize,
    ) -> Result<Self, ModelError> {
        let of = |list: &'static str, tokens: &[VerdictToken]| {
            let one = |token: &VerdictToken| match token {
                VerdictToken::Id(id) if (*id as usize) < vocab_size => Ok(*id),
                VerdictToken::Id(id) => {
                    Err(JudgeModelError::VerdictId { list, id: *id, vocab_size })
                }
                VerdictToken::Text(text) => entry(text, encoder, tokenizer).ok_or_else(|| {
                    let ids = tokenizer.encode(text).unwrap_or_default();
                    JudgeModelError::VerdictText { list, text: text.clone(), ids }
                }),
            };
            tokens.iter().map(one).collect::<Result<Vec<u32>, _>>()
        };
        let (good, bad) = (of("good", &settings.good)?, of("bad", &settings.bad)?);
        let all: Vec<u32> = good.iter().chain(&bad).copied().collect();
        if let Some((_, id)) = all.iter().enumerate().find(|(i, id)| all[..*i].contains(id)) {
            return Err(JudgeModelError::SharedToken { id: *id }.into());
        }
        Ok(Self { good, bad, before: behind(&settings.before, tokenizer)? })
    }
}

/// The token that is `text` behind other text, or by itself where a tokenizer puts a space between
/// all tokens. Vocabularies write a space and a line break as characters of their own.
fn entry(text: &str, encoder: &Encoder, tokenizer: &TextTokenizer) -> Option<u32> {
    let written = [
        text.to_owned(),
        text.replace(' ', "\u{2581}"),
        text.replace(' ', "\u{120}").replace('\n', "\u{10a}"),
    ];
    let before = tokenizer.encode("a").ok()?.last().copied();
    let is_text =
        |id: &u32| encoder.text_of(before, *id) == text || tokenizer.decode(&[*id]) == text;
    written.iter().filter_map(|written| tokenizer.entry(written)).find(is_text)
}

/// The tokens of `text` behind a prompt: without the space that some tokenizers begin a text with.
fn behind(text: &str, tokenizer: &TextTokenizer) -> Result<Vec<u32>, ModelError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let encode = |text: &str| tokenizer.encode(text).map_err(|_| JudgeModelError::Before);
    let lead = encode("a")?;
    let is_behind = |ids: &[u32]| {
        let whole = tokenizer.decode(&[lead.as_slice(), ids].concat());
        whole.strip_prefix(&*tokenizer.decode(&lead)) == Some(text)
    };
    let alone = encode(text)?;
    if is_behind(&alone) {
        return Ok(alone);
    }
    let joined = encode(&format!("a{text}"))?;
    match joined.strip_prefix(lead.as_slice()) {
        Some(rest) if is_behind(rest) => Ok(rest.to_vec()),
        _ => Err(JudgeModelError::Before.into()),
    }
}
