//! What is old, whose it is, and what has a name of the program.

use seal_files::{Holder, PreviousHolder};

use super::*;

const KEY: &str = "0123456789abcdef0123456789abcdef";

#[cfg(unix)]
#[test]
fn parts_are_old_when_all_of_them_were_left_alone_for_longer_than_the_age() {
    let dir = tempfile::tempdir().unwrap();
    let part = dir.path().join("part");
    fs::write(&part, "1").unwrap();
    let start = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let second = Duration::from_secs(1);
    let set = |path: &Path, time| fs::File::open(path).unwrap().set_modified(time).unwrap();
    for (file, folder) in [(start, start - second), (start - second, start)] {
        set(&part, file);
        set(dir.path(), folder);
        let is_old = |since: Duration| is_older(dir.path(), start + since, KEPT);
        assert!(!is_old(KEPT), "of just this age");
        assert!(is_old(KEPT + second));
        assert!(!is_older(dir.path(), start - second, Duration::ZERO), "of the future");
    }
    assert!(!is_older(&dir.path().join("gone"), start + KEPT + KEPT, KEPT));
    assert_eq!(KEPT, Duration::from_secs(2_592_000));
}

#[test]
fn an_output_is_an_entry_if_its_folder_is_there() {
    let root = tempfile::tempdir().unwrap();
    let name = format!("pair-verdicts-{KEY}");
    assert!(!is_entry(root.path(), &name));
    fs::create_dir_all(root.path().join("pair-verdicts").join(KEY)).unwrap();
    for end in ["", "-0123456789abcdef", "-1", "-0123456789abcdef-1"] {
        assert!(is_entry(root.path(), &format!("{name}{end}")), "{end}");
    }
    assert!(!is_entry(root.path(), &format!("sft-{KEY}")));
    assert!(!is_entry(root.path(), "notes"));
}

#[test]
fn folders_with_names_of_the_program_are_found_and_no_files() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(names(&dir.path().join("gone")).unwrap(), Vec::<String>::new());
    for name in ["base", "answers"] {
        fs::create_dir(dir.path().join(format!("{name}-{KEY}"))).unwrap();
    }
    fs::create_dir(dir.path().join("notes")).unwrap();
    let file = format!("sft-{KEY}");
    fs::write(dir.path().join(&file), "").unwrap();
    assert_eq!(names(dir.path()).unwrap(), ["answers", "base"].map(|name| format!("{name}-{KEY}")));
    assert!(names(&dir.path().join(file)).is_err(), "a file has no names in it");
}

#[test]
fn a_right_that_is_missing_is_a_refusal_and_no_other_failure() {
    use io::ErrorKind::{NotFound, PermissionDenied, ReadOnlyFilesystem, StorageFull};
    let kinds = [NotFound, PermissionDenied, ReadOnlyFilesystem, StorageFull];
    assert_eq!(kinds.map(is_refusal), [false, true, true, false]);
}

#[test]
fn the_claim_of_a_leftover_is_that_of_its_output() {
    let root = tempfile::tempdir().unwrap();
    folder(root.path(), CLAIMS).unwrap();
    let claims = Claims::default();
    let take = |name: &str| claim(root.path(), &claims, name).unwrap();
    assert!(take("notes").is_none());
    let held = take(&format!("sft-{KEY}-0123456789abcdef")).unwrap();
    assert!(root.path().join(CLAIMS).join(format!("sft-{KEY}")).is_file());
    assert!(take(&format!("sft-{KEY}-1")).is_none(), "it is held");
    drop(held);
    assert!(take(&format!("sft-{KEY}")).is_some());
    // A folder stands there: that is nobody's claim.
    fs::create_dir(root.path().join(CLAIMS).join(format!("base-{KEY}"))).unwrap();
    let tried = claim(root.path(), &claims, &format!("base-{KEY}"));
    assert!(matches!(tried, Err(StoreError::Io { .. })));
}

/// What the claim of a process that has ended says of it.
pub(crate) fn ended(token: &str) -> PreviousHolder {
    let holder = serde_json::json!({
        "format_version": 1, "host": "h", "machine": "m", "process": 1, "started": "1",
        "token": token,
    });
    PreviousHolder::Ended(serde_json::from_value::<Holder>(holder).unwrap())
}
