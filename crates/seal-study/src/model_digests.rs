//! Digests of model folders, remembered between runs.

use std::path::PathBuf;

use seal_files::Digest;
use seal_model::ModelError;
use seal_store::Digests;

/// BLAKE3 of each of `files`; those of files that have not changed are remembered. It is a
/// [`seal_model::DigestFiles`].
///
/// # Errors
/// A file that cannot be read.
pub fn remembered_digests(files: &[PathBuf]) -> Result<Vec<Digest>, ModelError> {
    let mut digests = Digests::of_user("seal");
    let of = |path: &PathBuf| digests.of(path).map_err(ModelError::io(path));
    let all = files.iter().map(of).collect();
    digests.keep();
    all
}
