//! The stored documents: what a study writes and this crate reads.

mod answer_judging;
mod arm;
mod bounded;
mod bounds;
mod check;
mod coherence;
mod cost;
mod figures;
mod judging;
mod opinion;
mod proof;
mod provenance;
mod results;

pub use answer_judging::{AnswerCanaries, AnswerFigures, AnswerJudging};
pub use arm::{Arm, CategoryRates, Cell, PerTest, Ranking, Role, Selection, Weights, WinRate};
pub use bounded::{BoundedArm, BoundedSafety, Usefulness};
pub use coherence::{BaseNll, BaseNllFigures, Coherence, CoherenceShares};
pub use cost::{RunCost, StageCost, StageOutcome};
pub use figures::{CellFigures, EpochTrace, Figures, Histogram, RocPoint, RowSample, TuningCurve};
pub use judging::{Canaries, JudgingCost, PairFigures, PairJudging, Proof, Standing};
pub use opinion::{Agreement, Opinion};
pub use proof::JudgeProof;
pub use provenance::Provenance;
pub use results::{Comparison, Data, Results, SplitSummary};
