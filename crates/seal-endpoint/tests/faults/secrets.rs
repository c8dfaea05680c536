//! Key and question reach the server of the settings alone, and the key shows nowhere.

use seal_endpoint::{EndpointError, FailureClass};
use serde_json::json;

use super::stub::{ReceivedRequest, Served, Stub, completion};
use super::{ask, client, error, settings};

#[test]
fn a_redirect_never_carries_key_or_question_to_another_server() {
    let other = Stub::new(|_, _| Served::says("stolen"));
    let port = other.port;
    for (status, to) in [
        (307, format!("http://127.0.0.1:{port}/v1/chat/completions")),
        (308, format!("http://localhost:{port}/v1/chat/completions")),
        (302, format!("http://127.0.0.1:{port}/v1/chat/completions")),
    ] {
        let stub = Stub::new(move |_, _| Served::status(status, "").with("location", to.clone()));
        let failure = ask(&stub).unwrap_err();
        assert!(matches!(failure, EndpointError::Redirect { .. }), "{failure}");
        assert_eq!(failure.class(), FailureClass::Stop);
    }
    assert_eq!(other.seen().len(), 0);
    // Within the server the question is sent again, by the statuses that say so.
    let stub = Stub::new(|seen: &ReceivedRequest, _| match seen.path.as_str() {
        "/v1/chat/completions" => Served::status(307, "").with("location", "/moved"),
        _ => Served::says("A"),
    });
    assert!(ask(&stub).is_ok());
    assert_eq!(stub.seen()[1].prompt(), "which?");
    let circle = Stub::new(|_, _| Served::status(308, "").with("location", "/v1/again"));
    assert!(ask(&circle).unwrap_err().to_string().contains("circle"));
}

#[test]
fn the_key_shows_in_no_error_reply_or_debug_output() {
    let quoting = |status: u16| {
        Stub::new(move |seen: &ReceivedRequest, _| {
            let auth = &seen.headers["authorization"];
            match status {
                200 => {
                    let mut body = completion(auth);
                    body["model"] = json!(auth);
                    Served::status(200, body.to_string().replace("sk-", "\\u0073k-"))
                }
                _ => error(status, &format!("bad key: {auth}")),
            }
        })
    };
    for status in [200, 400, 401, 429, 500] {
        let stub = quoting(status);
        let result = ask(&stub);
        let shown = format!("{result:?} {:?}", result.as_ref().err().map(ToString::to_string));
        assert!(!shown.contains("sesame"), "{status}: {shown}");
        assert!(shown.contains("[key]"), "{status}: {shown}");
    }
    let stub = quoting(200);
    let client = client(&settings(&stub));
    assert!(!format!("{client:?}").contains("sesame"));
}
