//! An output is removed with all that belongs to it.

use std::fs;
use std::io;

use seal_files::{ClaimError, Tried};

use super::Store;
use crate::error::StoreError;
use crate::inventory::bytes_of;
use crate::owner::{CLAIMS, DAMAGED, SCRATCH, UNFINISHED, folder, output_of, work_name};
use crate::unfinished;

impl Store {
    /// Removes all that the store has of the output `<stage>-<key>`: its entry, its finished parts,
    /// its damaged entries. Returns the bytes; `None` if another is making it.
    ///
    /// # Errors
    /// A name of another form; a store that can only be read; a folder that cannot be removed.
    pub fn discard(&self, output: &str) -> Result<Option<u64>, StoreError> {
        self.remove(output, true)
    }

    /// Removes the entries of the output `<stage>-<key>` that were set aside, and nothing else of it.
    /// Returns the bytes; `None` if another is making it.
    ///
    /// # Errors
    /// As [`Store::discard`].
    pub fn discard_aside(&self, output: &str) -> Result<Option<u64>, StoreError> {
        self.remove(output, false)
    }

    fn remove(&self, output: &str, is_all: bool) -> Result<Option<u64>, StoreError> {
        let split = output.rsplit_once('-').filter(|_| output_of(output) == Some(output));
        let place = self.root.join(CLAIMS).join(output);
        let refuse = |kind: io::ErrorKind| StoreError::io(&place)(kind.into());
        let (stage, key) = split.ok_or_else(|| refuse(io::ErrorKind::InvalidInput))?;
        if let Some(kind) = self.read_only {
            return Err(refuse(kind));
        }
        folder(&self.root, CLAIMS)?;
        let claim = match self.claims.try_take(&place) {
            Ok(Tried::Taken(claim)) => claim,
            Ok(Tried::Held(_)) => return Ok(None),
            Err(ClaimError::NoThread(source)) => return Err(StoreError::NoThread { source }),
            Err(ClaimError::Io(source)) => return Err(StoreError::io(&place)(source)),
        };
        let mut gone = Vec::new();
        let entry = self.root.join(stage).join(key);
        if is_all && fs::symlink_metadata(&entry).is_ok() {
            seal_files::refuse_link(&self.root.join(stage)).map_err(StoreError::io(&entry))?;
            // At once or not at all: others see a whole entry, or none.
            let work = work_name(output, claim.token());
            let to = folder(&self.root, SCRATCH)?.join(work);
            self.verified().remove(&entry);
            fs::rename(&entry, &to).map_err(StoreError::io(&entry))?;
            gone.push(to);
        }
        let others: &[&str] = if is_all { &[UNFINISHED, DAMAGED] } else { &[DAMAGED] };
        for name in others {
            let above = self.root.join(name);
            seal_files::refuse_link(&above).map_err(StoreError::io(&above))?;
            let names = unfinished::names_of(&above, output)?;
            gone.extend(names.into_iter().map(|name| above.join(name)));
        }
        let mut bytes = 0;
        for dir in gone {
            bytes += bytes_of(&dir)?;
            fs::remove_dir_all(&dir).map_err(StoreError::io(&dir))?;
        }
        drop(claim);
        Ok(Some(bytes))
    }
}
