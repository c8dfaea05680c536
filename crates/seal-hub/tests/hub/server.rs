//! A hub on this machine: what the real one answers, and what it must not.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use seal_hub::{Hub, HubAddress, HubError, HubSettings, HubToken, Retry};
use sha2::{Digest, Sha256};

pub const COMMIT: &str = "1111111111111111111111111111111111111111";
pub const SECRET: &str = "hf_sesameopen";

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
}

impl Request {
    pub fn range_start(&self) -> Option<usize> {
        self.headers.get("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// An answer; of the body only `cut` bytes are sent before the connection ends.
#[derive(Clone, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub cut: Option<usize>,
    pub pause: Duration,
    /// How long the connection stays open after the body.
    pub hold: Duration,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A file of the repository.
#[derive(Clone)]
pub struct Stored {
    pub bytes: Vec<u8>,
    /// Whether it lies in the store of large files.
    pub large: bool,
}

type Hook = Box<dyn Fn(&Request, usize) -> Option<Reply> + Send + Sync>;

/// A hub with one repository, `o/n`, in both kinds.
pub struct Server {
    pub port: u16,
    pub seen: Arc<Mutex<Vec<Request>>>,
    pub cache: tempfile::TempDir,
}

impl Server {
    pub fn new(files: &[(&str, Stored)]) -> Self {
        Self::hooked(files, |_, _| None)
    }

    /// `hook` sees each request and how many with its method and path came
    /// before, and may answer in place of the hub.
    pub fn hooked(
        files: &[(&str, Stored)],
        hook: impl Fn(&Request, usize) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        Self::on("127.0.0.1:0", files, hook)
    }

    /// As [`hooked`](Self::hooked), at an address.
    pub fn on(
        at: &str,
        files: &[(&str, Stored)],
        hook: impl Fn(&Request, usize) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(at).unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let files: BTreeMap<String, Stored> =
            files.iter().map(|(name, file)| ((*name).to_owned(), file.clone())).collect();
        let shared = Arc::new((files, Box::new(hook) as Hook, Arc::clone(&seen)));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    let Some(request) = read(&stream) else {
                        // As servers answer who greets with TLS.
                        let _ = (&stream).write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
                        return;
                    };
                    let same =
                        |r: &&Request| (&r.method, &r.path) == (&request.method, &request.path);
                    let before = {
                        let mut seen = shared.2.lock().unwrap();
                        let before = seen.iter().filter(same).count();
                        seen.push(request.clone());
                        before
                    };
                    let reply = (shared.1)(&request, before)
                        .unwrap_or_else(|| answer(&request, &shared.0, port));
                    write(stream, &request, reply);
                });
            }
        });
        Self { port, seen, cache: tempfile::tempdir().unwrap() }
    }

    pub fn settings(&self) -> HubSettings {
        let mut settings = HubSettings::new(self.cache.path().join("hub"));
        settings.endpoint = format!("http://127.0.0.1:{}", self.port);
        settings.retry = Retry {
            attempts: 3,
            first_wait: Duration::from_millis(2),
            longest_wait: Duration::from_secs(2),
            timeout: Duration::from_secs(5),
        };
        settings
    }

    pub fn hub(&self) -> Hub {
        Hub::new(self.settings()).unwrap()
    }

    pub fn hub_with(&self, change: impl FnOnce(&mut HubSettings)) -> Hub {
        self.try_hub_with(change).unwrap()
    }

    pub fn try_hub_with(&self, change: impl FnOnce(&mut HubSettings)) -> Result<Hub, HubError> {
        let mut settings = self.settings();
        change(&mut settings);
        Hub::new(settings)
    }

    pub fn with_token(&self) -> Hub {
        self.hub_with(|s| s.token = Some(HubToken::new(SECRET, "HF_TOKEN").unwrap()))
    }

    /// Requests so far, as `METHOD /path`.
    pub fn log(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|r| format!("{} {}", r.method, r.path)).collect()
    }

    /// Paths of the requests that brought the token.
    pub fn told(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let told = |r: &&Request| format!("{r:?}").contains(SECRET);
        seen.iter().filter(told).map(|r| r.path.clone()).collect()
    }

    pub fn forget(&self) {
        self.seen.lock().unwrap().clear();
    }
}

