//! Stores that cannot be written, that another user made, on full disks, and in odd places.
#![cfg(unix)]

mod harness;

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output};

use harness::{content, error_of, left, made_by, parts, program, said_by};

/// A folder that every user may enter and write to, with a copy of the program.
fn shared_folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
    let copy = dir.path().join("program");
    fs::copy(program(), &copy).unwrap();
    fs::set_permissions(&copy, Permissions::from_mode(0o755)).unwrap();
    dir
}

fn is_root(dir: &Path) -> bool {
    fs::metadata(dir.join("program")).unwrap().uid() == 0
}

/// Runs the program as this user, who is another one only where the tests run as root, with a mask
/// of rights for new files.
fn run(dir: &Path, user: u32, mask: &str, names: &[&str]) -> Output {
    after(dir, user, &format!("umask {mask}"), names).output().unwrap()
}

/// The program as this user, after a line of the shell.
fn after(dir: &Path, user: u32, line: &str, names: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{line}; exec \"$0\" \"$@\"")).arg(dir.join("program"));
    command.arg(dir.join("store")).arg(dir.join(format!("log-{user}"))).arg("0").args(names);
    if is_root(dir) {
        command.uid(user).gid(user);
    }
    command
}

const ONE: u32 = 65_534;
const OTHER: u32 = 65_533;

