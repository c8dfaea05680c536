//! What can be wrong with a prompt.

/// Why a text cannot be used as a prompt. No message shows the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say what each field is")]
pub enum PromptError {
    /// The bytes are not those that the settings name.
    #[error(
        "the prompt's sha256 is {found}, and the settings say {expected}; get the text from the place that its settings name, or write the hash of this text if it is meant"
    )]
    Hash { expected: String, found: String },
    /// The settings name no hash.
    #[error(
        "the settings name no sha256 for the prompt; the text has {found}: write that if it is meant, or \"any\" to take whatever stands in the file"
    )]
    NoHash { found: String },
    /// The bytes are no UTF-8.
    #[error("the prompt is no UTF-8 text")]
    NotUtf8,
    /// The text has not the form that the settings name.
    #[error("the prompt is not of the form `{form}`: {why}")]
    Form { form: &'static str, why: String },
    /// A slot is missing.
    #[error("the prompt has no slot {{{slot}}}; a judge would not see what belongs there")]
    NoSlot { slot: String },
    /// A slot stands in the system turn.
    #[error(
        "the prompt has the slot {{{slot}}} in its system turn: an answer there would speak with the operator's voice; move it to the user's turn"
    )]
    SlotInSystem { slot: String },
}
