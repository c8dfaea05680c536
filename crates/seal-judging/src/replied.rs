//! What came of asking a set of questions, whatever these show.

use seal_endpoint::EndpointError;

use crate::cost::{JudgingCost, ReplyCost};

/// The replies of a set, what they cost, and how the call went that asked for them.
#[derive(Debug, Default)]
pub struct Replied {
    /// Tokens and money of all replies of the set.
    pub cost: JudgingCost,
    /// The same by reply, in the order of the questions.
    pub replies: Vec<ReplyCost>,
    /// Replies of the set without a text and without a reason for that.
    pub blank_replies: usize,
    /// Questions that have such replies alone. What they ask about is missing.
    pub blank: usize,
    /// Replies that this call asked for and got.
    pub asked: usize,
    /// Questions of this call that got no reply.
    pub failed: usize,
    /// Whether a failure among them may pass.
    pub has_passing: bool,
    /// The latest of these failures.
    pub last_failure: Option<EndpointError>,
    /// The model as the server names it, or its names.
    pub served: Vec<String>,
    /// Why not all was asked.
    pub stopped: Option<Stopped>,
}

/// Why not all was asked, though nothing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The next question could exceed the largest cost.
    Budget,
    /// The caller asked to stop.
    Cancelled,
}

/// Lets the fields of [`Replied`] be read and set as fields of what holds it.
macro_rules! holds_replied {
    ($outcome:ty) => {
        impl std::ops::Deref for $outcome {
            type Target = $crate::replied::Replied;

            fn deref(&self) -> &Self::Target {
                &self.replied
            }
        }

        impl std::ops::DerefMut for $outcome {
            fn deref_mut(&mut self) -> &mut Self::Target {
                &mut self.replied
            }
        }
    };
}

pub(crate) use holds_replied;
