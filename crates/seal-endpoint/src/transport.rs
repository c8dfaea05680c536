//! One request and its answer, over proxies, with redirects that stay on the server.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use seal_net::{NetError, Origin, Proxies, asked_wait, location, target, text, trust};
use seal_text::escape_start;
use ureq::http::{HeaderValue, Method, Request, Response, Uri};
use ureq::{Agent, Proxy};

use crate::error::EndpointError;
use crate::exchange::{Agents, ExchangeFailure};
use crate::key::ApiKey;
use crate::settings::{EndpointSettings, Patience};
use crate::url::chat_url;

/// Largest answer. A reply of 100,000 tokens with log-probabilities of 20 choices is larger, and
/// no judge gives one.
const LARGEST: u64 = 32 << 20;

/// Longest chain of redirects within the server.
const REDIRECTS: u32 = 4;

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub status: u16,
    pub content_type: Option<String>,
    pub retry_after: Option<Duration>,
    pub body: String,
}

/// The way to one endpoint.
pub(crate) struct Transport {
    url: Uri,
    /// Who may see key and question.
    home: Origin,
    key: ApiKey,
    agents: Agents,
    /// The variable that names the proxy.
    proxy: Option<&'static str>,
}

impl Transport {
    /// # Errors
    /// An address, a proxy for it or certificates that cannot be used.
    pub(crate) fn new(
        settings: &EndpointSettings,
        key: ApiKey,
        proxies: &Proxies,
        authorities: Option<&Path>,
    ) -> Result<Self, EndpointError> {
        let url = chat_url(&settings.base_url)?;
        let home = Origin::of(&url).ok_or_else(|| EndpointError::Setting {
            key: "base_url".to_owned(),
            why: "it is not the address of a server".to_owned(),
        })?;
        let found = proxies.of(&url)?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .tls_config(trust(authorities)?)
            .proxy(found.map(|(_, proxy): (_, &Proxy)| proxy.clone()))
            .user_agent(concat!("seal-endpoint/", env!("CARGO_PKG_VERSION")))
            .build();
        let proxy = found.map(|(name, _)| name);
        Ok(Self { url, home, key, agents: Agents::new(config, LARGEST), proxy })
    }

    /// The address, for messages.
    pub(crate) fn url(&self) -> String {
        self.url.to_string()
    }

    pub(crate) fn key(&self) -> &ApiKey {
        &self.key
    }

    /// Sends `body` and gives the answer, without the key in it. Redirects are followed that stay on the
    /// server. Each request may take `timeout` seconds. The connection is closed once `breaks_off` says so.
    pub(crate) fn post(
        &self,
        body: &str,
        idempotency_key: Option<&str>,
        timeout: f64,
        breaks_off: &dyn Fn() -> bool,
    ) -> Result<HttpAnswer, EndpointError> {
        let longest = Patience::seconds(timeout);
        let mut url = self.url.clone();
        for _ in 0..=REDIRECTS {
            let request = self.request(&url, body, idempotency_key)?;
            let answer = self.agents.run(request, longest, breaks_off);
            let answer = answer.map_err(|broken| match broken {
                ExchangeFailure::Off => EndpointError::Cancelled,
                ExchangeFailure::By(error) => self.broken(&url, timeout, *error),
            })?;
            let status = answer.status().as_u16();
            let Some(next) = location(answer.status(), answer.headers()) else {
                return Ok(self.read(&answer));
            };
            let shown = |to: &Uri| {
                let host = Origin::of(to).map_or(String::new(), |origin| {
                    let scheme = if origin.secure { "https" } else { "http" };
                    format!("{scheme}://{}:{}", origin.host, origin.port)
                });
                // A query may be a secret of the server's.
                escape_start(&format!("{host}{}", to.path()), 200)
            };
            let next = target(&url, next).map_err(|why| self.redirect(why))?;
            // A question is sent again by these two only; the others turn it into a request
            // without one.
            let keeps_body = matches!(status, 307 | 308);
            if !keeps_body || Origin::of(&next).as_ref() != Some(&self.home) {
                return Err(self.redirect(&shown(&next)));
            }
            url = next;
        }
        Err(self.redirect("itself, in a circle"))
    }

