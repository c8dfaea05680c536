//! Files that a run leaves behind.
//!
//! Every file is whole or absent: [`PendingFile`] is written beside its target, flushed,
//! and renamed over it last. [`PendingFolder`] does the same for a folder.
//! Inside a folder that belongs to the program, no link is followed ([`refuse_link`],
//! [`make_folder`]). No output takes the place of an input ([`Inputs`]).
//! A name that a user chose and that becomes a file is a [`FileName`].
//!
//! ```
//! let dir = tempfile::tempdir()?;
//! let path = dir.path().join("results.json");
//! seal_files::write(&path, b"{}\n")?;
//! assert_eq!(std::fs::read(&path)?, b"{}\n");
//! # Ok::<(), std::io::Error>(())
//! ```

mod folder;
mod inputs;
mod link;
mod name;
mod pending;

pub use folder::PendingFolder;
pub use inputs::{Clash, Inputs, same_file};
pub use link::{make_folder, refuse_link};
pub use name::{FileName, NameError};
pub use pending::{PENDING_PREFIX, PendingFile, append, copy, is_pending, write};
