//! The client against a hub on this machine.

mod damage;
mod download;
mod failures;
mod lengths;
mod machine;
mod model;
mod proxies;
mod redirects;
mod server;
mod sharing;
