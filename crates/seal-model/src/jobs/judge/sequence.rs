//! A request and an answer as the tokens that a judge reads.

use std::ops::Range;

use seal_data::{ExampleError, RowId, TextTokenizer, Tokenizer};
use seal_judge::pointwise::PointItem;
use serde::{Deserialize, Serialize};

use super::rendering::{GuardRendering, RenderedText};
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
    pub(super) rendering: &'a GuardRendering,
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
            // The verdict on a part without a word would be that on an empty answer.
            let is_lost = answer.trim().is_empty() && !item.answer.trim().is_empty();
            if over == 0 && !is_lost {
                return Ok(Sequence { tokens, cut: answer.len() < item.answer.len() });
            }
            if over >= shown || is_lost {
                // Of the whole sequence, of which a part may fit.
                let (tokens, context) = (tokens.len() + spans.len() - shown, self.context);
                return Err(left_out(&ExampleError::TooLong { id, tokens, context }));
            }
            shown -= over;
        }
        let (tokens, context) = (spans.len(), self.context);
        Err(left_out(&ExampleError::TooLong { id, tokens, context }))
    }

    fn tokens(&self, id: RowId, prompt: &str, answer: &str) -> Result<Vec<u32>, LeftOutRow> {
        let named = self.tokenizer.named_tokens();
        let rendered = self.rendering.text(prompt, answer, &named);
        let rendered = rendered.map_err(|source| left_out(&ExampleError::Chat { id, source }))?;
        let texts = [prompt, answer];
        let mut tokens = tokens_of(self.tokenizer, self.control_tokens, &rendered, &texts, id)?;
        tokens.extend(self.after);
        match tokens.is_empty() {
            true => Err(left_out(&ExampleError::EmptyPrompt { id })),
            false => Ok(tokens),
        }
    }
}

/// The tokens of a rendered text, with the token that begins a text once. `texts` are those of
/// strangers in it.
///
/// # Errors
/// Control tokens in these that cannot be told from the template's own; a text that cannot be written
/// in tokens. `id` names it.
pub(super) fn tokens_of(
    tokenizer: &TextTokenizer,
    control_tokens: ControlTokens,
    rendered: &RenderedText,
    texts: &[&str],
    id: RowId,
) -> Result<Vec<u32>, LeftOutRow> {
    let slots = rendered.slots.as_deref();
    let untrusted = match (control_tokens, slots) {
        (ControlTokens::Parity, _) => &[],
        (ControlTokens::Plain, Some(slots)) => slots,
        (ControlTokens::Plain, None) if !has_special(tokenizer, texts) => &[],
        (ControlTokens::Plain, None) => return Err(unplaced(id)),
    };
    let tokens = tokenizer.encode_untrusted(&rendered.text, untrusted);
    let mut tokens =
        tokens.map_err(|source| left_out(&ExampleError::Unencodable { id, source }))?;
    if let Some(bos) = tokenizer.bos()
        && tokens.first() != Some(&bos)
        && !(tokens.contains(&bos) && is_own(tokenizer, bos, rendered, texts))
    {
        tokens.insert(0, bos);
    }
    Ok(tokens)
}

/// Whether `bos`, which is in the tokens of a text, stands before all that strangers wrote: the prompt
/// or the template writes it, with something in front.
fn is_own(tokenizer: &TextTokenizer, bos: u32, rendered: &RenderedText, texts: &[&str]) -> bool {
    let slots = rendered.slots.as_deref();
    match slots.and_then(|slots| slots.iter().map(|slot| slot.start).min()) {
        Some(first) => tokenizer
            .encode_spans(&rendered.text)
            .is_ok_and(|tokens| tokens.iter().any(|(id, at)| *id == bos && at.start < first)),
        None => !has_special(tokenizer, texts),
    }
}

