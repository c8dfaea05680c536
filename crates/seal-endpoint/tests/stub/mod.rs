//! A chat endpoint on this machine: what real ones answer, and what they must not.

#![allow(dead_code, reason = "not every test file uses every helper")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub path: String,
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

impl Seen {
    /// The text of the last message.
    pub fn prompt(&self) -> &str {
        let last = self.body["messages"].as_array().and_then(|all| all.last());
        last.and_then(|message| message["content"].as_str()).unwrap_or_default()
    }
}

/// An answer; of the body only `cut` bytes are sent before the connection ends.
#[derive(Clone, Debug, Default)]
pub struct Served {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    pub cut: Option<usize>,
    /// Time before the answer.
    pub pause: Duration,
    /// Whether the connection ends without an answer.
    pub hang_up: bool,
}

impl Served {
    pub fn status(status: u16, body: impl Into<String>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
            .with("content-type", "application/json")
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    /// A completion that says `content`.
    pub fn says(content: &str) -> Self {
        Self::status(200, completion(content).to_string())
    }

    pub fn hang_up() -> Self {
        Self { hang_up: true, ..Self::default() }
    }

    pub fn cut_at(mut self, bytes: usize) -> Self {
        self.cut = Some(bytes);
        self
    }
}

/// A completion as OpenAI sends it.
pub fn completion(content: &str) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "stub-model-1",
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": null,
            "message": {"role": "assistant", "content": content, "refusal": null}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
        "system_fingerprint": "fp_stub",
    })
}

/// A server that runs until the test ends.
pub struct Stub {
    pub port: u16,
    /// Questions. Requests for the list of models are not among them.
    pub seen: Arc<Mutex<Vec<Seen>>>,
    /// Requests for the list of models.
    pub listed: Arc<Mutex<usize>>,
}

/// The models that the stub lists.
pub const MODELS: [&str; 4] = ["judge", "oracle", "rater", "m"];

impl Stub {
    /// `answer` sees each question and how many came before it.
    pub fn new(answer: impl Fn(&Seen, usize) -> Served + Send + Sync + 'static) -> Self {
        let models = MODELS.map(|id| json!({"id": id, "object": "model"}));
        let list = json!({"object": "list", "data": models}).to_string();
        Self::with_list(Served::status(200, list), answer)
    }

    /// The same with another answer to a request for the list of models.
    pub fn with_list(
        list: Served,
        answer: impl Fn(&Seen, usize) -> Served + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("this machine has a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let listed: Arc<Mutex<usize>> = Arc::default();
        let shared = Arc::new((answer, Arc::clone(&seen), list, Arc::clone(&listed)));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    let Some(request) = read(&stream) else { return };
                    if request.path.ends_with("/models") {
                        *shared.3.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                        return write(stream, &shared.2);
                    }
                    let before = {
                        let mut seen = shared.1.lock().unwrap_or_else(PoisonError::into_inner);
                        seen.push(request.clone());
                        seen.len() - 1
                    };
                    write(stream, &(shared.0)(&request, before));
                });
            }
        });
        Self { port, seen, listed }
    }

    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    pub fn listed(&self) -> usize {
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read(stream: &TcpStream) -> Option<Seen> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let Some(length) = headers.get("content-length") else {
        return Some(Seen { path, headers, body: Value::Null });
    };
    let length = length.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Seen { path, headers, body: serde_json::from_slice(&body).ok()? })
}

/// A client that hangs up early is its own affair, so errors are left alone.
fn write(mut stream: TcpStream, served: &Served) {
    std::thread::sleep(served.pause);
    if served.hang_up {
        return;
    }
    let length = served.body.len();
    let mut head = format!(
        "HTTP/1.1 {} Status\r\nConnection: close\r\ncontent-length: {length}\r\n",
        served.status
    );
    for (name, value) in &served.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let body = &served.body.as_bytes()[..served.cut.unwrap_or(length).min(length)];
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body).and_then(|()| stream.flush());
}
