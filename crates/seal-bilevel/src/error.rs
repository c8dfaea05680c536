//! What can go wrong in training.

use std::fmt;

use seal_data::RowId;
use seal_lm::{LmError, SettingError, TrainingStateError};
use seal_select::SelectError;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum BilevelError {
    /// A setting outside its range.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Nothing to train on.
    #[error("the {set} has no rows that can be trained on")]
    Empty {
        /// The set without rows.
        set: TrainingSet,
    },
    /// A loss or a gradient that is not a number, in a model that has moved.
    #[error(
        "epoch {epoch}, step {step}: the {figure} is {value}{}; lower the learning rate or look \
         at the data",
        of_rows(rows)
    )]
    Diverged {
        /// Step, from 0.
        step: usize,
        /// Epoch, from 1.
        epoch: usize,
        /// Which figure.
        figure: StepFigure,
        /// NaN or an infinity.
        value: f64,
        /// The row of the loss, or the rows of the gradient.
        rows: Vec<RowId>,
    },
    /// The model failed.
    #[error(transparent)]
    Model(#[from] LmError),
    /// The selector failed.
    #[error(transparent)]
    Selector(#[from] SelectError),
    /// The selector could not follow a step.
    #[error("epoch {epoch}, step {step}: {source}")]
    SelectorStep {
        /// Step, from 0.
        step: usize,
        /// Epoch, from 1.
        epoch: usize,
        /// Why.
        source: SelectError,
    },
    /// Nearly all weight sits on a few rows.
    #[error(
        "epoch {epoch}: the selector collapsed: its effective sample size is {ess:.3} of the \
         rows, below 0.05; lower bilevel.kappa (or bilevel.rate)"
    )]
    Collapsed {
        /// Epoch, from 1.
        epoch: usize,
        /// Effective sample size over N.
        ess: f64,
    },
    /// A saved state that cannot be gone on with.
    #[error(transparent)]
    State(#[from] StateError),
    /// The observer asked to stop.
    #[error("stopped on request")]
    Cancelled,
    /// The observer of a run failed.
    #[error(transparent)]
    Observer(Box<dyn std::error::Error + Send + Sync>),
}

/// A set of rows that a run is trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrainingSet {
    /// D, the rows that are fine-tuned on.
    FineTuning,
    /// D_safe.
    Safe,
}

impl fmt::Display for TrainingSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FineTuning => "fine-tuning set",
            Self::Safe => "safe set",
        })
    }
}

/// A figure of a step that must be finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepFigure {
    /// Mean loss of a row's answer tokens.
    RowLoss,
    /// Norm of all gradients together.
    GradientNorm,
}

impl fmt::Display for StepFigure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RowLoss => "loss of a row",
            Self::GradientNorm => "gradient norm",
        })
    }
}

/// The first of `rows`, and the number of the others.
fn of_rows(rows: &[RowId]) -> String {
    match rows {
        [] => String::new(),
        [one] => format!(" (row {one})"),
        [first, others @ ..] => format!(" (row {first} and {} more)", others.len()),
    }
}

/// A setting outside its range. Each message begins with the setting, so that the section that it
/// stands in goes before it with a dot.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A number of epochs or rows that is 0, or so large that it can only be a mistake.
    #[error("{name} must be from 1 to {most}, is {value}")]
    Count {
        /// Name of the setting.
        name: &'static str,
        /// Its value.
        value: usize,
        /// Largest value.
        most: usize,
    },
    /// A number that must be positive and finite.
    #[error("{name} must be above 0, is {value}")]
    NotPositive {
        /// Name of the setting.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// The released variant always has Adam, whose steps do not follow the scale that kappa
    /// takes out.
    #[error(
        "algorithm released needs rate, Adam's (published: 0.005); kappa is for algorithm-1 and \
         algorithm-2"
    )]
    ReleasedNeedsRate,
    /// The selector's optimiser is Adam, as there.
    #[error("selector_optim adam needs rate (published: 0.005); kappa is for sgd")]
    AdamNeedsRate,
    /// A penalty strength outside [0, 1).
    #[error("gamma must stay in [0, 1), reaches {gamma}")]
    Gamma {
        /// Its first value outside.
        gamma: f64,
    },
    /// More steps than can be counted.
    #[error("epochs is {epochs}, of {of_epoch} steps each: too many")]
    Steps {
        /// Passes over the rows.
        epochs: usize,
        /// Steps of each.
        of_epoch: usize,
    },
    /// The released variant would drop its only batch.
    #[error(
        "batch is {batch}, but the sets hold {data} and {safe} rows: algorithm released drops \
         batches that are not whole"
    )]
    NoWholeBatch {
        /// Rows of a batch.
        batch: usize,
        /// Rows of the fine-tuning set.
        data: usize,
        /// Rows of the safe set.
        safe: usize,
    },
    /// A setting of the model's optimiser or adapter.
    #[error("{section}{}{source}", separator(source))]
    Model {
        /// `optim` or `lora`.
        section: &'static str,
        /// What is wrong.
        source: SettingError,
    },
}

/// What stands between a section and what is said of its setting.
fn separator(source: &SettingError) -> &'static str {
    if source.begins_with_setting() { "." } else { ": " }
}

/// A saved state that cannot be gone on with.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Bytes that are no safetensors file.
    #[error("the saved state is no whole safetensors file: {0}")]
    Container(#[from] safetensors::SafeTensorError),
    /// A header that is missing or malformed.
    #[error("the saved state has a header that cannot be read: {0}")]
    Header(#[from] serde_json::Error),
    /// A format that this version does not know.
    #[error("the saved state has format {found}, this version reads {known}")]
    Version {
        /// Version in the header.
        found: u32,
        /// Version that is read.
        known: u32,
    },
    /// A state of another run: other rows, settings, seed or task.
    #[error("the saved state belongs to a run with another {what}")]
    OtherRun {
        /// What is not the same.
        what: &'static str,
    },
    /// A tensor that is not there, or of another type or length.
    #[error("the saved state has no tensor `{name}` of type {dtype} that fits")]
    Tensor {
        /// Its name.
        name: String,
        /// Its type.
        dtype: &'static str,
    },
    /// Tensors that do not fit the model.
    #[error("the saved state does not fit the model: {0}")]
    Model(#[from] TrainingStateError),
    /// Numbers that do not fit the selector.
    #[error("the saved state does not fit the selector: {0}")]
    Selector(#[source] SelectError),
}
