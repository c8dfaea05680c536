//! The folder with real data sets, where there is one.

use std::path::PathBuf;

/// The folder that `SEAL_DATA` names; `None`, with a line on stderr, where it
/// is not set, and the test that asks passes without having looked.
pub fn real_data() -> Option<PathBuf> {
    let folder = std::env::var_os("SEAL_DATA").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: SEAL_DATA is not set (it names the folder of the real data sets)");
    }
    folder
}
