//! Statistics of a study: win rates, intervals, paired tests, ranking quality.
//!
//! Invariant: numbers in, numbers out. Nothing here reads a file, knows a model or names another
//! crate of the workspace, so every figure of a report can be recomputed from a matrix of verdicts.
//!
//! The unit of evaluation is a matrix of [`Outcomes`], prompts by seeds, with one verdict in each
//! cell. It answers two different questions:
//!
//! - [`prompt_interval`]: how would *these* models do on new prompts? Only prompts are resampled.
//! - [`study_interval`]: how would the method do if the study were run again, with new seeds and new
//!   prompts? Both vary. With one seed there is no answer, and the result is `None`.
//!
//! Figures of judges stand beside them: a win rate at equal lengths ([`length_controlled`]), what two
//! orders of a pair say ([`two_orders`]), and the agreement of raters ([`cohen_kappa`],
//! [`fleiss_kappa`], [`krippendorff_alpha`]).
//!
//! All rates are fractions, not percent. Results depend on the arguments only: sums run in a fixed
//! order, the bootstrap draws from a seeded generator, and nothing is parallel.

mod agreement;
mod bootstrap;
mod crossed;
mod error;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod golden_tests;
mod holm;
mod interval;
mod length;
mod level;
mod orders;
mod outcomes;
mod paired;
mod pivot;
mod rank;
mod resample;
mod roc;
mod selection;
mod study;
mod sum;
mod wilson;
mod win_rate;

pub use agreement::{
    Kappa, KappaWeights, cohen_kappa, confusion, fleiss_kappa, krippendorff_alpha,
};
pub use bootstrap::{DEFAULT_RESAMPLES, prompt_interval};
pub use error::StatsError;
pub use holm::{holm, holm_family};
pub use interval::{Interval, IntervalMethod};
pub use length::{LengthControlled, LengthFit, length_controlled, length_controlled_interval};
pub use level::Level;
pub use orders::{TwoOrders, two_orders};
pub use outcomes::{Outcomes, Scale};
pub use paired::{Paired, paired};
pub use rank::{average_ranks, spearman};
pub use roc::{RocPoint, auroc, roc_curve};
pub use selection::{EffectiveSize, effective_sample_size, unsafe_kept, unsafe_kept_floor};
pub use study::{StudyInterval, study_interval};
pub use sum::{mean, sample_variance, sum};
pub use wilson::share_interval;
pub use win_rate::{WinRate, win_rate};
