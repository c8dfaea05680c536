//! First contact with a device, which is the CPU here.

#![cfg(unix)]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;
use whole_program::Sandbox;

const ARGS: [&str; 5] = ["gpu-check", "--report", "contact", "--device", "flex"];

fn empty() -> Sandbox {
    Sandbox::empty(env!("CARGO_BIN_EXE_program"))
}

fn states(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let steps = report["steps"].as_array().unwrap();
    steps.iter().map(|step| (text(&step["name"]), text(&step["state"]))).collect()
}

#[test]
fn a_short_time_is_enough_for_a_report_in_which_nothing_failed() {
    let sandbox = empty();
    let finished = sandbox.run(&[&ARGS[..], &["--minutes", "0.6"]].concat());
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    let report = sandbox.json("contact/gpu-check.json");
    assert_eq!((&report["format_version"], &report["device"]), (&1.into(), &"flex".into()));
    let states = states(&report);
    let names: Vec<&str> = states.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["machine", "open", "trial", "parity", "memory", "speed"]);
    // How far it comes depends on what else the machine does.
    assert!(states.iter().all(|(_, state)| state != "failed"), "{}", finished.stdout);
    assert!(states[..2].iter().all(|(_, state)| state == "passed"), "{}", finished.stdout);
    assert!(["passed", "incomplete"].contains(&report["state"].as_str().unwrap()));
    assert!(report["seconds"].as_f64().unwrap() < 60.0, "{}", report["seconds"]);
    assert!(report["steps"][1]["data"]["formats"].to_string().contains("f32"));
    let page = sandbox.read("contact/index.html");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    for name in names {
        assert!(page.contains(&format!("<section id=\"{name}\">")), "{name}");
    }
    // A report is replaced by a later one, and a page of something else is not.
    std::fs::remove_file(sandbox.path().join("contact/gpu-check.json")).unwrap();
    let taken = sandbox.run(&ARGS);
    insta::assert_snapshot!(taken.error(), @"
    exit 2
    error: --report contact: its index.html is of something else; name another folder
    ");
}

#[test]
fn ctrl_c_leaves_a_report_of_what_was_done() {
    let sandbox = empty();
    let mut command = sandbox.command(&ARGS);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("50 steps of Algorithm 2")));
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let rest: Vec<String> = said.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    let report = sandbox.json("contact/gpu-check.json");
    assert_eq!(report["state"], "stopped");
    let states = states(&report);
    assert_eq!(states.len(), 6, "steps that were not done are listed, too");
    assert!(states[2..].iter().any(|(_, state)| state == "not-done"), "{states:?}");
    assert!(sandbox.read("contact/index.html").contains("stopped on request"));
}

#[test]
fn a_process_that_cannot_do_its_job_says_why() {
    let sandbox = empty();
    sandbox.write("job.json", r#"{"kind": "open", "device": "abacus"}"#);
    let finished = sandbox.run(&["gpu-check", "--job", "job.json"]);
    assert_eq!(finished.code, Some(1));
    assert!(finished.stderr.starts_with("error: unknown device `abacus`"), "{}", finished.stderr);
}