    fn redirect(&self, to: &str) -> EndpointError {
        EndpointError::Redirect { url: self.url(), to: to.to_owned() }
    }

    fn request(
        &self,
        url: &Uri,
        body: &str,
        idempotency_key: Option<&str>,
    ) -> Result<Request<String>, EndpointError> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(url)
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .header("accept-encoding", "identity");
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if let Some(bearer) = self.key.header() {
            let mut value = HeaderValue::from_str(&bearer).map_err(|_| EndpointError::BadKey {
                variable: self.key.variable().unwrap_or_default().to_owned(),
            })?;
            // The client hides such a header in its log.
            value.set_sensitive(true);
            request = request.header("authorization", value);
        }
        request.body(body.to_owned()).map_err(|e| EndpointError::Setting {
            key: "base_url".to_owned(),
            why: format!("no request can be made to it: {e}"),
        })
    }

    fn read(&self, answer: &Response<Vec<u8>>) -> HttpAnswer {
        let status = answer.status().as_u16();
        let content_type = text(answer.headers(), "content-type").map(str::to_owned);
        let retry_after = asked_wait(answer.headers());
        let body = self.key.blot(&String::from_utf8_lossy(answer.body())).into_owned();
        HttpAnswer { status, content_type, retry_after, body }
    }

    /// A request that brought no answer, or less than the whole.
    fn broken(&self, url: &Uri, seconds: f64, error: ureq::Error) -> EndpointError {
        let url = url.to_string();
        let why = |error: &dyn std::fmt::Display| {
            let words = escape_start(&self.key.blot(&error.to_string()), 300);
            match self.proxy {
                Some(proxy) => format!("{words} (through the proxy of {proxy})"),
                None => words,
            }
        };
        match error {
            ureq::Error::Timeout(_) => EndpointError::Timeout { url, seconds },
            ureq::Error::Rustls(e) => EndpointError::Tls { url, why: why(&e) },
            // A handshake fails while it is read.
            ureq::Error::Io(e) if e.kind() == ErrorKind::InvalidData => {
                EndpointError::Tls { url, why: why(&e) }
            }
            ureq::Error::Io(e) if e.kind() == ErrorKind::TimedOut => {
                EndpointError::Timeout { url, seconds }
            }
            ureq::Error::Tls(e) => EndpointError::Tls { url, why: why(&e) },
            ureq::Error::ConnectProxyFailed(e) if e.contains("407") => {
                EndpointError::Net(NetError {
                    name: self.proxy.unwrap_or("HTTPS_PROXY").to_owned(),
                    why: "the proxy wants a user name and a password (407); write \
                          http://USER:PASSWORD@HOST:PORT"
                        .to_owned(),
                })
            }
            ureq::Error::BodyExceedsLimit(limit) => EndpointError::TooLarge { url, limit },
            error if finds_nobody(&error) => EndpointError::NoServer { url, why: why(&error) },
            error => {
                // A proxy that failed passed nothing on.
                let is_sent = !matches!(error, ureq::Error::ConnectProxyFailed(_));
                EndpointError::Connection { url, why: why(&error), is_sent }
            }
        }
    }
}

/// Whether no server was found at all, so that no request went out.
fn finds_nobody(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => true,
        ureq::Error::Io(error) => {
            matches!(
                error.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::HostUnreachable
                    | ErrorKind::NetworkUnreachable
            ) || error.to_string().starts_with(NO_NAME)
        }
        _ => false,
    }
}

/// How the standard library words a name that no machine has: it has no kind for that.
const NO_NAME: &str = "failed to lookup address information";
