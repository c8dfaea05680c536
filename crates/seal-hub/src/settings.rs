//! Where the hub and the cache are, and how patient to be.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::{HubError, Proxies};

/// All that a [`Hub`](crate::Hub) needs to know. Nothing is read from the
/// environment later.
#[derive(Clone, Debug)]
pub struct HubSettings {
    /// Where the hub answers, without a slash at the end.
    pub endpoint: String,
    /// The folder with `models--owner--name`, shared with Python.
    pub cache: PathBuf,
    /// Who asks; `None` asks as nobody.
    pub token: Option<HubToken>,
    /// Whether to use the cache alone.
    pub offline: bool,
    /// Whether a branch or tag is looked up again when the cache holds the file.
    /// Where `false`, what the cache holds for it is taken without a request.
    pub follow_branches: bool,
    /// Certificates (PEM) of the authorities to trust in place of the public
    /// ones, where a proxy replaces certificates.
    pub authorities: Option<PathBuf>,
    /// The way to hosts that are not reached directly.
    pub proxies: Proxies,
    /// What to do after a failure that may pass.
    pub retry: Retry,
}

/// What to do after a failure that may pass.
#[derive(Clone, Debug)]
pub struct Retry {
    /// Number of attempts in a row without a byte of progress; at least 1.
    pub attempts: u32,
    /// Wait after the first failure; doubled after each further one.
    pub first_wait: Duration,
    /// Longest wait. A hub that asks for a longer one is an error at once.
    pub longest_wait: Duration,
    /// How long to wait for a connection, and for each read from it.
    pub timeout: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(60),
            timeout: Duration::from_secs(30),
        }
    }
}

/// A secret that says who asks, and where it was found. It shows in no output.
#[derive(Clone, PartialEq, Eq)]
pub struct HubToken {
    secret: String,
    from: String,
}

impl HubToken {
    /// A token; `from` names its place for messages (`HF_TOKEN`, a file).
    ///
    /// # Errors
    /// [`HubError::Setting`] for what cannot stand in a request.
    pub fn new(secret: &str, from: impl Into<String>) -> Result<Self, HubError> {
        let (secret, from) = (secret.trim().to_owned(), from.into());
        if secret.is_empty() || !secret.bytes().all(|b| b.is_ascii_graphic()) {
            let why = "the token is empty or holds a space or a character that no token has; \
                       log in again with `hf auth login`";
            return Err(HubError::Setting { name: from, why: why.into() });
        }
        Ok(Self { secret, from })
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    pub(crate) fn from(&self) -> &str {
        &self.from
    }
}

impl fmt::Debug for HubToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(hidden, from {})", self.from)
    }
}

impl HubSettings {
    /// The public hub, nobody's token, no proxy, this cache.
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        Self {
            endpoint: "https://huggingface.co".into(),
            cache: cache.into(),
            token: None,
            offline: false,
            follow_branches: true,
            authorities: None,
            proxies: Proxies::default(),
            retry: Retry::default(),
        }
    }

    /// From the variables that Python's `huggingface_hub` reads: `HF_ENDPOINT`,
    /// `HF_HOME`, `HF_HUB_CACHE`, `XDG_CACHE_HOME`, `HF_TOKEN`, `HF_TOKEN_PATH`,
    /// `HF_HUB_DISABLE_IMPLICIT_TOKEN`, `HF_HUB_OFFLINE`, and `SSL_CERT_FILE` for
    /// [`authorities`](Self::authorities). [`Proxies`] come from `https_proxy`,
    /// `http_proxy`, `all_proxy` and `no_proxy`, in lower or upper case.
    ///
    /// # Errors
    /// A variable that cannot be used, a token file that cannot be read, or no
    /// folder for the cache.
    pub fn from_env() -> Result<Self, HubError> {
        Self::from_vars(|name| std::env::var(name).ok())
    }

    /// As [`from_env`](Self::from_env), with the variables given.
    ///
    /// # Errors
    /// As there.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self, HubError> {
        let first = |names: &[&str]| {
            names.iter().find_map(|name| var(name).filter(|value| !value.trim().is_empty()))
        };
        let user = first(&["HOME", "USERPROFILE"]).map(PathBuf::from);
        let folder = |value: String| match (value.strip_prefix("~/"), &user) {
            (Some(rest), Some(user)) => user.join(rest),
            _ => PathBuf::from(value),
        };
        let caches = first(&["XDG_CACHE_HOME"])
            .map(folder)
            .or_else(|| Some(user.as_ref()?.join(".cache")))
            .map(|folder| folder.join("huggingface"));
        let home = first(&["HF_HOME"]).map(folder).or(caches);
        let no_home = || HubError::Setting {
            name: "HF_HOME".into(),
            why: "no home folder is known; set HF_HOME to the folder of the cache".into(),
        };
        let cache = match first(&["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"]) {
            Some(cache) => folder(cache),
            None => home.as_ref().ok_or_else(no_home)?.join("hub"),
        };
        let mut settings = Self::new(cache);
        if let Some(endpoint) = first(&["HF_ENDPOINT"]) {
            settings.endpoint = endpoint.trim().trim_end_matches('/').to_owned();
        }
        settings.check_endpoint()?;
        settings.authorities = first(&["SSL_CERT_FILE"]).map(folder);
        settings.proxies = Proxies::from_vars(&var);
        let on = |name: &str| var(name).is_some_and(|value| is_true(&value));
        settings.offline = on("HF_HUB_OFFLINE") || on("TRANSFORMERS_OFFLINE");
        if !on("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
            let file =
                first(&["HF_TOKEN_PATH"]).map(folder).or(home.map(|home| home.join("token")));
            let variable = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]
                .into_iter()
                .find_map(|name| Some((first(&[name])?, name)));
            settings.token = match (variable, file) {
                (Some((secret, name)), _) => Some(HubToken::new(&secret, name)?),
                (None, Some(file)) => token_file(&file)?,
                (None, None) => None,
            };
        }
        Ok(settings)
    }

    /// Refuses an endpoint that is no web address, or that holds a password,
    /// which messages would show.
    pub(crate) fn check_endpoint(&self) -> Result<(), HubError> {
        let bad = |why: &str| HubError::Setting { name: "HF_ENDPOINT".into(), why: why.into() };
        let host = ["https://", "http://"].iter().find_map(|s| self.endpoint.strip_prefix(s));
        match host {
            None => Err(bad("it does not start with https:// or http://")),
            Some(host) if host.contains('@') => {
                Err(bad("it holds a user name or password; give those as a token in HF_TOKEN"))
            }
            Some(host)
                if host.is_empty() || host.contains(['?', '#', ' ']) || host.ends_with('/') =>
            {
                Err(bad("it is not the address of a host, such as https://huggingface.co"))
            }
            Some(_) => Ok(()),
        }
    }
}

