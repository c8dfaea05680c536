//! What a step cannot go on after.

/// What a step cannot go on after.
#[derive(Debug, thiserror::Error)]
pub enum StepFault {
    /// Something is wrong.
    #[error("{said}")]
    Failed {
        /// What.
        said: String,
    },
    /// The time is used up.
    #[error("the time is used up: {said}")]
    Time {
        /// Where it was.
        said: String,
    },
    /// A stop was asked for.
    #[error("stopped on request")]
    Stopped,
}

impl StepFault {
    /// Something is wrong.
    pub fn failed(said: impl Into<String>) -> Self {
        Self::Failed { said: said.into() }
    }
}