/// As on a file system that is mounted to read, or in a folder of another user.
#[test]
fn a_store_that_can_only_be_read_serves_what_it_has_and_the_first_missing_stage_is_named() {
    let dir = shared_folder();
    said_by(&run(dir.path(), ONE, "022", &["a", "b"]));
    let store = dir.path().join("store");
    let before = content(dir.path());
    // A user without rights, or the same one where there is no other.
    let close = |mode| {
        for folder in ["", "claims", "scratch", "unfinished", "part", "all"] {
            let folder = store.join(folder);
            if folder.exists() {
                fs::set_permissions(folder, Permissions::from_mode(mode)).unwrap();
            }
        }
        fs::set_permissions(store.join("lock"), Permissions::from_mode(mode & 0o666)).unwrap();
    };
    close(0o555);
    let found = said_by(&run(dir.path(), OTHER, "022", &["a", "b"]));
    assert_eq!(found[0], "0 made, 3 found");
    assert_eq!(found[1..], parts(&["a", "b"]));
    let error = error_of(&run(dir.path(), OTHER, "022", &["a", "c", "b", "d"]));
    // That which comes first, and neither "all" nor "d".
    let key = &harness::output_name("c");
    for part in ["part c: ", key, "it is not there", "cannot be written"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_eq!(content(dir.path()), before);
    assert_eq!((left(dir.path(), "claims"), left(dir.path(), "scratch")), (0, 0));
    close(0o777);
    assert_eq!(made_by(&said_by(&run(dir.path(), OTHER, "022", &["a", "c", "b", "d"]))), 3);
}

#[test]
fn two_users_share_a_store_if_the_first_lets_the_other_write() {
    for (mask, shares) in [("000", true), ("077", false)] {
        let dir = shared_folder();
        said_by(&run(dir.path(), ONE, mask, &["a", "b"]));
        let before = content(dir.path());
        let out = run(dir.path(), OTHER, mask, &["a", "b", "c"]);
        if shares || !is_root(dir.path()) {
            assert_eq!(made_by(&said_by(&out)), 2);
        } else {
            let error = error_of(&out);
            let store = dir.path().join("store").display().to_string();
            assert!(error.contains("ermission denied") && error.contains(&store), "{error}");
        }
        let after = content(dir.path());
        assert!(before.iter().all(|(name, bytes)| after[name] == *bytes));
        said_by(&run(dir.path(), ONE, mask, &["a", "b", "c"]));
    }
}

/// A file that cannot grow: what a full disk looks like, without a disk to fill.
#[test]
fn on_a_full_disk_nothing_finished_is_lost_and_the_next_run_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    said_by(&harness::command(dir.path(), "0", &["a", "b"]).output().unwrap());
    let before = content(dir.path());
    let mut command = Command::new("sh");
    // Ignored signals stay ignored: the write fails, and the program is not killed.
    command.arg("-c").arg("trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"").arg(program());
    command.arg(dir.path().join("store")).arg("/dev/null").args(["0", "a", "b", "c"]);
    let error = error_of(&command.output().unwrap());
    assert!(error.contains("part c: ") && error.contains("File too large"), "{error}");
    let store = dir.path().join("store").display().to_string();
    assert!(error.contains(&store) && !error.contains("panicked"), "{error}");
    assert_eq!(content(dir.path()), before);
    let next = said_by(&harness::command(dir.path(), "0", &["a", "b", "c"]).output().unwrap());
    assert_eq!(made_by(&next), 2);
    harness::is_swept(dir.path());
}

#[test]
fn a_store_may_stand_in_a_folder_with_any_name() {
    let above = tempfile::tempdir().unwrap();
    for name in [&b"with spaces  and\ttabs"[..], b"\xff\xfe no UTF-8", b"-\n--"] {
        let dir = above.path().join(OsStr::from_bytes(name));
        fs::create_dir(&dir).unwrap();
        let first = said_by(&harness::command(&dir, "0", &["a", "b"]).output().unwrap());
        assert_eq!(first[first.len() - 8..], parts(&["a", "b"]));
        let again = said_by(&harness::command(&dir, "0", &["a", "b", "c"]).output().unwrap());
        assert_eq!(made_by(&again), 2);
        harness::is_swept(&dir);
        // What is wrong in it is said, with as much of the name as can be shown.
        fs::write(dir.join("store/store.json"), "{\"format_version\": 99}").unwrap();
        let error = error_of(&harness::command(&dir, "0", &["a"]).output().unwrap());
        assert!(error.contains("store.json") && error.contains("99"), "{error}");
    }
}

/// What another user left half-made, in a folder that only that user may write to.
#[test]
fn leftovers_of_another_user_stay_and_the_store_can_be_written() {
    let dir = shared_folder();
    said_by(&run(dir.path(), ONE, "000", &["a", "b"]));
    let left = |folder: &str, name: &str| {
        let token = "0123456789abcdef";
        let left = dir
            .path()
            .join("store")
            .join(folder)
            .join(format!("{}-{token}", harness::output_name(name)));
        fs::create_dir_all(&left).unwrap();
        fs::write(left.join("out"), "half").unwrap();
        fs::set_permissions(&left, Permissions::from_mode(0o555)).unwrap();
        left
    };
    left("scratch", "c");
    left("scratch", "d");
    // Finished parts of an output that is there: they would go with the next sweep.
    let parts = left("unfinished", "a");
    let found = said_by(&run(dir.path(), OTHER, "000", &["a", "b", "c"]));
    assert_eq!(made_by(&found), 2);
    assert_eq!(fs::read_to_string(parts.join("out")).unwrap(), "half");
    for folder in ["scratch", "unfinished"] {
        let folder = dir.path().join("store").join(folder);
        for entry in fs::read_dir(folder).unwrap() {
            fs::set_permissions(entry.unwrap().path(), Permissions::from_mode(0o755)).unwrap();
        }
    }
}

/// Runs the program as this user until the point, where it ends as if it were killed.
#[cfg(debug_assertions)]
fn halt(dir: &Path, user: u32, point: &str, names: &[&str]) {
    let mut command = after(dir, user, "umask 000", names);
    let out = command.env("SEAL_HALT_AT", point).output().unwrap();
    assert!(!out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}

/// The claim of a process that was killed, or its finished parts, where only its user may rename them.
#[cfg(all(debug_assertions, target_os = "linux"))]
#[test]
fn what_a_killed_process_of_another_user_left_keeps_nobody_from_the_store() {
    for (closed, mode) in [("claims", 0o1777), ("unfinished", 0o555)] {
        let dir = shared_folder();
        if !is_root(dir.path()) {
            eprintln!("skipped: it takes root to be two users");
            return;
        }
        said_by(&run(dir.path(), ONE, "000", &["a"]));
        halt(dir.path(), ONE, "made", &["a", "c"]);
        let folder = dir.path().join("store").join(closed);
        fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
        let found = said_by(&run(dir.path(), OTHER, "000", &["a"]));
        assert_eq!(found[0], "0 made, 2 found", "{closed}");
        assert_eq!(left(dir.path(), closed), 1, "it stays");
        fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
        assert_eq!(made_by(&said_by(&run(dir.path(), ONE, "000", &["a", "c"]))), 2);
        harness::is_swept(dir.path());
    }
}

/// A missing right is no reason to stop, and what else is wrong with the parts is.
#[cfg(all(debug_assertions, target_os = "linux"))]
#[test]
fn parts_of_a_killed_process_that_cannot_be_renamed_are_named() {
    let dir = shared_folder();
    halt(dir.path(), ONE, "claimed", &["a"]);
    let unfinished = dir.path().join("store/unfinished");
    let _ = fs::remove_dir(&unfinished);
    fs::write(&unfinished, "no folder").unwrap();
    let error = error_of(&run(dir.path(), ONE, "000", &["a"]));
    let parts = format!("{}/{}-", unfinished.display(), harness::output_name("a"));
    assert!(error.contains(&parts) && error.contains("Not a directory"), "{error}");
}

/// A user who may have so many threads and no more. The system counts all threads of a user, so this
/// one has a number of its own.
#[cfg(target_os = "linux")]
#[test]
fn a_stage_without_a_thread_says_so() {
    let dir = shared_folder();
    if !is_root(dir.path()) {
        eprintln!("skipped: it takes root to have a user without other threads");
        return;
    }
    let user = 100_000 + std::process::id();
    // Shells have two names for this limit.
    let run = |threads: u32| {
        let line = format!("umask 000; ulimit -u {threads} 2>/dev/null || ulimit -p {threads}");
        after(dir.path(), user, &line, &["a"]).output().unwrap()
    };
    // The thread of the program; that of a worker; that which renews claims; that of the stage.
    for (threads, of) in [(1, ""), (2, "part a: "), (3, "part a: ")] {
        let error = error_of(&run(threads));
        assert!(error.contains(&format!("error: {of}no thread could be started (")), "{error}");
    }
    // More than are needed: the threads of one stage may end while the next begins.
    assert_eq!(made_by(&said_by(&run(20))), 2);
}
