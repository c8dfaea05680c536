//! What of a selector moves, so that a run can be saved and gone on with.

/// A [`Selector`](crate::Selector) without its settings. One that is
/// [restored](crate::Selector::restore) goes on as the one that was saved would have, bit by
/// bit.
#[derive(Clone, Debug, PartialEq)]
pub struct SelectorState {
    /// Logits, one a row.
    pub omega: Vec<f64>,
    /// Softmax's partition function. It is summed as the logits step, so a sum over
    /// `omega` may differ from it in the last digits. `None` for other functions.
    pub partition: Option<PartitionState>,
    /// Adam's moments; `None` where steps are plain.
    pub adam: Option<AdamState>,
}

/// Softmax's partition function, sum of exp(w - shift).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PartitionState {
    /// Taken off each logit.
    pub shift: f64,
    /// The sum.
    pub total: f64,
    /// The largest logit.
    pub max: f64,
}

/// Adam's moments of the logits' gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct AdamState {
    /// First moment, one a row.
    pub mean: Vec<f64>,
    /// Second moment, one a row.
    pub square: Vec<f64>,
    /// Steps done.
    pub steps: u32,
}
