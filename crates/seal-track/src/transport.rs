//! One call of the API and its answer.

use std::path::Path;
use std::time::Duration;

use seal_net::{NetError, Origin, Proxies, asked_wait, backoff, location, target, trust};
use seal_text::escape_start;
use serde_json::Value;
use ureq::http::{HeaderValue, Method, Request, Response, Uri};
use ureq::{Agent, Body, Proxy};

use crate::{Credentials, TrackError};

/// Largest answer: a page of 1,000 runs with their params and metrics is smaller.
const LARGEST: u64 = 64 << 20;
/// Time of one call.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Calls of one question, while the server is busy or restarts.
const ATTEMPTS: u32 = 4;
/// The first and the longest wait between two.
const WAITS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(10)];

/// The way to one server.
pub(crate) struct Transport {
    /// Without a `/` at the end.
    base: String,
    credentials: Credentials,
    agent: Agent,
    /// The variable that names the proxy.
    proxy: Option<&'static str>,
}

impl Transport {
    pub(crate) fn new(
        address: &str,
        credentials: Credentials,
        proxies: &Proxies,
        authorities: Option<&Path>,
    ) -> Result<Self, TrackError> {
        let (base, url) = checked(address)?;
        let found = proxies.of(&url)?;
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .tls_config(trust(authorities)?)
            .proxy(found.map(|(_, proxy): (_, &Proxy)| proxy.clone()))
            .user_agent(concat!("seal-track/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(TIMEOUT))
            .build()
            .new_agent();
        Ok(Self { base, credentials, agent, proxy: found.map(|(name, _)| name) })
    }

    /// The address, for messages.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Asks the page `path` below the API's root, with a `query` that is encoded already.
    pub(crate) fn get(&self, path: &str, query: &str) -> Result<Value, TrackError> {
        self.call(Method::GET, &format!("{path}?{query}"), "")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, TrackError> {
        self.call(Method::POST, path, &body.to_string())
    }

    fn call(&self, method: Method, path: &str, body: &str) -> Result<Value, TrackError> {
        let url = format!("{}/api/2.0/mlflow/{path}", self.base);
        let shown = url.split('?').next().unwrap_or(&url).to_owned();
        let mut failures = 0;
        loop {
            let (outcome, asked) = match self.once(&method, &url, body) {
                Ok(answer) => {
                    let asked = asked_wait(answer.headers());
                    (self.read(&shown, answer), asked)
                }
                Err(error) => (Err(self.broken(&shown, &error)), None),
            };
            failures += 1;
            match outcome {
                // Nothing was done, so that nothing is done twice.
                Err(TrackError::Refused { status: 429 | 503, .. }) if failures < ATTEMPTS => {
                    let own = backoff(WAITS[0], WAITS[1], failures, 0.0);
                    std::thread::sleep(asked.unwrap_or(own).min(WAITS[1]));
                }
                outcome => return outcome,
            }
        }
    }

    fn once(&self, method: &Method, url: &str, body: &str) -> Result<Response<Body>, ureq::Error> {
        let mut request = Request::builder()
            .method(method.clone())
            .uri(url)
            .header("accept", "application/json")
            .header("accept-encoding", "identity");
        if let Some(header) = self.credentials.header() {
            let mut value = HeaderValue::from_str(header).map_err(ureq::http::Error::from)?;
            // The client hides such a header in its log.
            value.set_sensitive(true);
            request = request.header("authorization", value);
        }
        if *method == Method::GET {
            return self.agent.run(request.body(())?);
        }
        self.agent.run(request.header("content-type", "application/json").body(body.to_owned())?)
    }

    fn read(&self, url: &str, mut answer: Response<Body>) -> Result<Value, TrackError> {
        let status = answer.status().as_u16();
        if let Some(next) = location(answer.status(), answer.headers()) {
            let to = url.parse().map_err(|_| "an address that is none");
            let to = to.and_then(|from: Uri| target(&from, next));
            // A query may be a secret of the server's.
            let to = to.map_or_else(str::to_owned, |to| {
                let host = to.authority().map_or("", |host| host.as_str());
                format!("{}://{host}{}", to.scheme_str().unwrap_or("http"), to.path())
            });
            return Err(TrackError::Redirect { url: url.to_owned(), to: escape_start(&to, 200) });
        }
        let body = answer.body_mut().with_config().limit(LARGEST).read_to_vec();
        let body = body.map_err(|e| self.broken(url, &e))?;
        let value = serde_json::from_slice::<Value>(&body);
        if status == 200 {
            return value
                .map_err(|e| TrackError::Answer { url: url.to_owned(), why: e.to_string() });
        }
        let value = value.unwrap_or_default();
        let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
        let said = match text("message") {
            "" => String::new(),
            words => format!(": {}", escape_start(&self.credentials.blot(words), 300)),
        };
        let url = url.to_owned();
        Err(match status {
            401 | 403 => TrackError::Denied { url, status, said },
            404 if value.get("error_code").is_none() => {
                TrackError::Answer { url, why: "there is no such page (404)".to_owned() }
            }
            _ => TrackError::Refused { url, status, code: text("error_code").to_owned(), said },
        })
    }

    fn broken(&self, url: &str, error: &ureq::Error) -> TrackError {
        if let (ureq::Error::ConnectProxyFailed(said), Some(proxy)) = (error, self.proxy)
            && said.contains("407")
        {
            let why = "the proxy wants a user name and a password (407)".to_owned();
            return NetError { name: proxy.to_owned(), why }.into();
        }
        let words = escape_start(&self.credentials.blot(&error.to_string()), 300);
        let why = match self.proxy {
            Some(proxy) => format!("{words} (through the proxy of {proxy})"),
            None => words,
        };
        TrackError::Connection { url: url.to_owned(), why }
    }
}

/// The address without a `/` at its end, and as an address.
fn checked(address: &str) -> Result<(String, Uri), TrackError> {
    let refused = |shown: &str, why: &str| TrackError::Address {
        shown: if shown.is_empty() {
            String::new()
        } else {
            format!(" {}", escape_start(shown, 200))
        },
        why: why.to_owned(),
    };
    let base = address.trim().trim_end_matches('/');
    let authority = base.split_once("://").map_or(base, |(_, rest)| rest);
    if authority.split('/').next().is_some_and(|host| host.contains('@')) {
        let why = "it holds a user name; set MLFLOW_TRACKING_USERNAME and \
                   MLFLOW_TRACKING_PASSWORD instead";
        return Err(refused("", why));
    }
    if base.contains(['?', '#']) {
        return Err(refused("", "it has a query or a fragment; leave it out"));
    }
    let scheme = base.split("://").next().unwrap_or_default().to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        let why = "it begins with http:// or https://; a store of files or a database has a \
                   server in front of it: `mlflow server`";
        return Err(refused(base, why));
    }
    let url: Uri = base.parse().map_err(|_| refused(base, "this is no address"))?;
    if Origin::of(&url).is_none() {
        return Err(refused(base, "it has no host, or a port that is none"));
    }
    Ok((base.to_owned(), url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_no_servers_are_refused() {
        assert_eq!(checked(" http://h:5000/ml/ ").unwrap().0, "http://h:5000/ml");
        for bad in [
            "sqlite:///x.db",
            "./mlruns",
            "databricks",
            "",
            "ftp://h",
            "http://h?a=b",
            "http://h:x",
        ] {
            let said = checked(bad).unwrap_err().to_string();
            assert!(said.starts_with("the address of the tracking server"), "{said}");
        }
        let said = checked("http://me:sesame@h/").unwrap_err();
        assert!(!format!("{said} {said:?}").contains("sesame"), "{said:?}");
    }
}
