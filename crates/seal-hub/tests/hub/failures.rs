//! What a hub, a network or a disk can do wrong.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use seal_hub::{Event, Hub, HubError, Silent};

use crate::server::{COMMIT, Reply, SECRET, Server, address, large, part, sha256, small};

pub const FILE: &str = "hf://o/n/a.bin";

pub fn fails(hub: &Hub) -> HubError {
    hub.file(&address(FILE), &Silent).unwrap_err()
}

/// A server that refuses every request for the file.
fn refusing(status: u16, code: &'static str) -> Server {
    Server::hooked(&[], move |_, _| {
        Some(Reply::status(status).with("x-error-code", code).with("x-error-message", "so it said"))
    })
}

#[track_caller]
fn says(error: &HubError, words: &[&str]) {
    let text = error.to_string();
    for word in words.iter().chain(&["hf://o/n@main"]) {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
    assert!(!format!("{error:?} {text}").contains(SECRET), "{text}");
}

#[test]
fn who_asks() {
    let e = fails(&refusing(401, "").hub());
    assert!(matches!(e, HubError::NoToken { .. }) && !e.is_retryable());
    says(&e, &["hf auth login", "HF_TOKEN", "/settings/tokens"]);
    let e = fails(&refusing(401, "").with_token());
    assert!(matches!(e, HubError::TokenRefused { .. }), "{e:?}");
    says(&e, &["token from HF_TOKEN"]);
}

#[test]
fn gated_and_forbidden() {
    let server = refusing(403, "GatedRepo");
    let e = fails(&server.with_token());
    assert!(matches!(e, HubError::Gated { .. }) && !e.is_retryable());
    says(&e, &[&format!("open http://127.0.0.1:{}/o/n,", server.port), "accept", "HF_TOKEN"]);
    // Nobody is told to log in too.
    let e = fails(&refusing(401, "GatedRepo").hub());
    assert!(matches!(e, HubError::Gated { .. }), "{e:?}");
    says(&e, &["hf auth login"]);
    let e = fails(&refusing(403, "").with_token());
    assert!(matches!(e, HubError::Forbidden { .. }), "{e:?}");
    says(&e, &["403", "so it said"]);
    assert_eq!(server.log().len(), 1, "not tried again");
}

#[test]
fn which_thing_is_missing() {
    let server = Server::new(&[("a.bin", small("x"))]);
    let fails = |text: &str| server.hub().file(&address(text), &Silent).unwrap_err();
    let e = fails("hf://o/other/a.bin");
    assert!(matches!(e, HubError::NoRepo { .. }), "{e:?}");
    let e = fails("hf://o/n@v9/a.bin");
    assert!(matches!(e, HubError::NoRevision { .. }), "{e:?}");
    assert!(e.to_string().contains("no revision `v9`"), "{e}");
    let e = fails("hf://o/n/b.bin");
    assert!(matches!(e, HubError::NoFile { .. }) && !e.is_retryable(), "{e:?}");
    says(&e, &["b.bin", "/o/n/tree/main"]);
    let e = self::fails(&refusing(404, "").hub());
    assert!(matches!(e, HubError::NotFound { .. }), "{e:?}");
}

#[test]
fn too_many_requests_and_then_not() {
    let server = Server::hooked(&[("a.bin", large(1, 100))], |request, before| {
        (before == 0 && request.method == "HEAD")
            .then(|| Reply::status(429).with("retry-after", "1"))
    });
    let waits = Mutex::new(Vec::new());
    let on = |event: &Event<'_>| {
        if let Event::Waiting { wait, .. } = event {
            waits.lock().unwrap().push(*wait);
        }
    };
    let start = Instant::now();
    assert!(server.hub().file(&address(FILE), &on).unwrap().loaded);
    assert_eq!(waits.into_inner().unwrap(), [Duration::from_secs(1)]);
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[test]
fn too_many_requests_for_good() {
    let server = refusing(429, "");
    let e = fails(&server.hub());
    assert!(matches!(e, HubError::RateLimited { .. }) && e.is_retryable());
    says(&e, &["429", "later"]);
    assert_eq!(server.log().len(), 3, "as many as there are attempts");
    // A wait beyond the bound is not begun.
    let server =
        Server::hooked(&[], |_, _| Some(Reply::status(429).with("ratelimit", "\"api\";r=0;t=290")));
    let e = fails(&server.hub());
    says(&e, &["wait 290 s"]);
    assert_eq!(server.log().len(), 1);
}

#[test]
fn a_hub_that_fails() {
    let server = refusing(503, "");
    let e = fails(&server.hub());
    assert!(matches!(e, HubError::Server { status: 503, .. }) && e.is_retryable(), "{e:?}");
    assert_eq!(server.log().len(), 3);
    let server = Server::hooked(&[("a.bin", large(1, 100))], |request, before| {
        (request.method == "HEAD" && before < 2).then(|| Reply::status(502))
    });
    assert!(server.hub().file(&address(FILE), &Silent).unwrap().loaded);
}

#[test]
fn a_cut_connection_is_resumed() {
    let stored = large(1, 300_000);
    let bytes = stored.bytes.clone();
    let server = Server::hooked(&[("a.bin", stored.clone())], move |request, before| {
        let cut = Some(100_000).filter(|_| request.path.starts_with("/store/") && before < 5)?;
        Some(Reply { cut: Some(cut.min(60_000)), ..part(request, &bytes) })
    });
    // More cuts than attempts: each brings bytes, so each starts the count anew.
    let file = server.hub().file(&address(FILE), &Silent).unwrap();
    assert_eq!(std::fs::read(&file.path).unwrap(), stored.bytes);
    let starts: Vec<Option<usize>> = server
        .seen
        .lock()
        .unwrap()
        .iter()
        .filter(|r| r.path.starts_with("/store/"))
        .map(crate::server::Request::range_start)
        .collect();
    assert_eq!(starts, [None, Some(60_000), Some(120_000), Some(180_000), Some(240_000)]);
}

#[test]
fn a_killed_download_is_resumed_by_the_next() {
    let stored = large(1, 100_000);
    let bytes = stored.bytes.clone();
    let server = Server::hooked(&[("a.bin", stored.clone())], move |request, before| {
        if !request.path.starts_with("/store/") || before >= 3 {
            return None;
        }
        // Bytes once, then nothing.
        let cut = if before == 0 { 40_000 } else { 0 };
        Some(Reply { cut: Some(cut), ..part(request, &bytes) })
    });
    let e = server.hub_with(|s| s.retry.attempts = 1).file(&address(FILE), &Silent).unwrap_err();
    assert!(matches!(e, HubError::Connection { .. }) && e.is_retryable(), "{e:?}");
    says(&e, &["localhost", "what was loaded is kept"]);
    let start = Mutex::new(None);
    let on = |event: &Event<'_>| {
        if let Event::Start { done, .. } = event {
            *start.lock().unwrap() = Some(*done);
        }
    };
    let file = server.hub().file(&address(FILE), &on);
    assert_eq!(*start.lock().unwrap(), Some(40_000));
    // Twice nothing came, which is fewer than there are attempts.
    assert_eq!(std::fs::read(file.unwrap().path).unwrap(), stored.bytes);
}

