//! Why an entry cannot be used, by what its manifest says.

use serde_json::json;

use super::*;

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A folder with the file `a` and this manifest.
fn check_text(text: &str) -> Result<Vec<StoredFile>, Flaw> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "1").unwrap();
    fs::write(dir.path().join(MANIFEST), text).unwrap();
    check_entry(dir.path(), "sft", KEY, &json!("x")).unwrap().map_err(|damage| damage.flaw)
}

fn stored(name: &str) -> StoredFile {
    StoredFile { name: name.to_owned(), bytes: 1, blake3: Digest::of("1") }
}

fn sealed(files: &[StoredFile]) -> String {
    text("sft", KEY, &json!("x"), files).unwrap()
}

#[test]
fn a_manifest_lists_each_file_once_and_by_a_plain_name() {
    assert_eq!(check_text(&sealed(&[stored("a")])), Ok(vec![stored("a")]));
    for (names, bad) in [(["a", "a"], "a"), (["a", "./a"], "./a"), (["a", "a/"], "a/")] {
        let files = names.map(stored);
        assert_eq!(check_text(&sealed(&files)), Err(Flaw::Name { name: bad.to_owned() }));
    }
}

#[test]
fn each_manifest_that_is_refused_says_why() {
    let good = sealed(&[stored("a")]);
    let unsealed = |version: u32| {
        let manifest = Manifest {
            format_version: version,
            stage: "sft".to_owned(),
            key: KEY.to_owned(),
            inputs: json!("x"),
            files: vec![stored("a")],
        };
        serde_json::to_string_pretty(&manifest).unwrap()
    };
    assert_eq!(check_text(&(unsealed(1) + "\n")), Ok(vec![stored("a")]));
    let twice = unsealed(1).replace("\n  \"stage\"", "\n\n  \"stage\"");
    let fields = |text: &str| matches!(check_text(text), Err(Flaw::Fields { line: 1.., .. }));
    assert!(fields(&unsealed(1).replace("\"stage\"", "\"stages\"")));
    for (text, flaw) in [
        (twice, Flaw::Spelling),
        (unsealed(2), Flaw::NoHash),
        (unsealed(3), Flaw::Version { found: 3, known: VERSION }),
        (good.replace("\"1\"", "\"2\"").replace("\"bytes\": 1", "\"bytes\": 2"), Flaw::Content),
        ("[]".to_owned(), Flaw::NoVersion),
        ("{".to_owned(), Flaw::NotJson),
        (sealed(&[]), Flaw::NoFiles),
    ] {
        assert_eq!(check_text(&text), Err(flaw), "{text}");
    }
    let other = sealed::to_text(&json!({ "format_version": VERSION })).unwrap();
    assert!(matches!(check_text(&other), Err(Flaw::Fields { .. })));
}

/// One who does not know the inputs compares stage and key alone.
#[test]
fn a_manifest_is_that_of_its_stage_key_and_inputs() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "1").unwrap();
    fs::write(dir.path().join(MANIFEST), sealed(&[stored("a")])).unwrap();
    let other = KEY.replace('0', "f");
    let (right, wrong) = (json!("x"), json!("y"));
    for (stage, key, inputs, is_it) in [
        ("sft", KEY, Some(&right), true),
        ("sft", KEY, None, true),
        ("base", KEY, Some(&right), false),
        ("sft", other.as_str(), Some(&right), false),
        ("sft", KEY, Some(&wrong), false),
        ("base", KEY, None, false),
        ("sft", other.as_str(), None, false),
    ] {
        let found = check_entry_with(dir.path(), stage, key, inputs).unwrap();
        match is_it {
            true => assert_eq!(found, Ok(vec![stored("a")])),
            false => assert_eq!(found.unwrap_err().flaw, Flaw::OtherOutput, "{stage} {key}"),
        }
    }
}

/// A right that is missing says nothing of the content.
#[test]
fn a_file_that_may_not_be_read_is_an_error_and_no_damage() {
    let path = Path::new("f");
    match unreadable(path, io::ErrorKind::PermissionDenied.into()) {
        Err(StoreError::Io { path: at, source }) => {
            assert_eq!((at.as_path(), source.kind()), (path, io::ErrorKind::PermissionDenied));
        }
        other => panic!("{other:?}"),
    }
    let gone = unreadable(path, io::ErrorKind::NotFound.into()).unwrap();
    assert_eq!(gone, Damage { file: path.to_owned(), flaw: Flaw::Missing });
    let (kind, message) = (io::ErrorKind::InvalidData, "bad sector".to_owned());
    let flaw = unreadable(path, io::Error::new(kind, &*message)).unwrap().flaw;
    assert_eq!(flaw, Flaw::Unreadable { kind, message });
}

#[test]
fn size_and_content_must_both_be_those_of_the_manifest() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "1").unwrap();
    let damage = Damage { file: dir.path().join("a"), flaw: Flaw::Content };
    assert_eq!(hash_of(&dir.path().join("a")).unwrap(), (1, Digest::of("1")));
    for (bytes, of, expected) in
        [(1, "1", None), (2, "1", Some(&damage)), (1, "2", Some(&damage)), (2, "2", Some(&damage))]
    {
        let file = StoredFile { name: "a".to_owned(), bytes, blake3: Digest::of(of) };
        assert_eq!(verify(dir.path(), &[file]).unwrap().as_ref(), expected, "{bytes} {of}");
    }
}

#[cfg(unix)]
#[test]
fn files_are_listed_by_name_and_a_name_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = tempfile::tempdir().unwrap();
    for name in ["b", "c", "a"] {
        fs::write(dir.path().join(name), "1").unwrap();
    }
    assert_eq!(list(dir.path()).unwrap(), ["a", "b", "c"].map(stored));
    let path = dir.path().join(std::ffi::OsStr::from_bytes(b"\xff"));
    fs::write(&path, "").unwrap();
    assert!(matches!(list(dir.path()), Err(StoreError::Name { path: at }) if at == path));
}
