//! The store of a run, its errors, and the observer that also logs.

use seal_store::{Store, StoreError};

use crate::StudyError;
use crate::observer::{Event, Observer};
use crate::options::RunOptions;

/// Opens the store of a run.
///
/// # Errors
/// As [`Store::open`]; a store in the run folder that is a link, or the run folder itself.
pub(crate) fn open_store(
    options: &RunOptions,
    observer: &dyn Observer,
) -> Result<Store, StudyError> {
    let dir = options.store_dir();
    match &options.store {
        // A user may name a link.
        Some(named) if seal_files::same_file(named, &options.out) => {
            return Err(StudyError::StoreIsRunFolder { store: named.clone() });
        }
        Some(_) => {}
        None => seal_files::refuse_link(&dir).map_err(StudyError::at_file(&dir))?,
    }
    if dir.is_file() {
        return Err(StudyError::StoreIsFile { store: dir });
    }
    let store = Store::open(&dir)?;
    if let Some(reason) = store.read_only() {
        let message = format!(
            "{}: it cannot be written ({reason}); what it has is used, and nothing is made",
            dir.display()
        );
        observer.event(&Event::Notice { message });
    }
    if store.is_adopted() {
        let message = format!(
            "{}: its store.json was missing or damaged, or an older program made the store; \
             what it holds is used",
            dir.display()
        );
        observer.event(&Event::Notice { message });
    }
    for path in &store.swept().abandoned {
        let message = format!(
            "{}: finished parts of an output that no run asked for in 30 days, removed",
            path.display()
        );
        observer.event(&Event::Notice { message });
    }
    Ok(store)
}

impl From<StoreError> for StudyError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Io { path, source } => StudyError::at_file(&path)(source),
            other => Self::Store(other),
        }
    }
}

/// Passes events on, and writes notices into the log.
pub(crate) struct LoggingObserver<'a>(pub(crate) &'a dyn Observer);

impl Observer for LoggingObserver<'_> {
    fn event(&self, event: &Event) {
        if let Event::Notice { message } = event {
            tracing::warn!("{message}");
        }
        self.0.event(event);
    }

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}
