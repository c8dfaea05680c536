//! Progress of a study: one bar on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use seal_study::{Event, Observer, PlanView};

use crate::interrupt;
use crate::logging::Log;
use crate::plain;
use crate::tracker::ProgressTracker;
use crate::verbosity::Verbosity;

/// Steps of the bar; it moves by cost, not by stages, which differ much.
const STEPS: u64 = 1000;

/// Time without a line after which a running stage is named.
const SILENCE: Duration = Duration::from_secs(30);

/// Shows the events of a study, and opens its log once the study has its folder.
pub(crate) struct StudyProgress {
    display: Display,
    started: Instant,
    said: Mutex<Instant>,
    tracker: Mutex<ProgressTracker>,
    log: Log,
    out: PathBuf,
}

enum Display {
    Bar(ProgressBar),
    Lines,
    Nothing,
}

impl StudyProgress {
    /// A display that suits stderr, for a run of `plan` into the folder `out`.
    pub(crate) fn new(verbosity: Verbosity, log: Log, plan: &PlanView, out: &Path) -> Self {
        let display = match (verbosity.quiet, io::stderr().is_terminal()) {
            (true, _) => Display::Nothing,
            (false, true) => Display::Bar(bar()),
            (false, false) => Display::Lines,
        };
        if let Display::Bar(bar) = &display {
            log.draw_above(bar);
        }
        let above = match &display {
            Display::Bar(bar) => Some(bar.clone()),
            Display::Lines | Display::Nothing => None,
        };
        // Without it, a signal ends the process at once, as it would any other.
        let is_quiet = verbosity.quiet;
        let say = move || {
            if !is_quiet {
                say_that_it_stops(above.as_ref());
            }
        };
        if let Err(error) = interrupt::listen(say) {
            tracing::warn!(%error, "signals cannot be handled");
        }
        let tracker = Mutex::new(ProgressTracker::new(plan));
        let started = Instant::now();
        Self { display, started, said: Mutex::new(started), tracker, log, out: out.to_owned() }
    }

    /// Takes the bar away, so that what follows stands on clean lines.
    pub(crate) fn finish(&self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }

    fn tracker(&self) -> MutexGuard<'_, ProgressTracker> {
        // A panic in another stage's thread leaves nothing half-noted here.
        self.tracker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a log without a bar says of an event; none for progress in a stage.
    fn line(&self, event: &Event) -> Option<String> {
        if let Event::Notice { message } = event {
            return Some(format!("note: {message}"));
        }
        let mut tracker = self.tracker();
        let name = |node: &usize| tracker.name(*node).unwrap_or("a stage").to_owned();
        let mut said = match event {
            Event::Planned { stages, found, .. } => Some(format!("{stages} stages, {found} found")),
            Event::Finished { node, seconds, .. } => {
                Some(format!("{} ({seconds:.1} s)", name(node)))
            }
            Event::Failed { message, .. } => Some(format!("failed: {message}")),
            Event::Started { .. }
            | Event::Progress { .. }
            | Event::Notice { .. }
            | Event::Report { .. } => None,
        };
        tracker.note(event);
        // A run that works shows that it does, however long its stages are.
        let is_due = match event {
            Event::Started { cost, .. } => tracker.is_long(*cost),
            Event::Progress { .. } => self.said().elapsed() > SILENCE,
            _ => false,
        };
        if is_due {
            said = Some(format!("at work: {}", tracker.running()));
        }
        let said = said?;
        *self.said() = Instant::now();
        Some(format!("[{}] {said}", tracker.counts(self.started.elapsed())))
    }

    /// When the last line was said.
    fn said(&self) -> MutexGuard<'_, Instant> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self, bar: &ProgressBar, event: &Event) {
        let mut tracker = self.tracker();
        if let Event::Failed { message, .. } = event {
            bar.println(plain::text(&format!("failed: {message}")));
        }
        if let Event::Notice { message } = event {
            bar.println(plain::text(&format!("note: {message}")));
        }
        tracker.note(event);
        bar.set_position((tracker.fraction() * STEPS as f64) as u64);
        bar.set_prefix(tracker.counts(self.started.elapsed()));
        bar.set_message(plain::text(&tracker.running()));
    }
}

/// Said at the first signal.
fn say_that_it_stops(bar: Option<&ProgressBar>) {
    let text = "stopping: running stages keep their work after the current step; Ctrl-C again stops \
                at once";
    match bar {
        Some(bar) => bar.println(text),
        // A closed stderr changes nothing.
        None => drop(writeln!(plain::stderr(), "{text}")),
    }
}

impl Observer for StudyProgress {
    fn is_cancelled(&self) -> bool {
        interrupt::is_asked()
    }

    fn event(&self, event: &Event) {
        if matches!(event, Event::Planned { .. }) {
            self.log.open(&self.out);
        }
        match &self.display {
            Display::Bar(bar) => self.draw(bar, event),
            Display::Lines => {
                if let Some(line) = self.line(event) {
                    // A closed stderr is no reason to stop training.
                    let _ = writeln!(plain::stderr(), "{line}");
                }
            }
            Display::Nothing => {}
        }
    }
}

fn bar() -> ProgressBar {
    // The counts fit 80 columns; the running stages are cut to the width.
    let style = ProgressStyle::with_template("{bar:20} {percent:>3} %  {prefix}\n{wide_msg:.dim}")
        .expect("the template is a constant")
        .progress_chars("━╸─");
    ProgressBar::new(STEPS).with_style(style)
}
