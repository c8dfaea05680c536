//! Proxies on this machine that count what they carry.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use seal_hub::{HubError, Proxies, Silent};

use crate::failures::FILE;
use crate::server::{COMMIT, Server, address, small};

/// What a proxy speaks.
#[derive(Clone, Copy)]
enum Kind {
    Http,
    Socks5,
    /// Asks for a password that it never gets.
    Closed,
}

/// The port of a proxy, and what it was asked to connect to.
fn proxy(kind: Kind) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let log = Arc::clone(&log);
            std::thread::spawn(move || serve(kind, client, &log));
        }
    });
    (port, seen)
}

fn serve(kind: Kind, mut client: TcpStream, log: &Mutex<Vec<String>>) -> Option<()> {
    let to = match kind {
        Kind::Socks5 => socks(&mut client)?,
        Kind::Http | Kind::Closed => {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") {
                client.read_exact(&mut byte).ok()?;
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).ok()?;
            head.strip_prefix("CONNECT ")?.split(' ').next()?.to_owned()
        }
    };
    log.lock().unwrap().push(to.clone());
    if matches!(kind, Kind::Closed) {
        return client.write_all(b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n").ok();
    }
    let server = TcpStream::connect(to).ok()?;
    client
        .write_all(match kind {
            Kind::Socks5 => &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0],
            _ => b"HTTP/1.1 200 OK\r\n\r\n",
        })
        .ok()?;
    let (mut up, mut down) = (client.try_clone().ok()?, server.try_clone().ok()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut up, &mut down);
        let _ = down.shutdown(Shutdown::Write);
    });
    let (mut from, mut to) = (server, client);
    let _ = std::io::copy(&mut from, &mut to);
    to.shutdown(Shutdown::Write).ok()
}

/// RFC 1928, for an address of version four and for a name.
fn socks(client: &mut TcpStream) -> Option<String> {
    let mut take = |n: usize| {
        let mut bytes = vec![0; n];
        client.read_exact(&mut bytes).ok().map(|()| bytes)
    };
    let methods = take(2)?[1];
    take(methods.into())?;
    client.write_all(&[5, 0]).ok()?;
    let mut take = |n: usize| {
        let mut bytes = vec![0; n];
        client.read_exact(&mut bytes).ok().map(|()| bytes)
    };
    let host = match take(4)?[3] {
        1 => take(4)?.iter().map(u8::to_string).collect::<Vec<_>>().join("."),
        3 => {
            let len = take(1)?[0];
            String::from_utf8(take(len.into())?).ok()?
        }
        _ => return None,
    };
    let port = take(2)?;
    Some(format!("{host}:{}", u16::from_be_bytes([port[0], port[1]])))
}

fn load(server: &Server, vars: &[(&str, String)]) -> Result<(), HubError> {
    let var = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| value.clone());
    let cache = tempfile::tempdir().unwrap();
    let hub = server.try_hub_with(|s| {
        s.proxies = Proxies::from_vars(var);
        s.cache = cache.path().join("hub");
        s.retry.attempts = 1;
    })?;
    let file = hub.file(&address(FILE), &Silent)?;
    assert_eq!(std::fs::read_to_string(file.path).unwrap(), "text");
    Ok(())
}

#[test]
fn requests_go_through_the_proxy_that_is_set() {
    let server = Server::new(&[("a.bin", small("text"))]);
    let to = format!("127.0.0.1:{}", server.port);
    for (kind, scheme) in [
        (Kind::Http, "http://"),
        (Kind::Http, ""),
        (Kind::Socks5, "socks5://"),
        (Kind::Socks5, "SOCKS5H://"),
    ] {
        for variable in ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"] {
            let (port, seen) = proxy(kind);
            load(&server, &[(variable, format!("{scheme}127.0.0.1:{port}"))]).unwrap();
            let seen = seen.lock().unwrap();
            assert!(
                !seen.is_empty() && seen.iter().all(|host| *host == to),
                "{variable}: {seen:?}"
            );
        }
    }
}

#[test]
fn requests_go_direct_where_the_proxy_is_for_others() {
    let server = Server::new(&[("a.bin", small("text"))]);
    let (port, seen) = proxy(Kind::Http);
    let at = format!("http://127.0.0.1:{port}");
    load(&server, &[("HTTPS_PROXY", at.clone())]).unwrap();
    for list in [
        "x, 127.0.0.1",
        "x 127.0.0.1",
        "127.0.0.0/8",
        "127.*",
        "*",
        &format!("127.0.0.1:{}", server.port),
    ] {
        load(&server, &[("ALL_PROXY", at.clone()), ("NO_PROXY", list.into())]).unwrap();
    }
    assert!(seen.lock().unwrap().is_empty(), "{:?}", seen.lock().unwrap());
    load(&server, &[("ALL_PROXY", at), ("no_proxy", "10.0.0.0/8".into())]).unwrap();
    assert!(!seen.lock().unwrap().is_empty());
}

#[test]
fn a_proxy_that_cannot_be_used_is_named_and_nothing_goes_direct() {
    let server = Server::new(&[("a.bin", small("text"))]);
    for bad in
        ["no address", "socks9://127.0.0.1:1", "http://127.0.0.1:99999", "http://u:secret@:1"]
    {
        let e = load(&server, &[("ALL_PROXY", bad.into())]).unwrap_err();
        assert!(matches!(e, HubError::Setting { .. }) && !e.is_retryable(), "{bad}: {e:?}");
        assert!(e.to_string().starts_with("ALL_PROXY: "), "{e}");
        assert!(!e.to_string().contains("secret"), "{e}");
    }
    // One where nothing answers, and one that wants a password.
    let e = load(&server, &[("HTTP_PROXY", "http://127.0.0.1:9".into())]).unwrap_err();
    assert!(matches!(e, HubError::Connection { .. }), "{e:?}");
    assert!(e.to_string().contains("the proxy of HTTP_PROXY"), "{e}");
    let (port, _) = proxy(Kind::Closed);
    let e = load(&server, &[("http_proxy", format!("http://127.0.0.1:{port}"))]).unwrap_err();
    assert!(matches!(e, HubError::Setting { .. }), "{e:?}");
    assert!(e.to_string().starts_with("http_proxy: ") && e.to_string().contains("407"), "{e}");
    assert!(server.log().is_empty(), "{:?}", server.log());
}

#[test]
fn offline_a_proxy_does_not_matter() {
    let server = Server::new(&[("a.bin", small("text"))]);
    server.hub().file(&address(FILE), &Silent).unwrap();
    let hub = server.hub_with(|s| {
        s.proxies = Proxies::from_vars(|name| (name == "ALL_PROXY").then(|| "??".into()));
        s.offline = true;
    });
    assert_eq!(hub.file(&address(FILE), &Silent).unwrap().commit(), COMMIT);
}
