//! One output in the making.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use seal_files::Claim;
use serde_json::Value;

use crate::entry::Entry;
use crate::error::{Damage, StoreError};
use crate::key::Key;
use crate::manifest::{self, MANIFEST};
use crate::owner::{SCRATCH, UNFINISHED, folder, scratch_name};

/// An output that only its holder makes. Dropped before it is an entry, it leaves nothing but
/// its unfinished parts, and others may make the output.
#[derive(Debug)]
pub struct Making {
    root: PathBuf,
    stage: &'static str,
    key: Key,
    inputs: Value,
    dir: PathBuf,
    unfinished: PathBuf,
    set_aside: Option<Box<(Damage, PathBuf)>>,
    /// Goes last: until then nobody else touches the two folders.
    _claim: Claim,
}

impl Making {
    pub(crate) fn new(
        root: &Path,
        (stage, key): (&'static str, &Key),
        inputs: &Value,
        claim: Claim,
        set_aside: Option<(Damage, PathBuf)>,
    ) -> Result<Self, StoreError> {
        let name = scratch_name(stage, key);
        let dir = folder(root, SCRATCH)?.join(&name);
        let above = root.join(UNFINISHED);
        let unfinished = above.join(name);
        // The stage may make the unfinished folder: it must lead nowhere else.
        for path in [&dir, &above, &unfinished] {
            seal_files::refuse_link(path).map_err(StoreError::io(path))?;
        }
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(StoreError::io(&dir))?;
        }
        fs::create_dir(&dir).map_err(StoreError::io(&dir))?;
        Ok(Self {
            root: root.to_owned(),
            stage,
            key: key.clone(),
            inputs: inputs.clone(),
            dir,
            unfinished,
            set_aside: set_aside.map(Box::new),
            _claim: claim,
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

    /// As [`crate::Store::commit`].
    pub(crate) fn commit(self) -> Result<Entry, StoreError> {
        let dir = &self.dir;
        seal_files::remove_unfinished(dir);
        let files = manifest::list(dir)?;
        if files.is_empty() {
            return Err(StoreError::NoFiles { dir: dir.clone() });
        }
        let path = dir.join(MANIFEST);
        let text = manifest::text(self.stage, self.key.as_str(), &self.inputs, &files)
            .map_err(StoreError::json(&path))?;
        // The rename of the folder makes it count: none is needed for the file.
        let written = File::create_new(&path).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        written.map_err(StoreError::io(&path))?;
        let parent = folder(&self.root, self.stage)?;
        let target = parent.join(self.key.as_str());
        fs::rename(dir, &target).map_err(StoreError::io(&target))?;
        // The rename itself lives in the parent folder.
        File::open(&parent).and_then(|d| d.sync_all()).map_err(StoreError::io(&parent))?;
        if fs::symlink_metadata(&self.unfinished).is_ok_and(|found| found.is_dir()) {
            fs::remove_dir_all(&self.unfinished).map_err(StoreError::io(&self.unfinished))?;
        }
        Ok(Entry { dir: target, files })
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        // After a commit there is nothing here. What stays is swept by the next who claims it.
        let _ = fs::remove_dir_all(&self.dir);
    }
}
