//! What a probe finds out, and requests that are broken off.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use seal_endpoint::{Ask, Class, EndpointError, Message, Notice, Quiet, Watch};
use serde_json::json;

use super::stub::{Served, Stub};
use super::{client, error, settings};

fn list(models: &[&str]) -> Served {
    let models: Vec<_> = models.iter().map(|id| json!({"id": id})).collect();
    Served::status(200, json!({"object": "list", "data": models}).to_string())
}

#[test]
fn a_listed_model_is_not_asked_and_another_gives_one_token() {
    let stub = Stub::with_list(list(&["other", "judge"]), |_, _| Served::says("A"));
    client(&settings(&stub)).probe(&Quiet).unwrap();
    assert_eq!((stub.listed(), stub.seen().len()), (1, 0));
    // Aliases, and servers without a list or with one that is closed to this key.
    let odd = || Served::status(200, "[]");
    for lacking in [list(&["other"]), odd(), error(403, "no"), error(404, "x"), error(500, "x")] {
        let stub = Stub::with_list(lacking, |_, _| Served::says("A"));
        client(&settings(&stub)).probe(&Quiet).unwrap();
        let seen = stub.seen();
        assert_eq!((stub.listed(), seen.len()), (1, 1));
        assert_eq!(seen[0].body["max_tokens"], 1);
        assert!(seen[0].body.get("logprobs").is_none(), "{}", seen[0].body);
        assert!(!seen[0].headers.contains_key("idempotency-key"));
    }
}

#[test]
fn what_no_question_would_survive_is_an_error() {
    for status in [401, 403, 404] {
        let stub = Stub::with_list(list(&[]), move |_, _| error(status, "no"));
        let failure = client(&settings(&stub)).probe(&Quiet).unwrap_err();
        assert_eq!(failure.class(), Class::Stop, "{failure}");
        assert_eq!(stub.seen().len(), 1, "{failure}");
    }
    let stub = Stub::with_list(error(401, "who"), |_, _| Served::says("A"));
    let failure = client(&settings(&stub)).probe(&Quiet).unwrap_err();
    assert!(matches!(failure, EndpointError::Unauthorized { .. }), "{failure}");
    assert_eq!(stub.seen().len(), 0);
    // Nobody listens there.
    let mut nobody = settings(&stub);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    nobody.base_url = format!("http://{}/v1", free.local_addr().unwrap());
    drop(free);
    let failure = client(&nobody).probe(&Quiet).unwrap_err();
    assert!(matches!(failure, EndpointError::NoServer { .. }), "{failure}");
}

#[test]
fn a_server_that_is_busy_or_dislikes_a_small_question_is_there() {
    for status in [400, 422, 429, 500, 503] {
        let stub = Stub::with_list(list(&[]), move |_, _| error(status, "wait"));
        client(&settings(&stub)).probe(&Quiet).unwrap();
        assert_eq!(stub.seen().len(), 1);
    }
}

struct Switch(AtomicBool);

impl Watch for Switch {
    fn notice(&self, _: &Notice<'_>) {}

    fn breaks_off(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

#[test]
fn a_request_under_way_is_broken_off_and_its_neighbour_is_not() {
    let slow = Duration::from_secs(2);
    let stub = Stub::new(move |seen, _| Served {
        pause: if seen.prompt() == "long" { Duration::from_secs(60) } else { slow },
        ..Served::says("A")
    });
    let mut settings = settings(&stub);
    settings.patience.timeout = 100.0;
    settings.patience.deadline = 100.0;
    let client = client(&settings);
    let ask = |text: &str| Ask::new(vec![Message::user(text)]);
    let switch = Switch(AtomicBool::new(false));
    let started = Instant::now();
    std::thread::scope(|scope| {
        let neighbour = scope.spawn(|| client.ask(&ask("short"), &Quiet));
        let broken = scope.spawn(|| client.ask(&ask("long"), &switch));
        while stub.seen().len() < 2 {
            std::thread::sleep(Duration::from_millis(5));
        }
        switch.0.store(true, Ordering::SeqCst);
        assert_eq!(broken.join().unwrap().unwrap_err(), EndpointError::Cancelled);
        assert_eq!(neighbour.join().unwrap().unwrap().content.as_deref(), Some("A"));
    });
    // Long before the server answers.
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    // A client of which a request was broken off asks the next.
    assert_eq!(client.ask(&ask("short"), &Quiet).unwrap().content.as_deref(), Some("A"));
}
