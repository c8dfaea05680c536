//! The token goes to the hub's origin, whatever the hub says.

use seal_hub::{HubError, HubToken, Silent};

use crate::failures::{FILE, fails};
use crate::server::{Reply, SECRET, Server, address, large, small};

const TEXT: &str = "the content of the file";

/// A store that gives the file whatever is asked, or sends to another address.
fn store(at: &str, on: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Server {
    Server::on(at, &[], move |request, _| {
        Some(match on(&request.path) {
            Some(to) => Reply::status(302).with("location", to),
            None => Reply { status: 200, body: TEXT.into(), ..Reply::default() },
        })
    })
}

/// A hub that sends who loads the file to `to`.
fn hub(to: impl Fn(u16) -> String + Send + Sync + 'static) -> Server {
    let port = std::sync::Arc::new(std::sync::OnceLock::new());
    let known = std::sync::Arc::clone(&port);
    let server = Server::hooked(&[("a.bin", small(TEXT))], move |request, _| {
        let load = request.method == "GET" && request.path.starts_with("/o/n/");
        load.then(|| Reply::status(302).with("location", to(*known.wait())))
    });
    port.set(server.port).unwrap();
    server
}

fn load(server: &Server, endpoint: Option<String>) -> Result<(), HubError> {
    let hub = server.hub_with(|s| {
        s.token = Some(HubToken::new(SECRET, "HF_TOKEN").unwrap());
        s.endpoint = endpoint.unwrap_or(s.endpoint.clone());
        s.retry.attempts = 1;
    });
    let file = hub.file(&address(FILE), &Silent)?;
    assert_eq!(std::fs::read_to_string(&file.path).unwrap(), TEXT);
    Ok(())
}

/// Where a hub at a port sends who loads a file.
type To = Box<dyn Fn(u16) -> String + Send + Sync>;

#[test]
fn no_other_origin_is_told_the_token() {
    let other = store("127.0.0.1:0", |_| None);
    let b = other.port;
    let forms: [(&str, To); 6] = [
        ("another port", Box::new(move |_| format!("http://127.0.0.1:{b}/x"))),
        ("without a scheme", Box::new(move |_| format!("//127.0.0.1:{b}/x"))),
        ("the hub as a user", Box::new(move |a| format!("http://127.0.0.1:{a}@127.0.0.1:{b}/x"))),
        ("a user and a password", Box::new(move |_| format!("http://u:p@127.0.0.1:{b}/x"))),
        ("upper case", Box::new(move |_| format!("HTTP://127.0.0.1:{b}/x"))),
        ("the hub as a path", Box::new(move |a| format!("http://127.0.0.1:{b}/127.0.0.1:{a}/"))),
    ];
    for (name, to) in forms {
        let server = hub(to);
        other.forget();
        load(&server, None).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(!other.log().is_empty() && other.told().is_empty(), "{name}: {:?}", other.log());
        // Neither is a password of the hub's choice.
        let seen = format!("{:?}", other.seen.lock().unwrap());
        assert!(!seen.contains("authorization") && !seen.contains("cookie"), "{name}: {seen}");
        assert_eq!(server.told().len(), server.log().len(), "{name}: the hub itself is told");
    }
}

#[test]
fn another_name_of_the_same_machine_is_another_origin() {
    let server = hub(|a| format!("http://localhost:{a}/store/x"));
    // The store of the hub lacks it, which is what is asked here.
    let e = load(&server, None).unwrap_err();
    assert!(matches!(e, HubError::Forbidden { .. }), "{e:?}");
    assert!(!server.told().contains(&"/store/x".into()), "{:?}", server.told());
    assert!(server.log().contains(&"GET /store/x".into()), "{:?}", server.log());
}

#[test]
fn a_chain_that_comes_back_brings_no_token() {
    let back = std::sync::Arc::new(std::sync::OnceLock::<u16>::new());
    let known = std::sync::Arc::clone(&back);
    let other =
        store("127.0.0.1:0", move |_| Some(format!("http://127.0.0.1:{}/back", known.wait())));
    let b = other.port;
    let server = Server::hooked(&[("a.bin", small(TEXT))], move |request, _| {
        match (&*request.method, &*request.path) {
            ("GET", "/back") => Some(Reply { status: 200, body: TEXT.into(), ..Reply::default() }),
            ("GET", _) => Some(Reply::status(307).with("location", format!("//127.0.0.1:{b}/"))),
            _ => None,
        }
    });
    back.set(server.port).unwrap();
    load(&server, None).unwrap();
    assert!(other.told().is_empty());
    assert!(server.log().contains(&"GET /back".into()), "{:?}", server.log());
    assert!(!server.told().contains(&"/back".into()), "{:?}", server.told());
    // Nor does a part that is asked for later.
    assert_eq!(server.told().len(), server.log().len() - 1);
}

#[test]
fn within_the_hub_the_token_is_kept() {
    for to in ["/moved/a.bin", "moved", "../x?y=z", "?download=true#part"] {
        let server = Server::hooked(&[("a.bin", small(TEXT))], move |request, before| {
            let load = request.method == "GET";
            load.then(|| {
                match request.path.contains("resolve/")
                    && before == 0
                    && !request.path.contains("moved")
                    && !request.path.contains('?')
                {
                    true => Reply::status(302).with("location", to),
                    false => Reply { status: 200, body: TEXT.into(), ..Reply::default() },
                }
            })
        });
        load(&server, None).unwrap_or_else(|e| panic!("{to}: {e}"));
        assert_eq!(server.told().len(), server.log().len(), "{to}: {:?}", server.log());
    }
    // So it is with the same origin in other letters.
    let server = hub(|a| format!("HTTP://LOCALHOST:{a}/moved"));
    let endpoint = format!("http://localhost:{}", server.port);
    // No such page there: the token came along, and that is all.
    load(&server, Some(endpoint)).unwrap_err();
    assert!(server.told().contains(&"/moved".into()), "{:?}", server.log());
}

#[test]
fn a_hub_at_an_address_of_version_six() {
    let Ok(listener) = std::net::TcpListener::bind("[::1]:0") else {
        eprintln!("skipped: this machine has no IPv6");
        return;
    };
    drop(listener);
    let other = store("[::1]:0", |_| None);
    let b = other.port;
    let server = Server::on("[::1]:0", &[("a.bin", small(TEXT))], move |request, _| {
        let load = request.method == "GET";
        load.then(|| Reply::status(302).with("location", format!("http://[::1]:{b}/x")))
    });
    load(&server, Some(format!("http://[::1]:{}", server.port))).unwrap();
    assert!(other.told().is_empty() && !other.log().is_empty());
    assert_eq!(server.told().len(), server.log().len());
}

#[test]
fn redirects_that_lead_nowhere_are_named() {
    let answer = |location: &'static str| {
        let server = Server::hooked(&[("a.bin", small(TEXT))], move |request, _| {
            (request.method == "GET").then(|| Reply::status(302).with("location", location))
        });
        let e = load(&server, None).unwrap_err();
        assert!(matches!(e, HubError::Answer { .. }) && !e.is_retryable(), "{location}: {e:?}");
        (e.to_string(), server.log().len())
    };
    for bad in ["ftp://127.0.0.1/x", "file:///etc/passwd", "javascript:x", "http://", "http://h:0/"]
    {
        let (said, requests) = answer(bad);
        assert!(said.contains("no web address"), "{bad}: {said}");
        assert_eq!(requests, 2, "{bad}");
    }
    let (said, requests) = answer("?again");
    assert!(said.contains("circle"), "{said}");
    assert!(requests <= 12, "{requests}");
    // A HEAD that leaves the hub and names no commit says where it leads.
    let server = Server::hooked(&[], |_, _| {
        Some(Reply::status(301).with("location", "https://other.example/o/n"))
    });
    let said = fails(&server.hub()).to_string();
    assert!(said.contains("other.example") && said.contains("HF_ENDPOINT"), "{said}");
}

/// The store of large files of the public hub: the token stays behind, and so it
/// does when a broken download goes on.
#[test]
fn a_resumed_download_brings_the_store_no_token() {
    let stored = large(1, 90_000);
    let bytes = stored.bytes.clone();
    let server = Server::hooked(&[("a.bin", stored.clone())], move |request, before| {
        let cut = request.path.starts_with("/store/") && before < 2;
        cut.then(|| Reply { cut: Some(40_000), ..crate::server::part(request, &bytes) })
    });
    let file = server.with_token().file(&address(FILE), &Silent).unwrap();
    assert_eq!(std::fs::read(&file.path).unwrap(), stored.bytes);
    let loads = server.log().iter().filter(|line| line.contains("/store/")).count();
    assert_eq!(loads, 3);
    assert!(!server.told().iter().any(|path| path.contains("/store/")), "{:?}", server.told());
}
