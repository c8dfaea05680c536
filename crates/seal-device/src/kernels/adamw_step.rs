//! Settings of one step of AdamW.

/// One step of AdamW (Loshchilov and Hutter 2019); numbers as Burn's own
/// optimiser has them, in f32.
#[derive(Clone, Copy, Debug)]
pub struct AdamWStep {
    /// Learning rate.
    pub lr: f64,
    /// Decay rates of the two moments.
    pub betas: (f32, f32),
    /// Added to the root of the second moment.
    pub eps: f32,
    /// Decoupled weight decay.
    pub weight_decay: f32,
    /// Gradients are multiplied by it first.
    pub scale: Option<f32>,
    /// Steps with this one, from 1.
    pub time: i32,
}
