//! How far two devices may be apart.

/// Digits in which a device takes the products of numbers in f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 24 bits, as f32 has.
    F32,
    /// 11 bits of each factor, summed in f32: TF32 of NVIDIA's tensor cores.
    Tf32,
}

/// The largest difference that is allowed, and why. See [`crate::Found`] for the unit.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    f32: f64,
    tf32: f64,
    /// Why it is not smaller.
    pub reason: &'static str,
}

impl Tolerance {
    /// One pass through the model: sums of f32 in another order.
    pub(crate) const PASS: Self = Self {
        f32: 1e-5,
        tf32: 2e-2,
        reason: "one pass: sums of f32 in another order, through two or three blocks",
    };
    /// Gradients of one backward pass. Steep random models lose a digit more than losses do.
    pub(crate) const GRADIENT: Self = Self {
        f32: 5e-5,
        tf32: 5e-2,
        reason: "one backward pass: sums of f32 in another order, through steep random weights",
    };
    /// Some steps of AdamW, which makes the rounding of a gradient near 0 a whole step.
    pub(crate) const STEPS: Self = Self {
        f32: 1e-3,
        tf32: 5e-2,
        reason: "several steps: AdamW makes the rounding of a gradient near 0 a whole step",
    };
    /// Weights in bf16: states have three digits.
    pub(crate) const HALF: Self = Self {
        f32: 3e-2,
        tf32: 5e-2,
        reason: "states in bf16 have three digits, and each operation rounds them anew",
    };
    /// Tokens, refusals, bytes of files.
    pub(crate) const EXACT: Self =
        Self { f32: 0.0, tf32: 0.0, reason: "tokens and files are equal or not" };

    /// The largest difference allowed on a device of `precision`.
    pub fn of(&self, precision: Precision) -> f64 {
        match precision {
            Precision::F32 => self.f32,
            Precision::Tf32 => self.tf32,
        }
    }
}

impl Precision {
    /// Two logits closer than this are a tie: either may be the larger on a device.
    pub(crate) fn tie(self) -> f64 {
        match self {
            Self::F32 => 1e-3,
            Self::Tf32 => 0.2,
        }
    }
}
