//! The run folder: whose it is, and what is moved out of the way in it.

mod aside;
mod owner;
mod store_path;

pub(crate) use aside::move_aside;
pub use owner::{FolderConfig, config_of_folder, study_of_folder};
pub(crate) use owner::{RunFolder, check};
pub use store_path::store_of_folder;
pub(crate) use store_path::{STORE_PATH, remember_store};
