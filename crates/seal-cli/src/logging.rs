//! The log of a run: `DIR/log.txt` always, the terminal too with `-v`.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use indicatif::ProgressBar;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::prelude::*;

use crate::plain;
use crate::verbosity::Verbosity;
use crate::warnings::Warnings;

/// Name of the log in a run folder.
pub(crate) const FILE: &str = "log.txt";

/// A log that is being written. Clones share it.
#[derive(Clone)]
pub(crate) struct Log(Arc<Shared>);

struct Shared {
    sink: Mutex<Sink>,
    bar: OnceLock<ProgressBar>,
    warnings: Warnings,
}

/// Where lines for the file go. A study checks its folder before anything is
/// written there, so lines wait in memory until the folder is known to be its
/// own.
enum Sink {
    Waiting(Vec<u8>),
    Open(File),
    Closed,
}

impl Log {
    /// Starts logging in this process. The level is `info` (`-vv`: `debug`), or
    /// what the variable `RUST_LOG` says.
    pub(crate) fn start(verbosity: Verbosity) -> Self {
        let log = Self::waiting();
        let level = if verbosity.verbose > 1 { "debug" } else { "info" };
        let filter = || EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
        let file = layer().with_ansi(false).with_writer(FileWriter(log.clone()));
        let terminal = (verbosity.verbose > 0).then(|| {
            let ansi = io::stderr().is_terminal();
            let layer = layer().without_time().with_target(false).with_ansi(ansi);
            layer.with_writer(TerminalWriter(log.clone())).with_filter(filter())
        });
        // Set once per process; a second start (in tests) keeps the first.
        let _ = tracing_subscriber::registry()
            .with(file.with_filter(filter()))
            .with(terminal)
            .with(log.warnings().clone().with_filter(LevelFilter::WARN))
            .try_init();
        log
    }

    fn waiting() -> Self {
        Self(Arc::new(Shared {
            sink: Mutex::new(Sink::Waiting(Vec::new())),
            bar: OnceLock::new(),
            warnings: Warnings::default(),
        }))
    }

    /// What was warned of rows so far.
    pub(crate) fn warnings(&self) -> &Warnings {
        &self.0.warnings
    }

    /// Goes on in `dir/log.txt`, with what has waited first. A log that cannot
    /// be opened is said on stderr: the study itself goes on.
    pub(crate) fn open(&self, dir: &Path) {
        let mut sink = self.0.sink.lock().unwrap_or_else(PoisonError::into_inner);
        let Sink::Waiting(lines) = &*sink else { return };
        let path = dir.join(FILE);
        let opened = seal_files::append(&path);
        *sink = match opened.and_then(|mut file| file.write_all(lines).map(|()| file)) {
            Ok(file) => Sink::Open(file),
            Err(error) => {
                let _ = writeln!(plain::stderr(), "{}: no log: {error}", path.display());
                Sink::Closed
            }
        };
    }

    /// Lets lines on the terminal appear above `bar`.
    pub(crate) fn draw_above(&self, bar: &ProgressBar) {
        // The first bar of a process stays.
        let _ = self.0.bar.set(bar.clone());
    }
}

#[derive(Clone)]
struct FileWriter(Log);

impl<'a> MakeWriter<'a> for FileWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for FileWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut *self.0.0.sink.lock().unwrap_or_else(PoisonError::into_inner) {
            Sink::Waiting(lines) => lines.write(bytes),
            Sink::Open(file) => file.write(bytes),
            Sink::Closed => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Clone)]
struct TerminalWriter(Log);

impl<'a> MakeWriter<'a> for TerminalWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for TerminalWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Colours are the log's own. Everything else that acts on a terminal is of others.
        let shown = plain::coloured(&String::from_utf8_lossy(bytes));
        let write = || io::stderr().lock().write_all(shown.as_bytes()).map(|()| bytes.len());
        match self.0.0.bar.get() {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_wait_until_the_folder_is_known() {
        let dir = std::env::temp_dir().join(format!("seal-log-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join(FILE);
        let log = Log::waiting();
        let mut writer = FileWriter(log.clone());
        writer.write_all(b"one\n").unwrap();
        assert!(!path.exists());
        log.open(&dir);
        writer.write_all(b"two\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
