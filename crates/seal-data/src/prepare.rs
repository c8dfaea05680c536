//! A data set, tokenised for training.

use std::collections::BTreeMap;

use crate::row_warnings::RowWarnings;
use crate::{Example, ExampleError, Row, RowId, Template, Tokenizer};

/// The rows that can be trained on, and the others with the reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// In the order of the rows.
    pub examples: Vec<Example>,
    /// Rows that no step will see: too long, empty, not expressible. In the
    /// order of the rows; a row is in exactly one of the two lists.
    pub left_out: Vec<ExampleError>,
    /// Rows to train on whose own text holds special tokens, with how many:
    /// whoever wrote it can end a turn and begin another.
    pub special_in_text: Vec<(RowId, usize)>,
    /// Rows to train on with turns that the template has no place for (a system turn, in
    /// the form of a prompt), with how many: these turns are not in the tokens.
    pub unplaced: Vec<(RowId, usize)>,
    /// Parts of rows to train on that the template does not write, by name, with the
    /// number of such rows.
    pub unread: BTreeMap<&'static str, usize>,
}

impl Prepared {
    /// Ids of the rows to train on, in order: what a selector is a table over.
    pub fn ids(&self) -> Vec<RowId> {
        self.examples.iter().map(|e| e.id).collect()
    }
}

/// Tokenises `rows`. A row that does not fit `context` tokens is left out
/// whole, never cut: a cut answer would lose its end of text. The log is told of what
/// [`RowWarnings`] lists.
pub fn prepare(
    rows: &[Row],
    template: &dyn Template,
    tokenizer: &dyn Tokenizer,
    context: usize,
) -> Prepared {
    let mut prepared = Prepared::default();
    for row in rows {
        let fits = check_length(row, &row.response, tokenizer, context);
        match fits.and_then(|()| template.encode_row(row, tokenizer, context)) {
            Ok(example) => {
                let said = row.messages().into_iter().chain([row.answer()]);
                let special: usize = said
                    .map(|turn| {
                        let extras = turn
                            .extras
                            .values()
                            .map(|extra| extra.texts(&|text| tokenizer.special_in(text)));
                        tokenizer.special_in(&turn.content) + extras.sum::<usize>()
                    })
                    .sum();
                if special > 0 {
                    prepared.special_in_text.push((row.id, special));
                }
                let unplaced = template.unplaced(row);
                if unplaced > 0 {
                    prepared.unplaced.push((row.id, unplaced));
                }
                for part in template.unread(row) {
                    *prepared.unread.entry(part).or_default() += 1;
                }
                prepared.examples.push(example);
            }
            Err(reason) => prepared.left_out.push(reason),
        }
    }
    RowWarnings {
        rows: rows.len(),
        left_out: prepared.left_out.len(),
        first_left_out: prepared.left_out.first().map(|reason| reason as _),
        special_in_text: &prepared.special_in_text,
        unplaced: &prepared.unplaced,
        unread: prepared.unread.iter().map(|(part, n)| (*part, *n)).collect(),
    }
    .warn();
    prepared
}

/// Refuses a row with this answer that is far longer than `context` tokens, without tokenising all of
/// it: a tokenizer takes some two hundred bytes of memory for each byte of text. Of other
/// rows only their tokens tell.
///
/// A text is taken for far too long where pieces of it have twice as many tokens as the
/// context: a token or two at the border of two pieces then make no difference.
///
/// # Errors
/// [`ExampleError::FarTooLong`].
pub fn check_length(
    row: &Row,
    answer: &str,
    tokenizer: &dyn Tokenizer,
    context: usize,
) -> Result<(), ExampleError> {
    const SHORT: usize = 64 << 10;
    // What turns have besides their texts, and tools, are rendered too.
    let beside: Vec<String> = row
        .messages()
        .iter()
        .map(|turn| &turn.extras)
        .chain([&row.response_extras])
        .filter(|extras| !extras.is_empty())
        .map(|extras| serde_json::to_string(extras).unwrap_or_default())
        .chain(row.tools.as_ref().map(|tools| serde_json::to_string(tools).unwrap_or_default()))
        .collect();
    let texts = || {
        let turns = row.history.iter().chain(&row.steps);
        let said = turns.map(|turn| turn.content.as_str());
        said.chain([row.prompt.as_str(), answer]).chain(beside.iter().map(String::as_str))
    };
    let bytes = texts().map(str::len).sum::<usize>();
    if bytes <= SHORT.saturating_add(context.saturating_mul(16)) {
        return Ok(());
    }
    let (mut tokens, mut size) = (0_usize, 4096 + 8 * context);
    for mut text in texts() {
        while !text.is_empty() {
            let (piece, rest) = text.split_at(text.floor_char_boundary(size.max(4)));
            match tokenizer.encode(piece) {
                Ok(piece) => tokens += piece.len(),
                // What is wrong with it is told by the whole.
                Err(_) => return Ok(()),
            }
            if tokens / 2 > context + SLACK {
                return Err(ExampleError::FarTooLong { id: row.id, bytes, context });
            }
            (text, size) = (rest, size.saturating_mul(2));
        }
    }
    Ok(())
}

