//! A run folder remembers its store.

use crate::error::StudyError;
use crate::observer::{Event, Observer};
use crate::options::RunOptions;
use crate::run_folder::remember_store;

/// Notes the store of a run in its folder.
pub(super) fn remember(options: &RunOptions, observer: &dyn Observer) -> Result<(), StudyError> {
    if !remember_store(&options.out, options.store.as_deref())? {
        let message = format!(
            "{}: its path is no text, so that the run folder does not remember it: name it again \
             next time",
            options.store_dir().display()
        );
        observer.event(&Event::Notice { message });
    }
    Ok(())
}