pub fn small(text: &str) -> Stored {
    Stored { bytes: text.as_bytes().to_vec(), large: false }
}

/// A large file, the same for the same `seed`.
pub fn large(seed: u8, len: usize) -> Stored {
    let bytes = (0..len).map(|i| seed.wrapping_add((i * i / 7) as u8)).collect();
    Stored { bytes, large: true }
}

pub fn address(text: &str) -> HubAddress {
    text.parse().unwrap()
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream.take(1 << 16)).lines();
    let first = lines.next()?.ok()?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let headers = lines
        .map_while(|line| line.ok().filter(|line| !line.is_empty()))
        .filter_map(|line| {
            line.split_once(": ").map(|(k, v)| (k.to_ascii_lowercase(), v.to_owned()))
        })
        .collect();
    Some(Request { method, path, headers })
}

/// A client that hangs up early is its own affair, so errors are left alone.
fn write(mut stream: TcpStream, request: &Request, reply: Reply) {
    let mut head = format!("HTTP/1.1 {} Status\r\nConnection: close\r\n", reply.status);
    if !reply.headers.iter().any(|(name, _)| *name == "content-length") {
        head.push_str(&format!("content-length: {}\r\n", reply.body.len()));
    }
    // An empty value leaves the header out.
    for (name, value) in reply.headers.iter().filter(|(_, value)| !value.is_empty()) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let body = if request.method == "HEAD" { &[][..] } else { &reply.body[..] };
    let body = &body[..reply.cut.unwrap_or(body.len()).min(body.len())];
    let _ = stream.write_all(head.as_bytes());
    std::thread::sleep(reply.pause);
    let _ = stream.write_all(body).and_then(|()| stream.flush());
    std::thread::sleep(reply.hold);
}

/// What the hub answers.
fn answer(request: &Request, files: &BTreeMap<String, Stored>, port: u16) -> Reply {
    let path = request.path.as_str();
    if let Some(name) = path.strip_prefix("/store/") {
        let file = files.values().find(|file| sha256(&file.bytes) == name);
        return file.map_or(Reply::status(403), |file| part(request, &file.bytes));
    }
    if path.starts_with("/api/models/o/n/revision/") {
        return listing(files.keys().map(String::as_str));
    }
    let path = path.strip_prefix("/mirror").unwrap_or(path);
    let path = path.strip_prefix("/datasets").unwrap_or(path);
    let Some(rest) = path.strip_prefix("/o/n/resolve/") else {
        return Reply::status(404).with("x-error-code", "RepoNotFound");
    };
    let (revision, name) = rest.split_once('/').unwrap();
    if ![COMMIT, "main", "refs%2Fpr%2F1"].contains(&revision) {
        return Reply::status(404).with("x-error-code", "RevisionNotFound");
    }
    let Some(file) = files.get(&name.replace("%20", " ")) else {
        return Reply::status(404)
            .with("x-error-code", "EntryNotFound")
            .with("x-repo-commit", COMMIT);
    };
    let sum = sha256(&file.bytes);
    if !file.large {
        return part(request, &file.bytes)
            .with("x-repo-commit", COMMIT)
            .with("etag", format!("\"{}\"", &sum[..40]));
    }
    // By another name of the same machine: another host.
    Reply::status(302)
        .with("x-repo-commit", COMMIT)
        .with("x-linked-etag", format!("\"{sum}\""))
        .with("x-linked-size", file.bytes.len().to_string())
        .with("location", format!("http://localhost:{port}/store/{sum}"))
}

/// The bytes asked for.
pub fn part(request: &Request, bytes: &[u8]) -> Reply {
    match request.range_start() {
        None => Reply { status: 200, body: bytes.to_vec(), ..Reply::default() },
        Some(start) if start >= bytes.len() => Reply::status(416),
        Some(start) => Reply { status: 206, body: bytes[start..].to_vec(), ..Reply::default() }
            .with("content-range", format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len())),
    }
}

/// The hub's description of the repository, with these files.
pub fn listing<'a>(names: impl Iterator<Item = &'a str>) -> Reply {
    let siblings: Vec<_> = names.map(|name| serde_json::json!({ "rfilename": name })).collect();
    let body = serde_json::json!({ "id": "o/n", "sha": COMMIT, "siblings": siblings });
    Reply { status: 200, body: body.to_string().into_bytes(), ..Reply::default() }
}
