//! Whoever waits for a reply: hears what happens, and may ask to stop.

use std::time::Duration;

use crate::error::EndpointError;

/// Something that happens while a question is under way.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// An attempt failed and another will follow after `wait`.
    Retrying {
        /// Why it failed.
        error: &'a EndpointError,
        /// The number of the attempt that failed, from 1.
        attempt: u32,
        /// Time until the next.
        wait: Duration,
    },
    /// A limit of requests or tokens a minute is reached.
    Limited {
        /// Time until the request may go.
        wait: Duration,
    },
}

/// Hears of notices, and says whether to go on. It is called from every thread that asks.
pub trait Watch: Sync {
    /// Something happened.
    fn notice(&self, notice: &Notice<'_>);

    /// Whether to stop before the next attempt. A request that is under way is waited for: its reply
    /// may be on the bill.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// Whether to break off a request that is under way: its connection is closed, and its reply is lost.
    /// It is asked several times a second.
    fn breaks_off(&self) -> bool {
        false
    }
}

/// Hears nothing and never stops.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Watch for Quiet {
    fn notice(&self, _: &Notice<'_>) {}
}
