//! Weights, operations and bytes of a model, reckoned from its shape alone.
//!
//! Whatever needs such a figure asks here: the cut of batches, the order of a
//! study's stages, previews, benchmarks. Figures are floating point, so that
//! none overflows for a shape that no machine can hold.

mod counts;
mod cut;
mod model;
mod step;

pub(crate) use counts::linear_weights;
pub(crate) use cut::{Cut, GROUPS, PART, SMALL_PART, WORTH};
pub use model::Cost;
pub use step::TrainingStep;
