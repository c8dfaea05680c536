//! Selector functions, selector state and its update, ranking, keep fractions
//! and baselines.
//!
//! Invariant: no model, no Burn and no IO. Losses go in, weights and rankings
//! come out; [`SelectorFile`] turns a result into text (and back) or Parquet, and
//! [`PublishedSelector`] reads the bytes of a PyTorch checkpoint; files are
//! left to the caller.
//!
//! A [`Selector`] holds one logit `omega` per row of the fine-tuning set. A
//! [`SelectorFunction`] turns logits into weights p, which are 1 for every row
//! at the start, so that the penalty strength keeps its meaning whatever the
//! function. Weights steer training; the ranking always uses the logits,
//! because a function that saturates or clamps would tie rows that differ.
//!
//! Results do not depend on the number of threads, nor on the order of the
//! rows inside a batch: sums run over chunks of fixed size, added in order,
//! and a batch is sorted before it is used.
//!
//! ```
//! use seal_select::{Normalise, Selector, SelectorFunction};
//!
//! let mut selector = Selector::new(SelectorFunction::Softmax, 4, Normalise::None)?;
//! // Rows 0 and 2 were in the batch; row 2 fits worse, so it sinks further.
//! selector.update(&[0, 2], &[1.0, 3.0], 0.1, 2)?;
//! assert!(selector.omega()[2] < selector.omega()[0]);
//! assert!(selector.omega()[0] < selector.omega()[1]);
//! # Ok::<(), seal_select::SelectError>(())
//! ```

mod adam;
mod baseline;
mod batch;
mod checkpoint;
mod chunked;
mod diagnostics;
mod dsir;
mod error;
mod exp;
mod file;
mod function;
mod mapping;
#[cfg(feature = "parquet")]
mod parquet;
mod ranking;
mod rate;
mod row_set;
mod scale;
mod selector;
mod separation;
mod settings;
mod softmax;

pub use baseline::{all_rows, frozen_loss_omega, random_omega, without_unsafe};
pub use checkpoint::{CheckpointError, MAX_CHECKPOINT_BYTES, PublishedSelector};
pub use diagnostics::{CollapseAlarm, Diagnostics, gamma_eff};
pub use dsir::{
    DSIR_EXCLUDED, Dsir, DsirSettings, DsirWeights, WordRule, dsir_omega, gumbel_noise,
};
pub use error::SelectError;
pub use file::{FORMAT_VERSION, SelectorFile, SelectorHeader, SelectorRow};
pub use function::SelectorFunction;
pub use mapping::{PUBLISHED_PROMPT_LIMIT, RowMapping, survives_published_filter};
#[cfg(feature = "parquet")]
pub use parquet::PARQUET_HEADER_KEY;
pub use ranking::{keep_count, keep_top, rank, rank_positions};
pub use rate::{matched_rate, rate_from_kappa};
pub use row_set::RowSet;
pub use selector::Selector;
pub use separation::{KEEP_FRACTIONS, Separation, UnsafeKept, separation};
pub use settings::{Normalise, Optimizer, SelectorSettings};
