//! Files that are read, against files that are written.

use std::fs;
use std::path::{Path, PathBuf};

use crate::identity::identity;

/// An output that is one of the inputs.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is to be written, but it is the same file as {} {}; give another name",
    output.display(), role, input.display())]
pub struct Clash {
    /// The path to be written.
    pub output: PathBuf,
    /// What the input is, such as `the rows`.
    pub role: String,
    /// The path that is read.
    pub input: PathBuf,
}

/// Folders in folders that are looked into: a link may lead back to its own folder.
const DEEPEST: usize = 4;

/// The files that a command reads. Its outputs are held against them before anything is
/// written.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    files: Vec<(String, PathBuf)>,
}

impl Inputs {
    /// No input yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file, or a folder with all that is in it, under the name `role`. A path that
    /// is not there is kept by its name.
    pub fn add(&mut self, role: &str, path: &Path) {
        self.add_to_depth(role, path, DEEPEST);
    }

    fn add_to_depth(&mut self, role: &str, path: &Path, depth: usize) {
        self.files.push((role.to_owned(), path.to_owned()));
        if depth == 0 {
            return;
        }
        let Ok(entries) = fs::read_dir(path) else { return };
        let mut inside: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        inside.sort();
        inside.iter().for_each(|file| self.add_to_depth(role, file, depth - 1));
    }

    /// Refuses to write `output` where it is an input, by file and not by name: links, hard
    /// links and other spellings of a path are the same file.
    ///
    /// # Errors
    /// [`Clash`] with the first such input.
    pub fn check(&self, output: &Path) -> Result<(), Clash> {
        match self.files.iter().find(|(_, input)| same_file(input, output)) {
            Some((role, input)) => {
                Err(Clash { output: output.to_owned(), role: role.clone(), input: input.clone() })
            }
            None => Ok(()),
        }
    }
}

/// Whether two paths name one file: the same device and inode, or, where a file is not
/// there yet, the same name in the same folder.
pub fn same_file(a: &Path, b: &Path) -> bool {
    if let (Some(a), Some(b)) = (identity(a), identity(b)) {
        return a == b;
    }
    match (placed(a), placed(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

/// The path with its folder resolved.
fn placed(path: &Path) -> Option<PathBuf> {
    let folder = crate::pending::parent(path).canonicalize().ok()?;
    Some(folder.join(path.file_name()?))
}
