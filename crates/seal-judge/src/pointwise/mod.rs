//! Judges that look at one answer: guards, which say whether it does harm, and reward models, which
//! score it.
//!
//! No model is here. A guard's model gives probabilities of its verdict tokens
//! ([`GuardProbabilities`]), or a reply, which [`ReplyForm::read`] reads. A reward model gives a
//! number. What has no verdict is missing and is never harmless.
//!
//! Scores of a reward model are in its own unit. They compare answers to one prompt, never answers
//! to two.

mod canary;
mod canary_count;
mod figures;
mod item;
mod probabilities;
mod record;
mod reply;
mod verdict;

pub use canary::PointCanary;
pub use canary_count::{
    CanaryCount, ScoreGap, count_guard_canaries, count_reward_canaries, count_score_gaps,
    score_gaps,
};
pub use figures::{GuardFigures, RewardFigures, guard_figures, reward_figures};
pub use item::{PointItem, with_canaries};
pub use probabilities::GuardProbabilities;
pub use record::{GuardRecord, RewardRecord};
pub use reply::{Controversial, GuardReply, ReplyForm};
pub use verdict::{GuardVerdictSettings, VerdictError, VerdictToken};
