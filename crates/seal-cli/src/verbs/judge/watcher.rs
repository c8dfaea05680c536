//! Progress of judging on the terminal.

use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use seal_judging::{Event, Observer};

use crate::own::Steps;
use crate::plain;
use crate::verbosity::Verbosity;

/// Failures, and waits for another attempt, that are shown one by one.
const SHOWN: usize = 5;

/// Shows what happens. The threads that ask share it.
pub(super) struct Watcher {
    shared: Mutex<Shared>,
    verbosity: Verbosity,
}

struct Shared {
    steps: Steps,
    failures: usize,
    waits: usize,
}

impl Watcher {
    pub(super) fn new(verbosity: Verbosity) -> Self {
        let steps = Steps::new("judging", verbosity);
        Self { shared: Mutex::new(Shared { steps, failures: 0, waits: 0 }), verbosity }
    }
}

impl Observer for Watcher {
    fn event(&self, event: &Event<'_>) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let say = |text: String| {
            if !self.verbosity.quiet {
                // Progress that cannot be shown stops nothing.
                let _ = writeln!(plain::stderr(), "{text}");
            }
        };
        match event {
            Event::Started { questions, stored } => {
                say(format!("{questions} questions, {stored} of them answered before"));
            }
            Event::Answered { done, of } => shared.steps.at(*done, *of),
            Event::Failed { error } => {
                shared.failures += 1;
                if shared.failures <= SHOWN {
                    say(format!("no reply to a question: {error}"));
                }
            }
            // With -v the log says it.
            Event::Retrying { error, wait } if self.verbosity.verbose == 0 => {
                shared.waits += 1;
                if shared.waits <= SHOWN {
                    say(format!("{error}; next attempt in {:.1} s", wait.as_secs_f64()));
                }
            }
            _ => {}
        }
    }
}
