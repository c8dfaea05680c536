//! Prompts of judges: texts with slots, own ones and those of others.
//!
//! The prompts that others wrote are not part of this crate. Such a text comes as bytes with the
//! SHA-256 that it must have ([`checked_text`]), in one of the forms of [`PromptForm`].
//!
//! Slots are filled in one pass: an answer that holds `{output_2}` is text. No slot may stand in
//! the system turn, so that no answer speaks with the operator's voice.

mod delimiter;
mod error;
mod form;
mod guard;
mod hash;
mod pair;
mod rubric;
mod template;
mod turns;

pub use error::{FormFault, PromptError};
pub use form::PromptForm;
pub use guard::{GuardPrompt, GuardSlots};
pub use hash::{ANY_HASH, checked_text, sha256_hex};
pub use pair::{PairPrompt, PairSlots};
pub use rubric::{RubricPrompt, RubricSlots};
pub use template::Filled;
pub use turns::Turns;
