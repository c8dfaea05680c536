//! Servers that are wrong about lengths, and waits that a hub asks for.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use seal_hub::{Event, HubError, Silent};

use crate::failures::{FILE, fails};
use crate::server::{COMMIT, Reply, Server, Stored, address, large, part, sha256, small};

/// A connection that stays open is one that a client could wait for in vain.
const OPEN: Duration = Duration::from_secs(20);

fn loads_soon(server: &Server, bytes: &[u8]) {
    let start = Instant::now();
    let file = server.hub().file(&address(FILE), &Silent).unwrap();
    assert_eq!(std::fs::read(&file.path).unwrap(), bytes);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

/// As many bytes more than there are.
fn announced(reply: Reply, more: usize) -> Reply {
    let length = (reply.body.len() + more).to_string();
    reply.with("content-length", length)
}

#[test]
fn a_download_that_announces_more_is_not_waited_for() {
    for stored in [small("all of the bytes"), large(1, 70_000), large(2, 3_000_000)] {
        let bytes = stored.bytes.clone();
        // Only the download is wrong; what the hub says of the file is right.
        let hooked = bytes.clone();
        let server = Server::hooked(&[("a.bin", stored.clone())], move |request, _| {
            let load = request.method == "GET"
                && (request.path.starts_with("/store/") || hooked.len() < 100);
            load.then(|| Reply { hold: OPEN, ..announced(part(request, &hooked), 5) })
        });
        loads_soon(&server, &bytes);
    }
}

#[test]
fn a_checksum_outweighs_a_length() {
    let text = "all of the bytes";
    // By `git hash-object`, as the hub names small files.
    let git = "7002a9992d9ebf1e8f7fc0a2d5cc8300b85b7fc5".to_owned();
    for (sum, hold) in [
        (sha256(text.as_bytes()), OPEN),
        (sha256(text.as_bytes()), Duration::ZERO),
        (git.clone(), OPEN),
        (git, Duration::ZERO),
    ] {
        // What the hub says of the file is wrong too, and its name is a checksum.
        let server = Server::hooked(&[], move |request, _| {
            let reply = announced(part(request, text.as_bytes()), 5);
            let reply = Reply { hold, ..reply }.with("x-repo-commit", COMMIT);
            Some(reply.with("etag", format!("\"{sum}\"")))
        });
        loads_soon(&server, text.as_bytes());
    }
}

#[test]
fn a_length_that_nothing_bears_out_is_an_error_soon() {
    // The server ends each time at the same byte and says that it is the end.
    let server = Server::hooked(&[], |request, _| {
        let text = b"some of the bytes";
        let reply = match (&*request.method, request.range_start()) {
            ("HEAD", _) => announced(part(request, text), 5),
            _ => part(request, text),
        };
        Some(reply.with("x-repo-commit", COMMIT).with("etag", "\"name\""))
    });
    let e = fails(&server.hub());
    assert!(matches!(e, HubError::Length { found: 17, expected: 22, .. }), "{e:?}");
    let loads = server.log().iter().filter(|line| line.starts_with("GET")).count();
    assert!(loads <= 5, "{:?}", server.log());
    let blobs = server.cache.path().join("hub/models--o--n/blobs");
    assert_eq!(std::fs::read_dir(blobs).unwrap().count(), 0);
}

#[test]
fn a_server_that_starts_over_each_time_is_given_up() {
    let stored = large(1, 100_000);
    let bytes = stored.bytes.clone();
    // No ranges, and cut now here, now there: no byte beyond those of the first time.
    let server = Server::hooked(&[("a.bin", stored)], move |request, before| {
        request.path.starts_with("/store/").then(|| Reply {
            status: 200,
            body: bytes.clone(),
            cut: Some(if before % 2 == 0 { 60_000 } else { 30_000 }),
            ..Reply::default()
        })
    });
    let e = fails(&server.hub());
    assert!(matches!(e, HubError::Connection { .. }), "{e:?}");
    let loads = server.log().iter().filter(|line| line.contains("/store/")).count();
    assert!(loads <= 5, "{loads}");
}

#[test]
fn sizes_that_are_no_numbers_are_refused() {
    for (name, value) in
        [("x-linked-size", "many"), ("x-linked-size", "-1"), ("x-linked-size", "1.5")]
    {
        let server = Server::hooked(&[], move |request, _| {
            let reply = part(request, b"x").with("x-repo-commit", COMMIT).with("etag", "\"abc\"");
            Some(reply.with(name, value))
        });
        let e = fails(&server.hub());
        assert!(matches!(e, HubError::Answer { .. }), "{value}: {e:?}");
        assert!(e.to_string().contains(name), "{e}");
    }
}

/// A hub that refuses the first request with these headers.
fn busy(status: u16, headers: &[(&'static str, String)]) -> Server {
    let headers = headers.to_vec();
    Server::hooked(&[("a.bin", Stored { bytes: vec![7], large: false })], move |_, before| {
        let headers = headers.iter().cloned();
        (before == 0).then(|| headers.fold(Reply::status(status), |r, (n, v)| r.with(n, v)))
    })
}

#[test]
fn every_form_of_retry_after_is_heeded() {
    const DATE: &str = "Sun, 29 Nov 2026 12:00:00 GMT";
    let asked = [
        (vec![("retry-after", "1".to_owned())], 1.0),
        (vec![("retry-after", "1.5".to_owned())], 1.5),
        (vec![("retry-after", "Sun, 29 Nov 2026 12:00:01 GMT".into()), ("date", DATE.into())], 1.0),
        (vec![("retry-after", "Sun, 29 Nov 2026 11:59:59 GMT".into()), ("date", DATE.into())], 0.0),
        (vec![("retry-after", "0".to_owned())], 0.0),
        (vec![("retry-after", "-3".to_owned())], 0.0),
        (vec![("retry-after", "soon".to_owned())], 0.0),
    ];
    std::thread::scope(|scope| {
        for status in [429, 503] {
            for (headers, wait) in &asked {
                scope.spawn(move || heeded(status, headers, *wait));
            }
        }
    });
}

fn heeded(status: u16, headers: &[(&'static str, String)], wait: f64) {
    let server = busy(status, headers);
    let waits = Mutex::new(Vec::new());
    let on = |event: &Event<'_>| {
        if let Event::Waiting { wait, .. } = event {
            waits.lock().unwrap().push(wait.as_secs_f64());
        }
    };
    server.hub().file(&address(FILE), &on).unwrap();
    let waits = waits.into_inner().unwrap();
    // Where none is asked for it is the client's own, here 2 ms.
    let [first, ..] = waits[..] else { panic!("{status} {headers:?}") };
    assert!(first >= wait && first < wait + 0.1, "{status} {headers:?}: {first}");
}

#[test]
fn a_wait_beyond_the_bound_is_said_and_not_begun() {
    for status in [429, 503] {
        for (value, said) in [
            ("290", "290 s"),
            ("18446744073709551615", "longer than a clock counts"),
            ("18446744073709551616", "longer than a clock counts"),
            (&*"9".repeat(40), "longer than a clock counts"),
            ("Fri, 31 Dec 9999 23:59:59 GMT", " s"),
        ] {
            let server = busy(status, &[("retry-after", value.to_owned())]);
            let start = Instant::now();
            let e = fails(&server.hub());
            assert!(e.is_retryable(), "{e:?}");
            assert!(e.to_string().contains("asks to wait") && e.to_string().contains(said), "{e}");
            assert!(start.elapsed() < Duration::from_secs(1));
            assert_eq!(server.log().len(), 1, "{value}");
        }
    }
}

#[test]
fn what_a_hub_says_moves_no_cursor() {
    let server = Server::hooked(&[], |_, _| {
        Some(Reply::status(418).with("x-error-message", "a\u{9b}2Jb\u{202e}c\u{7f}"))
    });
    let said = fails(&server.hub()).to_string();
    assert!(!said.chars().any(|c| c.is_control() || c == '\u{202e}'), "{said:?}");
    let e = "hf://o/n/\u{1b}[2J".parse::<seal_hub::HubAddress>().unwrap_err().to_string();
    assert!(!e.contains('\u{1b}') && e.contains("\\u{1b}"), "{e:?}");
}
