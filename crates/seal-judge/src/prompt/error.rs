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
    #[error("the prompt is not of the form `{form}`: {fault}")]
    Form { form: &'static str, fault: FormFault },
    /// A slot is missing.
    #[error("the prompt has no slot {{{slot}}}; a judge would not see what belongs there")]
    NoSlot { slot: String },
    /// A slot stands in the system turn.
    #[error(
        "the prompt has the slot {{{slot}}} in its system turn: an answer there would speak with the operator's voice; move it to the user's turn"
    )]
    SlotInSystem { slot: String },
}

/// What of a text is not of its form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each field is")]
pub enum FormFault {
    /// ChatML without its beginning.
    #[error("it does not begin with <|im_start|>")]
    NoStart,
    /// ChatML without its end.
    #[error("it does not end with <|im_end|>")]
    NoEnd,
    /// A turn without its role.
    #[error("a turn has no line with its role")]
    NoRole,
    /// A turn without its end.
    #[error("a turn does not end")]
    OpenTurn,
    /// Text of no turn.
    #[error("there is text between two turns")]
    BetweenTurns,
    /// Turns of other roles, or in another order.
    #[error("its turns are other than a system turn, which may be missing, and one of the user")]
    OtherTurns,
    /// A line of JSON lines that is none.
    #[error("a line is no JSON ({reason})")]
    NotJson { reason: String },
    /// A record of FastChat without its prompt.
    #[error("the record has no prompt_template")]
    NoTemplate,
    /// No record of the name that the settings give.
    #[error("it has no record named `{}`", name.escape_debug())]
    NoRecord { name: String },
}
