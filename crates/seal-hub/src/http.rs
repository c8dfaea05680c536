//! Requests to the hub, and what its refusals mean.

use std::io::ErrorKind;
use std::time::Duration;

use ureq::config::RedirectAuthHeaders;
use ureq::http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use crate::address::HubAddress;
use crate::answer::{Meta, answer_error, meta_of, refusal, text};
use crate::{Event, HubError, HubSettings, Progress, Retry};

/// A connection to one hub.
pub(crate) struct Http {
    agent: Agent,
    settings: HubSettings,
}

/// Longest chain of redirects.
const REDIRECTS: u32 = 10;

impl Http {
    pub(crate) fn new(settings: &HubSettings) -> Result<Self, HubError> {
        let timeout = Some(settings.retry.timeout);
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(REDIRECTS)
            .tls_config(tls(settings)?)
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .user_agent(concat!("seal-hub/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(timeout)
            .timeout_connect(timeout)
            .timeout_recv_response(timeout)
            .timeout_per_read(timeout)
            .build()
            .new_agent();
        Ok(Self { agent, settings: settings.clone() })
    }

    /// Asks for a file's commit, etag and size.
    pub(crate) fn meta(&self, of: &HubAddress, on: &dyn Progress) -> Result<Meta, HubError> {
        let path = of.path().map(encode).unwrap_or_default();
        let revision = of.revision().replace('/', "%2F");
        let url = format!("{}/{}/resolve/{revision}/{path}", self.settings.endpoint, of.page());
        self.retrying(of, on, || self.meta_once(of, url.clone()))
    }

    fn meta_once(&self, of: &HubAddress, mut url: String) -> Result<Meta, HubError> {
        // Redirects within the hub (a renamed repository, a small file) are
        // followed by hand: the one to the store of large files must not be, as
        // the headers that name commit and checksum stand beside it.
        for _ in 0..REDIRECTS {
            let answer = self.send(of, Method::HEAD, &url, None, false)?;
            let (status, headers) = (answer.status(), answer.headers());
            let next = text(headers, "location").filter(|_| status.is_redirection());
            if let Some(next) = next.and_then(|next| self.within(&url, next)) {
                url = next;
                continue;
            }
            if !status.is_success() && !status.is_redirection() {
                return Err(refusal(&self.settings, of, status, headers));
            }
            return meta_of(of, headers, url);
        }
        Err(answer_error(of, "it redirects in a circle"))
    }

    /// The target of a redirect, where it stays on the hub.
    fn within(&self, url: &str, location: &str) -> Option<String> {
        let start = url.find("://")? + 3;
        let origin = &url[..url[start..].find('/').map_or(url.len(), |at| start + at)];
        let path = location.strip_prefix(origin).unwrap_or(location);
        (path.starts_with('/') && !path.starts_with("//")).then(|| format!("{origin}{path}"))
    }

    /// Loads a file from byte `start` on; what is not a success is an error,
    /// but for 416.
    pub(crate) fn body(
        &self,
        of: &HubAddress,
        url: &str,
        start: u64,
    ) -> Result<Response<Body>, HubError> {
        let answer = self.send(of, Method::GET, url, (start > 0).then_some(start), true)?;
        match answer.status() {
            StatusCode::RANGE_NOT_SATISFIABLE => Ok(answer),
            status if status.is_success() => Ok(answer),
            status => Err(refusal(&self.settings, of, status, answer.headers())),
        }
    }

    /// The hub's description of a revision, as JSON.
    pub(crate) fn info(&self, of: &HubAddress, on: &dyn Progress) -> Result<String, HubError> {
        let kind = match of.kind() {
            crate::RepoKind::Model => "models",
            crate::RepoKind::Dataset => "datasets",
        };
        let revision = of.revision().replace('/', "%2F");
        let url =
            format!("{}/api/{kind}/{}/revision/{revision}", self.settings.endpoint, of.repo());
        self.retrying(of, on, || {
            let mut answer = self.send(of, Method::GET, &url, None, true)?;
            if !answer.status().is_success() {
                return Err(refusal(&self.settings, of, answer.status(), answer.headers()));
            }
            // The listing of the largest repositories is a few MB.
            let body = answer.body_mut().with_config().limit(64 << 20);
            body.read_to_string().map_err(|e| self.broken(of, &url, e))
        })
    }

    fn send(
        &self,
        of: &HubAddress,
        method: Method,
        url: &str,
        start: Option<u64>,
        follow: bool,
    ) -> Result<Response<Body>, HubError> {
        // Lengths and checksums are those of the file as it is.
        let mut request =
            Request::builder().method(method).uri(url).header("accept-encoding", "identity");
        if let Some(start) = start {
            request = request.header("range", format!("bytes={start}-"));
        }
        if let Some(token) = &self.settings.token {
            let mut value =
                HeaderValue::from_str(&format!("Bearer {}", token.secret())).map_err(|_| {
                    HubError::Setting { name: token.from().into(), why: "no valid token".into() }
                })?;
            // The client hides such a header in its log.
            value.set_sensitive(true);
            request = request.header("authorization", value);
        }
        let request = request.body(()).map_err(|e| answer_error(of, &e.to_string()))?;
        let config = self.agent.configure_request(request);
        let request =
            if follow { config } else { config.max_redirects(0).max_redirects_will_error(false) }
                .build();
        // The client does not say which of the two hosts failed.
        let beyond = if follow { " or the store of large files that it redirects to" } else { "" };
        self.agent.run(request).map_err(|e| self.broken(of, url, e).beyond(beyond))
    }

    /// A request that brought no answer.
    pub(crate) fn broken(&self, of: &HubAddress, url: &str, error: ureq::Error) -> HubError {
        let what = of.to_string();
        let host =
            url.parse::<Uri>().ok().and_then(|u| u.host().map(str::to_owned)).unwrap_or_default();
        match error {
            ureq::Error::Rustls(e) => HubError::Tls { what, host, why: e.to_string() },
            // A handshake fails while it is read.
            ureq::Error::Io(e) if e.kind() == ErrorKind::InvalidData => {
                HubError::Tls { what, host, why: e.to_string() }
            }
            ureq::Error::Tls(e) => HubError::Tls { what, host, why: e.into() },
            ureq::Error::TooManyRedirects
            | ureq::Error::BodyExceedsLimit(_)
            | ureq::Error::BadUri(_) => {
                answer_error(of, "it redirects in a circle or sends too much")
            }
            error => HubError::Connection { what, host, why: error.to_string() },
        }
    }

    /// Tries again what may pass, up to the number of attempts.
    fn retrying<T>(
        &self,
        of: &HubAddress,
        on: &dyn Progress,
        mut attempt: impl FnMut() -> Result<T, HubError>,
    ) -> Result<T, HubError> {
        let mut failures = 0;
        loop {
            match attempt() {
                Err(e) => self.wait(of, e, &mut failures, on)?,
                done => return done,
            }
        }
    }

    /// Waits after a failure that may pass; gives back any other, and the last.
    pub(crate) fn wait(
        &self,
        of: &HubAddress,
        error: HubError,
        failures: &mut u32,
        on: &dyn Progress,
    ) -> Result<(), HubError> {
        *failures += 1;
        let asked = match &error {
            HubError::RateLimited { retry_after, .. } => *retry_after,
            _ => None,
        };
        let longest = self.settings.retry.longest_wait;
        if !error.is_retryable()
            || *failures >= self.settings.retry.attempts
            || asked.is_some_and(|a| a > longest)
        {
            return Err(error);
        }
        let wait = asked.unwrap_or_else(|| backoff(&self.settings.retry, *failures));
        tracing::warn!("{error}; next attempt in {:.1} s", wait.as_secs_f64());
        on.event(&Event::Waiting { file: of.path().unwrap_or(of.repo()), wait });
        std::thread::sleep(wait);
        Ok(())
    }
}

/// Whom to trust.
fn tls(settings: &HubSettings) -> Result<TlsConfig, HubError> {
    let Some(file) = &settings.authorities else { return Ok(TlsConfig::default()) };
    let bad =
        |why: String| HubError::Setting { name: format!("SSL_CERT_FILE={}", file.display()), why };
    let pem = std::fs::read(file).map_err(|e| bad(format!("cannot be read: {e}")))?;
    let found: Result<Vec<_>, _> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
            Ok(_) => None,
            Err(e) => Some(Err(e)),
        })
        .collect();
    let found = found.map_err(|e| bad(format!("no file of certificates in PEM: {e}")))?;
    if found.is_empty() {
        return Err(bad("the file holds no certificate".into()));
    }
    Ok(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&found)).build())
}

/// Doubles with each failure; up to a quarter more, by process, so that the
/// many of a cluster do not come back at once.
fn backoff(retry: &Retry, failures: u32) -> Duration {
    let plain = retry.first_wait.saturating_mul(1 << (failures - 1).min(16));
    let spread = f64::from(std::process::id().wrapping_mul(0x9e37_79b9)) / f64::from(u32::MAX);
    plain.min(retry.longest_wait).mul_f64(1.0 + spread / 4.0).min(retry.longest_wait)
}

/// A path as part of a web address.
fn encode(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                out.push(char::from(byte))
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