#[test]
fn a_server_without_ranges_starts_over() {
    let stored = large(1, 100_000);
    let bytes = stored.bytes.clone();
    let server = Server::hooked(&[("a.bin", stored.clone())], move |request, before| {
        request.path.starts_with("/store/").then(|| Reply {
            status: 200,
            body: bytes.clone(),
            cut: (before == 0).then_some(30_000),
            ..Reply::default()
        })
    });
    let file = server.hub().file(&address(FILE), &Silent).unwrap();
    assert_eq!(std::fs::read(&file.path).unwrap(), stored.bytes);
}

#[test]
fn wrong_bytes_are_deleted_and_named() {
    let stored = large(1, 5000);
    let wrong = large(2, 5000).bytes;
    let (expected, found) = (sha256(&stored.bytes), sha256(&wrong));
    let server = Server::hooked(&[("a.bin", stored)], move |request, _| {
        request.path.starts_with("/store/").then(|| part(request, &wrong))
    });
    let e = fails(&server.hub());
    assert!(matches!(e, HubError::Checksum { .. }) && !e.is_retryable(), "{e:?}");
    says(&e, &["a.bin", &expected, &found, "deleted", "run again"]);
    let blobs = server.cache.path().join("hub/models--o--n/blobs");
    assert_eq!(std::fs::read_dir(blobs).unwrap().count(), 0);
    assert!(!server.cache.path().join("hub/models--o--n/snapshots").exists());
}

