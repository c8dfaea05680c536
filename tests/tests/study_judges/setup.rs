//! A small study of the built-in world, and the oracle behind an endpoint.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::{Arc, Mutex};

use seal_study::ConfigSource;
use serde_json::Value;
use whole_program::{Finished, OracleJudge, Sandbox, oracle_table};

use crate::stub::{ReceivedRequest, Served, Stub};

pub const KEY: &str = "sk-whole-program-0123456789";

/// Settings that shrink the world.
pub const SMALL: [&str; 15] = [
    "study.only=[\"seal\", \"random\"]",
    "study.seeds=[0, 1]",
    "world.rows=300",
    "world.safe_rows=150",
    "world.base_tasks=1200",
    "world.base_talk=200",
    "world.base_refusals=400",
    "world.safeinstr_rows=20",
    "world.hh=24",
    "world.slimorca=24",
    "world.hexphi_per_category=2",
    "base.epochs=4",
    "sft.epochs=4",
    "bilevel.epochs=1",
    "selection.keep=0.5",
];

/// The oracle as a server, which counts replies by question.
pub struct Oracle {
    pub stub: Stub,
    pub paid: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Oracle {
    /// `instead` may serve something else; it sees the verdict and how many replies came before.
    pub fn new(instead: impl Fn(&str, usize) -> Option<Served> + Send + Sync + 'static) -> Self {
        Self::with_probe(|_| Served::says("A"), instead)
    }

    /// The same with other answers to probes; `probe` sees how many came before.
    pub fn with_probe(
        probe: impl Fn(usize) -> Served + Send + Sync + 'static,
        instead: impl Fn(&str, usize) -> Option<Served> + Send + Sync + 'static,
    ) -> Self {
        let set = SMALL.map(str::to_owned).to_vec();
        let oracle = OracleJudge::of(&ConfigSource { set, quick: true, ..Default::default() });
        let paid: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
        let counted = Arc::clone(&paid);
        let stub = Stub::probed(probe, move |seen: &ReceivedRequest, _| {
            let verdict = oracle.verdict(seen.prompt()).unwrap_or("I do not know it.");
            let before = counted.lock().unwrap().values().sum();
            if let Some(served) = instead(verdict, before) {
                return served;
            }
            let key = seen.headers["idempotency-key"].clone();
            *counted.lock().unwrap().entry(key).or_default() += 1;
            Served::says(verdict)
        });
        Self { stub, paid }
    }

    pub fn truthful() -> Self {
        Self::new(|_, _| None)
    }

    /// Number of questions, each paid once.
    pub fn paid_once(&self) -> usize {
        let paid = self.paid.lock().unwrap();
        assert!(paid.values().all(|count| *count == 1), "a question was paid twice");
        paid.len()
    }

    /// A folder with the table `judge.toml`.
    pub fn sandbox(&self, more: &str) -> Sandbox {
        let sandbox = Sandbox::empty(env!("CARGO_BIN_EXE_program"));
        self.write(&sandbox, "judge.toml", more);
        sandbox
    }

    pub fn write(&self, sandbox: &Sandbox, name: &str, more: &str) {
        sandbox.write(name, &oracle_table(&self.stub.base_url(), Some("STUB_KEY"), more));
    }
}

pub fn prepared(mut command: Command) -> Command {
    command.env("STUB_KEY", KEY).env("NO_PROXY", "127.0.0.1");
    command
}

/// `verb` with these settings, with the judge's key in the environment.
pub fn command_of(sandbox: &Sandbox, verb: &[&str], set: &[&str]) -> Command {
    let set = set.iter().flat_map(|text| ["--set", text]);
    let args: Vec<&str> = verb.iter().copied().chain(set).collect();
    prepared(sandbox.command(&args))
}

/// `verb` on the small study with these settings, with the judge's key in the environment.
pub fn command(sandbox: &Sandbox, verb: &str, set: &[&str], more: &[&str]) -> Command {
    let set = SMALL.iter().chain(set).flat_map(|text| ["--set", text]);
    let args: Vec<&str> =
        [verb, "--quick"].into_iter().chain(set).chain(more.iter().copied()).collect();
    prepared(sandbox.command(&args))
}

pub fn ablate(sandbox: &Sandbox, set: &[&str], more: &[&str]) -> Finished {
    Finished::of(command(sandbox, "ablate", set, more).output().unwrap())
}

pub fn done(finished: Finished) -> Finished {
    assert_eq!(finished.code, Some(0), "{}\n{}", finished.stdout, finished.stderr);
    finished
}

/// Wins, losses, ties and missing of every cell of every arm, on a test.
pub fn counts(results: &Value, test: &str) -> Vec<[u64; 4]> {
    let arms = results["arms"].as_array().unwrap();
    let cells = arms.iter().flat_map(|arm| arm["cells"].as_array().unwrap());
    let of = |cell: &Value| {
        ["wins", "losses", "ties", "missing"].map(|n| cell["win_rate"][test][n].as_u64().unwrap())
    };
    cells.map(of).collect()
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
                let bytes = fs::read(&path).unwrap();
                let held = bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes());
                assert!(!held, "{}", path.display());
            }
        }
    }
    assert!(!finished.stdout.contains(KEY) && !finished.stderr.contains(KEY));
}
