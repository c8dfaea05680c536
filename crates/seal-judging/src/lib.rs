//! Judges pairs of answers, and rates single ones, by a server or by a model on this machine.
//!
//! Invariant: a verdict that was paid for is in the log before anything else happens with it, and
//! none that the log has is asked for again. What is missing is counted and is never a loss.
//!
//! 1. A [`JudgeTable`] says which endpoint, which prompt, how a verdict is read, and how much may
//!    be spent. [`PairJudge`] is such a judge, ready to use.
//! 2. [`pair_up`] makes pairs of two models' answers by their instructions.
//! 3. [`QuestionSet`] has the questions: each pair in both orders, and the [`CanaryKind`]s.
//! 4. [`judge`] asks what the [`VerdictLog`] lacks. [`write_batch`] and [`read_batch`] do the same
//!    through batch files.
//! 5. [`Judged`] has the outcomes, [`annotations`] and [`orders`] the rest.
//!
//! [`rubric`] does the same for single answers, which it rates from 1 to 5.
//!
//! A judge may be a model on this machine ([`LocalModel`]). Whoever opens it is its [`Responder`].
//!
//! **The key of a question** is the SHA-256 of the endpoint's address, the model, the rendered
//! turns (so prompt, both answers and their order) and the parameters of sampling. Verdicts are
//! read from stored replies. So another way of reading them costs nothing. A blank reply, which a
//! server in trouble sends, is asked again, three times at most over the life of a log. A model on
//! this machine would give the same reply, so it is asked once.
//!
//! **The model as the server names it** is part of every line. Verdicts of one name make a set.
//! If the server names another model than before, judging stops after that reply. `served_as`
//! lists names that count as one judge.

mod annotations;
mod canary;
mod cost;
mod error;
mod estimate;
mod event;
mod identity;
mod inquiry;
mod judge;
mod judge_prompt;
mod judged;
mod key;
mod keys;
mod kind;
mod line;
mod local;
mod log;
mod means;
mod outstanding;
mod pairs;
mod question;
mod question_queue;
mod record;
mod replied;
mod responder;
pub mod rubric;
mod run;
mod source;
mod stored;
mod table;
mod through_batch;
mod toml_table;

pub use annotations::{annotations, orders};
pub use canary::{CanaryKind, CanaryResult, CanaryStanding};
pub use cost::{JudgingCost, ReplyCost};
pub use error::JudgingError;
pub use estimate::{Estimate, estimate};
pub use event::{Event, Observer, Silent};
pub use inquiry::{LineSummary, Questions};
pub use judge::{AskedJudge, PairJudge};
pub use judge_prompt::JudgePrompt;
pub use judged::Judged;
pub use keys::QuestionKeys;
pub use kind::TableKind;
pub use local::{Dtype, LocalIdentity, LocalModel, LocalTemplate};
pub use log::{Repair, VerdictLog};
pub use pairs::{Pair, PairSet, pair_up};
pub use question::{Question, QuestionSet, Subject};
pub use replied::{Replied, Stopped};
pub use responder::Responder;
pub use run::judge;
pub use source::{FormName, PromptSource};
pub use stored::{missing_questions, stored};
pub use table::{AskedTable, JudgeTable, ReplySettings};
pub use through_batch::{BatchRead, BatchWritten, outstanding_questions, read_batch, write_batch};
pub use toml_table::{most_like, no_kind};
