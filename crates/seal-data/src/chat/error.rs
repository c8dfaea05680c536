//! What can go wrong with a chat template.

/// A template that cannot be used, or a conversation that it does not take.
///
/// Messages name turns by their number, never by their text. Only
/// [`ChatError::Raised`] shows words of a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// The template is no Jinja that this program understands.
    #[error("chat template {name}: {reason}; correct it, or name another file as `template.chat`")]
    Syntax {
        /// The file, or where the template stands.
        name: String,
        /// What the parser said.
        reason: String,
    },
    /// The template itself refuses the conversation.
    #[error("chat template {name} refuses the conversation: {reason}")]
    Raised {
        /// The template.
        name: String,
        /// The words of its `raise_exception`.
        reason: String,
    },
    /// The template asks for today's date, which is a setting.
    #[error(
        "chat template {name} writes today's date into the prompt; set `template.date` \
         (\"2024-07-26\"), so that every run sees the same text"
    )]
    NoDate {
        /// The template.
        name: String,
    },
    /// A variable that the rendering sets by itself, or a value that no template can read.
    #[error(
        "chat template {name}: `template.kwargs` cannot set `{key}`; kwargs are further variables \
         of the template, such as `enable_thinking`"
    )]
    Kwarg {
        /// The template.
        name: String,
        /// The variable.
        key: String,
    },
    /// The template broke while it ran.
    #[error("chat template {name}: {reason}")]
    Failed {
        /// The template.
        name: String,
        /// What the engine said.
        reason: String,
    },
    /// Earlier turns look different once later ones follow.
    #[error(
        "chat template {name}: turn {turn} (from 1) is written differently once its answer \
         follows, so the text does not show where the answer starts; use a template that marks \
         answers with {{% generation %}}"
    )]
    Rewritten {
        /// The template.
        name: String,
        /// The turn, from 1.
        turn: usize,
    },
    /// The answer of a turn is not found in the text.
    #[error(
        "chat template {name}: the answer of turn {turn} (from 1) is not in the text as it was \
         given; use a template that marks answers with {{% generation %}}"
    )]
    Altered {
        /// The template.
        name: String,
        /// The turn, from 1.
        turn: usize,
    },
    /// The text does not show where an answer ends.
    #[error(
        "chat template {name}: no special token ends the answer of turn {turn} (from 1), and the \
         text after it depends on what follows; use a template that marks answers with \
         {{% generation %}}, or a tokenizer that knows the template's end-of-turn token"
    )]
    NoEnd {
        /// The template.
        name: String,
        /// The turn, from 1.
        turn: usize,
    },
    /// Nothing to train on.
    #[error("the conversation does not end with an answer of the assistant")]
    NoAnswer,
    /// Every character that can mark a span stands in the text.
    #[error("the conversation holds every noncharacter from U+FDD0 to U+FDEF; remove one")]
    NoMark,
}
