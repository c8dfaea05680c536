//! A content-addressed folder of stage outputs.
//!
//! An output is made in `tmp/`, its files are flushed to disk, its manifest is
//! written last, and the folder is then renamed to `<stage>/<key>`. So an entry
//! is whole or absent, wherever the program is killed.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Key, StudyError};

const MANIFEST: &str = "manifest.json";

/// What an entry holds.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Manifest {
    format_version: u32,
    stage: String,
    key: String,
    inputs: serde_json::Value,
    files: Vec<ManifestFile>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ManifestFile {
    name: String,
    bytes: u64,
    blake3: String,
}

/// A folder of outputs, held by one process at a time.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    _lock: Option<File>,
}

impl Store {
    /// Opens or makes the store at `root` and removes what a killed run left
    /// half-made.
    ///
    /// # Errors
    /// A folder that cannot be made or is in use by another process.
    pub fn open(root: &Path) -> Result<Self, StudyError> {
        fs::create_dir_all(root).map_err(StudyError::io(root))?;
        let path = root.join("lock");
        let lock = File::create(&path).map_err(StudyError::io(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StudyError::Config(format!(
                    "{} is in use by another run; wait for it, or give --store another folder",
                    root.display()
                )));
            }
            Err(TryLockError::Error(e)) => return Err(StudyError::io(&path)(e)),
        }
        let tmp = root.join("tmp");
        if tmp.exists() {
            fs::remove_dir_all(&tmp).map_err(StudyError::io(&tmp))?;
        }
        fs::create_dir_all(&tmp).map_err(StudyError::io(&tmp))?;
        Ok(Self { root: root.to_owned(), _lock: Some(lock) })
    }

    /// Opens the store at `root` to look only; it need not exist.
    pub fn look(root: &Path) -> Self {
        Self { root: root.to_owned(), _lock: None }
    }

    fn dir(&self, stage: &str, key: &Key) -> PathBuf {
        self.root.join(stage).join(key.as_str())
    }

    /// The folder of a finished output, if it is there and whole: every file
    /// of its manifest present, of its size. A damaged entry is reported and
    /// treated as absent, to be made again.
    pub fn get(&self, stage: &str, key: &Key) -> Option<PathBuf> {
        let dir = self.dir(stage, key);
        if !dir.exists() {
            return None;
        }
        match check(&dir) {
            Ok(()) => Some(dir),
            Err(reason) => {
                tracing::warn!(entry = %dir.display(), reason, "a damaged stage is made again");
                None
            }
        }
    }

    /// A fresh folder to make the output of `key` in.
    ///
    /// # Errors
    /// A folder that cannot be made.
    pub fn begin(&self, stage: &str, key: &Key) -> Result<PathBuf, StudyError> {
        let dir = self.root.join("tmp").join(format!("{stage}-{key}"));
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(StudyError::io(&dir))?;
        }
        fs::create_dir_all(&dir).map_err(StudyError::io(&dir))?;
        Ok(dir)
    }

    /// Makes the output in `dir` an entry of the store; returns its folder.
    ///
    /// # Errors
    /// A file that cannot be flushed or renamed, a full disk for one.
    pub fn commit(
        &self,
        stage: &str,
        key: &Key,
        inputs: &serde_json::Value,
        dir: &Path,
    ) -> Result<PathBuf, StudyError> {
        let mut files = Vec::new();
        let mut names: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(dir).map_err(StudyError::io(dir))? {
            names.push(entry.map_err(StudyError::io(dir))?.path());
        }
        names.sort();
        for path in names {
            let file = File::open(&path).map_err(StudyError::io(&path))?;
            file.sync_all().map_err(StudyError::io(&path))?;
            let mut hasher = blake3::Hasher::new();
            let bytes = std::io::copy(&mut &file, &mut hasher).map_err(StudyError::io(&path))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push(ManifestFile {
                name,
                bytes,
                blake3: hasher.finalize().to_hex().to_string(),
            });
        }
        let manifest = Manifest {
            format_version: 1,
            stage: stage.to_owned(),
            key: key.to_string(),
            inputs: inputs.clone(),
            files,
        };
        write_flushed(&dir.join(MANIFEST), &to_json(&manifest)?)?;
        let target = self.dir(stage, key);
        let parent = self.root.join(stage);
        fs::create_dir_all(&parent).map_err(StudyError::io(&parent))?;
        if target.exists() {
            // Only a damaged entry is made again.
            fs::remove_dir_all(&target).map_err(StudyError::io(&target))?;
        }
        fs::rename(dir, &target).map_err(StudyError::io(&target))?;
        // The rename itself lives in the parent folder.
        File::open(&parent).and_then(|d| d.sync_all()).map_err(StudyError::io(&parent))?;
        Ok(target)
    }
}

fn check(dir: &Path) -> Result<(), String> {
    let path = dir.join(MANIFEST);
    let text = fs::read_to_string(&path).map_err(|e| format!("{MANIFEST}: {e}"))?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(|e| format!("{MANIFEST}: {e}"))?;
    for file in &manifest.files {
        let found =
            fs::metadata(dir.join(&file.name)).map_err(|e| format!("{}: {e}", file.name))?;
        if found.len() != file.bytes {
            return Err(format!("{}: {} bytes, not {}", file.name, found.len(), file.bytes));
        }
    }
    Ok(())
}

pub(crate) fn to_json(value: &impl Serialize) -> Result<String, StudyError> {
    let mut text =
        serde_json::to_string_pretty(value).map_err(|e| StudyError::Defect(e.to_string()))?;
    text.push('\n');
    Ok(text)
}

pub(crate) fn write_flushed(path: &Path, text: &str) -> Result<(), StudyError> {
    let mut file = File::create(path).map_err(StudyError::io(path))?;
    file.write_all(text.as_bytes()).map_err(StudyError::io(path))?;
    file.sync_all().map_err(StudyError::io(path))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn made(store: &Store, key: &Key) -> PathBuf {
        let dir = store.begin("sft", key).unwrap();
        fs::write(dir.join("out.txt"), "done").unwrap();
        store.commit("sft", key, &json!({}), &dir).unwrap()
    }

    #[test]
    fn an_entry_is_whole_or_absent() {
        let root = tempfile::tempdir().unwrap();
        let key = Key::of("sft", 1, &json!({}));
        {
            let store = Store::open(root.path()).unwrap();
            assert_eq!(store.get("sft", &key), None);
            // Killed before its commit: nothing is found, nothing stays.
            let dir = store.begin("sft", &key).unwrap();
            fs::write(dir.join("out.txt"), "half").unwrap();
        }
        let store = Store::open(root.path()).unwrap();
        assert_eq!(store.get("sft", &key), None);
        assert_eq!(fs::read_dir(root.path().join("tmp")).unwrap().count(), 0);
        let dir = made(&store, &key);
        assert_eq!(store.get("sft", &key), Some(dir.clone()));
        fs::write(dir.join("out.txt"), "cut").unwrap();
        assert_eq!(store.get("sft", &key), None);
        made(&store, &key);
        assert!(store.get("sft", &key).is_some());
        fs::remove_file(dir.join("manifest.json")).unwrap();
        assert_eq!(store.get("sft", &key), None);
    }

    #[test]
    fn one_process_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let held = Store::open(root.path()).unwrap();
        let error = Store::open(root.path()).unwrap_err();
        assert!(error.to_string().contains("in use by another run"), "{error}");
        drop(held);
        Store::open(root.path()).unwrap();
    }
}
