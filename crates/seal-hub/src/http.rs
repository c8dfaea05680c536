//! Requests to the hub and to the stores that it redirects to.
//!
//! Redirects are followed here and not by the client: the token goes to the
//! hub's own origin, and to no request after a chain has left it once.

use std::io::ErrorKind;

use ureq::http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use ureq::{Agent, Body, Proxy};

use crate::address::HubAddress;
use crate::answer::{Meta, answer_error, meta_of, refusal};
use crate::{DownloadProgress, HubError, HubSettings, retry};
use seal_net::{Origin, location, target, trust};
use seal_text::escape_start;

/// A connection to one hub.
pub(crate) struct Http {
    settings: HubSettings,
    /// Who may be told the token.
    home: Origin,
    direct: Agent,
    /// By the variable that names the proxy.
    proxied: Vec<(&'static str, Agent)>,
}

/// Longest chain of redirects.
const REDIRECTS: u32 = 10;

/// How far redirects are followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Follow {
    /// To any host, but never from `https` to `http`.
    Anywhere,
    /// Within the origin; one that leaves it is the answer.
    Within,
}

impl Http {
    /// # Errors
    /// An endpoint, a proxy for it or certificates that cannot be used.
    pub(crate) fn new(settings: &HubSettings) -> Result<Self, HubError> {
        let endpoint = settings.endpoint.parse::<Uri>().ok();
        let home = endpoint.as_ref().and_then(Origin::of).ok_or_else(|| HubError::Setting {
            name: "HF_ENDPOINT".into(),
            why: "it is not the address of a host, such as https://huggingface.co".into(),
        })?;
        if let Some(endpoint) = endpoint.filter(|_| !settings.offline) {
            settings.proxies.of(&endpoint)?;
        }
        let tls = trust(settings.authorities.as_deref())?;
        let agent = |proxy: Option<&Proxy>| {
            let timeout = Some(settings.retry.timeout);
            Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .tls_config(tls.clone())
                .proxy(proxy.cloned())
                .user_agent(concat!("seal-hub/", env!("CARGO_PKG_VERSION")))
                .timeout_resolve(timeout)
                .timeout_connect(timeout)
                .timeout_recv_response(timeout)
                .timeout_per_read(timeout)
                .build()
                .new_agent()
        };
        let proxies = settings.proxies.all();
        let proxied = proxies.into_iter().map(|(name, proxy)| (name, agent(Some(proxy)))).collect();
        Ok(Self { home, direct: agent(None), proxied, settings: settings.clone() })
    }

    /// Asks for a file's commit, etag and size.
    pub(crate) fn meta(
        &self,
        of: &HubAddress,
        on: &dyn DownloadProgress,
    ) -> Result<Meta, HubError> {
        let path = of.path().map(encode).unwrap_or_default();
        let revision = of.revision().replace('/', "%2F");
        let url = format!("{}/{}/resolve/{revision}/{path}", self.settings.endpoint, of.page());
        self.retrying(of, on, || {
            // The redirect to the store of large files is not followed: the headers
            // that name commit and checksum stand beside it.
            let (answer, url) = self.send(of, Method::HEAD, &url, None, Follow::Within)?;
            let (status, headers) = (answer.status(), answer.headers());
            if !status.is_success() && location(status, headers).is_none() {
                return Err(refusal(&self.settings, of, status, headers));
            }
            meta_of(of, status, headers, url.to_string())
        })
    }

    /// Loads a file from byte `start` on, and says from which host; what is not a
    /// success is an error, but for 416.
    pub(crate) fn body(
        &self,
        of: &HubAddress,
        url: &str,
        start: u64,
    ) -> Result<(Response<Body>, Uri), HubError> {
        let start = (start > 0).then_some(start);
        let (answer, url) = self.send(of, Method::GET, url, start, Follow::Anywhere)?;
        match answer.status() {
            StatusCode::RANGE_NOT_SATISFIABLE => Ok((answer, url)),
            status if status.is_success() => Ok((answer, url)),
            status => Err(refusal(&self.settings, of, status, answer.headers())),
        }
    }

    /// The hub's description of a revision, as JSON.
    pub(crate) fn info(
        &self,
        of: &HubAddress,
        on: &dyn DownloadProgress,
    ) -> Result<String, HubError> {
        let kind = match of.kind() {
            crate::RepoKind::Model => "models",
            crate::RepoKind::Dataset => "datasets",
        };
        let revision = of.revision().replace('/', "%2F");
        let url =
            format!("{}/api/{kind}/{}/revision/{revision}", self.settings.endpoint, of.repo());
        self.retrying(of, on, || {
            let (mut answer, url) = self.send(of, Method::GET, &url, None, Follow::Anywhere)?;
            if !answer.status().is_success() {
                return Err(refusal(&self.settings, of, answer.status(), answer.headers()));
            }
            // The listing of the largest repositories is a few MB.
            let body = answer.body_mut().with_config().limit(64 << 20);
            body.read_to_string().map_err(|e| self.broken(of, &url, e))
        })
    }

