//! The parts that the HTTP clients of the workspace share.
//!
//! Invariant: opens no connection and reads no variable of the environment by itself. It knows
//! neither a model hub nor a judge.
//!
//! - [`Proxies`] says which proxy serves an address.
//! - [`Origin`] says to whom a secret may be shown. [`location`] and [`target`] say where a
//!   redirect leads.
//! - [`trust`] reads the certificates of the authorities to trust.
//! - [`asked_wait`] reads how long a server asks to wait, [`backoff`] computes a wait of our own.
//!
//! ```
//! use seal_net::Origin;
//!
//! let home = Origin::of(&"https://api.example/v1".parse()?).unwrap();
//! let other = Origin::of(&"https://api.example:8443/v1".parse()?).unwrap();
//! assert_ne!(home, other);
//! # Ok::<(), ureq::http::uri::InvalidUri>(())
//! ```

mod error;
mod no_proxy;
mod origin;
mod proxy;
mod tls;
mod wait;

pub use error::NetError;
pub use origin::{Origin, location, target};
pub use proxy::Proxies;
pub use tls::trust;
pub use wait::{asked_wait, backoff, text, wait_in_words};
