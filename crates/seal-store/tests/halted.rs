//! Processes that end, without any tidying, at a named point of making an output.
#![cfg(all(unix, debug_assertions))]

mod harness;

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;

use harness::{command, content, entries, is_swept, made, made_by, parts, said_by};

/// Runs until the point, and returns how many entries there are then.
fn halt(dir: &Path, point: &str) -> usize {
    let out = command(dir, "0", &["a", "b"]).env("SEAL_HALT_AT", point).output().unwrap();
    let is_killed = out.status.signal().is_some();
    assert!(is_killed, "{point}: {}", String::from_utf8_lossy(&out.stdout));
    entries(dir).len()
}

#[test]
fn wherever_a_process_is_killed_the_next_goes_on_and_the_outputs_are_the_same() {
    let whole = tempfile::tempdir().unwrap();
    said_by(&command(whole.path(), "0", &["a", "b"]).output().unwrap());
    let expected = content(whole.path());
    // The point, which time a process comes by, and the entries that are there then.
    for (point, there) in [
        ("claimed", 0),
        ("made", 0),
        ("sealed", 0),
        ("committed", 1),
        ("claimed:1", 0),
        ("claimed:2", 1),
        ("made:2", 1),
        ("sealed:3", 2),
        ("committed:3", 3),
    ] {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(halt(dir.path(), point), there, "{point}");
        let said = said_by(&command(dir.path(), "0", &["a", "b"]).output().unwrap());
        assert_eq!(made_by(&said), 3 - there, "{point}");
        assert_eq!(content(dir.path()), expected, "{point}");
        // What was finished before the kill is not made again.
        let made = made(dir.path());
        assert_eq!(made.keys().cloned().collect::<Vec<_>>(), parts(&["a", "b"]));
        assert!(made.values().all(|times| *times == 1), "{point}: {made:?}");
        is_swept(dir.path());
    }
}

#[test]
fn a_process_that_does_not_come_by_a_point_is_not_killed() {
    for point in ["nowhere", "claimed:4", ""] {
        let dir = tempfile::tempdir().unwrap();
        let out = command(dir.path(), "0", &["a", "b"]).env("SEAL_HALT_AT", point).output();
        assert_eq!(made_by(&said_by(&out.unwrap())), 3, "{point}");
    }
}
