//! The client against a hub on this machine.

mod download;
mod failures;
mod machine;
mod model;
mod server;
mod sharing;
