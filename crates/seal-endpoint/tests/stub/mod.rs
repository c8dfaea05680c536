//! A chat endpoint on this machine: what real ones answer, and what they must not.

#![allow(dead_code, reason = "not every test file uses every helper")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    pub path: String,
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

impl ReceivedRequest {
    /// The text of the last message.
    pub fn prompt(&self) -> &str {
        let last = self.body["messages"].as_array().and_then(|all| all.last());
        last.and_then(|message| message["content"].as_str()).unwrap_or_default()
    }

    /// Whether it asks only if the server is there.
    fn is_probe(&self) -> bool {
        let most = ["max_tokens", "max_completion_tokens"].map(|field| &self.body[field]);
        self.prompt() == "Hi" && most.contains(&&json!(1))
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
    /// Questions. Probes are not among them.
    pub seen: Arc<Mutex<Vec<ReceivedRequest>>>,
    /// Questions by which a client finds out if the server is there.
    probes: Arc<Mutex<Vec<ReceivedRequest>>>,
    /// Connections that the client closed before the answer.
    broken_off: Arc<AtomicUsize>,
}

impl Stub {
    /// `answer` sees each question and how many came before it. A probe gets a reply.
    pub fn new(answer: impl Fn(&ReceivedRequest, usize) -> Served + Send + Sync + 'static) -> Self {
        Self::probed(|_| Served::says("A"), answer)
    }

    /// The same with other answers to probes. `probe` sees how many came before.
    pub fn probed(
        probe: impl Fn(usize) -> Served + Send + Sync + 'static,
        answer: impl Fn(&ReceivedRequest, usize) -> Served + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("this machine has a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let seen: Arc<Mutex<Vec<ReceivedRequest>>> = Arc::default();
        let probes: Arc<Mutex<Vec<ReceivedRequest>>> = Arc::default();
        let broken_off: Arc<AtomicUsize> = Arc::default();
        let shared = Arc::new((
            (answer, Arc::clone(&seen)),
            (probe, Arc::clone(&probes)),
            Arc::clone(&broken_off),
        ));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    let Some(request) = read(&stream) else { return };
                    let ((answer, seen), (probe, probes), broken_off) = &*shared;
                    let held = if request.is_probe() { probes } else { seen };
                    let before = {
                        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                        held.push(request.clone());
                        held.len() - 1
                    };
                    let is_answered = count_if_closed(&stream, broken_off);
                    let served = match request.is_probe() {
                        true => probe(before),
                        false => answer(&request, before),
                    };
                    std::thread::sleep(served.pause);
                    is_answered.store(true, Ordering::SeqCst);
                    write(stream, &served);
                });
            }
        });
        Self { port, seen, probes, broken_off }
    }

    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    pub fn probes(&self) -> Vec<ReceivedRequest> {
        self.probes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn broken_off(&self) -> usize {
        self.broken_off.load(Ordering::SeqCst)
    }

    pub fn seen(&self) -> Vec<ReceivedRequest> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Counts the connection if the client closes it before the flag says that it was answered.
fn count_if_closed(stream: &TcpStream, closed: &Arc<AtomicUsize>) -> Arc<AtomicBool> {
    let is_answered: Arc<AtomicBool> = Arc::default();
    let (flag, closed) = (Arc::clone(&is_answered), Arc::clone(closed));
    let mut stream = stream.try_clone().expect("this machine has a free descriptor");
    std::thread::spawn(move || {
        // A client says nothing more before the answer.
        let _ = stream.read(&mut [0]);
        if !flag.load(Ordering::SeqCst) {
            closed.fetch_add(1, Ordering::SeqCst);
        }
    });
    is_answered
}

fn read(stream: &TcpStream) -> Option<ReceivedRequest> {
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
    let length = headers.get("content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(ReceivedRequest { path, headers, body: serde_json::from_slice(&body).ok()? })
}

/// A client that hangs up early is its own affair, so errors are left alone.
fn write(mut stream: TcpStream, served: &Served) {
    if served.hang_up {
        // The watching thread has the connection, too.
        let _ = stream.shutdown(Shutdown::Both);
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
    let _ = stream.write_all(body).and_then(|()| stream.shutdown(Shutdown::Both));
}
