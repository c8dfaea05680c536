//! Requests to the hub, and what its refusals mean.

use std::time::Duration;

use ureq::config::RedirectAuthHeaders;
use ureq::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use ureq::{Agent, Body};

use crate::address::{HubAddress, is_commit};
use crate::{Event, HubError, HubSettings, Progress, Retry, Token};

/// A connection to one hub.
pub(crate) struct Http {
    agent: Agent,
    endpoint: String,
    token: Option<Token>,
    retry: Retry,
}

/// What the hub says of a file, without the file.
#[derive(Clone, Debug)]
pub(crate) struct Meta {
    /// Commit that the revision stands for.
    pub commit: String,
    /// Name of the blob in the cache.
    pub etag: String,
    /// Of the content in lower-case hexadecimal; known of large files only.
    pub sha256: Option<String>,
    /// Bytes, where the hub says.
    pub size: Option<u64>,
    /// Where to load it from.
    pub url: String,
}

/// Longest chain of redirects.
const REDIRECTS: u32 = 10;

impl Http {
    pub(crate) fn new(settings: &HubSettings) -> Self {
        let retry = settings.retry.clone();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(REDIRECTS)
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .user_agent(concat!("seal-hub/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(retry.timeout))
            .timeout_connect(Some(retry.timeout))
            .timeout_recv_response(Some(retry.timeout))
            .timeout_per_read(Some(retry.timeout))
            .build()
            .new_agent();
        Self { agent, endpoint: settings.endpoint.clone(), token: settings.token.clone(), retry }
    }

    /// Asks for a file's commit, etag and size.
    pub(crate) fn meta(&self, of: &HubAddress, on: &dyn Progress) -> Result<Meta, HubError> {
        let path = of.path().map(encode).unwrap_or_default();
        let revision = of.revision().replace('/', "%2F");
        let url = format!("{}/{}/resolve/{revision}/{path}", self.endpoint, of.page());
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
                return Err(self.refusal(of, status, headers));
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
            status => Err(self.refusal(of, status, answer.headers())),
        }
    }

    /// The hub's description of a revision, as JSON.
    pub(crate) fn info(&self, of: &HubAddress, on: &dyn Progress) -> Result<String, HubError> {
        let kind = match of.kind() {
            crate::RepoKind::Model => "models",
            crate::RepoKind::Dataset => "datasets",
        };
        let revision = of.revision().replace('/', "%2F");
        let url = format!("{}/api/{kind}/{}/revision/{revision}", self.endpoint, of.repo());
        self.retrying(of, on, || {
            let mut answer = self.send(of, Method::GET, &url, None, true)?;
            if !answer.status().is_success() {
                return Err(self.refusal(of, answer.status(), answer.headers()));
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
        if let Some(token) = &self.token {
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
        self.agent.run(request).map_err(|e| self.broken(of, url, e))
    }

    /// A request that brought no answer.
    pub(crate) fn broken(&self, of: &HubAddress, url: &str, error: ureq::Error) -> HubError {
        let what = of.to_string();
        let host =
            url.parse::<Uri>().ok().and_then(|u| u.host().map(str::to_owned)).unwrap_or_default();
        match error {
            ureq::Error::Rustls(e) => HubError::Tls { what, host, why: e.to_string() },
            ureq::Error::Tls(e) => HubError::Tls { what, host, why: e.into() },
            ureq::Error::TooManyRedirects
            | ureq::Error::BodyExceedsLimit(_)
            | ureq::Error::BadUri(_) => {
                answer_error(of, "it redirects in a circle or sends too much")
            }
            error => HubError::Connection { what, host, why: error.to_string() },
        }
    }

    /// What a status means.
    fn refusal(&self, of: &HubAddress, status: StatusCode, headers: &HeaderMap) -> HubError {
        let what = of.to_string();
        let page = format!("{}/{}", self.endpoint, of.page());
        let said = said(headers);
        let tokens = format!("{}/settings/tokens", self.endpoint);
        let revision = of.revision().to_owned();
        match (status.as_u16(), text(headers, "x-error-code").unwrap_or_default()) {
            (401 | 403, "GatedRepo") => {
                let as_whom = match &self.token {
                    Some(token) => {
                        format!("with a token of the same account (now: {})", token.from())
                    }
                    None => format!(
                        "logged in (`hf auth login`, or HF_TOKEN set to a token made at {tokens})"
                    ),
                };
                HubError::Gated { what, page, as_whom }
            }
            (401, _) => match &self.token {
                Some(token) => HubError::TokenRefused { what, from: token.from().into(), tokens },
                None => HubError::NoToken { what, tokens },
            },
            (403, _) => HubError::Forbidden { what, page, said },
            (404, "RepoNotFound") => HubError::NoRepo { what, page },
            (404, "RevisionNotFound") => HubError::NoRevision { what, revision, page },
            (404, "EntryNotFound") => HubError::NoFile { what, page, revision },
            (404, _) => HubError::NotFound { what, page },
            (429, _) => {
                let retry_after = retry_after(headers);
                let until = retry_after.map_or(String::new(), |wait| {
                    format!("; it asks to wait {} s", wait.as_secs())
                });
                HubError::RateLimited { what, until, retry_after }
            }
            (status @ (408 | 500..), _) => HubError::Server { what, status, said },
            (status, _) => HubError::Status { what, status, said },
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
        let longest = self.retry.longest_wait;
        if !error.is_retryable()
            || *failures >= self.retry.attempts
            || asked.is_some_and(|a| a > longest)
        {
            return Err(error);
        }
        let wait = asked.unwrap_or_else(|| backoff(&self.retry, *failures));
        tracing::warn!("{error}; next attempt in {:.1} s", wait.as_secs_f64());
        on.event(&Event::Waiting { file: of.path().unwrap_or(of.repo()), wait });
        std::thread::sleep(wait);
        Ok(())
    }
}

/// Doubles with each failure; up to a quarter more, by process, so that the
/// many of a cluster do not come back at once.
fn backoff(retry: &Retry, failures: u32) -> Duration {
    let plain = retry.first_wait.saturating_mul(1 << (failures - 1).min(16));
    let spread = f64::from(std::process::id().wrapping_mul(0x9e37_79b9)) / f64::from(u32::MAX);
    plain.min(retry.longest_wait).mul_f64(1.0 + spread / 4.0).min(retry.longest_wait)
}

/// What `Retry-After` or the hub's own `RateLimit: "api";r=0;t=SECONDS` asks for.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let plain = text(headers, "retry-after").and_then(|value| value.trim().parse().ok());
    let own = || {
        text(headers, "ratelimit")?
            .split(';')
            .find_map(|p| p.trim().strip_prefix("t=")?.parse().ok())
    };
    plain.or_else(own).map(Duration::from_secs)
}

fn meta_of(of: &HubAddress, headers: &HeaderMap, url: String) -> Result<Meta, HubError> {
    let commit = text(headers, "x-repo-commit")
        .ok_or_else(|| answer_error(of, "it names no commit (X-Repo-Commit)"))?;
    if !is_commit(commit) || of.pinned().is_some_and(|pinned| pinned != commit) {
        return Err(answer_error(of, "X-Repo-Commit is no commit hash, or not the one asked for"));
    }
    let linked = text(headers, "x-linked-etag");
    let etag =
        linked.or(text(headers, "etag")).ok_or_else(|| answer_error(of, "it sends no ETag"))?;
    let etag = etag.trim_start_matches("W/").trim_matches('"');
    let known = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if etag.is_empty() || etag.len() > 128 || etag.starts_with('.') || !etag.bytes().all(known) {
        return Err(answer_error(of, "its ETag cannot name a file"));
    }
    let number = |name: &str| text(headers, name).and_then(|value| value.parse().ok());
    let size = match linked {
        // Then Content-Length is that of the redirect.
        Some(_) => number("x-linked-size"),
        None => number("x-linked-size").or_else(|| number("content-length")),
    };
    // Small files have Git's SHA-1, which mirrors replace by sums of their own.
    let sha256 = (etag.len() == 64 && etag.bytes().all(|b| b.is_ascii_hexdigit()))
        .then(|| etag.to_ascii_lowercase());
    Ok(Meta { commit: commit.to_owned(), etag: etag.to_owned(), sha256, size, url })
}

fn answer_error(of: &HubAddress, why: &str) -> HubError {
    HubError::Answer { what: of.to_string(), why: why.to_owned() }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The hub's own words, cut to a line.
fn said(headers: &HeaderMap) -> String {
    let words = text(headers, "x-error-message").unwrap_or_default();
    let words: String = words.chars().filter(|c| !c.is_control()).take(200).collect();
    if words.is_empty() { words } else { format!(", saying \"{words}\"") }
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
