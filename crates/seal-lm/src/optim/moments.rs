//! AdamW's moments of a parameter, for those who save them and read them back.

/// First and second moments of one parameter, as f32 on the host.
///
/// Inside the optimiser the values are in Burn's layout; those that
/// [`crate::training_state`] gives are in that of Hugging Face files.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// Mean gradient, `exp_avg` in PyTorch.
    pub exp_avg: Vec<f32>,
    /// Mean squared gradient, `exp_avg_sq` in PyTorch.
    pub exp_avg_sq: Vec<f32>,
    /// Steps that moved the parameter.
    pub steps: u32,
}
