//! Which digests are remembered, and until when.

#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "files are given times of the clock")]

use std::fs::File;
use std::time::{Duration, SystemTime};

use super::*;

fn settled(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    let long_ago = SystemTime::now() - Duration::from_secs(3600);
    File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
}

fn digests(dir: &Path) -> Digests {
    Digests::at(Some(dir.join("cache").join("digests.json")))
}

#[test]
fn a_file_changed_a_moment_ago_is_not_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    settled(&path, &vec![1; SMALLEST as usize]);
    let mut known = digests(dir.path());
    known.of(&path).unwrap();
    // Setting its time back was itself a change, and that time cannot be set.
    assert!(known.files.is_empty());
}

/// A clock that counts seconds shows a change of the last moment of the second before as two ago.
#[test]
fn both_times_are_more_than_two_seconds_ago() {
    let now = 100_000_000_000;
    let of = |mtime: i128, ctime: i128| is_settled_at(&[0, now - mtime, now - ctime, 0, 0], now);
    let two = 2_000_000_000;
    assert!(of(two + 1, two + 1));
    assert!(!of(two, two + 1) && !of(two + 1, two));
    assert!(!of(two + 1, -1), "a time of the future");
}

#[test]
fn what_is_remembered_is_used_until_anything_differs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    settled(&path, &vec![1; SMALLEST as usize]);
    let name = fs::canonicalize(&path).unwrap().to_str().unwrap().to_owned();
    let right = Digest::of_file(&path).unwrap();
    let other = Digest::of("remembered");
    let remember = |stamp: [i128; 5]| {
        let mut known = digests(dir.path());
        let file = KnownDigest { stamp, blake3: other };
        known.files.insert(name.clone(), file);
        known.is_changed = true;
        known.keep();
        digests(dir.path())
    };
    let now = stamp(&path).unwrap().unwrap();
    assert_eq!(remember(now).of(&path).unwrap(), other);
    for part in 0..now.len() {
        let mut changed = now;
        changed[part] += 1;
        assert_eq!(remember(changed).of(&path).unwrap(), right, "{part}");
    }
    // A damaged list counts as empty, whatever bit it is.
    remember(now);
    let list = dir.path().join("cache").join("digests.json");
    let whole = fs::read(&list).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&list, &bytes).unwrap();
        assert_eq!(digests(dir.path()).of(&path).unwrap(), right, "{at}");
    }
}

#[test]
fn threads_share_what_is_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    settled(&path, &vec![1; SMALLEST as usize]);
    let place = fs::canonicalize(&path).unwrap();
    let other = Digest::of("remembered");
    let now = stamp(&place).unwrap().unwrap();
    let mut known = digests(dir.path());
    let name = place.to_str().unwrap().to_owned();
    known.remember(Some((name, KnownDigest { stamp: now, blake3: other })));
    let shared = SharedDigests(Mutex::new(known));
    std::thread::scope(|scope| {
        let found = [(), ()].map(|()| scope.spawn(|| shared.of(&path).unwrap()));
        assert_eq!(found.map(|thread| thread.join().unwrap()), [other; 2]);
    });
    shared.keep();
    assert_eq!(digests(dir.path()).remembered(&place).unwrap(), Some(other));
    // A touched file is read again.
    fs::write(&path, vec![2; SMALLEST as usize]).unwrap();
    assert_eq!(shared.of(&path).unwrap(), Digest::of(vec![2; SMALLEST as usize]));
}

#[test]
fn a_settled_file_is_remembered() {
    let now = SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = now.as_nanos() as i128;
    let long_ago = now - 10_000_000_000;
    assert!(is_settled(&[0, long_ago, long_ago, 0, 0]));
    assert!(!is_settled(&[0, long_ago, now, 0, 0]));
    assert!(!is_settled(&[0, now, long_ago, 0, 0]));
    assert!(!is_settled(&[0, now - 1_500_000_000, long_ago, 0, 0]));
    assert!(!is_settled(&[0, now + 10_000_000_000, long_ago, 0, 0]));
}

/// The times of a change cannot be set, so the files are left alone for as long as it takes.
#[test]
fn only_large_files_are_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let (large, small) = (dir.path().join("large"), dir.path().join("small"));
    fs::write(&large, vec![1; SMALLEST as usize]).unwrap();
    fs::write(&small, vec![1; SMALLEST as usize - 1]).unwrap();
    std::thread::sleep(Duration::from_secs(SETTLED as u64) + Duration::from_millis(200));
    let mut known = digests(dir.path());
    known.of(&large).unwrap();
    known.of(&small).unwrap();
    let names: Vec<&String> = known.files.keys().collect();
    assert!(names.len() == 1 && names[0].ends_with("large"), "{names:?}");
}

#[test]
fn a_list_that_grew_too_long_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut known = digests(dir.path());
    let file = KnownDigest { stamp: [0; 5], blake3: Digest::of("x") };
    for number in 0..=MOST {
        let path = dir.path().join(number.to_string());
        fs::write(&path, "").unwrap();
        known.remember(Some((path.to_str().unwrap().to_owned(), file.clone())));
    }
    known.keep();
    assert!(digests(dir.path()).files.is_empty());
    // Files that are gone are forgotten.
    fs::remove_file(dir.path().join("0")).unwrap();
    known.keep();
    assert_eq!(digests(dir.path()).files.len(), MOST);
}

#[test]
fn the_cache_of_a_user_is_where_the_variables_say() {
    let cache = |xdg: Option<&'static str>, home: Option<&'static str>| {
        user_cache(|name| match name {
            "XDG_CACHE_HOME" => xdg.map(OsString::from),
            "HOME" => home.map(OsString::from),
            _ => None,
        })
    };
    assert_eq!(cache(Some("/x"), Some("/h")), Some("/x".into()));
    assert_eq!(cache(None, Some("/h")), Some("/h/.cache".into()));
    // A path that is not absolute counts as none.
    assert_eq!(cache(Some("x"), Some("h")), None);
}
