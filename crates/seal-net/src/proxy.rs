//! The proxies that the environment names, as curl and Python's `requests` read it.

use std::fmt;
use std::net::IpAddr;

use ureq::Proxy;
use ureq::http::Uri;

use crate::error::NetError;
use crate::no_proxy::{Exception, exceptions, name_like};
use crate::origin::Origin;

/// Which proxy serves which address.
///
/// - `https_proxy` is for `https://` addresses and `http_proxy` for `http://` ones;
///   `all_proxy` is for a scheme without one of its own.
/// - A name in lower case goes before the same in upper case; an empty one means no
///   proxy. `HTTP_PROXY` is not read where `REQUEST_METHOD` is set: there a client
///   of a web server chose its value.
/// - A proxy is `http://`, `https://`, `socks4://`, `socks4a://`, `socks5://` or
///   `socks5h://`, with `USER:PASSWORD@` if need be; without a scheme it is `http://`.
///   `socks4` and `socks5` look names up here, `socks4a` and `socks5h` there.
/// - `no_proxy` lists, with commas or spaces, what is reached without one: a host with
///   all below it, with or without a dot or `*.` before it, perhaps with `:PORT`;
///   an address; a range such as `10.0.0.0/8`; a start such as `192.168.*`; or `*`.
///   Ranges hold for addresses, not for names that lead to them.
///
/// A proxy that is set and cannot be used is an error when an address needs it.
#[derive(Clone, Default)]
pub struct Proxies {
    https: Option<ProxyVariable>,
    http: Option<ProxyVariable>,
    except: Vec<Exception>,
}

/// A variable that was set.
#[derive(Clone)]
pub(crate) struct ProxyVariable {
    /// The variable's name as it was found.
    pub variable: &'static str,
    /// The proxy, or why it is none.
    pub proxy: Result<Proxy, NoProxy>,
}

/// Shows no password.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name =
            |setting: &Option<ProxyVariable>| setting.as_ref().map(|setting| setting.variable);
        f.debug_struct("Proxies")
            .field("https", &name(&self.https))
            .field("http", &name(&self.http))
            .field("except", &self.except)
            .finish()
    }
}

impl Proxies {
    /// From the variables of the environment.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Self {
        let find = |lower: &'static str, upper: &'static str| {
            let variable = if var(lower).is_some() { lower } else { upper };
            if variable == "HTTP_PROXY" && var("REQUEST_METHOD").is_some() {
                return None;
            }
            let value = var(variable).filter(|value| !value.trim().is_empty())?;
            Some(ProxyVariable { variable, proxy: parse(value.trim()) })
        };
        let all = find("all_proxy", "ALL_PROXY");
        let except = ["no_proxy", "NO_PROXY"].into_iter().find_map(|name| {
            var(name).filter(|value| !value.trim().is_empty()).map(|value| (name, value))
        });
        let except = except.map_or_else(Vec::new, |(name, value)| exceptions(name, &value));
        Self {
            https: find("https_proxy", "HTTPS_PROXY").or_else(|| all.clone()),
            http: find("http_proxy", "HTTP_PROXY").or(all),
            except,
        }
    }

    /// The proxy that serves an address, with its variable.
    ///
    /// # Errors
    /// [`NetError`] for one that is set and cannot be used.
    pub fn of(&self, url: &Uri) -> Result<Option<(&'static str, &Proxy)>, NetError> {
        let Some(origin) = Origin::of(url) else { return Ok(None) };
        let setting = if origin.secure { &self.https } else { &self.http };
        match setting {
            Some(setting) if !self.except.iter().any(|except| except.holds(&origin)) => {
                match &setting.proxy {
                    Ok(proxy) => Ok(Some((setting.variable, proxy))),
                    Err(why) => Err(NetError {
                        name: setting.variable.to_owned(),
                        why: format!(
                            "{why}; write http://HOST:PORT or socks5h://HOST:PORT, or unset it"
                        ),
                    }),
                }
            }
            _ => Ok(None),
        }
    }

    /// Every proxy that may be used, once.
    pub fn all(&self) -> Vec<(&'static str, &Proxy)> {
        let mut all: Vec<(&'static str, &Proxy)> = Vec::new();
        for setting in [&self.https, &self.http].into_iter().flatten() {
            if let Ok(proxy) = &setting.proxy
                && !all.iter().any(|(name, _)| *name == setting.variable)
            {
                all.push((setting.variable, proxy));
            }
        }
        all
    }
}

