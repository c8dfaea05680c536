//! Processes that are stopped and wake up, and claims of hosts that are gone.
#![cfg(unix)]

mod harness;

use harness::{
    claim_of_other_host, command, content, is_swept, left, lines, made, made_by, parts, said,
    said_by, signal, start, wait_for,
};

/// Without a sign of life for so long, in milliseconds, a claim is taken over.
const SILENT: [&str; 2] = ["--silent", "600"];

/// Wakes up while the other is at the output, or when the other is done.
#[test]
fn one_that_was_stopped_throws_its_own_work_away_and_never_that_of_the_other() {
    for wakes_late in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let names = ["long", SILENT[0], SILENT[1]];
        let mut first = start(dir.path(), "60", &names);
        let mut told = lines(&mut first);
        assert_eq!(told.next().unwrap().unwrap(), "long started");
        wait_for(dir.path(), "long 1");
        signal(&first, "STOP");
        let mut second = start(dir.path(), "60", &["long", "short", SILENT[0], SILENT[1]]);
        let mut of_second = lines(&mut second);
        let mut next = || of_second.next().unwrap().unwrap();
        assert_eq!([next(), next()], ["long elsewhere", "short started"]);
        assert_eq!([next(), next()], ["long taken over", "long started"]);
        if !wakes_late {
            signal(&first, "CONT");
        }
        assert_eq!([next(), next()], ["all started", "3 made, 0 found"]);
        let all: Vec<String> = of_second.map(Result::unwrap).collect();
        assert_eq!(all, parts(&["long", "short"]));
        assert!(second.wait().unwrap().success());
        let before = content(dir.path());
        if wakes_late {
            signal(&first, "CONT");
        }
        let rest: Vec<String> = told.map(Result::unwrap).collect();
        assert!(first.wait().unwrap().success(), "{rest:?}");
        // It says that it lost its claim, unless it found the output when it was done with its own.
        assert!(rest[0] == "long lost" || wakes_late, "{rest:?}");
        assert_eq!(made_by(&rest), 1, "only what joins its own outputs: {rest:?}");
        assert_eq!(rest[rest.len() - 4..], parts(&["long"]));
        let after = content(dir.path());
        assert!(before.iter().all(|(name, bytes)| after[name] == *bytes), "nothing was replaced");
        assert_eq!(left(dir.path(), "damaged"), 0);
        is_swept(dir.path());
    }
}

/// Its clock may be ten minutes ahead or behind: only what changes counts.
#[test]
fn claims_of_a_host_that_is_gone_are_taken_over_whatever_its_clock_said() {
    for off in [-600, 0, 600] {
        let dir = tempfile::tempdir().unwrap();
        said(start(dir.path(), "0", &["a"]));
        let claims = ["b", "c"].map(|name| claim_of_other_host(dir.path(), name, off));
        let names = ["a", "b", "c", "d", SILENT[0], SILENT[1]];
        let four = [(); 4].map(|()| start(dir.path(), "1", &names));
        let all = four.map(said);
        let taken = |name: &str| {
            let line = format!("{name} taken over");
            all.iter().flatten().filter(|said| **said == line).count()
        };
        assert!(taken("b") <= 1 && taken("c") <= 1, "one of four takes over: {all:?}");
        assert_eq!(all.iter().map(|said| made_by(said)).sum::<usize>(), 4, "{all:?}");
        assert!(made(dir.path()).values().all(|times| *times == 1), "{all:?}");
        assert!(claims.iter().all(|claim| !claim.exists()));
        is_swept(dir.path());
    }
}

/// With the default timing, nobody waits for a claim of a process that is gone on this host.
#[cfg(target_os = "linux")]
#[test]
fn a_killed_process_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = start(dir.path(), "100000", &["a"]);
    assert_eq!(lines(&mut first).next().unwrap().unwrap(), "a started");
    first.kill().unwrap();
    // Its parent has not noticed: it is still among the processes.
    let second = said_by(&command(dir.path(), "1", &["a"]).output().unwrap());
    assert_eq!(made_by(&second), 2, "{second:?}");
    first.wait().unwrap();
    is_swept(dir.path());
}
