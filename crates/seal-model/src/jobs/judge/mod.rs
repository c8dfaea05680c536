//! Judges that are models: guards and reward models, on the answers of a file, and chat models that
//! are asked as endpoints are.

mod ahead;
mod chat;
mod found;
mod guard;
mod open;
mod prompt_settings;
mod rendering;
mod reward;
mod sequence;
mod table;
mod verdict_tokens;

pub use ahead::{JudgeAhead, judge_seconds};
pub use chat::{ChatModel, FoundChat};
pub use found::FoundJudge;
pub use guard::GuardModel;
pub use open::JudgeRequest;
pub use prompt_settings::{GuardPromptForm, GuardPromptSettings};
pub use reward::RewardModel;
pub use sequence::ControlTokens;
pub use table::{GuardTable, ModelTableKind, RewardTable, table_kind};

use crate::LeftOutRow;

/// What became of a set of answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged<R> {
    /// The records of the set, in its order; an answer that was left out has none.
    pub records: Vec<R>,
    /// Answers that were judged now.
    pub new: usize,
    /// Answers that had a record before.
    pub before: usize,
    /// Answers that the judge cannot be shown, and why.
    pub left_out: Vec<LeftOutRow>,
    /// Rows that transformers would score at an earlier token: they end in the pad token of the
    /// model's `config.json`.
    pub scored_elsewhere: usize,
}
