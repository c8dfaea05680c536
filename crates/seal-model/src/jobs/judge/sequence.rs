//! A request and an answer as the tokens that a judge reads.

use std::ops::Range;

use seal_data::{ExampleError, RowId, TextTokenizer, Tokenizer};
use seal_judge::pointwise::PointItem;
use serde::{Deserialize, Serialize};

use super::dress::Dress;
use crate::{LeftOutKind, LeftOutRow};

/// What control tokens in requests and answers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlTokens {
    /// Letters: an answer ends no turn and begins none.
    #[default]
    Plain,
    /// Control tokens, as in the published code of most judges.
    Parity,
}

/// The tokens of one answer with its request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sequence {
    pub(super) tokens: Vec<u32>,
    /// Whether the answer's beginning is shown only.
    pub(super) cut: bool,
}

/// Turns requests and answers into tokens.
pub(super) struct Sequences<'a> {
    pub(super) dress: &'a Dress,
    pub(super) tokenizer: &'a TextTokenizer,
    pub(super) control_tokens: ControlTokens,
    /// Longest part of an answer.
    pub(super) max_answer_tokens: Option<usize>,
    /// Longest sequence, `after` included.
    pub(super) context: usize,
    /// Tokens that stand behind each prompt.
    pub(super) after: &'a [u32],
}

/// Times that an answer is cut anew, since the tokens of a part are not a part of the tokens.
const CUTS: usize = 8;

impl Sequences<'_> {
    /// The tokens of `item`. An answer that does not fit is cut at its end, and nothing else is.
    ///
    /// # Errors
    /// Why the judge cannot be shown the answer.
    pub(super) fn of(&self, item: &PointItem) -> Result<Sequence, LeftOutRow> {
        let id = item.id;
        let bad = |source| left_out(&ExampleError::Unencodable { id, source });
        let spans = self.tokenizer.encode_spans(&item.answer).map_err(bad)?;
        let spans: Vec<Range<usize>> = spans.into_iter().map(|(_, at)| at).collect();
        let mut shown = spans.len().min(self.max_answer_tokens.unwrap_or(usize::MAX));
        for _ in 0..CUTS {
            let answer = first_tokens(&item.answer, &spans, shown);
            let tokens = self.tokens(id, &item.prompt, answer)?;
            let over = tokens.len().saturating_sub(self.context);
            if over == 0 {
                return Ok(Sequence { tokens, cut: answer.len() < item.answer.len() });
            }
            if over > shown || shown == 0 {
                let (tokens, context) = (tokens.len(), self.context);
                return Err(left_out(&ExampleError::TooLong { id, tokens, context }));
            }
            shown -= over;
        }
        let (tokens, context) = (spans.len(), self.context);
        Err(left_out(&ExampleError::TooLong { id, tokens, context }))
    }

    fn tokens(&self, id: RowId, prompt: &str, answer: &str) -> Result<Vec<u32>, LeftOutRow> {
        let named = self.tokenizer.named_tokens();
        let dressed = self.dress.text(prompt, answer, &named);
        let dressed = dressed.map_err(|source| left_out(&ExampleError::Chat { id, source }))?;
        let untrusted = match (self.control_tokens, dressed.slots) {
            (ControlTokens::Parity, _) => Vec::new(),
            (ControlTokens::Plain, Some(slots)) => slots,
            (ControlTokens::Plain, None) if !self.has_special([prompt, answer]) => Vec::new(),
            (ControlTokens::Plain, None) => return Err(unplaced(id)),
        };
        let tokens = self.tokenizer.encode_untrusted(&dressed.text, &untrusted);
        let mut tokens =
            tokens.map_err(|source| left_out(&ExampleError::Unencodable { id, source }))?;
        if let Some(bos) = self.tokenizer.bos().filter(|bos| tokens.first() != Some(bos)) {
            tokens.insert(0, bos);
        }
        tokens.extend(self.after);
        match tokens.is_empty() {
            true => Err(left_out(&ExampleError::EmptyPrompt { id })),
            false => Ok(tokens),
        }
    }

    fn has_special(&self, texts: [&str; 2]) -> bool {
        texts.iter().any(|text| self.tokenizer.special_in(text) > 0)
    }
}

/// The beginning of `answer` that its first `shown` tokens stand for.
fn first_tokens<'a>(answer: &'a str, spans: &[Range<usize>], shown: usize) -> &'a str {
    if shown >= spans.len() {
        return answer;
    }
    let mut end = shown.checked_sub(1).map_or(0, |last| spans[last].end);
    // Tokens that share a character share its bytes.
    while !answer.is_char_boundary(end) {
        end -= 1;
    }
    &answer[..end]
}

fn left_out(error: &ExampleError) -> LeftOutRow {
    error.into()
}

fn unplaced(id: RowId) -> LeftOutRow {
    let reason = format!(
        "row {id}: there are control tokens in it, and the chat template changes its texts, so that \
         they cannot be told from the template's own; control_tokens = \"parity\" takes them as \
         control tokens"
    );
    LeftOutRow { id, kind: LeftOutKind::NoPlace, reason }
}
