//! What can go wrong between a question and its reply.

use std::time::Duration;

use seal_net::{NetError, wait_in_words};

/// Why there is no reply.
///
/// Messages name the place and say what to do. None holds the key, and of what a server sends
/// only the start of its own error message is shown.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say what each field is")]
pub enum EndpointError {
    /// A setting cannot be used.
    #[error("the endpoint's {key}: {why}")]
    Setting { key: String, why: String },
    /// A key stands in the settings.
    #[error(
        "`{place}` holds a key or a password: settings are copied and shown; set a variable of the environment to it, name the variable in api_key_env, and remove it here (and make a new key if others could read this one)"
    )]
    KeyInSettings { place: String },
    /// The variable that should hold the key is not set.
    #[error("the variable {variable} is not set or empty: set it to the key of the endpoint")]
    NoKey { variable: String },
    /// The variable holds what is no key.
    #[error("the variable {variable} holds a space or a character that no key has")]
    BadKey { variable: String },
    /// The way to the server cannot be used.
    #[error(transparent)]
    Net(#[from] NetError),
    /// 401, or an error of that kind.
    #[error("{url} does not know who asks ({status}){said}; {}", key_remedy(.variable.as_deref()))]
    Unauthorized { url: String, status: u16, said: String, variable: Option<String> },
    /// 403.
    #[error("{url} refuses this key, model or address (403){said}; ask its owner for access")]
    Forbidden { url: String, said: String },
    /// 404, or an error of that kind.
    #[error(
        "{url} has no such page or no model `{model}` ({status}){said}; check base_url, which ends with /v1 on most servers, and model"
    )]
    NotFound { url: String, status: u16, model: String, said: String },
    /// The account has no money or no right to spend more.
    #[error(
        "{url}: the account's quota is used up{said}; add credit or raise its limit, then run again"
    )]
    Quota { url: String, said: String },
    /// 429.
    #[error("{url} gets too many requests (429){said}{}; lower limits.concurrency or set limits.requests_per_minute", wait_in_words(*.retry_after))]
    RateLimited { url: String, said: String, retry_after: Option<Duration> },
    /// 408, 409, 5xx, or an error of that kind with status 200.
    #[error("{url} failed ({status}){said}{}; run again later", wait_in_words(*.retry_after))]
    Server { url: String, status: u16, said: String, retry_after: Option<Duration> },
    /// Any other status, such as 400, 413 and 422: this question is not taken.
    #[error("{url} refused the request ({status}){said}")]
    Rejected { url: String, status: u16, said: String, param: Option<String> },
    /// A redirect that would carry the key elsewhere, or that no question can follow.
    #[error(
        "{url} redirects to {to}: the key and the question do not follow; if this is right, set base_url to it"
    )]
    Redirect { url: String, to: String },
    /// Nobody listens at the address, or no machine has its name.
    #[error(
        "nobody answers at {url}: {why}; start the server, or check base_url, the network and a proxy (HTTPS_PROXY)"
    )]
    NoServer { url: String, why: String },
    /// No connection, or one that broke.
    /// `is_sent` where the request may have arrived.
    #[error(
        "{url}: no connection: {why}; check that the server runs, the network and a proxy (HTTPS_PROXY)"
    )]
    Connection { url: String, why: String, is_sent: bool },
    /// The certificate was not accepted.
    #[error(
        "{url}: no safe connection: {why}; if a proxy replaces certificates, set SSL_CERT_FILE to its authorities"
    )]
    Tls { url: String, why: String },
    /// No reply in time.
    #[error(
        "{url}: no reply within {seconds} s; raise patience.timeout, or lower limits.concurrency"
    )]
    Timeout { url: String, seconds: f64 },
    /// The answer is no chat completion: cut, of another kind, without a choice.
    #[error("{url}: this is no chat completion: {why}")]
    Answer { url: String, why: String },
    /// The answer is larger than any reply.
    #[error("{url} sends more than {limit} bytes as a reply")]
    TooLarge { url: String, limit: u64 },
    /// A model that is asked without a server cannot take this question.
    #[error("the judge's model cannot take a question: {why}")]
    Unfit { why: String },
    /// A model that is asked without a server failed.
    #[error("the judge's model failed: {why}")]
    Model { why: String },
    /// The caller asked to stop.
    #[error("stopped")]
    Cancelled,
}

fn key_remedy(variable: Option<&str>) -> String {
    match variable {
        Some(variable) => format!("check the key in the variable {variable}"),
        None => "name the variable that holds a key in api_key_env".to_owned(),
    }
}

/// What a failure means for the questions that are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureClass {
    /// The same question may succeed later: the network or the server failed.
    Passing,
    /// This question is not taken. Others may be.
    ThisQuestion,
    /// No question will succeed until someone acts.
    Stop,
}

impl EndpointError {
    /// What the failure means for the questions that are left.
    pub fn class(&self) -> FailureClass {
        match self {
            Self::RateLimited { .. }
            | Self::Server { .. }
            | Self::NoServer { .. }
            | Self::Connection { .. }
            | Self::Timeout { .. }
            | Self::Answer { .. } => FailureClass::Passing,
            Self::Rejected { .. } | Self::TooLarge { .. } | Self::Unfit { .. } => {
                FailureClass::ThisQuestion
            }
            Self::Setting { .. }
            | Self::KeyInSettings { .. }
            | Self::NoKey { .. }
            | Self::BadKey { .. }
            | Self::Net(_)
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Quota { .. }
            | Self::Redirect { .. }
            | Self::Tls { .. }
            | Self::Model { .. }
            | Self::Cancelled => FailureClass::Stop,
        }
    }

    /// Whether the attempt may be on the bill, though it brought no reply: the server, or one
    /// behind it, may have answered. An error that the server itself words is not billed.
    pub fn may_be_billed(&self) -> bool {
        match self {
            Self::Connection { is_sent, .. } => *is_sent,
            Self::Timeout { .. } | Self::Answer { .. } | Self::TooLarge { .. } => true,
            // What a proxy says when it has lost the server.
            Self::Server { status, .. } => matches!(status, 408 | 502 | 504 | 520..=524),
            _ => false,
        }
    }

    /// The same failure without the wait that the server asks for: two failures are alike where
    /// these are equal.
    #[must_use]
    pub fn without_wait(&self) -> Self {
        let mut alike = self.clone();
        if let Self::RateLimited { retry_after, .. } | Self::Server { retry_after, .. } = &mut alike
        {
            *retry_after = None;
        }
        alike
    }

    /// How long the server asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Server { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }
}
