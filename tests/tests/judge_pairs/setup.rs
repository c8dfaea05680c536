//! A folder with answers and a table, and a judge whose verdicts are known.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use whole_program::{Finished, Sandbox};

use crate::stub::{ReceivedRequest, Served, Stub};

pub const KEY: &str = "sk-whole-program-0123456789";

pub const JUDGE: [&str; 9] = [
    "judge",
    "--candidate",
    "arm.json",
    "--reference",
    "ref.json",
    "--judge",
    "judge.toml",
    "--file",
    "verdicts.jsonl",
];

/// Longer wins; where both are as long, the first does.
pub fn longer(seen: &ReceivedRequest) -> Served {
    let prompt = seen.prompt();
    let code = prompt.split_whitespace().nth(3).unwrap().trim_end_matches('.');
    let length = |name: &str| {
        let (_, after) = prompt.split_once(&format!("[{code} {name}]\n")).unwrap();
        after.split_once(&format!("\n[{code} end of {name}]")).unwrap().0.len()
    };
    Served::says(if length("answer A") >= length("answer B") { "A" } else { "B" })
}

/// A folder with two files of answers and a table. The arm's answer is longer in three of four.
pub fn sandbox(stub: &Stub, n: usize, more: &str) -> Sandbox {
    let sandbox = Sandbox::empty(env!("CARGO_BIN_EXE_program"));
    let row = |i: usize, output: String, generator: &str| {
        json!({"instruction": format!("Describe box {i}."), "output": output,
            "generator": generator})
    };
    let arm = |i: usize| {
        if i.is_multiple_of(4) {
            "It is red.".to_owned()
        } else {
            "It is red and round, and a lid is on it.".to_owned()
        }
    };
    let outputs = |name: &str, of: &dyn Fn(usize) -> String| {
        let rows: Vec<Value> = (0..n).map(|i| row(i, of(i), name)).collect();
        Value::Array(rows).to_string()
    };
    sandbox.write("arm.json", &outputs("arm", &arm));
    sandbox.write("ref.json", &outputs("ref", &|i| format!("It is red and small, box {i}.")));
    sandbox.write("judge.toml", &table(stub, more));
    sandbox
}

pub fn table(stub: &Stub, more: &str) -> String {
    format!(
        "kind = \"pairwise\"\n{more}\n[endpoint]\nbase_url = \"{}\"\nmodel = \"judge\"\n\
         api_key_env = \"STUB_KEY\"\nmax_tokens = 16\n\
         price = {{ input = 1.0, output = 1.0 }}\n\
         patience = {{ first_wait = 0.002, longest_wait = 0.02, attempts = 10, timeout = 20.0 }}\n",
        stub.base_url()
    )
}

pub fn command(sandbox: &Sandbox, more: &[&str]) -> Command {
    let mut command = sandbox.command(&[&JUDGE[..], more].concat());
    command.env("STUB_KEY", KEY).env("NO_PROXY", "127.0.0.1");
    command
}

pub fn run(sandbox: &Sandbox, more: &[&str]) -> Finished {
    Finished::of(command(sandbox, more).output().unwrap())
}

pub fn figures(finished: &Finished) -> BTreeMap<String, f64> {
    let line = |line: &str| {
        let (name, value) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
        (name.to_owned(), value.parse().unwrap_or_else(|_| panic!("{line}")))
    };
    finished.stdout.lines().map(line).collect()
}

/// No file of the folder, and nothing that was printed, holds the key.
pub fn assert_no_key(sandbox: &Sandbox, finished: &Finished) {
    let mut folders = vec![sandbox.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                assert!(!text.contains(KEY), "{}", path.display());
            }
        }
    }
    assert!(!finished.stdout.contains(KEY) && !finished.stderr.contains(KEY));
}