/// Tokens that pieces of a text may have more than the whole, whatever the context.
const SLACK: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::{EncodeError, PromptTemplate, Rows, TextTokenizer};

    /// One token for so many characters; counts the bytes it is given.
    struct Wide(usize, AtomicUsize);

    impl Tokenizer for Wide {
        fn encode(&self, text: &str) -> Result<Vec<u32>, EncodeError> {
            self.1.fetch_add(text.len(), Ordering::Relaxed);
            Ok(vec![0; text.chars().count().div_ceil(self.0)])
        }
        fn decode(&self, _: &[u32]) -> String {
            String::new()
        }
        fn vocab_size(&self) -> usize {
            2
        }
        fn bos(&self) -> Option<u32> {
            None
        }
        fn eos(&self) -> u32 {
            1
        }
    }

    #[test]
    fn a_row_that_is_far_too_long_is_not_tokenised() {
        let long = "é".repeat(2 << 20);
        for (width, fits) in [(1, false), (64, false), (8 << 20, true)] {
            let mut rows = Rows::new();
            rows.push("a", long.as_str());
            rows.push(long.as_str(), "b");
            let said = vec![crate::Turn::new(crate::Speaker::User, long.as_str())];
            rows.push_dialogue(said, "a", "b");
            let rows = rows.into_vec();
            let tokenizer = Wide(width, AtomicUsize::new(0));
            let prepared = prepare(&rows, &PromptTemplate::bare(), &tokenizer, 256);
            assert_eq!(prepared.examples.len(), if fits { 3 } else { 0 }, "{width}");
            let read = tokenizer.1.into_inner();
            assert!(fits || read < rows.len() * long.len() / 8, "{width}: {read} bytes");
            for left_out in prepared.left_out {
                assert!(
                    matches!(left_out, ExampleError::FarTooLong { context: 256, .. }),
                    "{left_out}"
                );
            }
        }
    }

    #[test]
    fn every_row_is_prepared_or_listed() {
        let mut rows = Rows::new();
        rows.push("a", "b");
        rows.push("a", "");
        rows.push("a", "far too long for it");
        rows.push("c", "d");
        let rows = rows.into_vec();
        let tokenizer = TextTokenizer::train_bpe(&rows, 257).unwrap();
        let prepared = prepare(&rows, &PromptTemplate::bare(), &tokenizer, 8);
        assert_eq!(prepared.ids(), [rows[0].id, rows[3].id]);
        let left_out: Vec<RowId> = prepared.left_out.iter().map(ExampleError::id).collect();
        assert_eq!(left_out, [rows[1].id, rows[2].id]);
        assert_eq!(prepared.special_in_text, []);
    }

    #[test]
    fn turns_without_a_place_are_counted() {
        let mut rows = Rows::new();
        rows.push("a", "b");
        let turn = |role| crate::Turn::new(role, "x");
        let history = vec![turn(crate::Speaker::System)];
        rows.push_dialogue(history, "a", "b");
        let (user, assistant) = (turn(crate::Speaker::User), turn(crate::Speaker::Assistant));
        rows.push_dialogue(vec![user, assistant], "a", "b");
        let rows = rows.into_vec();
        let tokenizer = TextTokenizer::train_bpe(&rows, 257).unwrap();
        let prepared = prepare(&rows, &PromptTemplate::bare(), &tokenizer, 64);
        assert_eq!(prepared.unplaced, [(rows[1].id, 1)]);
        assert_eq!(prepared.ids().len(), 3);
    }

    #[test]
    fn special_tokens_in_a_text_are_counted() {
        let mut rows = Rows::new();
        rows.push("a", "b");
        rows.push("a<|endoftext|>b<|endoftext|>", "<|endoftext|>");
        let rows = rows.into_vec();
        let tokenizer = TextTokenizer::train_bpe(&rows, 257).unwrap();
        let prepared = prepare(&rows, &PromptTemplate::bare(), &tokenizer, 8);
        assert_eq!(prepared.special_in_text, [(rows[1].id, 3)]);
    }
}
