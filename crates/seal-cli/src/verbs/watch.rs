//! `seal status --watch`: what runs now, where, and how long the rest takes.
//!
//! Nothing is written, and no run is asked: the store's entries and claims say all. So it shows the
//! work of every process on every host that shares the store.

use std::io::{self, IsTerminal as _, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use seal_store::{inventory, last_beats};
use seal_study::{LASTING, PlanView, RunOptions, Study, StudyError};

use self::failures::Failures;
use self::progress::{Look, Running, Seen};
use crate::interrupt;
use crate::plain;

mod failures;
mod progress;

/// Whether to go on looking.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Look again every SECONDS until all stages are done, or until Ctrl-C: stages by state and host,
    /// rate, time left, failures with the end of their log.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2",
          require_equals = true, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    watch: Option<u64>,
}

impl Options {
    /// Time between two looks.
    pub(super) fn every(&self) -> Option<Duration> {
        self.watch.map(Duration::from_secs)
    }
}

/// Looks again and again. A terminal is painted over; elsewhere each change is one line.
pub(super) fn run(study: &Study, options: &RunOptions, every: Duration) -> anyhow::Result<()> {
    // A signal ends the wait, and the last picture stays.
    if let Err(error) = interrupt::listen(|| {}) {
        tracing::warn!(%error, "signals cannot be handled");
    }
    let mut display = Display::new();
    let mut failures = Failures::of(&options.out.join(crate::logging::FILE));
    let mut seen = Seen::default();
    let start = Instant::now();
    loop {
        let look = look(study, options)?;
        seen.note(&look, start.elapsed());
        display.show(&seen, &look, failures.read())?;
        if look.is_done() || interrupt::is_asked() {
            return Ok(());
        }
        let until = Instant::now() + every;
        while Instant::now() < until && !interrupt::is_asked() {
            thread::sleep(Duration::from_millis(50).min(every));
        }
    }
}

/// What the store says now.
fn look(study: &Study, options: &RunOptions) -> Result<Look, StudyError> {
    let store = options.store_dir();
    let PlanView { stages, .. } = study.plan(options);
    let running = running(&store)?;
    Ok(Look { stages, running, has_results: options.out.join("results.json").exists() })
}

/// The claims in the store; none where there is no store yet.
fn running(store: &Path) -> Result<Vec<Running>, StudyError> {
    if !store.is_dir() {
        return Ok(Vec::new());
    }
    let claims = inventory(store, LASTING)?.claims;
    let beats = last_beats(store)?;
    let one = |(output, holder): (String, Result<_, _>)| {
        let beat = beats.get(&output).copied();
        Running { output, holder: holder.ok(), beat }
    };
    Ok(claims.into_iter().map(one).collect())
}

/// Where it is shown.
enum Display {
    /// Painted over.
    Terminal(ProgressBar),
    /// Lines that were printed.
    Lines(Vec<String>),
}

impl Display {
    fn new() -> Self {
        if !io::stdout().is_terminal() {
            return Self::Lines(Vec::new());
        }
        let bar = ProgressBar::with_draw_target(None, indicatif::ProgressDrawTarget::stdout());
        match ProgressStyle::with_template("{msg}") {
            Ok(style) => Self::Terminal(bar.with_style(style)),
            Err(_) => Self::Lines(Vec::new()),
        }
    }

    fn show(&mut self, seen: &Seen, look: &Look, failed: &[String]) -> io::Result<()> {
        match self {
            Self::Terminal(bar) => {
                let text = progress::picture(seen, look, failed).join("\n");
                match look.is_done() {
                    false => bar.set_message(plain::text(&text)),
                    true => bar.finish_with_message(plain::text(&text)),
                }
                bar.tick();
                Ok(())
            }
            Self::Lines(said) => {
                let lines = progress::lines(seen, look, failed);
                let mut out = plain::stdout();
                for line in lines.iter().filter(|line| !said.contains(line)) {
                    writeln!(out, "{line}")?;
                }
                *said = lines;
                out.flush()
            }
        }
    }
}
