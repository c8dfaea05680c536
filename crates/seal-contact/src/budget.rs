//! The time that all steps have together.

use std::time::{Duration, Instant};

/// Time for the report at the end.
const RESERVE: Duration = Duration::from_secs(2);

/// The time that all steps have together.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    started: Instant,
    whole: Duration,
}

impl Budget {
    /// `whole`, from now on.
    pub fn new(whole: Duration) -> Self {
        Self { started: Instant::now(), whole }
    }

    /// All of it.
    pub fn whole(&self) -> Duration {
        self.whole
    }

    /// What has passed.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// What is left until `share` of the whole has passed.
    pub fn left(&self, share: f64) -> Duration {
        let until = self.whole.saturating_sub(RESERVE).mul_f64(share.clamp(0.0, 1.0));
        until.saturating_sub(self.elapsed())
    }
}