/// Why a value is no proxy. The value is not in it: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoProxy {
    /// Its scheme is none of those that are spoken.
    #[error("this is no kind of proxy that is known")]
    Kind,
    /// Something follows the port, such as the path of a file of rules.
    #[error("the address of a proxy ends with its port (a .pac file is not read)")]
    Path,
    /// It has no host that could be asked, or a port that is none.
    #[error("this is not the address of a proxy")]
    Address,
}

/// # Errors
/// Why it is no proxy.
fn parse(value: &str) -> Result<Proxy, NoProxy> {
    let (scheme, rest) = match value.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => ("http".to_owned(), value),
    };
    if !["http", "https", "socks", "socks4", "socks4a", "socks5", "socks5h"].contains(&&*scheme) {
        return Err(NoProxy::Kind);
    }
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    if !matches!(path, "" | "/") {
        return Err(NoProxy::Path);
    }
    // A port that is none would be taken for the usual one by the client.
    let web: Uri = format!("http://{authority}/").parse().map_err(|_| NoProxy::Address)?;
    let host = Origin::of(&web).map(|origin| origin.host).ok_or(NoProxy::Address)?;
    if !name_like(&host) && host.parse::<IpAddr>().is_err() {
        return Err(NoProxy::Address);
    }
    Proxy::new(&format!("{scheme}://{authority}")).map_err(|_| NoProxy::Address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vars: &[(&str, &str)], url: &str) -> Result<Option<(&'static str, String)>, String> {
        let var = |name: &str| {
            vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        };
        let found = Proxies::from_vars(var);
        let found = found.of(&url.parse().unwrap()).map_err(|e| e.to_string())?;
        Ok(found.map(|(name, proxy)| (name, format!("{}:{}", proxy.host(), proxy.port()))))
    }

    fn variable(vars: &[(&str, &str)], url: &str) -> Option<&'static str> {
        of(vars, url).unwrap().map(|(name, _)| name)
    }

    const P: &str = "http://proxy.example:3128";

    #[test]
    fn each_scheme_has_its_own_and_lower_case_goes_first() {
        let (tls, plain) = ("https://hub.example/", "http://hub.example/");
        assert_eq!(variable(&[], tls), None);
        assert_eq!(variable(&[("HTTPS_PROXY", P)], tls), Some("HTTPS_PROXY"));
        assert_eq!(variable(&[("HTTPS_PROXY", P)], plain), None);
        assert_eq!(variable(&[("HTTP_PROXY", P)], tls), None);
        assert_eq!(variable(&[("HTTP_PROXY", P)], plain), Some("HTTP_PROXY"));
        assert_eq!(variable(&[("HTTP_PROXY", P), ("REQUEST_METHOD", "GET")], plain), None);
        let both = [("https_proxy", P), ("HTTPS_PROXY", "http://other"), ("ALL_PROXY", P)];
        assert_eq!(variable(&both, tls), Some("https_proxy"));
        assert_eq!(variable(&both, plain), Some("ALL_PROXY"));
        assert_eq!(variable(&[("https_proxy", ""), ("HTTPS_PROXY", P)], tls), None);
        assert_eq!(of(&[("ALL_PROXY", "proxy")], tls), Ok(Some(("ALL_PROXY", "proxy:80".into()))));
        let socks = of(&[("all_proxy", "SOCKS5://u:p@[::1]")], tls);
        assert_eq!(socks, Ok(Some(("all_proxy", "[::1]:1080".into()))));
    }

    #[test]
    fn what_is_no_proxy_is_an_error_where_it_would_be_used() {
        for bad in [
            "not a proxy",
            "ftp://h:1",
            "http://",
            "http://:80",
            "h:99999",
            "http://h:x",
            "://h",
            "http://h/wpad.pac",
            "socks9://h",
            "http://h:0",
            "%%%",
            "http://u:secret@h:1:2",
        ] {
            let e = of(&[("HTTPS_PROXY", bad)], "https://hub.example/").unwrap_err();
            assert!(e.starts_with("HTTPS_PROXY: ") && e.contains("unset it"), "{bad}: {e}");
            assert!(!e.contains("secret"), "{e}");
            assert_eq!(variable(&[("HTTPS_PROXY", bad)], "http://hub.example/"), None);
            let spared = [("HTTPS_PROXY", bad), ("NO_PROXY", "hub.example")];
            assert_eq!(variable(&spared, "https://hub.example/"), None);
        }
    }

    #[test]
    fn a_password_shows_nowhere() {
        let vars = |name: &str| (name == "HTTPS_PROXY").then(|| "http://u:secret@h:1".to_owned());
        assert!(!format!("{:?}", Proxies::from_vars(vars)).contains("secret"));
    }
}
