//! Says that rows are being read, where that takes a while.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use seal_data::rows_read;

use crate::verbosity::Verbosity;

/// The first word comes after so long: most files are read by then.
const PATIENCE: Duration = Duration::from_secs(1);

/// Shows the number of rows that have been read, until it is dropped.
pub(crate) struct ReadingProgress {
    done: Arc<(Mutex<bool>, Condvar)>,
    shown: Option<JoinHandle<()>>,
}

impl ReadingProgress {
    pub(crate) fn start(verbosity: Verbosity) -> Self {
        let done = Arc::new((Mutex::new(false), Condvar::new()));
        let told = Arc::clone(&done);
        // Without a thread to be had, nothing is shown.
        let shown = (!verbosity.quiet)
            .then(|| thread::Builder::new().spawn(move || show(&told)).ok())
            .flatten();
        Self { done, shown }
    }
}

impl Drop for ReadingProgress {
    fn drop(&mut self) {
        *self.done.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.done.1.notify_all();
        if let Some(shown) = self.shown.take() {
            let _ = shown.join();
        }
    }
}

fn show((done, changed): &(Mutex<bool>, Condvar)) {
    let started = Instant::now();
    let bar = io::stderr().is_terminal().then(|| {
        let bar = ProgressBar::new_spinner();
        match ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    });
    let mut said = 0;
    let mut guard = done.lock().unwrap_or_else(PoisonError::into_inner);
    while !*guard {
        guard = changed.wait_timeout(guard, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
        let rows = rows_read();
        if *guard || rows == 0 {
            continue;
        }
        let what = if rows == said { "comparing" } else { "reading" };
        said = rows;
        let text = format!("{what} rows of data sets: {rows} read");
        match &bar {
            Some(bar) => {
                bar.set_message(text);
                bar.tick();
            }
            // Progress that cannot be shown stops nothing.
            None => {
                let seconds = started.elapsed().as_secs_f64();
                let _ = writeln!(io::stderr().lock(), "{text} ({seconds:.1} s)");
            }
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}
