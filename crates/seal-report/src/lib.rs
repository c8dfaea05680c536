//! Result types and their rendering as HTML, Markdown, LaTeX, CSV and JSON.
//!
//! The crate reads results only: no model, no Burn, no network and no clock. Of the
//! workspace it uses `seal-files` and `seal-text` alone. Equal input gives equal bytes.
//! So a report can be made again, on another machine, from the stored files alone.
//!
//! - [`Results`], [`Figures`], [`Provenance`] and [`RunCost`] are the stored
//!   documents; [`Document`] reads and writes them.
//! - [`Report`] joins them and renders.
//! - [`AnswersPage`] is a page of its own for the texts of answers.
//!
//! ```
//! use seal_report::{Arm, Report, Results, Role};
//!
//! let results = Results {
//!     study: "demo".into(),
//!     reference: "standard-sft".into(),
//!     seeds: vec![0],
//!     arms: vec![Arm::new("standard-sft", "standard SFT", Role::Reference)],
//!     ..Results::default()
//! };
//! let report = Report { results, ..Report::default() };
//! assert!(report.markdown().starts_with("# SEAL ablation: demo"));
//! ```

mod answers;
mod base_card;
mod cards;
mod checksums;
mod document;
mod error;
mod finding;
mod findings;
mod finite;
mod html;
mod latex;
mod long;
mod markdown;
mod model;
mod number;
mod plot;
mod renderings;
mod report;
mod scalars;
mod seeds;
mod settings;
mod table;
mod tensorboard;
mod text;
mod view;

pub use answers::{AnsweredTest, AnswersPage, CellAnswers, ShownPrompt};
pub use base_card::BaseCard;
pub use cards::CardFacts;
pub use document::{Document, FORMAT_VERSION};
pub use error::{Error, Result};
pub use findings::{FindingsSpec, SpecError, findings};
pub use model::{
    Agreement, AnswerCanaries, AnswerFigures, AnswerJudging, Arm, BaseNll, BaseNllFigures,
    BoundedArm, BoundedSafety, Canaries, CategoryRates, Cell, CellFigures, Coherence,
    CoherenceShares, Comparison, Data, EpochTrace, Figures, Histogram, JudgeProof, JudgingCost,
    Opinion, PairFigures, PairJudging, PerTest, Proof, Provenance, Ranking, Results, RocPoint,
    Role, RowSample, RunCost, Selection, SplitSummary, StageCost, StageOutcome, Standing,
    TuningCurve, Usefulness, Weights, WinRate,
};
pub use report::Report;
pub use scalars::{Scalar, ScalarRun};
pub use settings::flat_settings;
