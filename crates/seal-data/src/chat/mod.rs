//! Chat templates: from a conversation to tokens and to the tokens that a
//! loss is taken on.
//!
//! A template is a Jinja program that comes with a model and writes a whole
//! conversation as one text, special tokens included. It is rendered as the
//! `transformers` library renders it (5.23; golden tests compare text, tokens
//! and masks). The text is then encoded once, as a whole: encoding prompt and
//! answer apart would give other tokens at the border than the model sees when
//! it answers.
//!
//! Which tokens belong to an answer is read off the text, by byte positions,
//! in one of two ways. A template with `{% generation %}` says so itself.
//! Otherwise an answer starts where the text without it, with the generation
//! prompt, ends; and it ends with the first special token after its words (the
//! end-of-turn token). A template for which that cannot be told is refused.

mod conversation;
mod error;
mod format;
mod generation;
mod inspect;
mod jinja;
mod parts;
mod setting;
mod spans;
mod strftime;
mod template;

pub use conversation::{Conversation, Message};
pub use error::ChatError;
pub use format::{ChatFormat, Trained};
pub use inspect::{Inspection, Piece, inspect};
pub use setting::{TemplateError, TemplateSetting, TemplateSettingError};
pub use strftime::{Date, DateError};
pub use template::{ChatTemplate, Rendered};
