//! Damage in every kind of file of a store: seen, said, and mended by the next run.
//!
//! The tests of each format change every bit and cut at every byte. Here a process meets one of
//! each in a whole store.

mod harness;

use std::fs;
use std::path::{Path, PathBuf};

use harness::{
    command, content, entries, error_of, is_swept, left, made, output_name, parts, said_by,
};

/// What happens to a file.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Harm {
    Bit,
    Cut,
    Gone,
    Version,
}

const HARMS: [Harm; 4] = [Harm::Bit, Harm::Cut, Harm::Gone, Harm::Version];

fn harm(path: &Path, harm: Harm) {
    let mut bytes = fs::read(path).unwrap();
    match harm {
        Harm::Bit => {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 4;
        }
        Harm::Cut => bytes.truncate(bytes.len() / 2),
        Harm::Gone => return fs::remove_file(path).unwrap(),
        Harm::Version => bytes = b"{\"format_version\": 99}\n".to_vec(),
    }
    fs::write(path, bytes).unwrap();
}

/// A store with two outputs, and the log of their making removed.
fn store() -> (tempfile::TempDir, std::collections::BTreeMap<PathBuf, Vec<u8>>) {
    let dir = tempfile::tempdir().unwrap();
    said_by(&run(dir.path()));
    fs::remove_file(dir.path().join("log")).unwrap();
    let content = content(dir.path());
    (dir, content)
}

fn run(dir: &Path) -> std::process::Output {
    command(dir, "0", &["a", "b", "--silent", "100"]).output().unwrap()
}

#[test]
fn a_damaged_file_of_an_entry_is_set_aside_and_made_again_with_the_same_bits() {
    for name in ["out", "manifest.json"] {
        for kind in HARMS {
            let (dir, before) = store();
            let entry = dir.path().join("store/part").join(&output_name("a")["part-".len()..]);
            assert!(entries(dir.path()).contains(&entry));
            harm(&entry.join(name), kind);
            let said = said_by(&run(dir.path()));
            assert_eq!(said[said.len() - 8..], parts(&["a", "b"]), "{name} {kind:?}");
            assert_eq!(made(dir.path()).keys().cloned().collect::<Vec<_>>(), parts(&["a"]));
            assert_eq!(left(dir.path(), "damaged"), 1, "{name} {kind:?}");
            assert_eq!(content(dir.path()), before, "{name} {kind:?}");
            is_swept(dir.path());
        }
    }
}

#[test]
fn a_damaged_owner_file_or_lock_costs_no_entry_and_that_of_a_later_program_is_refused() {
    for name in ["store.json", "lock"] {
        for kind in HARMS {
            let (dir, before) = store();
            let path = dir.path().join("store").join(name);
            match (name, kind) {
                // An empty file has no bit and no end.
                ("lock", Harm::Bit | Harm::Cut) => fs::write(&path, "noise").unwrap(),
                _ => harm(&path, kind),
            }
            let out = run(dir.path());
            if (name, kind) == ("store.json", Harm::Version) {
                let error = error_of(&out);
                assert!(error.contains("format_version") && error.contains("99"), "{error}");
            } else {
                said_by(&out);
            }
            assert!(made(dir.path()).is_empty(), "{name} {kind:?}: nothing is made again");
            assert_eq!(content(dir.path()), before, "{name} {kind:?}");
        }
    }
}

/// Leftovers of a killed process: a claim, its folder in scratch, its finished parts.
#[test]
fn damaged_leftovers_are_not_believed() {
    let kinds = ["claims", "scratch", "unfinished"];
    for (place, kind) in kinds.into_iter().flat_map(|place| HARMS.map(|kind| (place, kind))) {
        let (dir, before) = store();
        let entry = dir.path().join("store/part").join(&output_name("a")["part-".len()..]);
        fs::remove_dir_all(entry).unwrap();
        let store = dir.path().join("store");
        let work = format!("{}-00000000000000ff", output_name("a"));
        let scratch = store.join("scratch").join(&work);
        fs::create_dir_all(&scratch).unwrap();
        fs::write(scratch.join("out"), "half of it").unwrap();
        let unfinished = store.join("unfinished").join(&work);
        fs::create_dir_all(&unfinished).unwrap();
        let line = |part: usize| {
            let json = format!("[\"a {part}\"]");
            format!("{} {json}\n", seal_store::Digest::of(&json).short())
        };
        fs::write(unfinished.join("parts"), line(0) + &line(1)).unwrap();
        let path = match place {
            // It is waited for until it gave no sign of life for long.
            "claims" => harness::claim_of_other_host(dir.path(), "a", 600),
            "scratch" => scratch.join("out"),
            _ => unfinished.join("parts"),
        };
        harm(&path, kind);
        let said = said_by(&run(dir.path()));
        assert_eq!(said[said.len() - 8..], parts(&["a", "b"]), "{place} {kind:?}");
        assert_eq!(content(dir.path()), before, "{place} {kind:?}");
        let again = made(dir.path()).len();
        // A half of the parts is the first line, and a bit in the middle is in the second.
        let expected = match (place, kind) {
            ("unfinished", Harm::Gone | Harm::Version) => 4,
            ("unfinished", Harm::Bit | Harm::Cut) => 3,
            _ => 2,
        };
        assert_eq!(again, expected, "{place} {kind:?}");
        is_swept(dir.path());
    }
}
