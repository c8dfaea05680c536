//! Replies of judges as verdicts and ratings.
//!
//! Readers are anchored: a label counts where the prompt asks for it, and nowhere else. A reply
//! without a verdict is [`Outcome::Unparsed`](crate::Outcome::Unparsed), a refusal is
//! [`Outcome::Refused`](crate::Outcome::Refused). Neither is a loss.

mod brackets;
mod judged;
mod labels;
mod rating;
mod reply;
mod settings;
mod strong_reject;
mod thoughts;
mod tokens;

pub use judged::{Basis, ReadJudgement, read};
pub use rating::{Rating, RatingSettings, RubricForm, read_rating};
pub use reply::{JudgeReply, TokenProbabilities};
pub use settings::{ReadingError, VerdictForm, VerdictSettings};
