//! Formats that other programs of the field read and write: AlpacaEval's model outputs and
//! annotations, FastChat's judgments, and samples of the LM evaluation harness.
//!
//! A row that is not as it should be is listed with its number and a reason ([`OddRow`]), and the
//! other rows are read. Fields that a format does not define are kept and written again.

mod annotation;
mod answered;
mod error;
mod fastchat;
mod fields;
mod list;
mod lm_eval;
mod nan;
mod output;

pub use annotation::{Annotation, pair_key, preference_of, read_annotations};
pub use answered::{OutputLabels, Outputs, outputs_of};
pub use error::{FormatError, OddReason, OddRow};
pub use fastchat::{GameWinner, PairRecord, Side, read_pair_records};
pub use list::{Listed, to_list};
pub use lm_eval::{LmEvalSample, read_lm_eval_samples};
pub use output::{ModelOutput, read_model_outputs};
