//! `seal status --watch`: what runs now, where, and how long the rest takes.
//!
//! Nothing is written, and no run is asked: the store's entries and claims say all, and of failures the
//! log of the run folder and the records of a launch. So it shows the
//! work of every process on every host that shares the store.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use seal_report::{Document as _, Report, Results};
use seal_store::{abandoned, claimed, last_beats};
use seal_study::{Config, RunOptions, StagesSeen, Study, StudyError};

use self::failures::Failures;
use self::progress::{ClaimedOutput, StudyStatus, WatchHistory};
use crate::interrupt;
use crate::plain;
use crate::program::running as running_program;
use crate::verbs::launch::{self, Failed};

mod failures;
mod progress;

/// Whether to go on looking.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Look again every SECONDS until all stages are done, or until Ctrl-C: stages by state and host,
    /// rate, time left, failures of the last run.
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
    let mut seen = WatchHistory::default();
    let stages = study.stages_seen(options);
    let results = OfThisRun::new(study, &options.out, &stages)?;
    let start = Instant::now();
    loop {
        let status = read_status(&stages, options, &results)?;
        seen.note(&status, start.elapsed());
        let mut failed = failures.read(&status.stages);
        failed.extend(of_launch(&options.out, &status));
        display.show(&seen, &status, &failed)?;
        if status.is_done() || interrupt::is_asked() {
            return Ok(());
        }
        let until = Instant::now() + every;
        while Instant::now() < until && !interrupt::is_asked() {
            thread::sleep(Duration::from_millis(50).min(every));
        }
    }
}

/// What the last launch says of the stages that are missing and that nobody makes now. Records that
/// cannot be read now may be there at the next look.
fn of_launch(out: &Path, status: &StudyStatus) -> Vec<String> {
    let made = status.stages.iter().filter(|stage| stage.found);
    // A run beside the launch may make what the launch could not.
    let made = made.chain(status.running_stages().into_iter().map(|(_, stage)| stage));
    match launch::failed(out, &made.map(|stage| stage.key.as_str()).collect()) {
        Ok(Failed { lines, lacking }) => {
            let mut lines = first(lines);
            match lacking {
                0 => {}
                1 => lines.push("1 stage lacks an input".to_owned()),
                more => lines.push(format!("{more} stages lack an input")),
            }
            lines
        }
        Err(error) => vec![format!("the launch's records cannot be read: {error:#}")],
    }
}

/// The first lines, and how many more there are.
fn first(mut lines: Vec<String>) -> Vec<String> {
    const SHOWN: usize = 5;
    let more = lines.len().saturating_sub(SHOWN);
    lines.truncate(SHOWN);
    if more > 0 {
        lines.push(format!("and {more} more, which `{} status` lists", running_program().name));
    }
    lines
}

/// What the store says now.
fn read_status(
    stages: &StagesSeen,
    options: &RunOptions,
    results: &OfThisRun<'_>,
) -> Result<StudyStatus, StudyError> {
    let running = running(&options.store_dir())?;
    // Looked for first: a run writes results when all stages are there.
    let has_results = results.are_there();
    Ok(StudyStatus { stages: stages.plan()?, arms: stages.arms().to_vec(), running, has_results })
}

/// Which results are those that the watch waits for.
struct OfThisRun<'a> {
    out: PathBuf,
    config: &'a Config,
    /// When the results that are none were written.
    before: Option<SystemTime>,
}

impl<'a> OfThisRun<'a> {
    /// Where stages are missing now, the results that are there now are of an earlier run.
    fn new(study: &'a Study, out: &Path, stages: &StagesSeen) -> anyhow::Result<Self> {
        let is_missing = stages.plan()?.iter().any(|stage| !stage.found);
        let before = if is_missing { written(out) } else { None };
        Ok(Self { out: out.to_owned(), config: study.config(), before })
    }

    fn are_there(&self) -> bool {
        let now = written(&self.out);
        if now.is_none() || now == self.before {
            return false;
        }
        // Those that are being written are read at the next look.
        let read = Report::read(&self.out);
        read.is_ok_and(|report| {
            report.provenance.is_some_and(|of| self.config.gives_results_of(&of.settings_toml))
        })
    }
}

/// When the results in `out` were written.
fn written(out: &Path) -> Option<SystemTime> {
    std::fs::metadata(out.join(Results::FILE)).and_then(|found| found.modified()).ok()
}

/// The claims in the store; none where there is no store yet.
fn running(store: &Path) -> Result<Vec<ClaimedOutput>, StudyError> {
    let (claims, over) = (claimed(store)?, abandoned(store)?);
    let beats = last_beats(store)?;
    let one = |(output, holder): (String, Result<_, _>)| {
        let beat = beats.get(&output).copied();
        ClaimedOutput { output, holder: holder.ok(), beat }
    };
    // A process that has ended makes nothing, whatever its claim says.
    let is_alive = |(output, _): &(String, Result<_, _>)| !over.contains(output);
    Ok(claims.into_iter().filter(is_alive).map(one).collect())
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

    fn show(
        &mut self,
        seen: &WatchHistory,
        status: &StudyStatus,
        failed: &[String],
    ) -> io::Result<()> {
        match self {
            Self::Terminal(bar) => {
                let text = progress::picture(seen, status, failed).join("\n");
                match status.is_done() {
                    false => bar.set_message(plain::text(&text)),
                    true => bar.finish_with_message(plain::text(&text)),
                }
                bar.tick();
                Ok(())
            }
            Self::Lines(said) => {
                let lines = progress::lines(seen, status, failed);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_launch_that_fails_everywhere_fills_no_screen() {
        let lines = |count: usize| (0..count).map(|i| i.to_string()).collect::<Vec<_>>();
        assert_eq!(first(lines(5)), lines(5));
        let shown = first(lines(40));
        assert_eq!((shown.len(), shown[4].as_str()), (6, "4"));
        assert!(shown[5].starts_with("and 35 more, which `"), "{}", shown[5]);
    }
}
