//! An interval, whichever way it was computed.

/// How an [`Interval`] was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntervalMethod {
    /// Bias-corrected and accelerated bootstrap over prompts.
    Bca,
    /// Wilson-type, because fewer than five prompts differ from the majority outcome.
    Wilson,
}

/// A two-sided confidence interval, within the range of its outcomes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
    /// How it was computed.
    pub method: IntervalMethod,
}
