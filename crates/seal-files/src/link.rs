//! Links inside the program's own folders.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Refuses a link at `path`; an absent file is no link.
///
/// The program makes no links in its folders. One that is there leads to files of others.
///
/// # Errors
/// A link; a path that cannot be looked at.
pub fn refuse_link(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_symlink() => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "this is a link, and links are not followed here: remove it, or give another folder",
        )),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes the folder `below` of the folder `root` with all folders between, and refuses a
/// link at each of them. `root` itself may be a link: a user chose it.
///
/// # Errors
/// A link; a path that leaves `root`; a folder that cannot be made.
pub fn make_folder(root: &Path, below: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(root)?;
    let mut path = root.to_owned();
    for part in below.components() {
        let Component::Normal(name) = part else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{} does not stay below {}", below.display(), root.display()),
            ));
        };
        path.push(name);
        refuse_link(&path)
            .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))?;
        match fs::create_dir(&path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
            other => other?,
        }
    }
    Ok(path)
}
