//! Progress of a job on one model and a few files.

use std::cell::Cell;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use crate::plain;
use crate::verbosity::Verbosity;

/// A bar on a terminal, a line at each tenth elsewhere.
pub(crate) struct StepProgress {
    bar: Option<ProgressBar>,
    said: Cell<usize>,
    /// Steps that were done before.
    before: Cell<usize>,
    quiet: bool,
    what: &'static str,
    started: Instant,
}

impl StepProgress {
    pub(crate) fn new(what: &'static str, verbosity: Verbosity) -> Self {
        let bar = (!verbosity.quiet && io::stderr().is_terminal()).then(|| {
            let style = ProgressStyle::with_template(
                "{msg} [{bar:30}] {pos}/{len} {per_sec} {elapsed} eta {eta}",
            );
            let bar = ProgressBar::new(0).with_message(what);
            match style {
                Ok(style) => bar.with_style(style.progress_chars("=> ")),
                Err(_) => bar,
            }
        });
        let quiet = verbosity.quiet;
        let (said, before) = (Cell::new(0), Cell::new(0));
        Self { bar, said, before, quiet, what, started: Instant::now() }
    }

    /// Told how many of the steps were done before: they count in no rate.
    pub(crate) fn start_at(&self, done: usize, of: usize) {
        self.before.set(done);
        self.said.set(10 * done / of.max(1));
        if let Some(bar) = &self.bar {
            bar.set_length(of as u64);
            bar.set_position(done as u64);
            bar.reset_eta();
        }
    }

    /// Told the steps done, and their number.
    pub(crate) fn at(&self, done: usize, of: usize) {
        if let Some(bar) = &self.bar {
            bar.set_length(of as u64);
            bar.set_position(done as u64);
            if done == of {
                bar.finish_and_clear();
            }
            return;
        }
        let tenth = 10 * done / of.max(1);
        if !self.quiet && tenth > self.said.replace(tenth) {
            let seconds = self.started.elapsed().as_secs_f64();
            let pace = pace(done.saturating_sub(self.before.get()), of - done.min(of), seconds);
            // Progress that cannot be shown stops nothing.
            let _ = writeln!(plain::stderr(), "{} {done}/{of} ({pace})", self.what);
        }
    }
}

/// The time that `done` steps took, how many that is a second, and when the rest will be done.
fn pace(done: usize, left: usize, seconds: f64) -> String {
    let rate = done as f64 / seconds;
    match rate.is_finite() && rate > 0.0 {
        true => {
            format!("{seconds:.1} s, {rate:.2} a second, {:.0} s left", left as f64 / rate)
        }
        false => format!("{seconds:.1} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_tells_when_the_rest_is_done() {
        assert_eq!(pace(20, 80, 10.0), "10.0 s, 2.00 a second, 40 s left");
        assert_eq!(pace(3, 0, 2.0), "2.0 s, 1.50 a second, 0 s left");
        // Nothing was done by this run, or in no time.
        assert_eq!(pace(0, 5, 1.0), "1.0 s");
        assert_eq!(pace(4, 5, 0.0), "0.0 s");
    }
}
