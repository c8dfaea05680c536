//! Servers that refuse the field of the longest reply.

use std::sync::atomic::{AtomicBool, Ordering};

use seal_endpoint::{Ask, EndpointError, FailureClass, Message, Notice, Quiet, Watch};
use serde_json::json;

use crate::stub::{ReceivedRequest, Served, Stub};
use crate::{ask, client, error, settings};

#[test]
fn the_other_length_field_is_tried_once_and_remembered() {
    let stub = Stub::new(|seen: &ReceivedRequest, _| match seen.body.get("max_tokens") {
        Some(_) => Served::status(
            400,
            r#"{"error":{"message":"Unsupported parameter: 'max_tokens'","param":"max_tokens"}}"#,
        ),
        None => Served::says("A"),
    });
    let client = client(&settings(&stub));
    for _ in 0..2 {
        client.ask(&Ask::new(vec![Message::user("q")]), &Quiet).unwrap();
    }
    let has = |field: &str| stub.seen().iter().filter(|s| s.body.get(field).is_some()).count();
    assert_eq!((has("max_tokens"), has("max_completion_tokens")), (1, 2));
    // Where both are refused there are two requests and no circle.
    let stub = Stub::new(|_, _| {
        let message = "neither max_tokens nor max_completion_tokens";
        Served::status(400, json!({"error": {"message": message}}).to_string())
    });
    assert_eq!(ask(&stub).unwrap_err().class(), FailureClass::ThisQuestion);
    assert_eq!(stub.seen().len(), 2);
}

/// A refusal that names `max_tokens`, though another field is at fault.
fn refuses_max_tokens() -> Served {
    error(400, "max_tokens and more than the context")
}

#[test]
fn a_length_field_that_did_not_work_is_not_kept() {
    // The second field is refused for another reason: the first refusal is shown.
    let stub = Stub::new(|seen: &ReceivedRequest, _| match seen.body.get("max_tokens") {
        Some(_) => refuses_max_tokens(),
        None => error(400, "unknown field"),
    });
    let one = client(&settings(&stub));
    for _ in 0..2 {
        let failure = one.ask(&Ask::new(vec![Message::user("q")]), &Quiet).unwrap_err();
        assert!(failure.to_string().contains("more than the context"), "{failure}");
    }
    let fields = |stub: &Stub| -> Vec<bool> {
        stub.seen().iter().map(|s| s.body.get("max_tokens").is_some()).collect()
    };
    assert_eq!(fields(&stub), [true, false, true, false]);
    // A failure that may pass is no answer: the question is asked again, from the first field.
    let stub = Stub::new(|seen: &ReceivedRequest, before| match seen.body.get("max_tokens") {
        Some(_) => refuses_max_tokens(),
        None if before == 1 => error(503, "busy"),
        None => Served::says("A"),
    });
    let one = client(&settings(&stub));
    for _ in 0..2 {
        one.ask(&Ask::new(vec![Message::user("q")]), &Quiet).unwrap();
    }
    assert_eq!(fields(&stub), [true, false, true, false, false]);
}

/// Stops whoever waits for the limits.
struct StopAtLimit(AtomicBool);

impl Watch for StopAtLimit {
    fn notice(&self, notice: &Notice<'_>) {
        if let Notice::Limited { .. } = notice {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn the_request_with_the_other_field_counts_for_the_limits() {
    let stub = Stub::new(|seen: &ReceivedRequest, _| match seen.body.get("max_tokens") {
        Some(_) => refuses_max_tokens(),
        None => Served::says("A"),
    });
    let mut settings = settings(&stub);
    settings.limits.requests_per_minute = Some(1);
    let stopper = StopAtLimit(AtomicBool::new(false));
    let question = Ask::new(vec![Message::user("q")]);
    let stopped = client(&settings).ask(&question, &stopper).unwrap_err();
    assert_eq!((stopped, stub.seen().len()), (EndpointError::Cancelled, 1));
}
