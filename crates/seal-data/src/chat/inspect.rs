//! A row as the model sees it.

use super::{ChatFormat, Conversation, Message};
use crate::{ExampleError, RowId, Tokenizer};

/// One token of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its id.
    pub id: u32,
    /// The text it stands for. Where several tokens share a character, the
    /// first has it and the others are empty.
    pub text: String,
    /// Whether it is a special token.
    pub special: bool,
    /// Whether a loss is taken on it.
    pub trained: bool,
}

/// A conversation, token by token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The row.
    pub id: RowId,
    /// The rendered text; the texts of the pieces, one after another.
    pub text: String,
    /// Its tokens. Those after the last trained one do not enter the model.
    pub pieces: Vec<Piece>,
    /// Special tokens in what was said, which the model takes for structure.
    pub special_in_text: usize,
    /// See [`Conversation::border_inside_token`].
    pub border_inside_token: bool,
}

/// Shows how `messages` of row `id` are rendered, encoded and masked.
///
/// # Errors
/// As [`ChatFormat::encode`].
pub fn inspect(
    format: &ChatFormat,
    id: RowId,
    messages: &[Message],
    tokenizer: &dyn Tokenizer,
) -> Result<Inspection, ExampleError> {
    let conversation = format.encode(id, messages, tokenizer)?;
    let special_in_text = messages.iter().map(|m| tokenizer.special_in(&m.content)).sum();
    let pieces = pieces(&conversation, tokenizer);
    let Conversation { text, border_inside_token, .. } = conversation;
    Ok(Inspection { id, text, pieces, special_in_text, border_inside_token })
}

/// Every byte of the text goes to exactly one piece: to the token whose span
/// first reaches it. Spaces that no span holds go to the token after them.
fn pieces(conversation: &Conversation, tokenizer: &dyn Tokenizer) -> Vec<Piece> {
    let mut done = 0;
    let n = conversation.tokens.len();
    let piece = |(at, (id, span)): (usize, &(u32, std::ops::Range<usize>))| {
        let end = if at + 1 == n { conversation.text.len() } else { span.end.max(done) };
        let text = conversation.text[done..end].to_owned();
        done = end;
        Piece {
            id: *id,
            text,
            special: tokenizer.is_special(*id),
            trained: conversation.is_trained(at),
        }
    };
    conversation.tokens.iter().enumerate().map(piece).collect()
}
