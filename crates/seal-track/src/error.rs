//! What can go wrong on the way to a tracking server.

use seal_net::NetError;

/// Why results were not logged.
///
/// No message holds a token or a password. Of what a server sends only the start of its own error
/// message is shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say what each field is")]
pub enum TrackError {
    /// An address that cannot be used. It is not quoted where it may hold a password.
    #[error("the address of the tracking server{shown}: {why}")]
    Address { shown: String, why: String },
    /// Variables of the environment that cannot be used.
    #[error("the variable {variable}: {why}")]
    Variable { variable: &'static str, why: &'static str },
    /// The way to the server cannot be used.
    #[error(transparent)]
    Net(#[from] NetError),
    /// No connection, or one that broke.
    #[error("{url} cannot be reached: {why}; is the tracking server running?")]
    Connection { url: String, why: String },
    /// 401 or 403.
    #[error(
        "{url} does not let us in ({status}){said}; set MLFLOW_TRACKING_TOKEN, or \
         MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
    )]
    Denied { url: String, status: u16, said: String },
    /// A redirect: credentials do not follow it.
    #[error(
        "{url} redirects to {to}: credentials do not follow; give the address that it leads to"
    )]
    Redirect { url: String, to: String },
    /// Any other failure that the server tells.
    #[error("{url} failed ({status}){said}")]
    Refused { url: String, status: u16, code: String, said: String },
    /// An answer that is none of MLflow.
    #[error("{url} gave no answer of MLflow: {why}; is this the address of a tracking server?")]
    Answer { url: String, why: String },
    /// An experiment of this name that was deleted.
    #[error(
        "the experiment `{name}` was deleted on the server; restore it there, or name another in \
         MLFLOW_EXPERIMENT_NAME"
    )]
    Deleted { name: String },
    /// Settings of the run that are no TOML.
    #[error("provenance.json: settings_toml: {0}")]
    Settings(#[from] toml::de::Error),
    /// Results that cannot be written as JSON.
    #[error(transparent)]
    Report(#[from] seal_report::Error),
}

impl TrackError {
    /// Whether the same call may succeed later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Connection { .. } => true,
            Self::Refused { status, .. } => matches!(status, 408 | 429 | 500..),
            _ => false,
        }
    }
}
