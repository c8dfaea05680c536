//! Processes that end well, badly, late and not at all.

#![cfg(unix)]

use super::*;

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn run(script: &str, limits: Limits<'_>) -> (Vec<String>, Result<(), ChildError>) {
    let mut lines = Vec::new();
    let ended = lines_of(shell(script), limits, &mut |line| lines.push(line.to_owned()));
    (lines, ended)
}

#[test]
fn lines_of_a_process_that_fails_are_there() {
    let (lines, ended) = run("echo a; echo b; echo why >&2; exit 3", Limits::NONE);
    assert_eq!(lines, ["a", "b"]);
    let error = ended.unwrap_err();
    assert!(matches!(&error, ChildError::Failed { said, .. } if said == "why"), "{error}");
}

#[test]
fn a_process_that_crashes_says_so() {
    let (lines, ended) = run("echo a; kill -SEGV $$", Limits::NONE);
    assert_eq!(lines, ["a"]);
    assert!(ended.unwrap_err().to_string().contains("signal"));
}

#[test]
fn limits_end_a_process() {
    let short = Some(Duration::from_millis(200));
    let (lines, ended) = run("echo a; exec sleep 60", Limits { whole: short, ..Limits::NONE });
    assert_eq!(lines, ["a"]);
    assert!(matches!(ended, Err(ChildError::Whole { .. })));
    let (_, ended) = run("exec sleep 60", Limits { silence: short, ..Limits::NONE });
    assert!(matches!(ended, Err(ChildError::Silent { .. })));
    let (_, ended) = run("exec sleep 60", Limits { stop: &|| true, ..Limits::NONE });
    assert!(matches!(ended, Err(ChildError::Stopped)));
}

#[test]
fn the_last_line_is_the_measurement() {
    let sample = r#"{"step_ms": [1.0], "step_tokens": [2.0], "start_mib": null, "peak_mib": 3.0}"#;
    let found = sample_of(shell(&format!("echo hello; echo '{sample}'")), Limits::NONE).unwrap();
    assert_eq!((found.step_ms, found.peak_mib), (vec![1.0], Some(3.0)));
    let none = sample_of(shell("echo hello"), Limits::NONE).unwrap_err();
    assert_eq!(none.to_string(), "not a measurement: hello");
    let missing = sample_of(Command::new("/no/such/program"), Limits::NONE).unwrap_err();
    assert_eq!(missing.to_string(), "/no/such/program cannot be run");
}
