//! Whole studies of a second, in this process.

mod damage;
mod folder;
mod forgotten;
mod pinned;
mod tiny;
