//! Where a redirect leads, and whether that is still the same server.

use std::net::Ipv6Addr;

use ureq::http::{HeaderMap, StatusCode, Uri};

/// Scheme, host and port: what a token may be shown to. Two of them are equal
/// where the client would open the same kind of connection to the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// `https`, and not `http`.
    pub secure: bool,
    /// In lower case; an IPv6 address in its shortest form, without brackets.
    pub host: String,
    /// The scheme's own where the address names none.
    pub port: u16,
}

impl Origin {
    /// Whether what is asked for safely would be had unsafely there.
    pub fn downgrades_to(&self, to: &Self) -> bool {
        self.secure && !to.secure
    }

    /// Of a whole address; `None` for any scheme but `http` and `https`, no
    /// host, or a port that is none.
    pub fn of(url: &Uri) -> Option<Self> {
        // The client connects to what these functions say, so that no other
        // reading of the address can lead it elsewhere.
        let secure = match url.scheme_str()?.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let (host, authority) = (url.host()?, url.authority()?.as_str());
        let after = authority.rsplit('@').next().unwrap_or(authority).get(host.len()..)?;
        let port = match after.strip_prefix(':') {
            None | Some("") => {
                if secure {
                    443
                } else {
                    80
                }
            }
            Some(port) => port.parse().ok().filter(|port| *port != 0)?,
        };
        let host = host.to_ascii_lowercase();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match bare.map(str::parse::<Ipv6Addr>) {
            Some(Ok(address)) => address.to_string(),
            Some(Err(_)) => return None,
            None => host,
        };
        (!host.is_empty()).then_some(Self { secure, host, port })
    }
}

/// The `Location` of a redirect, of the statuses that are one.
pub fn location(status: StatusCode, headers: &HeaderMap) -> Option<&[u8]> {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
        .then(|| headers.get("location").map(|value| value.as_bytes()))?
}

/// The address that `location` names, seen from `from`: whole, without a user
/// name and without a fragment.
///
/// # Errors
/// Why it is no address that can be gone to.
pub fn target(from: &Uri, location: &[u8]) -> Result<Uri, &'static str> {
    const BAD: &str = "it redirects to something that is no web address";
    // Clients differ in how they read anything else.
    if location.is_empty() || !location.iter().all(|b| b.is_ascii_graphic() && *b != b'\\') {
        return Err(BAD);
    }
    let location = str::from_utf8(location).map_err(|_| BAD)?;
    let location = location.split('#').next().unwrap_or_default();
    let scheme = from.scheme_str().ok_or(BAD)?;
    let authority = from.authority().ok_or(BAD)?.as_str();
    let whole = match scheme_of(location) {
        Some(_) => location.to_owned(),
        None if location.starts_with("//") => format!("{scheme}:{location}"),
        None if location.starts_with('/') => format!("{scheme}://{authority}{location}"),
        None => {
            let (path, query) = match location.split_once('?') {
                Some((path, query)) => (path, format!("?{query}")),
                None => (location, String::new()),
            };
            let path = match path {
                "" => from.path().to_owned(),
                path => beside(from.path(), path),
            };
            format!("{scheme}://{authority}{path}{query}")
        }
    };
    let whole: Uri = whole.parse().map_err(|_| BAD)?;
    let origin = Origin::of(&whole).ok_or(BAD)?;
    // A user name there would be sent as a password of the redirect's choice.
    let host = match origin.host.contains(':') {
        true => format!("[{}]", origin.host),
        false => origin.host,
    };
    let (scheme, own) = if origin.secure { ("https", 443) } else { ("http", 80) };
    // Stores sign the `Host` header: a port that was not written must not appear.
    let port = if origin.port == own { String::new() } else { format!(":{}", origin.port) };
    let path = whole.path_and_query().map_or("/", |path| path.as_str());
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("{scheme}://{host}{port}{slash}{path}").parse().map_err(|_| BAD)
}

/// The scheme of an address that has one.
fn scheme_of(location: &str) -> Option<&str> {
    let (scheme, _) = location.split_once(':')?;
    let mut letters = scheme.bytes();
    let first = letters.next()?.is_ascii_alphabetic();
    (first && letters.all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))).then_some(scheme)
}

/// A path relative to the folder of another, without `.` and `..`.
fn beside(base: &str, path: &str) -> String {
    let folder = base.rfind('/').map_or("/", |at| &base[..=at]);
    let joined = format!("{folder}{path}");
    let mut parts: Vec<&str> = Vec::new();
    let all: Vec<&str> = joined.split('/').skip(1).collect();
    for (i, part) in all.iter().enumerate() {
        let last = i + 1 == all.len();
        match *part {
            "." | ".." => {
                if *part == ".." {
                    parts.pop();
                }
                if last {
                    parts.push("");
                }
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Option<Origin> {
        url.parse().ok().and_then(|url| Origin::of(&url))
    }

    fn to(from: &str, location: &str) -> Result<String, &'static str> {
        target(&from.parse().unwrap(), location.as_bytes()).map(|url| url.to_string())
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (a, b) in [
            ("https://hub.example/x", "https://HUB.example:443/y?z"),
            ("http://hub.example", "HTTP://hub.example:80"),
            ("http://hub.example:/", "http://hub.example/"),
            ("http://a:b@hub.example/", "http://hub.example/"),
            ("http://[::1]:9/", "http://[0:0:0:0:0:0:0:1]:9/"),
        ] {
            assert_eq!(origin(a), origin(b), "{a} {b}");
            assert!(origin(a).is_some(), "{a}");
        }
        for (a, b) in [
            ("https://hub.example/", "http://hub.example/"),
            ("https://hub.example/", "https://hub.example:8443/"),
            ("http://127.0.0.1:1/", "http://127.0.0.1:2/"),
            ("http://127.0.0.1:1/", "http://localhost:1/"),
            ("http://hub.example/", "http://hub.example./"),
            ("http://hub.example/", "http://xhub.example/"),
            ("http://hub.example/", "http://hub.example.evil/"),
            ("http://[::1]/", "http://[::2]/"),
            ("http://127.0.0.1:1/", "http://127.0.0.1:1@127.0.0.1:2/"),
        ] {
            assert_ne!(origin(a), origin(b), "{a} {b}");
        }
        for bad in
            ["ftp://h/", "http://h:99999/", "http://h:0/", "http://h:1x/", "/x", "http://[::1/"]
        {
            assert_eq!(origin(bad), None, "{bad}");
        }
    }

    /// The table of RFC 3986, 5.4, as far as it is about paths.
    #[test]
    fn relative_addresses_are_those_of_the_standard() {
        let from = "http://a/b/c/d?q";
        for (location, path) in [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("?y", "/b/c/d?y"),
            ("g?y", "/b/c/g?y"),
            ("g#s", "/b/c/g"),
            (".", "/b/c/"),
            ("..", "/b/"),
            ("../g", "/b/g"),
            ("../../g", "/g"),
            ("../../../g", "/g"),
            ("g;x=1/../y", "/b/c/y"),
            ("g?y/../x", "/b/c/g?y/../x"),
        ] {
            assert_eq!(to(from, location).unwrap(), format!("http://a{path}"), "{location}");
        }
        assert_eq!(to(from, "//g/x").unwrap(), "http://g/x");
        assert_eq!(to(from, "HTTPS://u:p@G?z").unwrap(), "https://g/?z");
        for bad in
            ["", "ftp://g/", "g:h", "http:g", "/a b", "/\\x", "http://", "/ü", "//", "http://g:x/"]
        {
            assert!(to(from, bad).is_err(), "{bad}");
        }
    }
}
