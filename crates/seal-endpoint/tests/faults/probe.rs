//! What a probe finds out, and requests that are broken off.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use seal_endpoint::{
    Ask, EndpointError, FailureClass, LengthField, Message, Notice, Probed, Quiet, Watch,
};

use super::stub::{Served, Stub};
use super::{client, error, settings};

/// A server that answers probes like this and must get no question.
fn probed(probe: impl Fn(usize) -> Served + Send + Sync + 'static) -> Stub {
    Stub::probed(probe, |seen, _| panic!("a question: {}", seen.body))
}

#[test]
fn a_server_that_takes_key_and_model_gives_one_token() {
    let stub = probed(|_| Served::says("A"));
    assert_eq!(client(&settings(&stub)).probe(&Quiet).unwrap(), Probed::Takes);
    let probes = stub.probes();
    assert_eq!(probes.len(), 1);
    assert_eq!(probes[0].path, "/v1/chat/completions");
    assert_eq!(probes[0].body["model"], "judge");
    assert_eq!(probes[0].body["max_tokens"], 1);
    assert!(probes[0].body.get("logprobs").is_none(), "{}", probes[0].body);
    assert!(probes[0].headers.contains_key("authorization"));
    assert!(!probes[0].headers.contains_key("idempotency-key"));
}

#[test]
fn the_other_length_field_is_found_by_the_probe() {
    let named = "Unsupported parameter: 'max_tokens'; use 'max_completion_tokens'";
    let stub = Stub::probed(
        move |before| if before == 0 { error(400, named) } else { Served::says("A") },
        |_, _| Served::says("A"),
    );
    let settings = settings(&stub);
    assert_eq!(settings.length_field, LengthField::MaxTokens);
    let client = client(&settings);
    assert_eq!(client.probe(&Quiet).unwrap(), Probed::Takes);
    assert_eq!(stub.probes()[1].body["max_completion_tokens"], 1);
    client.ask(&Ask::new(vec![Message::user("which?")]), &Quiet).unwrap();
    assert_eq!(stub.seen().len(), 1);
    assert!(stub.seen()[0].body.get("max_tokens").is_none());
}

#[test]
fn what_no_question_would_survive_is_an_error_at_once() {
    for status in [401, 402, 403, 404] {
        let stub = probed(move |_| error(status, "no"));
        let failure = client(&settings(&stub)).probe(&Quiet).unwrap_err();
        assert_eq!(failure.class(), FailureClass::Stop, "{failure}");
        assert_eq!(stub.probes().len(), 1, "{failure}");
    }
}

#[test]
fn a_server_that_does_not_listen_is_an_error() {
    let stub = probed(|_| Served::says("A"));
    let mut nobody = settings(&stub);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    nobody.base_url = format!("http://{}/v1", free.local_addr().unwrap());
    drop(free);
    let failure = client(&nobody).probe(&Quiet).unwrap_err();
    assert!(matches!(failure, EndpointError::NoServer { .. }), "{failure}");
}

#[test]
fn a_server_that_dislikes_the_small_question_took_key_and_model() {
    for status in [400, 413, 422] {
        let stub = probed(move |_| error(status, "small"));
        assert_eq!(client(&settings(&stub)).probe(&Quiet).unwrap(), Probed::Takes);
        assert_eq!(stub.probes().len(), 1);
    }
}

#[test]
fn what_passes_is_tried_again_and_refuses_nothing() {
    let passing = || {
        [
            ("hung up", Served::hang_up()),
            ("cut", Served::says("A").cut_at(20)),
            ("500", error(500, "x")),
            ("503", error(503, "Loading model")),
            ("429", error(429, "slow down")),
            ("a page", Served::status(200, "<html>").with("content-type", "text/html")),
        ]
    };
    for (name, fault) in passing() {
        let stub = probed(move |before| if before < 2 { fault.clone() } else { Served::says("A") });
        let found = client(&settings(&stub)).probe(&Quiet);
        assert_eq!((found, stub.probes().len()), (Ok(Probed::Takes), 3), "{name}");
    }
    for (name, fault) in passing() {
        let stub = probed(move |_| fault.clone());
        let mut patient = settings(&stub);
        patient.patience.attempts = 8;
        let found = client(&patient).probe(&Quiet).unwrap();
        let Probed::Unsure(failure) = found else { panic!("{name}: {found:?}") };
        assert_eq!((failure.class(), stub.probes().len()), (FailureClass::Passing, 3), "{name}");
    }
    // What came to light only at the second attempt is final all the same.
    let stub = probed(|before| if before == 0 { error(502, "x") } else { error(401, "who") });
    let failure = client(&settings(&stub)).probe(&Quiet).unwrap_err();
    assert!(matches!(failure, EndpointError::Unauthorized { .. }), "{failure}");
}

#[test]
fn a_server_that_asks_to_wait_or_is_slow_is_not_waited_for() {
    let busy = probed(|_| error(503, "Loading model").with("retry-after", "3600"));
    let found = client(&settings(&busy)).probe(&Quiet).unwrap();
    assert!(matches!(found, Probed::Unsure(EndpointError::Server { .. })), "{found:?}");
    let slow = probed(|_| Served { pause: Duration::from_secs(60), ..Served::says("A") });
    let mut settings = settings(&slow);
    settings.patience.timeout = 0.3;
    let found = client(&settings).probe(&Quiet).unwrap();
    assert!(matches!(found, Probed::Unsure(EndpointError::Timeout { .. })), "{found:?}");
    assert_eq!((busy.probes().len(), slow.probes().len()), (1, 1));
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
        pause: if seen.prompt() == "long" { Duration::from_secs(100) } else { slow },
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
    while stub.broken_off() == 0 {
        assert!(started.elapsed() < Duration::from_secs(300), "the connection is open");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(stub.broken_off(), 1);
    // A client of which a request was broken off asks the next.
    assert_eq!(client.ask(&ask("short"), &Quiet).unwrap().content.as_deref(), Some("A"));
}
