//! A process that measures, and what it prints.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::job::Sample;

/// Time between two looks at the limits.
const LOOK: Duration = Duration::from_millis(50);

/// When a process is ended before its own end.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// The whole time that it has, if that is bounded.
    pub whole: Option<Duration>,
    /// The longest time between two lines of its output, if that is bounded.
    pub silence: Option<Duration>,
    /// Whether it is to be ended now.
    pub stop: &'a dyn Fn() -> bool,
}

impl Limits<'_> {
    /// None.
    pub const NONE: Limits<'static> = Limits { whole: None, silence: None, stop: &|| false };
}

/// A process without an answer.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// It cannot be started.
    #[error("{program} cannot be run")]
    NotStarted {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It ended with a failure.
    #[error("{status}: {said}")]
    Failed {
        /// How it ended.
        status: ExitStatus,
        /// What it said to standard error.
        said: String,
    },
    /// Its output cannot be read.
    #[error("its output cannot be read")]
    Output(#[source] io::Error),
    /// Its last line is no measurement.
    #[error("not a measurement: {line}")]
    NoSample {
        /// The line.
        line: String,
        /// Why it is none.
        source: serde_json::Error,
    },
    /// It took all the time that it had.
    #[error("no end after {} s", seconds.round())]
    Whole {
        /// Seconds that it had.
        seconds: f64,
    },
    /// It printed nothing for too long.
    #[error("no sign of life for {} s", seconds.round())]
    Silent {
        /// Seconds that it had.
        seconds: f64,
    },
    /// It was ended on request.
    #[error("stopped on request")]
    Stopped,
}

/// Runs `command` and hands on each line of its standard output as soon as it is there.
///
/// # Errors
/// A process that cannot be started, that fails, or that is ended by `limits`. Its lines up to then are
/// handed on.
pub fn lines_of(
    mut command: Command,
    limits: Limits<'_>,
    each: &mut dyn FnMut(&str),
) -> Result<(), ChildError> {
    let program = command.get_program().display().to_string();
    let not_started = |source| ChildError::NotStarted { program: program.clone(), source };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(not_started)?;
    let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(ChildError::Output(io::Error::other("no pipe")));
    };
    let (sender, lines) = mpsc::channel();
    let reader = thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            // A receiver that went away needs no further line.
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let errors = thread::spawn(move || {
        let mut said = Vec::new();
        // What cannot be read is not said; the exit status tells all the same.
        let _ = stderr.read_to_end(&mut said);
        String::from_utf8_lossy(&said).trim_end().to_owned()
    });
    let ended = follow(&lines, limits, each);
    if ended.is_err() {
        // One that has ended by itself in the meantime cannot be killed.
        let _ = child.kill();
        await_end(&mut child);
        return ended;
    }
    let status = child.wait().map_err(ChildError::Output)?;
    drop(lines);
    // Both end with the process; a panic in them has no message of its own.
    let _ = reader.join();
    let said = errors.join().unwrap_or_default();
    match status.success() {
        true => Ok(()),
        // Ctrl-C reaches both processes, this one a moment later maybe.
        false if status.code().is_none() && is_soon(limits.stop) => Err(ChildError::Stopped),
        false => Err(ChildError::Failed { status, said }),
    }
}

/// Waits a moment for a process that was killed. One that a driver holds does not end.
fn await_end(child: &mut Child) {
    for _ in 0..40 {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(LOOK);
    }
}

/// Whether a stop is asked for within a moment.
fn is_soon(stop: &dyn Fn() -> bool) -> bool {
    let looks = (0..6).any(|_| {
        let asked = stop();
        if !asked {
            thread::sleep(LOOK);
        }
        asked
    });
    looks || stop()
}

/// Hands on lines until there are no more.
fn follow(
    lines: &mpsc::Receiver<io::Result<String>>,
    limits: Limits<'_>,
    each: &mut dyn FnMut(&str),
) -> Result<(), ChildError> {
    let started = Instant::now();
    let mut last = started;
    loop {
        match lines.recv_timeout(LOOK) {
            Ok(line) => {
                each(&line.map_err(ChildError::Output)?);
                last = Instant::now();
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if (limits.stop)() {
            return Err(ChildError::Stopped);
        }
        if let Some(whole) = limits.whole.filter(|whole| started.elapsed() > *whole) {
            return Err(ChildError::Whole { seconds: whole.as_secs_f64() });
        }
        if let Some(silence) = limits.silence.filter(|silence| last.elapsed() > *silence) {
            return Err(ChildError::Silent { seconds: silence.as_secs_f64() });
        }
    }
}

/// Runs `command`, whose last line is a measurement.
///
/// # Errors
/// As [`lines_of`]; a last line that is no measurement.
pub fn sample_of(command: Command, limits: Limits<'_>) -> Result<Sample, ChildError> {
    let mut last = String::new();
    lines_of(command, limits, &mut |line| line.clone_into(&mut last))?;
    serde_json::from_str(&last).map_err(|source| ChildError::NoSample { line: last, source })
}

#[cfg(test)]
#[path = "child_tests.rs"]
mod tests;