#[test]
fn a_bad_rest_of_an_old_download_is_loaded_anew() {
    let stored = large(1, 5000);
    let server = Server::new(&[("a.bin", stored.clone())]);
    let blobs = server.cache.path().join("hub/models--o--n/blobs");
    std::fs::create_dir_all(&blobs).unwrap();
    let part = blobs.join(format!("{}.seal.incomplete", sha256(&stored.bytes)));
    std::fs::write(&part, vec![9; 1000]).unwrap();
    let file = server.hub().file(&address(FILE), &Silent).unwrap();
    assert_eq!(std::fs::read(&file.path).unwrap(), stored.bytes);
    assert!(!part.exists());
}

#[test]
fn offline() {
    let server = Server::new(&[("a.bin", small("x"))]);
    let offline = || server.hub_with(|s| s.offline = true);
    let e = fails(&offline());
    assert!(matches!(e, HubError::Offline { .. }) && !e.is_retryable(), "{e:?}");
    says(&e, &["HF_HUB_OFFLINE", "hf://o/n@main/a.bin", "does not hold"]);
    let asked = address("hf://datasets/o/n@v1/a.bin");
    let dataset = offline().file(&asked, &Silent).unwrap_err();
    assert!(
        matches!(&dataset, HubError::Offline { address, .. } if **address == asked),
        "{dataset}"
    );
    assert!(server.log().is_empty());
    let loaded = server.hub().file(&address(FILE), &Silent).unwrap();
    server.forget();
    let found = offline().file(&address(FILE), &Silent).unwrap();
    assert_eq!((&found.path, found.commit(), found.loaded), (&loaded.path, COMMIT, false));
    assert!(server.log().is_empty());
}

#[test]
fn without_a_network_the_cache_is_taken_and_otherwise_the_host_named() {
    let server = Server::new(&[("a.bin", small("x"))]);
    let dead = || server.hub_with(|s| s.endpoint = "http://127.0.0.1:9".into());
    let e = fails(&dead());
    assert!(matches!(e, HubError::Connection { .. }) && e.is_retryable(), "{e:?}");
    says(&e, &["127.0.0.1", "HF_ENDPOINT"]);
    let loaded = server.hub().file(&address(FILE), &Silent).unwrap();
    assert_eq!(dead().file(&address(FILE), &Silent).unwrap().path, loaded.path);
}

#[test]
fn a_silent_server_is_given_up() {
    let server = Server::hooked(&[("a.bin", large(1, 100))], |request, _| {
        let pause = Duration::from_secs(20);
        request.path.starts_with("/store/").then(|| Reply {
            status: 200,
            body: vec![0; 100],
            pause,
            ..Reply::default()
        })
    });
    let hub = server.hub_with(|s| {
        s.retry.timeout = Duration::from_millis(200);
        s.retry.attempts = 2;
    });
    let start = Instant::now();
    let e = fails(&hub);
    assert!(matches!(e, HubError::Connection { .. }), "{e:?}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn what_is_no_hub_is_said_so() {
    let hostile = [("x-repo-commit", "../../x"), ("etag", "\"../../x\""), ("etag", "\"\"")];
    for (name, value) in hostile {
        let server = Server::hooked(&[], move |_, _| {
            let good = [("x-repo-commit", COMMIT), ("etag", "\"abc\"")];
            let reply = Reply { status: 200, body: b"x".to_vec(), ..Reply::default() };
            let rest = good.into_iter().filter(|(n, _)| *n != name);
            Some(rest.fold(reply.with(name, value), |reply, (n, v)| reply.with(n, v)))
        });
        let e = fails(&server.hub());
        assert!(matches!(e, HubError::Answer { .. }) && !e.is_retryable(), "{name}: {e:?}");
    }
    let circle = Server::hooked(&[], |request, _| {
        Some(Reply::status(307).with("location", request.path.clone()))
    });
    assert!(matches!(fails(&circle.hub()), HubError::Answer { .. }));
}
