//! What is reached without a proxy.

use std::net::IpAddr;

use crate::origin::Origin;
use seal_text::escape_start;

/// One word of `no_proxy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exception {
    All,
    /// Addresses whose first `bits` are these.
    Range {
        start: IpAddr,
        bits: u8,
        port: Option<u16>,
    },
    /// A host and all below it.
    Host {
        name: String,
        port: Option<u16>,
    },
    /// Hosts that start so.
    Start(String),
}

/// The words of a list; one that is nothing is said in the log.
pub(crate) fn exceptions(variable: &str, value: &str) -> Vec<Exception> {
    let words = value.split(|c: char| c == ',' || c.is_whitespace()).filter(|w| !w.is_empty());
    words
        .filter_map(|word| {
            let found = exception(word);
            if found.is_none() {
                let word = escape_start(word, 80);
                tracing::warn!("{variable}: `{word}` is no host, address or range; not heeded");
            }
            found
        })
        .collect()
}

fn exception(word: &str) -> Option<Exception> {
    let word = word.to_ascii_lowercase();
    if word == "*" {
        return Some(Exception::All);
    }
    if let Some((start, bits)) = word.split_once('/') {
        let start: IpAddr = bare(start).parse().ok()?;
        let most = if start.is_ipv4() { 32 } else { 128 };
        let bits = bits.parse().ok().filter(|bits| *bits <= most)?;
        return Some(Exception::Range { start, bits, port: None });
    }
    if let Some(start) = word.strip_suffix('*') {
        return name_like(start).then(|| Exception::Start(start.to_owned()));
    }
    let (host, port) = match bare(&word).parse::<IpAddr>() {
        Ok(_) => (word.as_str(), None),
        Err(_) => match word.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (word.as_str(), None),
        },
    };
    if let Ok(start) = bare(host).parse::<IpAddr>() {
        return Some(Exception::Range {
            start,
            bits: if start.is_ipv4() { 32 } else { 128 },
            port,
        });
    }
    let name = host.strip_prefix('*').unwrap_or(host).trim_start_matches('.').trim_end_matches('.');
    name_like(name).then(|| Exception::Host { name: name.to_owned(), port })
}

pub(crate) fn name_like(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

impl Exception {
    /// Whether the host is reached without a proxy.
    pub(crate) fn holds(&self, of: &Origin) -> bool {
        let host = of.host.trim_end_matches('.');
        let on = |port: &Option<u16>| port.is_none_or(|port| port == of.port);
        match self {
            Self::All => true,
            Self::Start(start) => host.starts_with(&**start),
            Self::Range { start, bits, port } => {
                on(port) && host.parse().is_ok_and(|host| within(host, *start, *bits))
            }
            Self::Host { name, port } => {
                let below = || host.strip_suffix(&**name).is_some_and(|rest| rest.ends_with('.'));
                on(port) && (host == name || (host.parse::<IpAddr>().is_err() && below()))
            }
        }
    }
}

/// Whether two addresses are of one kind and begin with the same `bits`.
fn within(host: IpAddr, start: IpAddr, bits: u8) -> bool {
    let (host, start, all) = match (host.to_canonical(), start.to_canonical()) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        _ => return false,
    };
    let rest = u32::from(u8::saturating_sub(all, bits));
    host.checked_shr(rest).unwrap_or(0) == start.checked_shr(rest).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_those_of_curl_and_requests() {
        let spared = |list: &str, host: &str| {
            let of = Origin::of(&format!("https://{host}/").parse().unwrap()).unwrap();
            exceptions("NO_PROXY", list).iter().any(|except| except.holds(&of))
        };
        for (list, host) in [
            ("*", "hub.example"),
            ("hub.example", "hub.example"),
            ("HUB.example", "hub.EXAMPLE"),
            ("hub.example", "a.b.hub.example"),
            (".hub.example", "hub.example"),
            ("*.hub.example", "a.hub.example"),
            ("hub.example.", "hub.example"),
            ("hub.example", "hub.example."),
            ("a, hub.example", "hub.example"),
            ("a hub.example", "hub.example"),
            (" a ,\thub.example ,", "hub.example"),
            ("hub.example:8443", "hub.example:8443"),
            ("hub.example:443", "hub.example"),
            ("127.0.0.1", "127.0.0.1:8000"),
            ("127.0.0.1:8000", "127.0.0.1:8000"),
            ("127.0.0.0/8", "127.4.5.6"),
            ("10.1.2.0/23", "10.1.3.255"),
            ("0.0.0.0/0", "1.2.3.4"),
            ("192.168.*", "192.168.7.7"),
            ("::1", "[::1]:9"),
            ("[::1]", "[0:0::1]"),
            ("[::1]:9", "[::1]:9"),
            ("2001:db8::/32", "[2001:db8:1::5]"),
        ] {
            assert!(spared(list, host), "{list} {host}");
        }
        for (list, host) in [
            ("", "hub.example"),
            (",", "hub.example"),
            ("hub.example", "xhub.example"),
            ("hub.example", "hub.example.evil"),
            ("hub.example:8443", "hub.example"),
            ("10.1.2.0/23", "10.1.4.0"),
            ("10.0.0.0/33", "10.0.0.0"),
            ("10.0.0.0/-1", "10.0.0.0"),
            ("0.0.1", "127.0.0.1"),
            ("2001:db8::/32", "[2001:db9::5]"),
            ("http://hub.example", "hub.example"),
            ("127.0.0.0/8", "localhost"),
        ] {
            assert!(!spared(list, host), "{list} {host}");
        }
    }
}
