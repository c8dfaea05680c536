//! Finished parts that go from one maker to the next.

use super::*;
use crate::logged::logged;
use crate::sweep::tests::ended;

const OUTPUT: &str = "sft-0123456789abcdef0123456789abcdef";
const TOKEN: &str = "00000000000000aa";
const OTHER: &str = "00000000000000bb";

fn parts(dir: &Path, text: &str) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("parts"), text).unwrap();
}

fn read(dir: &Path) -> String {
    fs::read_to_string(dir.join("parts")).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Who is known to have ended writes no more: the parts are renamed, not copied.
#[test]
fn parts_of_a_maker_that_has_ended_get_the_name_of_the_output() {
    let root = tempfile::tempdir().unwrap();
    let above = root.path().join(UNFINISHED);
    parts(&above.join(work_name(OUTPUT, TOKEN)), "1");
    settle(root.path(), OUTPUT, None).unwrap();
    settle(root.path(), OUTPUT, Some(&ended(OTHER))).unwrap();
    assert_eq!(names(&above), [work_name(OUTPUT, TOKEN)]);
    settle(root.path(), OUTPUT, Some(&ended(TOKEN))).unwrap();
    assert_eq!(names(&above), [OUTPUT]);
    // Parts that have the name keep it.
    parts(&above.join(work_name(OUTPUT, OTHER)), "2");
    settle(root.path(), OUTPUT, Some(&ended(OTHER))).unwrap();
    assert_eq!(read(&above.join(OUTPUT)), "1");
    assert_eq!(names(&above).len(), 2);
}

/// A folder that has the name of the output is renamed: what was open in it stays the same file.
#[test]
fn the_largest_parts_are_taken_and_no_others_stay() {
    for (plain, other, taken) in [("12", "1", "12"), ("1", "12", "12"), ("a", "b", "a")] {
        let root = tempfile::tempdir().unwrap();
        let above = root.path().join(UNFINISHED);
        parts(&above.join(OUTPUT), plain);
        parts(&above.join(work_name(OUTPUT, OTHER)), other);
        let neighbour = "sft-ffffffffffffffffffffffffffffffff";
        parts(&above.join(neighbour), "123");
        let target = adopt(root.path(), OUTPUT, TOKEN, None).unwrap();
        assert_eq!(target, above.join(work_name(OUTPUT, TOKEN)));
        assert_eq!(read(&target), taken);
        assert_eq!(names(&above), [&work_name(OUTPUT, TOKEN), neighbour]);
        let scratch = root.path().join(SCRATCH);
        assert!(!scratch.exists() || names(&scratch).is_empty());
    }
    let root = tempfile::tempdir().unwrap();
    assert!(!adopt(root.path(), OUTPUT, TOKEN, None).unwrap().exists(), "there are none");
}

#[test]
fn a_rename_of_what_is_gone_is_none_and_another_failure_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    parts(&at("a"), "1");
    rename(&at("a"), &at("b")).unwrap();
    assert_eq!(read(&at("b")), "1");
    rename(&at("a"), &at("b")).unwrap();
    parts(&at("a"), "2");
    assert!(
        matches!(rename(&at("a"), &at("b")), Err(StoreError::Io { path, .. }) if path == at("a"))
    );
    // Where the name is taken, nothing is renamed, and that is no error.
    release(&at("a"), &at("b")).unwrap();
    assert_eq!((read(&at("a")), read(&at("b"))), ("2".to_owned(), "1".to_owned()));
    release(&at("a"), &at("c")).unwrap();
    assert_eq!(names(dir.path()), ["b", "c"]);
}

#[test]
fn folders_of_an_output_are_found_by_their_names() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(names_of(&dir.path().join("gone"), OUTPUT).unwrap(), Vec::<String>::new());
    let own = [OUTPUT.to_owned(), format!("{OUTPUT}-1"), work_name(OUTPUT, TOKEN)];
    for name in own.iter().map(String::as_str).chain(["notes", "sft-1", &format!("x-{OUTPUT}")]) {
        parts(&dir.path().join(name), "1");
    }
    let mut expected = own.to_vec();
    expected.sort();
    assert_eq!(names_of(dir.path(), OUTPUT).unwrap(), expected);
    let file = dir.path().join(OUTPUT).join("parts");
    assert!(names_of(&file, OUTPUT).is_err(), "a file has no names in it");
}

#[test]
fn a_copy_is_whole_or_not_there_and_leaves_nothing_in_scratch() {
    let root = tempfile::tempdir().unwrap();
    let (from, to) = (root.path().join("from"), root.path().join("to"));
    let scratch = root.path().join(SCRATCH);
    parts(&from, "1");
    parts(&from.join("deeper"), "2");
    copy(root.path(), &from, &to).unwrap();
    assert_eq!((read(&to), read(&to.join("deeper"))), ("1".to_owned(), "2".to_owned()));
    assert_eq!(read(&from), "1");
    // Its maker removed it meanwhile.
    let gone = root.path().join("gone");
    copy(root.path(), &gone, &root.path().join("none")).unwrap();
    assert!(!root.path().join("none").exists());
    assert!(names(&scratch).is_empty());
    // What cannot be read is an error, and the half that was copied goes.
    let file = from.join("parts");
    match copy(root.path(), &file, &root.path().join("none")) {
        Err(StoreError::Io { path, source }) => {
            assert_eq!((path, source.kind()), (file, io::ErrorKind::NotADirectory));
        }
        other => panic!("{other:?}"),
    }
    assert!(!root.path().join("none").exists());
    assert!(names(&scratch).is_empty());
}

#[cfg(unix)]
#[test]
fn links_in_parts_are_not_copied() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    parts(&from, "1");
    std::os::unix::fs::symlink(from.join("parts"), from.join("link")).unwrap();
    copy_all(&from, &to).unwrap();
    assert_eq!(names(&to), ["parts"]);
    assert_eq!(size(&from.join("gone")), 0);
    parts(&to, "123");
    fs::write(to.join("more"), "45").unwrap();
    assert_eq!(size(&to), 5);
}

#[test]
fn a_leftover_that_cannot_go_is_told_to_the_log_and_one_that_is_gone_is_not() {
    let dir = tempfile::tempdir().unwrap();
    parts(dir.path(), "1");
    let file = dir.path().join("parts");
    let folder = dir.path().join("folder");
    for leave in [leave, |dir: &Path| leave_apart(dir, TOKEN)] {
        parts(&folder, "1");
        assert_eq!(logged(|| leave(&folder)), Vec::<String>::new());
        assert!(!folder.exists());
        assert_eq!(logged(|| leave(&folder)), Vec::<String>::new());
        // A file is no folder.
        assert_eq!(logged(|| leave(&file)), ["a leftover stays"]);
        assert!(file.exists());
    }
    // A folder of an output is renamed before its files go, and that may fail, too.
    let own = dir.path().join(work_name(OUTPUT, OTHER));
    parts(&own, "1");
    assert_eq!(logged(|| leave_apart(&own, TOKEN)), Vec::<String>::new());
    assert_eq!(names(dir.path()), ["parts"]);
    assert_eq!(logged(|| leave_apart(&own, TOKEN)), Vec::<String>::new());
    let below = file.join(work_name(OUTPUT, OTHER));
    assert_eq!(logged(|| leave_apart(&below, TOKEN)), ["a leftover stays"]);
}
