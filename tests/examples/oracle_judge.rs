//! A judge of pairs for the built-in world, to be started by hand:
//!
//! ```sh
//! cargo run -p whole-program --example oracle_judge -- oracle.toml [KEY=VALUE ...]
//! ```
//!
//! It writes the table of the judge to `oracle.toml` and answers until it is stopped. Each `KEY=VALUE`
//! sets a key of the built-in config, as `--set` of the study that it judges.

#![allow(clippy::print_stdout, reason = "a program to be started by hand")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use seal_study::ConfigSource;
use serde_json::{Value, json};
use whole_program::{OracleJudge, oracle_table};

fn main() {
    let mut args = std::env::args().skip(1);
    let file = args.next().expect("give the file for the judge's table");
    let oracle = OracleJudge::of(&ConfigSource { set: args.collect(), ..ConfigSource::default() });
    let listener = TcpListener::bind("127.0.0.1:0").expect("this machine has a free port");
    let port = listener.local_addr().expect("a bound socket has an address").port();
    let address = format!("http://127.0.0.1:{port}/v1");
    let table = oracle_table(&address, None, "canaries = 0");
    std::fs::write(&file, table).expect("the table can be written");
    println!("{address}, table {file}");
    let shared = Arc::new((oracle, AtomicUsize::new(0)));
    for stream in listener.incoming().flatten() {
        let shared = Arc::clone(&shared);
        // A connection that breaks is the client's affair.
        std::thread::spawn(move || while serve(&stream, &shared).is_some() {});
    }
}

/// Answers one request of a connection; `None` at its end.
fn serve(stream: &TcpStream, (oracle, count): &(OracleJudge, AtomicUsize)) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body: Value = serde_json::from_slice(&body).ok()?;
    let prompt = body["messages"].as_array()?.last()?["content"].as_str()?;
    let verdict = oracle.verdict(prompt).unwrap_or("I do not know this request.");
    let reply = json!({
        "id": "oracle", "object": "chat.completion", "created": 1, "model": "oracle",
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": null,
            "message": {"role": "assistant", "content": verdict, "refusal": null}}],
        "usage": {"prompt_tokens": prompt.len() / 4, "completion_tokens": 1,
            "total_tokens": prompt.len() / 4 + 1},
    })
    .to_string();
    let mut stream = stream;
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        reply.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(reply.as_bytes())).ok()?;
    let count = count.fetch_add(1, Ordering::Relaxed) + 1;
    if count.is_multiple_of(1000) {
        println!("{count} questions");
    }
    Some(())
}
