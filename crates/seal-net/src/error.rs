//! What can be wrong with the settings of a connection.

/// A setting that no connection can be made with. No message shows a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {why}")]
pub struct NetError {
    /// The setting, such as `HTTPS_PROXY`.
    pub name: String,
    /// What is wrong with it, and what it should be.
    pub why: String,
}
