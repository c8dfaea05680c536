//! Every fault of a server, against a client with short waits.

mod length_field;
mod probe;
mod secrets;
#[path = "../stub/mod.rs"]
mod stub;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use seal_endpoint::{
    ApiKey, Ask, Client, EndpointError, EndpointSettings, FailureClass, Finish, Logprobs, Message,
    Notice, Quiet, Reply, Watch,
};
use seal_net::Proxies;
use serde_json::json;
use stub::{Served, Stub};

const SECRET: &str = "sk-open-sesame-0123";

fn settings(stub: &Stub) -> EndpointSettings {
    let mut settings = EndpointSettings::new(stub.base_url(), "judge");
    settings.api_key_env = Some("STUB_KEY".to_owned());
    settings.patience.first_wait = 0.002;
    settings.patience.longest_wait = 0.02;
    settings.patience.attempts = 3;
    settings.patience.deadline = 20.0;
    settings.patience.timeout = 5.0;
    settings
}

fn client(settings: &EndpointSettings) -> Client {
    let var = |name: &str| (name == "STUB_KEY").then(|| SECRET.to_owned());
    let key = ApiKey::of(settings, var).unwrap();
    // The environment of whoever runs the tests may name a proxy.
    Client::by(settings, key, &Proxies::default(), None).unwrap()
}

fn ask(stub: &Stub) -> Result<Reply, EndpointError> {
    client(&settings(stub)).ask(&Ask::new(vec![Message::user("which?")]), &Quiet)
}

/// Answers the first `times` requests with `fault`, the others with a completion.
fn then_well(times: usize, fault: Served) -> Stub {
    Stub::new(move |_, before| if before < times { fault.clone() } else { Served::says("A") })
}

fn error(status: u16, message: &str) -> Served {
    Served::status(status, json!({"error": {"message": message, "type": "x"}}).to_string())
}

#[test]
fn a_question_carries_key_and_idempotency_key_and_brings_a_reply() {
    let stub = Stub::new(|_, _| Served::says("A"));
    let mut question = Ask::new(vec![Message::user("which?")]);
    question.idempotency_key = Some("k1".to_owned());
    let reply = client(&settings(&stub)).ask(&question, &Quiet).unwrap();
    assert_eq!(reply.content.as_deref(), Some("A"));
    assert_eq!(reply.model.as_deref(), Some("stub-model-1"));
    assert_eq!((reply.finish, reply.logprobs), (Finish::Stop, Logprobs::Null));
    let seen = stub.seen();
    assert_eq!(seen[0].path, "/v1/chat/completions");
    assert_eq!(seen[0].headers["authorization"], format!("Bearer {SECRET}"));
    assert_eq!(seen[0].headers["idempotency-key"], "k1");
    assert_eq!(seen[0].prompt(), "which?");
}

