//! When to try again.

use std::time::Duration;

use crate::address::HubAddress;
use crate::{DownloadProgress, Event, HubError, Retry};

/// Waits after a failure that may pass; gives back any other, and the last.
/// `failures` counts those in a row without progress, with this one.
pub(crate) fn wait(
    retry: &Retry,
    of: &HubAddress,
    error: HubError,
    failures: &mut u32,
    on: &dyn DownloadProgress,
) -> Result<(), HubError> {
    *failures += 1;
    let asked = match &error {
        HubError::RateLimited { retry_after, .. } | HubError::Server { retry_after, .. } => {
            *retry_after
        }
        _ => None,
    };
    if !error.is_retryable()
        || *failures >= retry.attempts
        || asked.is_some_and(|asked| asked > retry.longest_wait)
    {
        return Err(error);
    }
    // A hub that asks for none is not asked again at once either.
    let wait = backoff(retry, *failures).max(asked.unwrap_or_default());
    tracing::warn!("{error}; next attempt in {:.1} s", wait.as_secs_f64());
    on.event(&Event::Waiting { file: of.path().unwrap_or(of.repo()), wait });
    std::thread::sleep(wait);
    Ok(())
}

/// By process, so that the many of a cluster do not come back at once.
fn backoff(retry: &Retry, failures: u32) -> Duration {
    let spread = f64::from(std::process::id().wrapping_mul(0x9e37_79b9)) / f64::from(u32::MAX);
    seal_net::backoff(retry.first_wait, retry.longest_wait, failures, spread)
}
