//! The thread that shows that the holder of claims is alive.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::{Arc as Shared, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::record::content;

/// Claims of this process that are renewed.
#[derive(Clone, Debug)]
pub(crate) struct Beats(Shared<Inner>);

#[derive(Debug)]
struct Inner {
    every: Duration,
    state: Mutex<HeldClaims>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct HeldClaims {
    held: BTreeMap<String, Held>,
    is_running: bool,
}

#[derive(Clone, Debug)]
struct Held {
    /// The file itself, whatever its path leads to by now: a beat changes no claim of another.
    file: Shared<File>,
    lines: Shared<str>,
    beat: u64,
}

impl Beats {
    pub(crate) fn new(every: Duration) -> Self {
        Self(Shared::new(Inner { every, state: Mutex::default(), changed: Condvar::new() }))
    }

    /// Renews the claim in `file` from now on.
    ///
    /// # Errors
    /// No thread to be had.
    pub(crate) fn add(&self, token: &str, file: Shared<File>, lines: &str) -> io::Result<()> {
        let mut state = self.0.lock();
        if !state.is_running {
            let inner = Shared::clone(&self.0);
            let thread = thread::Builder::new().name("claims".to_owned());
            thread.spawn(move || inner.run())?;
            state.is_running = true;
        }
        state.held.insert(token.to_owned(), Held { file, lines: lines.into(), beat: 0 });
        Ok(())
    }

    /// Renews all claims now.
    #[cfg(test)]
    pub(crate) fn now(&self) {
        self.0.beat();
    }

    /// Whether no thread renews anything.
    #[cfg(test)]
    pub(crate) fn is_idle(&self) -> bool {
        !self.0.lock().is_running
    }

    /// Renews a claim no more.
    pub(crate) fn remove(&self, token: &str) {
        self.0.lock().held.remove(token);
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, HeldClaims> {
        // Entries are added and removed whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Beats until nothing is held for a whole period.
    fn run(&self) {
        let mut state = self.lock();
        loop {
            state = self
                .changed
                .wait_timeout(state, self.every)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
            if state.held.is_empty() {
                state.is_running = false;
                return;
            }
            // A server that does not answer must not keep claims from being released.
            drop(state);
            self.beat();
            state = self.lock();
        }
    }

    /// Renews all claims once. What cannot be written is missed by those who watch.
    fn beat(&self) {
        let mut state = self.lock();
        for held in state.held.values_mut() {
            held.beat += 1;
        }
        let all: Vec<Held> = state.held.values().cloned().collect();
        drop(state);
        // All are seen on this host before one waits for a disk.
        let written = all.iter().filter(|held| {
            let content = content(&held.lines, held.beat);
            write_at_start(&held.file, content.as_bytes()).is_ok()
        });
        // Other hosts see what is on the server.
        for held in written.collect::<Vec<_>>() {
            let _ = held.file.sync_data();
        }
    }
}

#[cfg(unix)]
fn write_at_start(file: &File, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, 0)
}

#[cfg(not(unix))]
fn write_at_start(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    use std::io::{Seek as _, SeekFrom, Write as _};
    file.seek(SeekFrom::Start(0))?;
    file.write_all(bytes)
}