fn has_special(tokenizer: &TextTokenizer, texts: &[&str]) -> bool {
    texts.iter().any(|text| tokenizer.special_in(text) > 0)
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

#[cfg(test)]
mod tests {
    use seal_data::Rows;
    use seal_data::chat::ChatTemplate;
    use seal_judge::prompt::{GuardPrompt, GuardSlots};

    use super::*;

    fn tokenizer() -> TextTokenizer {
        let mut rows = Rows::new();
        rows.push("name a colour", "blue and green");
        TextTokenizer::train_bpe(rows.as_slice(), 257).unwrap()
    }

    #[test]
    fn one_token_begins_a_text_wherever_the_template_writes_it() {
        let json = tokenizer().to_json().unwrap();
        let end = "<|endoftext|>";
        let tokenizer = TextTokenizer::from_bytes(json.as_bytes(), Some(end), end).unwrap();
        let bos = tokenizer.bos().unwrap();
        let of = |source: &str, answer: &str, control_tokens| {
            let template = ChatTemplate::new("t", source, None).unwrap();
            let rendering = GuardRendering::Chat { template, is_asked: false };
            let item = &PointItem::list([("name".to_owned(), answer.to_owned(), None)])[0];
            let (max_answer_tokens, context, after) = (None, 999, &[][..]);
            let (rendering, tokenizer) = (&rendering, &tokenizer);
            let sequences = Sequences {
                rendering,
                tokenizer,
                control_tokens,
                max_answer_tokens,
                context,
                after,
            };
            let tokens = sequences.of(item).unwrap().tokens;
            let places = tokens.iter().enumerate().filter(|(_, token)| **token == bos);
            places.map(|(place, _)| place).collect::<Vec<_>>()
        };
        let turns = "{% for m in messages %}{{ m.content }}|{% endfor %}";
        let upper = "{% for m in messages %}{{ m.content | upper }}|{% endfor %}";
        for control in [ControlTokens::Plain, ControlTokens::Parity] {
            for turns in [turns, upper] {
                assert_eq!(of(turns, "blue", control), [0]);
                assert_eq!(of(&format!("{{{{ bos_token }}}}{turns}"), "blue", control), [0]);
                assert_eq!(of(&format!(" {{{{ bos_token }}}}{turns}"), "blue", control), [1]);
            }
        }
        // One of the answer begins nothing.
        let answer = format!("blue{end}");
        assert_eq!(of(turns, &answer, ControlTokens::Plain), [0]);
        assert_eq!(of(turns, &answer, ControlTokens::Parity), [0, 10]);
        let spaced = format!(" {{{{ bos_token }}}}{turns}");
        assert_eq!(of(&spaced, &answer, ControlTokens::Plain), [1]);
    }

    #[test]
    fn an_answer_of_which_nothing_fits_is_left_out() {
        let tokenizer = tokenizer();
        let prompt = GuardPrompt::of("{prompt}|{response}|", String::new(), &GuardSlots::default());
        let rendering = GuardRendering::Raw(prompt.unwrap());
        let of = |answer: &str, context: usize, most: Option<usize>| {
            let item = &PointItem::list([("name".to_owned(), answer.to_owned(), None)])[0];
            let sequences = Sequences {
                rendering: &rendering,
                tokenizer: &tokenizer,
                control_tokens: ControlTokens::Plain,
                max_answer_tokens: most,
                context,
                after: &[],
            };
            sequences.of(item)
        };
        let shown = |answer: &str, context: usize, most: Option<usize>| {
            let sequence = of(answer, context, most).unwrap();
            (tokenizer.decode(&sequence.tokens), sequence.cut)
        };
        // A token is a byte here, and six of them are no answer.
        assert_eq!(shown("", 6, None), ("name||".to_owned(), false));
        assert_eq!(shown(" ", 7, None), ("name| |".to_owned(), false));
        assert_eq!(shown("bad", 7, None), ("name|b|".to_owned(), true));
        assert_eq!(shown("bad", 9, None), ("name|bad|".to_owned(), false));
        for (answer, context, most) in [
            ("b", 6, None),
            ("bad", 6, None),
            ("bad", 5, None),
            // Half of a character, and white space alone.
            ("\u{e9}t\u{e9}", 7, None),
            ("  bad", 8, None),
            ("\n\nbad", 99, Some(2)),
        ] {
            let found = of(answer, context, most).unwrap_err();
            assert_eq!(found.kind, LeftOutKind::TooLong, "{answer:?} in {context}");
        }
    }
}
