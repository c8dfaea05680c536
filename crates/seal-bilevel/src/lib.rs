//! The penalty objective, gamma schedules, Algorithms 1 and 2 and the released
//! variant, and the training loop they share with plain SFT.
//!
//! Invariant: the only place that touches model and selector together. It does
//! no IO: examples in, models and logits out.
//!
//! Every row of the fine-tuning set is visited exactly once an epoch; the safe
//! set is cycled. Orders are functions of (seed, epoch, row id), so the order
//! of a file's rows changes nothing.

mod error;
mod learn;
mod loss;
mod observer;
mod settings;
mod sft;
mod step;
mod trial;
mod visits;

pub use error::BilevelError;
pub use learn::{EpochTrace, Learned, learn_selector, learn_selector_observed};
pub use loss::score;
pub use observer::{ModelState, Moment, Observer, RunStart, State, StepTrace};
pub use settings::{Algorithm, BilevelSettings, Gamma, Per, SelectorOptim, SftSettings};
pub use sft::{FineTuned, fine_tune};
pub use trial::{Agreement, Trial};

/// Called after each step with (steps done, steps in all).
pub type Progress<'a> = &'a mut dyn FnMut(usize, usize);
