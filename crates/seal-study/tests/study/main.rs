//! Whole studies of a second, in this process.

mod damage;
mod folder;
mod pinned;
mod tiny;
