//! Files that a run leaves behind.
//!
//! Every file is whole or absent: [`PendingFile`] is written beside its target, flushed,
//! and renamed over it last. [`PendingFolder`] does the same for a folder.
//! Inside a folder that belongs to the program, no link is followed ([`refuse_link`],
//! [`make_folder`]). No output takes the place of an input ([`Inputs`]).
//! One process at a time works in a folder ([`FileLock`]), or on one thing of it ([`Claim`]). A
//! claim needs no locks, and holds between hosts.
//! [`try_folder`] tries whether a folder does what both rest on, and [`FileSystem`] says on which file
//! system it lies.
//! A [`Digest`] identifies the content of a file. A [`FileStamp`] shows whether a file has
//! changed since.
//! A name that a user chose and that becomes a file is a [`FileName`]. [`tokenizer_files`] is
//! the only list of the files that make a tokenizer.
//!
//! ```
//! let dir = tempfile::tempdir()?;
//! let path = dir.path().join("results.json");
//! seal_files::write(&path, b"{}\n")?;
//! assert_eq!(std::fs::read(&path)?, b"{}\n");
//! # Ok::<(), std::io::Error>(())
//! ```

mod claim;
mod digest;
mod disk;
mod folder;
mod full;
mod identity;
mod inputs;
mod lfs;
mod link;
mod lock;
mod name;
mod pending;
mod stamp;
mod tokenizer;
mod trial;

pub use claim::{Claim, ClaimError, Claims, Holder, PreviousHolder, RecordFlaw, Timing, Tried};
pub use digest::{Digest, Digester};
pub use disk::FileSystem;
pub use folder::PendingFolder;
pub use full::{is_denied, is_disk_full, is_read_only};
pub use inputs::{Clash, Inputs, same_file};
pub use lfs::is_lfs_pointer;
pub use link::{make_folder, refuse_link};
pub use lock::{FileLock, open_plain, read};
pub use name::{FileName, NameError};
pub use pending::{
    Flush, PENDING_PREFIX, PendingFile, append, copy, is_pending, remove_unfinished, replace, write,
};
pub use stamp::{FileStamp, Inode};
pub use tokenizer::{is_of_tokenizer, tokenizer_files, tokens_depend_on};
pub use trial::{FolderTrial, Skew, try_folder};
