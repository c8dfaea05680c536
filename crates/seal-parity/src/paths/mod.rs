//! What a model is used for, each as a path that any device can take.

mod files;
mod forward;
mod generation;
mod half;
mod judging;
mod long;
mod optimizer;
mod refusals;
mod selector;
mod tuning;

pub(crate) use files::{adapters, folders, merged};
pub(crate) use forward::{adapted_gradients, gradients, losses};
pub(crate) use generation::{greedy, sampled};
pub(crate) use half::{half_gradients, half_losses};
pub(crate) use judging::{next_tokens, scores};
pub(crate) use long::{long_rows, wide_vocabulary};
pub(crate) use optimizer::{clipping, resumed};
pub(crate) use refusals::{ids, targets};
pub(crate) use selector::{SelectorCase, learned};
pub(crate) use tuning::{TuningCase, row_losses, tuned};
