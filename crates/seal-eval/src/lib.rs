//! Evaluation: from evidence about models to win rates, intervals and the
//! figures that a report shows.
//!
//! [`win_rate`] is for two models. [`results_of`] computes the stored results
//! of a study and [`figures_of`] the rest of its plots, both from
//! [`StudyFacts`] and nothing else. The crate knows no config, no plan and no
//! model. It knows no arm by its id: an [`ArmFacts`] gives the role of its arm.
//!
//! Invariant: the figures do not depend on the order in which arms, prompts or
//! rows were handed in, down to the last bit. Everything that is summed or
//! resampled is first put in the order of its row ids.
//!
//! A missing cell, test or assessment is counted or null, never left out. Its
//! verdicts are missing. The worst-case bounds of a win rate show them.
//!
//! ```
//! use seal_eval::{Evidence, win_rate};
//! use seal_judge::Assessment;
//! use seal_rows::RowId;
//!
//! // Scores of two models' answers to 20 prompts, one seed.
//! let prompts: Vec<RowId> = (0..20).map(|i| RowId::of(&format!("prompt {i}"), "", 0)).collect();
//! let scored = |score: fn(usize) -> f64| {
//!     let assessed = prompts.iter().enumerate().map(|(i, id)| Assessment {
//!         value: Some(score(i)),
//!         ..Assessment::unscored(*id, None)
//!     });
//!     Evidence::Assessments(assessed.collect())
//! };
//! let ours = scored(|i| if i % 4 == 0 { 1.0 } else { 2.0 });
//! let reference = scored(|_| 1.0);
//!
//! let rate = win_rate(&prompts, &[(&ours, &reference)], 0.0)?;
//! // 15 wins and 5 ties: (15 + 5 / 2) / 20.
//! assert_eq!((rate.wins, rate.ties, rate.mean), (15, 5, Some(87.5)));
//! // One seed has an interval over new prompts, and none over new seeds.
//! assert!(rate.prompt_lo.unwrap() < 87.5 && rate.prompt_hi.unwrap() > 87.5);
//! assert_eq!(rate.lo, None);
//! # Ok::<(), seal_eval::EvalError>(())
//! ```

mod annotated;
mod assess;
mod base_nll;
mod bounded;
mod coherence;
mod compare;
mod error;
mod evidence;
mod facts;
mod opinions;
mod pairs;
mod plots;
mod rate;
mod rates;
mod results;
mod samples;
mod selection;
#[cfg(test)]
mod tests;
mod win;

pub use annotated::{
    AnnotatedError, AnnotatedFigures, LARGE_LENGTH_EFFECT, LENGTH_RESAMPLES, annotated_figures,
};
pub use assess::{LogProbs, assess};
pub use base_nll::{CellNll, base_nll, fill_base_nll};
pub use bounded::{TradeOff, TradeOffError, bounded_safety};
pub use coherence::{coherence, fill_coherence};
pub use error::{CellId, EvalError, StatisticInput};
pub use evidence::{Evidence, SampledPair};
pub use facts::{
    ArmFacts, CellFacts, FurtherJudge, PairFacts, PromptsByJudge, SelectionFacts, StudyFacts,
    TestFacts, TestJudge,
};
pub use plots::figures_of;
pub use rate::{outcomes, win_rate};
pub use results::results_of;
pub use samples::row_samples;
pub use seal_stats::LengthFit;

/// Mean of the values that are there; `None` without any.
fn mean_of(values: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    seal_stats::mean(&values.into_iter().flatten().collect::<Vec<_>>())
}
