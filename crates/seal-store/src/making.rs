//! One output in the making.

use std::fs;
use std::path::{Path, PathBuf};

use seal_files::{Claim, PreviousHolder};
use serde_json::Value;

use crate::damage::Damage;
use crate::error::StoreError;
use crate::key::Key;
use crate::owner::{SCRATCH, UNFINISHED, folder, scratch_name, work_name};
use crate::unfinished;

/// An output that only its holder makes. Dropped before it is an entry, it leaves nothing but
/// its unfinished parts, and others may make the output.
///
/// Its folders are its own: their names have the token of its claim. So another who takes over,
/// because this process was stopped for long, works in other folders.
#[derive(Debug)]
pub struct Making {
    pub(crate) root: PathBuf,
    pub(crate) stage: &'static str,
    pub(crate) key: Key,
    pub(crate) inputs: Value,
    pub(crate) dir: PathBuf,
    pub(crate) unfinished: PathBuf,
    set_aside: Option<Box<(Damage, PathBuf)>>,
    /// Goes last: until then nobody else makes the output.
    pub(crate) claim: Box<Claim>,
}

impl Making {
    pub(crate) fn new(
        root: &Path,
        (stage, key): (&'static str, &Key),
        inputs: &Value,
        claim: Claim,
        set_aside: Option<(Damage, PathBuf)>,
    ) -> Result<Self, StoreError> {
        let output = scratch_name(stage, key);
        let above = folder(root, SCRATCH)?;
        let dir = above.join(work_name(&output, claim.token()));
        for left in unfinished::names_of(&above, &output)? {
            let left = above.join(left);
            seal_files::refuse_link(&left).map_err(StoreError::io(&left))?;
            // Of one who is gone, or who lost the claim and finds that out. It may be about to become
            // an entry.
            unfinished::leave_apart(&left, claim.token());
        }
        let unfinished = unfinished::adopt(root, &output, claim.token(), claim.before())?;
        fs::create_dir(&dir).map_err(StoreError::io(&dir))?;
        Ok(Self {
            root: root.to_owned(),
            stage,
            key: key.clone(),
            inputs: inputs.clone(),
            dir,
            unfinished,
            set_aside: set_aside.map(Box::new),
            claim: Box::new(claim),
        })
    }

    /// The empty folder to make the output in.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder for finished parts of the output; it may not exist. It stays when the
    /// program is killed, and goes when the output is an entry.
    pub fn unfinished(&self) -> &Path {
        &self.unfinished
    }

    /// The entry of before that could not be used, and where it is now.
    pub fn set_aside(&self) -> Option<(&Damage, &Path)> {
        self.set_aside.as_deref().map(|(damage, place)| (damage, place.as_path()))
    }

    /// From whom the output was taken over, if its maker is gone or gave no sign of life.
    pub fn taken_over(&self) -> Option<&PreviousHolder> {
        self.claim.before()
    }

    /// Whether the output is still this holder's to make. After a long stop it may be another's:
    /// then its folder may be gone, too, and an error of the work says nothing.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn is_held(&self) -> Result<bool, StoreError> {
        self.claim.is_held().map_err(StoreError::io(&self.dir))
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        // After a commit there is nothing here. What stays is swept by the next who claims it.
        unfinished::leave(&self.dir);
        if fs::symlink_metadata(&self.unfinished).is_err() {
            return;
        }
        match self.claim.is_held() {
            Ok(true) => {
                let plain = self.root.join(UNFINISHED).join(scratch_name(self.stage, &self.key));
                // Under its present name it is copied, not lost.
                let _ = unfinished::release(&self.unfinished, &plain);
            }
            // The next has its copy.
            Ok(false) => unfinished::leave(&self.unfinished),
            Err(_) => {}
        }
    }
}