#[test]
fn what_may_pass_is_asked_again_and_the_last_failure_is_given() {
    let faults: Vec<(&str, Served)> = vec![
        ("408", error(408, "slow")),
        ("409", error(409, "busy")),
        ("429", error(429, "slow down")),
        ("429 without a body", Served::status(429, "")),
        ("429 in no time", error(429, "x").with("retry-after", "0")),
        ("429 at a date", error(429, "x").with("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")),
        ("500", error(500, "x")),
        ("502", Served::status(502, "<html>").with("content-type", "text/html")),
        ("503", error(503, "Loading model")),
        ("504", error(504, "x")),
        ("529", error(529, "Overloaded")),
        ("200 with an error", Served::status(200, r#"{"error":{"message":"x","code":500}}"#)),
        ("no choices", Served::status(200, r#"{"choices":[]}"#)),
        ("a cut body", Served::says("A").cut_at(40)),
        ("cut JSON", Served::status(200, r#"{"choices":[{"mess"#)),
        ("a page", Served::status(200, "<html>Hi").with("content-type", "text/html")),
        ("nothing", Served::hang_up()),
    ];
    for (name, fault) in faults {
        let stub = then_well(2, fault.clone());
        let reply = ask(&stub).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((reply.content.as_deref(), stub.seen().len()), (Some("A"), 3), "{name}");
        let stub = then_well(usize::MAX, fault);
        let failure = ask(&stub).unwrap_err();
        assert_eq!(
            (failure.class(), stub.seen().len()),
            (FailureClass::Passing, 3),
            "{name}: {failure}"
        );
    }
}

#[test]
fn what_no_waiting_mends_is_asked_once() {
    let quota = json!({"error": {"message": "no credit", "type": "insufficient_quota"}});
    for (name, fault, class) in [
        ("400", error(400, "bad"), FailureClass::ThisQuestion),
        ("413", error(413, "large"), FailureClass::ThisQuestion),
        ("422", error(422, "odd"), FailureClass::ThisQuestion),
        ("401", error(401, "who"), FailureClass::Stop),
        ("402", error(402, "pay"), FailureClass::Stop),
        ("403", error(403, "no"), FailureClass::Stop),
        ("404", error(404, "where"), FailureClass::Stop),
        ("429 of a quota", Served::status(429, quota.to_string()), FailureClass::Stop),
        ("200 of a quota", Served::status(200, quota.to_string()), FailureClass::Stop),
    ] {
        let stub = then_well(usize::MAX, fault);
        let failure = ask(&stub).unwrap_err();
        assert_eq!((failure.class(), stub.seen().len()), (class, 1), "{name}: {failure}");
    }
}

#[test]
fn a_wait_that_the_server_asks_for_is_the_least_and_holds_for_all() {
    let stub = then_well(1, error(429, "x").with("retry-after", "0.3"));
    let client = client(&settings(&stub));
    let started = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| client.ask(&Ask::new(vec![Message::user("a")]), &Quiet).unwrap());
        // By then the first has been told to wait.
        std::thread::sleep(Duration::from_millis(100));
        client.ask(&Ask::new(vec![Message::user("b")]), &Quiet).unwrap();
    });
    assert!(started.elapsed() >= Duration::from_millis(300), "{:?}", started.elapsed());
    assert_eq!(stub.seen().len(), 3);
}

#[test]
fn a_wait_beyond_the_deadline_is_not_begun() {
    let stub = then_well(1, error(429, "x").with("retry-after", "3600"));
    let failure = ask(&stub).unwrap_err();
    assert!(matches!(&failure, EndpointError::RateLimited { retry_after: Some(_), .. }));
    assert!(failure.to_string().contains("it asks to wait 3600 s"), "{failure}");
    assert_eq!(stub.seen().len(), 1);
}

#[test]
fn a_server_that_says_nothing_runs_into_the_timeout() {
    let stub = Stub::new(|_, before| Served {
        pause: Duration::from_millis(if before == 0 { 1500 } else { 0 }),
        ..Served::says("A")
    });
    let mut settings = settings(&stub);
    settings.patience.timeout = 0.4;
    settings.patience.attempts = 1;
    let question = Ask::new(vec![Message::user("which?")]);
    let failure = client(&settings).ask(&question, &Quiet).unwrap_err();
    assert_eq!(
        failure,
        EndpointError::Timeout {
            url: format!("{}/chat/completions", stub.base_url()),
            seconds: 0.4
        }
    );
    settings.patience.attempts = 2;
    assert!(client(&settings).ask(&question, &Quiet).is_ok());
}

#[test]
fn an_answer_without_end_is_not_read_to_its_end() {
    // 40 MB of a JSON string.
    let stub = Stub::new(|_, _| Served::status(200, "x".repeat(40 << 20)));
    let failure = ask(&stub).unwrap_err();
    assert!(matches!(failure, EndpointError::TooLarge { .. }), "{failure}");
}

struct Stopper {
    stop: AtomicBool,
    said: Mutex<Vec<String>>,
}

impl Watch for Stopper {
    fn notice(&self, notice: &Notice<'_>) {
        if let Notice::Retrying { error, attempt, .. } = notice {
            self.said.lock().unwrap().push(format!("{attempt}: {error}"));
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

#[test]
fn whoever_waits_hears_of_failures_and_may_stop() {
    let stub = then_well(usize::MAX, error(503, "Loading model").with("retry-after", "9"));
    let stopper = Stopper { stop: AtomicBool::new(false), said: Mutex::default() };
    let started = Instant::now();
    let question = Ask::new(vec![Message::user("which?")]);
    let stopped = client(&settings(&stub)).ask(&question, &stopper).unwrap_err();
    assert_eq!(stopped, EndpointError::Cancelled);
    // Not after the 9 s that the server asks for.
    assert!(started.elapsed() < Duration::from_secs(9));
    assert!(stopper.said.lock().unwrap()[0].contains("Loading model"));
}

/// Counts the attempts that failed before the last.
#[derive(Default)]
struct Counter(std::sync::atomic::AtomicU32);

impl Watch for Counter {
    fn notice(&self, notice: &Notice<'_>) {
        if let Notice::Retrying { .. } = notice {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn nobody_listens() {
    let stub = Stub::new(|_, _| Served::says("A"));
    let mut settings = settings(&stub);
    settings.patience.attempts = 8;
    let question = Ask::new(vec![Message::user("q")]);
    // The discard port: nothing answers there. Names below `invalid` are no machine's.
    for address in ["http://127.0.0.1:9/v1", "https://judge.invalid/v1"] {
        settings.base_url = address.to_owned();
        let counter = Counter::default();
        let failure = client(&settings).ask(&question, &counter).unwrap_err();
        assert!(matches!(failure, EndpointError::NoServer { .. }), "{failure}");
        assert_eq!((failure.class(), failure.may_be_billed()), (FailureClass::Passing, false));
        let said = failure.to_string();
        assert!(said.starts_with(&format!("nobody answers at {address}/chat/comp")), "{said}");
        assert!(said.contains("start the server, or check base_url"), "{said}");
        // Two failures before the last, and not seven.
        assert_eq!(counter.0.load(Ordering::Relaxed), 2);
    }
}

/// The address of a server that answers one request with 503, and then listens no more.
fn ends_after_one() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        drop(listener);
        let mut lines = BufReader::new(&stream);
        let (mut line, mut length) = (String::new(), 0);
        while lines.read_line(&mut line).unwrap() > 2 {
            let field = line.to_ascii_lowercase();
            if let Some(value) = field.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        lines.read_exact(&mut vec![0; length]).unwrap();
        let head = "HTTP/1.1 503 Later\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        (&stream).write_all(head.as_bytes()).unwrap();
    });
    address
}

#[test]
fn a_server_that_answered_before_gets_all_attempts_while_it_starts_again() {
    let stub = Stub::new(|_, _| Served::says("A"));
    let mut settings = settings(&stub);
    settings.patience.attempts = 6;
    settings.base_url = ends_after_one();
    let counter = Counter::default();
    let question = Ask::new(vec![Message::user("q")]);
    let failure = client(&settings).ask(&question, &counter).unwrap_err();
    assert!(matches!(failure, EndpointError::NoServer { .. }), "{failure}");
    assert_eq!(counter.0.load(Ordering::Relaxed), 5);
}