    /// Sends a request and follows redirects. Gives the answer and who gave it.
    fn send(
        &self,
        of: &HubAddress,
        method: Method,
        url: &str,
        start: Option<u64>,
        follow: Follow,
    ) -> Result<(Response<Body>, Uri), HubError> {
        let bad = |why: &str| answer_error(of, why);
        let mut url: Uri = url.parse().map_err(|_| bad("its address is no web address"))?;
        let mut origin = Origin::of(&url).ok_or_else(|| bad("its address is no web address"))?;
        let mut told = true;
        for _ in 0..=REDIRECTS {
            // Once away, the chain may come back; whoever sent it there chose
            // the address, so the token stays out of it.
            told &= origin == self.home;
            let answer = self.once(of, &method, &url, start, told)?;
            let Some(next) = location(answer.status(), answer.headers()) else {
                return Ok((answer, url));
            };
            let next = target(&url, next).map_err(bad)?;
            let to = Origin::of(&next).ok_or_else(|| bad("its address is no web address"))?;
            if follow == Follow::Within && to != origin {
                return Ok((answer, url));
            }
            if origin.downgrades_to(&to) {
                return Err(bad(&format!("it redirects from https to http, to {}", to.host)));
            }
            (url, origin) = (next, to);
        }
        Err(bad("it redirects in a circle"))
    }

    /// One request, without redirects; with the token where `told`.
    fn once(
        &self,
        of: &HubAddress,
        method: &Method,
        url: &Uri,
        start: Option<u64>,
        told: bool,
    ) -> Result<Response<Body>, HubError> {
        // Lengths and checksums are those of the file as it is.
        let mut request =
            Request::builder().method(method).uri(url).header("accept-encoding", "identity");
        if let Some(start) = start {
            request = request.header("range", format!("bytes={start}-"));
        }
        if let Some(token) = self.settings.token.as_ref().filter(|_| told) {
            let mut value =
                HeaderValue::from_str(&format!("Bearer {}", token.secret())).map_err(|_| {
                    HubError::Setting { name: token.from().into(), why: "no valid token".into() }
                })?;
            // The client hides such a header in its log.
            value.set_sensitive(true);
            request = request.header("authorization", value);
        }
        let request = request.body(()).map_err(|e| answer_error(of, &e.to_string()))?;
        let (agent, _) = self.route(url)?;
        agent.run(request).map_err(|e| self.broken(of, url, e))
    }

    /// Who carries a request, and the variable of the proxy if it is one.
    fn route(&self, url: &Uri) -> Result<(&Agent, Option<&'static str>), HubError> {
        let named = self.settings.proxies.of(url)?.map(|(name, _)| name);
        let agent = self.proxied.iter().find(|(name, _)| Some(*name) == named);
        Ok((agent.map_or(&self.direct, |(_, agent)| agent), named))
    }

    /// A request that brought no answer, or less than the whole.
    pub(crate) fn broken(&self, of: &HubAddress, url: &Uri, error: ureq::Error) -> HubError {
        let what = of.to_string();
        let proxy = self.route(url).ok().and_then(|(_, proxy)| proxy);
        let host = escape_start(url.host().unwrap_or_default(), 200);
        let host = match proxy {
            Some(proxy) => format!("{host} through the proxy of {proxy}"),
            None => host,
        };
        let why = |error: &dyn std::fmt::Display| escape_start(&error.to_string(), 300);
        match error {
            ureq::Error::Rustls(e) => HubError::Tls { what, host, why: why(&e) },
            // A handshake fails while it is read.
            ureq::Error::Io(e) if e.kind() == ErrorKind::InvalidData => {
                HubError::Tls { what, host, why: why(&e) }
            }
            ureq::Error::Tls(e) => HubError::Tls { what, host, why: e.into() },
            ureq::Error::ConnectProxyFailed(e) if e.contains("407") => HubError::Setting {
                name: proxy.unwrap_or("HTTPS_PROXY").to_owned(),
                why: "the proxy wants a user name and a password (407); write \
                      http://USER:PASSWORD@HOST:PORT"
                    .into(),
            },
            ureq::Error::BodyExceedsLimit(_) => answer_error(of, "it sends too much"),
            ureq::Error::BadUri(_) => answer_error(of, "it redirects to no web address"),
            error => HubError::Connection { what, host, why: why(&error) },
        }
    }

    /// Tries again what may pass, up to the number of attempts.
    fn retrying<T>(
        &self,
        of: &HubAddress,
        on: &dyn DownloadProgress,
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

    /// See [`retry::wait`].
    pub(crate) fn wait(
        &self,
        of: &HubAddress,
        error: HubError,
        failures: &mut u32,
        on: &dyn DownloadProgress,
    ) -> Result<(), HubError> {
        retry::wait(&self.settings.retry, of, error, failures, on)
    }
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