fn token_file(file: &std::path::Path) -> Result<Option<HubToken>, HubError> {
    match std::fs::read_to_string(file) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => HubToken::new(&text, file.display().to_string()).map(Some),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(HubError::Io { doing: "read the token in", path: file.into(), source }),
    }
}

fn is_true(value: &str) -> bool {
    matches!(value.trim().to_ascii_uppercase().as_str(), "1" | "TRUE" | "YES" | "ON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(vars: &[(&str, &str)]) -> Result<HubSettings, HubError> {
        HubSettings::from_vars(|name| {
            vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_cache_is_where_python_has_it() {
        let cache = |vars: &[(&str, &str)]| from(vars).unwrap().cache.display().to_string();
        assert_eq!(cache(&[("HOME", "/u")]), "/u/.cache/huggingface/hub");
        assert_eq!(cache(&[("HOME", "/u"), ("XDG_CACHE_HOME", "/c")]), "/c/huggingface/hub");
        assert_eq!(cache(&[("HOME", "/u"), ("HF_HOME", "~/hf")]), "/u/hf/hub");
        assert_eq!(cache(&[("HF_HOME", "/h"), ("HF_HUB_CACHE", "/big")]), "/big");
        assert!(from(&[]).unwrap_err().to_string().contains("set HF_HOME"));
    }

    #[test]
    fn the_token_comes_from_the_variable_or_the_file() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().to_str().unwrap();
        assert_eq!(from(&[("HF_HOME", folder)]).unwrap().token, None);
        std::fs::write(home.path().join("token"), "hf_file\n").unwrap();
        let token = from(&[("HF_HOME", folder)]).unwrap().token.unwrap();
        assert_eq!(token.secret(), "hf_file");
        assert!(token.from().ends_with("token"), "{token:?}");
        let token = from(&[("HF_HOME", folder), ("HF_TOKEN", " hf_var ")]).unwrap().token.unwrap();
        assert_eq!((token.secret(), token.from()), ("hf_var", "HF_TOKEN"));
        let none = from(&[("HF_HOME", folder), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]).unwrap();
        assert_eq!(none.token, None);
    }

    #[test]
    fn a_token_shows_nowhere() {
        let settings = from(&[("HF_HOME", "/h"), ("HF_TOKEN", "hf_secret")]).unwrap();
        assert!(!format!("{settings:?}").contains("hf_secret"));
        let bad = from(&[("HF_HOME", "/h"), ("HF_TOKEN", "hf_sec ret")]).unwrap_err();
        assert!(bad.to_string().contains("HF_TOKEN"), "{bad}");
        assert!(!format!("{bad:?} {bad}").contains("ret;"), "{bad:?}");
        assert!(!format!("{bad:?} {bad}").contains("hf_sec"), "{bad:?}");
    }

    #[test]
    fn an_endpoint_is_a_web_address_without_a_password() {
        let with = |endpoint: &str| from(&[("HF_HOME", "/h"), ("HF_ENDPOINT", endpoint)]);
        assert_eq!(
            with("https://mirror.example/hf/").unwrap().endpoint,
            "https://mirror.example/hf"
        );
        for bad in ["mirror.example", "https://", "https://u:pw@mirror.example", "https://a b"] {
            let message = with(bad).unwrap_err().to_string();
            assert!(message.contains("HF_ENDPOINT") && !message.contains("pw"), "{message}");
        }
        assert!(from(&[("HF_HOME", "/h"), ("HF_HUB_OFFLINE", "yes")]).unwrap().offline);
        assert!(!from(&[("HF_HOME", "/h"), ("HF_HUB_OFFLINE", "0")]).unwrap().offline);
    }
}
