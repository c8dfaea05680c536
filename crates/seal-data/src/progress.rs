//! How far reading has come, for whoever waits.

use std::sync::atomic::{AtomicU64, Ordering};

static ROWS: AtomicU64 = AtomicU64::new(0);

pub(crate) fn row_read() {
    ROWS.fetch_add(1, Ordering::Relaxed);
}

/// Number of rows that this process has read from files so far, those included
/// that are not used. It is there to be shown while one waits; no result depends
/// on it.
pub fn rows_read() -> u64 {
    ROWS.load(Ordering::Relaxed)
}
