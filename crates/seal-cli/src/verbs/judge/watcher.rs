//! Progress of judging on the terminal.

use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use seal_endpoint::EndpointError;
use seal_judging::{Event, Observer};

use crate::plain;
use crate::steps::StepProgress;
use crate::verbosity::Verbosity;

/// Different failures, and different waits for another attempt, that are shown; the rest is
/// counted.
const SHOWN: usize = 5;

/// Shows what happens. The threads that ask share it.
pub(super) struct Watcher {
    shared: Mutex<Shared>,
    verbosity: Verbosity,
}

struct Shared {
    steps: StepProgress,
    failures: MessageCounts,
    waits: MessageCounts,
    /// Blank replies, and those among them whose questions are asked once more.
    blank: (usize, usize),
}

/// Messages that were told once, with the number of times that each came.
#[derive(Debug, Default)]
struct MessageCounts(Vec<(String, usize)>);

impl MessageCounts {
    /// Counts a message; gives whether it is to be told.
    fn is_new(&mut self, message: &str) -> bool {
        match self.0.iter_mut().find(|(known, _)| known == message) {
            Some((_, count)) => *count += 1,
            None => self.0.push((message.to_owned(), 1)),
        }
        self.0.len() <= SHOWN && self.0.last().is_some_and(|(last, n)| last == message && *n == 1)
    }

    /// What there is to say of the messages that came several times or were not told.
    fn rest(&self) -> Vec<String> {
        let shown = self.0.iter().take(SHOWN).filter(|(_, count)| *count > 1);
        let mut lines: Vec<String> =
            shown.map(|(message, count)| format!("{count} times: {message}")).collect();
        let others = self.0.iter().skip(SHOWN);
        let (kinds, times) = others.fold((0, 0), |(k, t), (_, count)| (k + 1, t + count));
        if kinds > 0 {
            lines.push(format!("{times} times: {kinds} other kinds"));
        }
        lines
    }
}

impl Watcher {
    pub(super) fn new(verbosity: Verbosity) -> Self {
        let steps = StepProgress::new("judging", verbosity);
        let (failures, waits) = (MessageCounts::default(), MessageCounts::default());
        Self { shared: Mutex::new(Shared { steps, failures, waits, blank: (0, 0) }), verbosity }
    }

    /// Says how often each thing happened that was told once.
    pub(super) fn end(&self) {
        let shared = self.lock();
        let waits = shared.waits.rest().into_iter().map(|text| format!("waited {text}"));
        let failures = shared.failures.rest().into_iter().map(|text| format!("no reply {text}"));
        waits.chain(failures).for_each(|text| self.say(&text));
        if let (blank @ 1.., again) = shared.blank {
            self.say(&format!(
                "{blank} replies had no text; {again} of their questions were asked once more"
            ));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says `text` where no error like this one was told before.
    fn tell(&self, told: &mut MessageCounts, error: &EndpointError, text: &str) {
        if told.is_new(&error.without_wait().to_string()) {
            self.say(text);
        }
    }

    fn say(&self, text: &str) {
        if !self.verbosity.quiet {
            // Progress that cannot be shown stops nothing.
            let _ = writeln!(plain::stderr(), "{text}");
        }
    }
}

impl Observer for Watcher {
    fn event(&self, event: &Event<'_>) {
        let mut shared = self.lock();
        match event {
            Event::Started { questions, stored } => {
                self.say(&format!("{questions} questions, {stored} of them answered before"));
                shared.steps.start_at(*stored, *questions);
            }
            Event::Answered { done, of } => shared.steps.at(*done, *of),
            Event::Blank { is_again } => {
                shared.blank.0 += 1;
                shared.blank.1 += usize::from(*is_again);
            }
            Event::Failed { error } => {
                let text = format!("no reply to a question: {error}");
                self.tell(&mut shared.failures, error, &text);
            }
            // With -v the log says it.
            Event::Retrying { error, wait } if self.verbosity.verbose == 0 => {
                let text = format!("{error}; next attempt in {:.1} s", wait.as_secs_f64());
                self.tell(&mut shared.waits, error, &text);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_told_once_and_counted() {
        let mut told = MessageCounts::default();
        let new: Vec<bool> = ["a", "b", "a", "a"].map(|text| told.is_new(text)).into();
        assert_eq!(new, [true, true, false, false]);
        assert_eq!(told.rest(), ["3 times: a"]);
        for text in ["c", "d", "e"] {
            assert!(told.is_new(text));
        }
        assert!(!told.is_new("f") && !told.is_new("g") && !told.is_new("f"));
        assert_eq!(told.rest(), ["3 times: a", "3 times: 2 other kinds"]);
        assert!(!told.is_new("b"));
        assert_eq!(told.rest()[1], "2 times: b");
    }
}
