//! Outputs that are removed with all that belongs to them.

use super::*;

/// The store, the name of an output, and the sizes of all that is there of it.
fn with_all_kinds(root: &Path) -> (Store, String, [u64; 3]) {
    let store = Store::open(root).unwrap();
    let entry = made(&store);
    let output = scratch_name("sft", &key().0);
    let beside = [(UNFINISHED, "", 10), (DAMAGED, "-1", 100)].map(|(name, end, bytes)| {
        let dir = root.join(name).join(format!("{output}{end}"));
        fs::create_dir_all(dir.join("deeper")).unwrap();
        fs::write(dir.join("deeper/part"), vec![0; bytes]).unwrap();
        // Of another output: it stays.
        let other = format!("sft-{}{end}", "0".repeat(32));
        fs::create_dir_all(root.join(name).join(other)).unwrap();
        bytes as u64
    });
    let manifest = fs::metadata(entry.dir.join(MANIFEST)).unwrap().len();
    (store, output, [entry.bytes() + manifest, beside[0], beside[1]])
}

fn count(root: &Path, name: &str) -> usize {
    fs::read_dir(root.join(name)).map_or(0, Iterator::count)
}

#[test]
fn an_output_goes_with_its_parts_and_what_was_set_aside() {
    let root = tempfile::tempdir().unwrap();
    let (store, output, sizes) = with_all_kinds(root.path());
    assert_eq!(store.discard(&output).unwrap(), Some(sizes.iter().sum()));
    assert_eq!(store.find("sft", &key().0, &key().1).unwrap(), Found::Absent);
    for (name, left) in [(UNFINISHED, 1), (DAMAGED, 1), (SCRATCH, 0), (CLAIMS, 0)] {
        assert_eq!(count(root.path(), name), left, "{name}");
    }
    assert_eq!(store.discard(&output).unwrap(), Some(0), "nothing is left to remove");
    // What this process had verified is read again when it is made again.
    let entry = made(&store);
    fs::write(entry.dir.join("config.json"), "[]\n").unwrap();
    let again = Store::open(root.path()).unwrap();
    assert!(!is_whole(&again));
}

#[test]
fn parts_go_without_an_entry() {
    let root = tempfile::tempdir().unwrap();
    let (store, output, [_, parts, aside]) = with_all_kinds(root.path());
    fs::remove_dir_all(root.path().join("sft")).unwrap();
    assert_eq!(store.discard(&output).unwrap(), Some(parts + aside));
}

#[test]
fn what_was_set_aside_goes_alone_and_parts_stay() {
    let root = tempfile::tempdir().unwrap();
    let (store, output, [.., aside]) = with_all_kinds(root.path());
    assert_eq!(store.discard_aside(&output).unwrap(), Some(aside));
    assert!(is_whole(&store));
    assert_eq!((count(root.path(), UNFINISHED), count(root.path(), DAMAGED)), (2, 1));
}

/// A removed entry that comes back with other bits is not believed because the old one was good.
#[test]
fn an_entry_that_was_removed_is_no_longer_known_as_verified() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let entry = made(&store);
    assert_eq!(store.verify(&entry).unwrap(), None);
    let kept = root.path().join("kept");
    fs::create_dir(&kept).unwrap();
    for name in ["weights", "config.json", MANIFEST] {
        fs::copy(entry.dir.join(name), kept.join(name)).unwrap();
    }
    store.discard(&scratch_name("sft", &key().0)).unwrap();
    fs::write(kept.join("config.json"), "[]\n").unwrap();
    fs::rename(&kept, &entry.dir).unwrap();
    let damage = store.verify(&entry).unwrap().unwrap();
    assert_eq!(damage, Damage { file: entry.dir.join("config.json"), flaw: Flaw::Content });
}

#[test]
fn an_output_in_the_making_and_names_of_other_forms_are_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let (store, output, _) = with_all_kinds(root.path());
    let kind = |tried: Result<Option<u64>, StoreError>| match tried {
        Err(StoreError::Io { path, source }) => {
            assert!(path.starts_with(root.path().join(CLAIMS)));
            source.kind()
        }
        other => panic!("{other:?}"),
    };
    for name in ["sft", "notes-1", &format!("{output}-1"), &output[1 + "sft".len()..]] {
        assert_eq!(kind(store.discard(name)), io::ErrorKind::InvalidInput, "{name}");
    }
    let other = Store::open(root.path()).unwrap();
    let place = root.path().join(CLAIMS).join(&output);
    let claims = Claims::default();
    let Tried::Taken(claim) = claims.try_take(&place).unwrap() else { panic!("it is free") };
    assert_eq!(other.discard(&output).unwrap(), None);
    drop(claim);
    let reads = Store {
        read_only: Some(io::ErrorKind::ReadOnlyFilesystem),
        ..Store::open_to_read(root.path())
    };
    assert_eq!(kind(reads.discard(&output)), io::ErrorKind::ReadOnlyFilesystem);
    assert!(is_whole(&store));
    assert!(store.discard(&output).unwrap().unwrap() > 0);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed_to_what_is_removed() {
    for name in [UNFINISHED, DAMAGED, "sft"] {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (store, output, _) = with_all_kinds(root.path());
        let (at, there) = (root.path().join(name), outside.path().join("there"));
        fs::rename(&at, &there).unwrap();
        std::os::unix::fs::symlink(&there, &at).unwrap();
        let before = count(outside.path(), "there");
        assert!(store.discard(&output).is_err(), "{name}");
        assert_eq!(count(outside.path(), "there"), before, "{name}");
    }
}
