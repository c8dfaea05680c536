//! Real processes on one store: nothing is made twice, nothing is lost.

mod harness;

use std::io::Read as _;

use harness::{is_swept, lines, made, made_by, parts, said, start, wait_for};

#[test]
fn equal_and_other_outputs_are_each_made_once() {
    let dir = tempfile::tempdir().unwrap();
    let ours = [
        ["a1", "a2", "s1", "s2", "s3"],
        ["s3", "s1", "b1", "s2", "b2"],
        ["s1", "s2", "s3", "c1", "c2"],
        ["s2", "c1", "s1", "s3", "b2"],
    ];
    let children = ours.map(|names| start(dir.path(), "3", &names));
    let all: Vec<Vec<String>> = children.into_iter().map(said).collect();
    // Nine outputs, and one of each process that joins its own.
    assert_eq!(all.iter().map(|said| made_by(said)).sum::<usize>(), 9 + 4);
    for (said, names) in all.iter().zip(ours) {
        assert_eq!(said[said.len() - 20..], parts(&names), "each has all of its own");
    }
    let made = made(dir.path());
    let expected = parts(&["a1", "a2", "b1", "b2", "c1", "c2", "s1", "s2", "s3"]);
    assert_eq!(made.keys().cloned().collect::<Vec<_>>(), expected);
    assert!(made.values().all(|times| *times == 1), "{made:?}");
    is_swept(dir.path());
    // Once more: all of it is found.
    let again = said(start(dir.path(), "3", &ours[0]));
    assert_eq!(again[0], "0 made, 6 found");
}

#[test]
fn what_a_killed_process_was_at_is_taken_over_with_its_finished_parts() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = start(dir.path(), "200", &["long"]);
    assert_eq!(lines(&mut first).next().unwrap().unwrap(), "long started");
    let mut second = start(dir.path(), "1", &["long", "short"]);
    let mut told = lines(&mut second);
    let mut next = || told.next().unwrap().unwrap();
    // It does other work while the first is at it, and waits then.
    assert_eq!([next(), next()], ["long elsewhere", "short started"]);
    wait_for(dir.path(), "long 1");
    // SIGKILL: it cannot put anything in order.
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(next(), "long taken over");
    assert_eq!([next(), next()], ["long started", "all started"]);
    assert_eq!(next(), "3 made, 0 found");
    let rest: Vec<String> = told.map(Result::unwrap).collect();
    assert_eq!(rest, parts(&["long", "short"]));
    let mut error = String::new();
    second.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    assert!(second.wait().unwrap().success(), "{error}");
    // One part at most is made again, that between whose two lines the first was killed.
    let made = made(dir.path());
    assert_eq!(made.keys().cloned().collect::<Vec<_>>(), parts(&["long", "short"]));
    assert_eq!(made["long 0"], 1, "{made:?}");
    assert!(made.values().sum::<usize>() <= 9, "{made:?}");
    is_swept(dir.path());
}

#[test]
fn a_process_that_opens_the_store_wipes_nothing_that_another_makes() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = start(dir.path(), "50", &["long"]);
    let mut told = lines(&mut first);
    assert_eq!(told.next().unwrap().unwrap(), "long started");
    // Each sweeps the store as it opens it.
    for i in 0..3 {
        said(start(dir.path(), "0", &[&format!("short {i}")]));
    }
    assert!(first.wait().unwrap().success());
    assert!(made(dir.path()).values().all(|times| *times == 1));
    is_swept(dir.path());
}
