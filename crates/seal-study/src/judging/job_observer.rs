//! Who hears of questions under way, and says whether to go on.

use seal_store::Claim;

use crate::exec::Job;
use crate::observer::Observer;

/// Tells how far a set of questions is, whether the run is asked to stop, and whether the log is still
/// its own.
pub(super) struct JobObserver<'a>(pub(super) &'a Job<'a>, pub(super) &'a Claim);

impl seal_judging::Observer for JobObserver<'_> {
    fn event(&self, event: &seal_judging::Event<'_>) {
        if let seal_judging::Event::Answered { done, of } = event {
            (self.0.progress)(*done as f64 / (*of).max(1) as f64);
        }
    }

    fn is_cancelled(&self) -> bool {
        (self.0.is_cancelled)()
    }

    fn owns_log(&self) -> bool {
        self.1.is_held().unwrap_or_else(|error| {
            tracing::warn!(%error, "the claim on the log cannot be looked at");
            false
        })
    }
}

/// Ends a probe where the run is asked to stop.
pub(super) struct CancelWatch<'a>(pub(super) &'a dyn Observer);

impl seal_endpoint::Watch for CancelWatch<'_> {
    fn notice(&self, _: &seal_endpoint::Notice<'_>) {}

    fn breaks_off(&self) -> bool {
        self.0.is_cancelled()
    }
}
