//! Selector functions, selector state and its update, ranking, keep fractions
//! and baselines.
//!
//! Invariant: no model, no Burn and no IO. Losses go in, weights and rankings
//! come out. [`SelectorFile`] turns a result into text and back. The caller reads and
//! writes files. Heavy dependencies are behind features: `parallel` (vectors and threads),
//! `dsir` (the DSIR baseline), `checkpoint` (published PyTorch selectors) and `parquet`.
//! No feature changes a result.
//!
//! A [`Selector`] holds one logit `omega` per row of the fine-tuning set. A
//! [`SelectorFunction`] turns logits into weights p. At the start p is 1 for every
//! row, so that the penalty strength has the same meaning for every function.
//! Weights steer training. The ranking always uses the logits, because a function
//! that saturates or clamps would tie rows that differ.
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
#[cfg(feature = "checkpoint")]
mod checkpoint;
mod chunked;
mod diagnostics;
#[cfg(feature = "dsir")]
mod dsir;
mod error;
mod exp;
mod file;
mod function;
mod mapping;
mod normaliser;
#[cfg(feature = "parquet")]
mod parquet;
mod ranking;
mod rate;
mod row_set;
mod selector;
mod separation;
mod settings;
mod shown;
mod softmax;
mod state;

pub use baseline::{all_rows, frozen_loss_omega, random_omega, without_unsafe};
#[cfg(feature = "checkpoint")]
pub use checkpoint::{CheckpointError, ContainerError, MAX_CHECKPOINT_BYTES, PublishedSelector};
pub use diagnostics::{CollapseAlarm, Diagnostics, gamma_eff};
#[cfg(feature = "dsir")]
pub use dsir::{
    DSIR_EXCLUDED, Dsir, DsirSettings, DsirWeights, WordRule, dsir_omega, gumbel_noise,
};
pub use error::SelectError;
pub use file::{FORMAT_VERSION, SelectorFile, SelectorFormatError, SelectorHeader, SelectorRow};
pub use function::SelectorFunction;
pub use mapping::{
    DroppedRowsError, PUBLISHED_PROMPT_LIMIT, RowMapping, survives_published_filter,
};
#[cfg(feature = "parquet")]
pub use parquet::PARQUET_HEADER_KEY;
pub use ranking::{keep_count, keep_top, rank, rank_positions};
pub use rate::{matched_rate, rate_from_kappa};
pub use row_set::{RowSet, RowSetError};
pub use selector::Selector;
pub use separation::{KEEP_FRACTIONS, Separation, UnsafeKept, separation};
pub use settings::{Normalise, SelectorOptimizer, SelectorSettings};
pub use state::{AdamState, PartitionState, SelectorState};
