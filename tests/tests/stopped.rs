//! Runs that are asked to stop by a signal, and the same command again.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use whole_program::{Finished, Sandbox};

/// The base is trained for long enough that a signal arrives while it is.
const ARGS: [&str; 13] = [
    "ablate",
    "--config",
    "study.toml",
    "--out",
    "out",
    "--jobs",
    "1",
    "--set",
    "base.epochs=40",
    "--checkpoint",
    "0",
    "-v",
    "--seeds=0",
];

/// Without the settings of the base.
const ABLATE: [&str; 8] = ["ablate", "--config", "study.toml", "--out", "out", "--jobs", "1", "-v"];

fn study() -> Sandbox {
    Sandbox::with_study(env!("CARGO_BIN_EXE_program"))
}

fn signal(process: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status();
    assert!(sent.unwrap().success(), "{name}");
}

/// Runs the study until it says that a stage of this kind has started, and sends the signals there.
fn signalled_in(sandbox: &Sandbox, stage: &str, signals: &[&str]) -> Finished {
    let mut command = sandbox.command(&ARGS);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let start = format!("started stage=\"{stage}\"");
    let mut said = String::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.contains(&start) && !said.contains(&start) {
            for name in signals {
                signal(child.id(), name);
            }
        }
        said += &(line + "\n");
    }
    let code = child.wait().unwrap().code();
    Finished { code, stdout: String::new(), stderr: said }
}

#[test]
fn a_run_that_is_asked_to_stop_goes_on_and_ends_with_the_same_results() {
    let (stopped, whole) = (study(), study());
    let (mut stops, mut resumed) = (0, false);
    let kinds = ["base", "base", "scores", "selector", "sft", "answers"];
    let signals = ["INT", "TERM", "USR1", "INT", "USR2", "TERM"];
    for (kind, name) in kinds.into_iter().zip(signals) {
        let run = signalled_in(&stopped, kind, &[name]);
        resumed |= run.stderr.contains(": goes on after step ");
        if run.code == Some(0) {
            continue;
        }
        stops += 1;
        let code = if name == "INT" { 130 } else { 143 };
        assert_eq!(run.code, Some(code), "{kind} {name}: {}", run.stderr);
        assert!(run.stderr.contains("stopping: running stages keep their work"), "{}", run.stderr);
        let last = run.stderr.lines().last().unwrap();
        assert!(last.starts_with("stopped on request; "), "{last}");
        assert!(last.ends_with("the same command goes on from there"), "{last}");
    }
    assert!(stops >= 3, "only {stops} runs were stopped");
    assert!(resumed, "no training went on where it was stopped");
    for sandbox in [&stopped, &whole] {
        let run = sandbox.run(&ARGS);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    }
    assert_eq!(stopped.read("out/results.json"), whole.read("out/results.json"));
}

#[test]
fn a_quiet_run_that_is_asked_to_stop_says_its_error_alone() {
    let sandbox = study();
    let args: Vec<&str> =
        ARGS.iter().map(|arg| if *arg == "-v" { "--quiet" } else { *arg }).collect();
    let mut command = sandbox.command(&args);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let parts = sandbox.path().join("out/store/unfinished");
    let is_training = || {
        let mut outputs = std::fs::read_dir(&parts).into_iter().flatten().flatten();
        outputs.any(|output| output.file_name().to_string_lossy().starts_with("base-"))
    };
    while !is_training() {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(child.id(), "TERM");
    let run = Finished::of(child.wait_with_output().unwrap());
    assert_eq!(run.code, Some(143), "{}", run.stderr);
    assert!(run.stderr.starts_with("error: ") || run.stderr.starts_with("stopped on request"));
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}

/// The stage that runs waits a second for the reply of a server that never answers. The signals are sent
/// to a process that is halted: it finds both of them when it goes on, however busy the machine is.
#[test]
fn a_second_signal_ends_the_run_at_once() {
    let sandbox = study();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let table = format!(
        "kind = \"rubric\"\ncanaries = 0\n[endpoint]\nbase_url = \"http://{}/v1\"\nmodel = \"rater\"\n\
         allow_http = true\n",
        server.local_addr().unwrap()
    );
    sandbox.write("rubric.toml", &table);
    let judge = ["--set", "judge.hexphi.table=rubric.toml", "--no-probe"];
    let mut command = sandbox.command(&[&ABLATE[..], &judge].concat());
    command.env("NO_PROXY", "127.0.0.1");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    // Without a question the run ends, and this test with it.
    let (asked, is_asked) = mpsc::channel();
    std::thread::spawn(move || asked.send(server.accept().map(|(stream, _)| (stream, server))));
    assert!(said.by_ref().any(|line| line.contains("started stage=\"assessments\"")));
    let question = is_asked.recv_timeout(Duration::from_secs(300)).unwrap();
    for name in ["STOP", "TERM", "INT", "CONT"] {
        signal(child.id(), name);
    }
    let said: Vec<String> = said.collect();
    let is_said = |start: &str| said.iter().any(|line| line.starts_with(start));
    // Either may be the first.
    assert!(matches!(child.wait().unwrap().code(), Some(130 | 143)), "{said:?}");
    assert!(is_said("stopping: "), "{said:?}");
    // It would be said by a run that comes to its end.
    assert!(!is_said("stopped on request"), "{said:?}");
    drop(question);
}
