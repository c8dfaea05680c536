//! What happens while pairs are judged.

use std::time::Duration;

use seal_endpoint::EndpointError;

/// Something that happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// What there is to do.
    Started {
        /// Replies that are needed.
        questions: usize,
        /// Those among them that the log has.
        stored: usize,
    },
    /// A reply is in the log.
    Answered {
        /// Replies so far, the stored ones with them.
        done: usize,
        /// Replies that are needed.
        of: usize,
    },
    /// A reply has no text and no reason for that.
    Blank {
        /// Whether its question is asked once more in this run.
        is_again: bool,
    },
    /// An attempt failed and another will follow.
    Retrying {
        /// Why it failed.
        error: &'a EndpointError,
        /// Time until the next attempt.
        wait: Duration,
    },
    /// A question got no reply. Its pair is missing.
    Failed {
        /// Why.
        error: &'a EndpointError,
    },
}

/// Hears of events. It is called from every thread that asks.
pub trait Observer: Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>);

    /// Whether to stop. Replies that are under way are waited for for a second and kept. Later ones are
    /// broken off, and their questions stay open.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// Whether the log is still this process's to write. It is asked before each question and before
    /// each reply is written. For callers with a claim on the log that another may take over.
    fn owns_log(&self) -> bool {
        true
    }
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: &Event<'_>) {}
}
