//! Prompts of judges that are asked.

use seal_judge::prompt::{
    PairPrompt, PairSlots, PromptError, PromptForm, RubricPrompt, RubricSlots,
};
use seal_judge::reading::{RatingSettings, VerdictSettings};
use serde::de::DeserializeOwned;

use crate::table::ReplySettings;

/// A prompt of a kind of judges.
pub trait JudgePrompt: Sync + Sized {
    /// Names of its slots.
    type Slots: Default + DeserializeOwned + Sync;
    /// How a reply to it is read.
    type Reading: ReplySettings + Sync;

    /// Our own prompt.
    ///
    /// # Errors
    /// None in practice.
    fn built_in() -> Result<Self, PromptError>;

    /// A prompt from its text, whose SHA-256 was checked.
    ///
    /// # Errors
    /// A text of another form, and slots that are missing.
    fn of(
        text: &str,
        sha256: String,
        form: &PromptForm,
        slots: &Self::Slots,
    ) -> Result<Self, PromptError>;

    /// SHA-256 of the text, in hexadecimal digits.
    fn sha256(&self) -> &str;

    /// Whether it has a slot for a policy.
    fn has_policy(&self) -> bool;
}

impl JudgePrompt for PairPrompt {
    type Slots = PairSlots;
    type Reading = VerdictSettings;

    fn built_in() -> Result<Self, PromptError> {
        Self::built_in()
    }

    fn of(
        text: &str,
        sha256: String,
        form: &PromptForm,
        slots: &PairSlots,
    ) -> Result<Self, PromptError> {
        Self::of(text, sha256, form, slots)
    }

    fn sha256(&self) -> &str {
        self.sha256()
    }

    fn has_policy(&self) -> bool {
        false
    }
}

impl JudgePrompt for RubricPrompt {
    type Slots = RubricSlots;
    type Reading = RatingSettings;

    fn built_in() -> Result<Self, PromptError> {
        Self::built_in()
    }

    fn of(
        text: &str,
        sha256: String,
        form: &PromptForm,
        slots: &RubricSlots,
    ) -> Result<Self, PromptError> {
        Self::of(text, sha256, form, slots)
    }

    fn sha256(&self) -> &str {
        self.sha256()
    }

    fn has_policy(&self) -> bool {
        self.has_policy()
    }
}
