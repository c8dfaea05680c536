//! For how long a claim has shown no sign of life, by the clock of the one who looks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// All that changes with a beat or with another holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    /// Its content; `None` where it may not be read.
    pub(crate) content: Option<Vec<u8>>,
    /// Time of its last change by the clock of the file system: compared, never counted from.
    pub(crate) modified: i128,
    /// Which file it is, where the system says.
    pub(crate) file: Option<(u64, u64)>,
}

/// Claims of others, as they were last seen.
#[derive(Debug, Default)]
pub(crate) struct ClaimWatch(Mutex<BTreeMap<PathBuf, Sighting>>);

#[derive(Debug)]
struct Sighting {
    signature: Signature,
    quiet: Duration,
    last: Instant,
}

impl ClaimWatch {
    /// Notes what is at `path`, and returns for how long it was the same. The time between two
    /// looks counts for at most `most`: one who was stopped saw nothing meanwhile.
    pub(crate) fn unchanged_for(
        &self,
        path: &Path,
        signature: &Signature,
        most: Duration,
    ) -> Duration {
        let now = Instant::now();
        let mut all = self.lock();
        match all.get_mut(path) {
            Some(seen) if seen.signature == *signature => {
                seen.quiet += now.duration_since(seen.last).min(most);
                seen.last = now;
                seen.quiet
            }
            _ => {
                let seen =
                    Sighting { signature: signature.clone(), quiet: Duration::ZERO, last: now };
                all.insert(path.to_owned(), seen);
                Duration::ZERO
            }
        }
    }

    /// Nothing of others is at `path` any more.
    pub(crate) fn forget(&self, path: &Path) {
        self.lock().remove(path);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Sighting>> {
        // Entries are changed whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_time_in_which_one_looked_and_nothing_changed_counts() {
        let (watch, path) = (ClaimWatch::default(), Path::new("c"));
        let of =
            |content: &str| Signature { content: Some(content.into()), modified: 0, file: None };
        let most = Duration::from_nanos(1);
        assert_eq!(watch.unchanged_for(path, &of("a"), most), Duration::ZERO);
        std::thread::sleep(Duration::from_millis(2));
        // One look after a long time counts as little as the next after a short one.
        assert_eq!(watch.unchanged_for(path, &of("a"), most), most);
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(watch.unchanged_for(path, &of("a"), most), most * 2);
        assert_eq!(watch.unchanged_for(path, &of("b"), most), Duration::ZERO);
        watch.forget(path);
        assert_eq!(watch.unchanged_for(path, &of("b"), most), Duration::ZERO);
    }
}
