//! Judges, which score the answers of one model, and verdicts, which compare
//! two models on one prompt.
//!
//! Invariant: a verdict is typed, and none is dropped silently. A prompt that
//! could not be judged is [`Verdict::Unparsed`], [`Verdict::Refused`] or
//! [`Verdict::TransportError`] and is counted as such, never left out. The crate
//! contains no model. An [`RuleJudge`] reads texts. A [`LikelihoodJudge`] says
//! which continuations to score, and takes the scores.
//!
//! Scoring and comparing are separate for two reasons. Each model is scored
//! once, however many others it is compared with. And rates and margins need
//! the scores themselves:
//!
//! ```
//! use seal_rows::Rows;
//! use seal_judge::{LikelihoodJudge, Verdict, verdicts};
//!
//! let mut rows = Rows::new();
//! rows.push("What is 2 + 2?", "4");
//! let rows = rows.as_slice();
//! let judge = LikelihoodJudge::Answer;
//! assert_eq!(judge.continuations(&rows[0])?, ["4"]);
//! // Mean log-probability per token of "4" under each model, in nats.
//! let arm = vec![judge.assess(&rows[0], &[-0.5])?];
//! let reference = vec![judge.assess(&rows[0], &[-0.9])?];
//! let ids = [rows[0].id];
//! assert_eq!(verdicts(&ids, &arm, &reference, 0.01)?, [(ids[0], Verdict::Win)]);
//! # Ok::<(), seal_judge::JudgeError>(())
//! ```

mod answer;
mod assessment;
mod coherence;
mod error;
mod exchange;
mod guard;
mod jsonl;
mod judge;
mod kind;
mod likelihood;
mod needs;
mod pair;
pub mod pointwise;
pub mod prompt;
pub mod reading;
mod refusal;
mod sampled;
mod verdict;

pub use answer::{Answer, AnswerEnd, RuleJudge, assess_answers};
pub use assessment::Assessment;
pub use coherence::{
    Degeneracy, Degenerate, MIN_UNITS, RUN_LIMIT, RepeatedBlock, Repetition, SEQ_REP_4_LIMIT,
    degeneracy,
};
pub use error::JudgeError;
pub use exchange::{
    Annotation, FormatError, GameWinner, Listed, LmEvalSample, ModelOutput, OddReason, OddRow,
    OutputLabels, Outputs, PairRecord, Side, outputs_of, pair_key, preference_of, read_annotations,
    read_lm_eval_samples, read_model_outputs, read_pair_records, to_list,
};
pub use guard::{Guard, GuardKind, GuardSettings};
pub use jsonl::{from_jsonl, to_jsonl};
pub use judge::{Judge, JudgeSettings};
pub use kind::{DEFAULT_TIE_NATS, JudgeKind};
pub use likelihood::LikelihoodJudge;
pub use pair::{BothOrders, ContradictoryJudgement, Judgement, Order, Outcome};
pub use refusal::{RefusalClass, refusal_class};
pub use sampled::{mean_soft_worth, mean_worth, sampled_verdict};
pub use verdict::{Verdict, compare, verdicts};
