//! A tracking server on this machine: the pages of MLflow's REST API that the client calls, kept in
//! memory. `tests/reference/mlflow_runs.py` holds the client against the real server.

#![allow(dead_code, reason = "not every test file uses every helper")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    pub method: String,
    /// Below `/api/2.0/mlflow/`, with the query.
    pub path: String,
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

/// What the server keeps.
#[derive(Clone, Debug, Default)]
pub struct ServerContent {
    /// Names; the place is the id.
    pub experiments: Vec<String>,
    /// Runs as the API shows them, with `params` and `metrics` beside `info` and `data`.
    pub runs: Vec<Value>,
    pub seen: Vec<ReceivedRequest>,
}

/// An answer in place of the server's own: status, more headers, body.
pub type Fault = (u16, Vec<(&'static str, String)>, String);

/// A server that runs until the test ends.
pub struct Stub {
    pub port: u16,
    pub kept: Arc<Mutex<ServerContent>>,
}

impl Stub {
    pub fn new() -> Self {
        Self::failing(|_, _| None)
    }

    /// `fault` sees each request and how many came before it.
    pub fn failing(
        fault: impl Fn(&ReceivedRequest, usize) -> Option<Fault> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("this machine has a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let kept: Arc<Mutex<ServerContent>> = Arc::default();
        let shared = Arc::clone(&kept);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(request) = read(&stream) else { continue };
                let mut kept = shared.lock().unwrap_or_else(PoisonError::into_inner);
                let before = kept.seen.len();
                kept.seen.push(request.clone());
                let (status, headers, body) = fault(&request, before).unwrap_or_else(|| {
                    let (status, body) = answer(&mut kept, &request);
                    (status, Vec::new(), body.to_string())
                });
                write(stream, status, &headers, &body);
            }
        });
        Self { port, kept }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn kept(&self) -> ServerContent {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn no_such(what: &str) -> (u16, Value) {
    (404, json!({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": what}))
}

fn answer(kept: &mut ServerContent, request: &ReceivedRequest) -> (u16, Value) {
    let body = &request.body;
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let run = |kept: &mut ServerContent| {
        kept.runs.iter().position(|run| run["info"]["run_id"] == body["run_id"])
    };
    match (request.method.as_str(), path) {
        ("GET", "experiments/get-by-name") => {
            let name = query.strip_prefix("experiment_name=").unwrap_or_default();
            match kept.experiments.iter().position(|known| known == name) {
                Some(id) => {
                    let stage = if name == "deleted" { "deleted" } else { "active" };
                    let id = id.to_string();
                    (200, json!({"experiment": {"experiment_id": id, "lifecycle_stage": stage}}))
                }
                None => no_such("No experiment of this name"),
            }
        }
        ("POST", "experiments/create") => {
            kept.experiments.push(body["name"].as_str().unwrap_or_default().to_owned());
            (200, json!({"experiment_id": (kept.experiments.len() - 1).to_string()}))
        }
        ("POST", "runs/search") => {
            let hash = body["filter"].as_str().and_then(|filter| filter.split('\'').nth(1));
            let is_found = |run: &&Value| {
                let tags = run["data"]["tags"].as_array();
                tags.into_iter().flatten().any(|tag| tag["value"].as_str() == hash)
            };
            let found: Vec<&Value> = kept.runs.iter().filter(is_found).collect();
            // Pages of two, so that a client has to ask for the next.
            let from: usize = body["page_token"].as_str().unwrap_or("").parse().unwrap_or(0);
            let to = (from + 2).min(found.len());
            let next = if to < found.len() { to.to_string() } else { String::new() };
            (200, json!({"runs": found[from..to], "next_page_token": next}))
        }
        ("POST", "runs/create") => {
            let id = format!("run-{}", kept.runs.len());
            let info = json!({"run_id": id, "status": "RUNNING", "run_name": body["run_name"],
                "start_time": body["start_time"]});
            let run = json!({"info": info, "data": {"tags": body["tags"]},
                "params": [], "metrics": []});
            kept.runs.push(run.clone());
            (200, json!({ "run": run }))
        }
        ("POST", "runs/log-batch") => {
            let Some(at) = run(kept) else { return no_such("No such run") };
            for kind in ["params", "metrics"] {
                let more = body[kind].as_array().cloned().unwrap_or_default();
                if more.len() > if kind == "params" { 100 } else { 1000 } {
                    let message = format!("too many {kind}");
                    let code = "INVALID_PARAMETER_VALUE";
                    return (400, json!({"error_code": code, "message": message}));
                }
                let list = kept.runs[at][kind].as_array_mut().expect("a run has both lists");
                list.extend(more);
            }
            (200, json!({}))
        }
        ("POST", "runs/update") => {
            let Some(at) = run(kept) else { return no_such("No such run") };
            kept.runs[at]["info"]["status"] = body["status"].clone();
            (200, json!({"run_info": kept.runs[at]["info"]}))
        }
        _ => (404, json!("Not Found")),
    }
}

fn read(stream: &TcpStream) -> Option<ReceivedRequest> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let method = words.next()?.to_owned();
    let path = words.next()?.split("/api/2.0/mlflow/").nth(1).unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(Some(0), |length| length.parse().ok())?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(ReceivedRequest {
        method,
        path,
        headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}

/// A client that hangs up early is its own affair, so errors are left alone.
fn write(mut stream: TcpStream, status: u16, headers: &[(&'static str, String)], body: &str) {
    let mut head = format!(
        "HTTP/1.1 {status} Status\r\nConnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes()).and_then(|()| stream.flush());
}
