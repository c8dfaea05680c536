//! The penalty objective, gamma schedules, Algorithms 1 and 2 and the released
//! variant, and the [`Trainer`] that they share with plain SFT.
//!
//! [`Supervised`] and [`Bilevel`] are the inputs of a run. [`Trainer`] is its
//! loop. An [`Observer`] watches it. After an interruption, a run continues from
//! a [`TrainerState`] alone.
//!
//! Invariant: the only place that touches model and selector together. It does
//! no IO: examples in, models and logits out, and states as bytes.
//!
//! Every row of the fine-tuning set is visited exactly once an epoch; the safe
//! set is cycled. Orders are functions of (seed, epoch, row id), so the order
//! of a file's rows changes nothing.

mod bilevel;
mod error;
mod learned;
mod learner;
mod loss;
mod observer;
mod penalty;
mod position;
mod replicas;
mod settings;
mod state;
mod sums;
mod supervised;
mod trainer;
mod trial;
mod visits;

pub use bilevel::Bilevel;
pub use error::{BilevelError, SettingsError, StateError, StepFigure, TrainingSet};
pub use learned::{EpochTrace, Learned};
pub use loss::score;
pub use observer::{
    EpochEnd, ModelState, Observer, PenaltyTrace, RunStart, SelectorStart, Silent, Snapshot,
    StepSide, StepTrace,
};
pub use settings::{Algorithm, BilevelSettings, Gamma, GammaUnit, SelectorOptim, SftSettings};
pub use state::TrainerState;
pub use supervised::{FineTuned, Supervised};
pub use trainer::{Trainer, TrainingTask};
pub use trial::{Trial, TrialDifferences};

/// Called after each step with (steps done, steps in all).
pub type Progress<'a> = &'a mut dyn FnMut(usize, usize);
