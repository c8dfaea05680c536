//! What a look at a store says, and what one that can only be read does.

use super::*;

fn read_only(root: &Path) -> Store {
    let store = Store::open_to_read(root);
    Store { read_only: Some(io::ErrorKind::ReadOnlyFilesystem), ..store }
}

#[test]
fn what_stands_in_the_place_of_an_entry_or_its_stage_is_told() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let (key, inputs) = key();
    let above = root.path().join("sft");
    fs::create_dir(&above).unwrap();
    let place = above.join(key.as_str());
    fs::write(&place, "no folder").unwrap();
    let damage = Damage { file: place.clone(), flaw: Flaw::NotAFolder };
    assert_eq!(store.find("sft", &key, &inputs).unwrap(), Found::Damaged(damage));
    // A stage that is no folder has no place to look at, and that is not the same as no entry.
    fs::remove_dir_all(&above).unwrap();
    fs::write(&above, "no folder").unwrap();
    match store.find("sft", &key, &inputs) {
        Err(StoreError::Io { path, source }) => {
            assert_eq!((path, source.kind()), (place, io::ErrorKind::NotADirectory));
        }
        other => panic!("{other:?}"),
    }
}

/// Files of a folder that says of no store that it is one are not looked at.
#[test]
fn nothing_is_found_in_a_folder_that_is_no_store() {
    let root = tempfile::tempdir().unwrap();
    let (key, inputs) = key();
    made(&Store::open(root.path()).unwrap());
    fs::write(root.path().join("thesis.txt"), "mine").unwrap();
    fs::remove_file(root.path().join("store.json")).unwrap();
    assert_eq!(Store::open_to_read(root.path()).find("sft", &key, &inputs).unwrap(), Found::Absent);
}

#[test]
fn files_are_read_once_a_process_and_one_of_them_as_often_as_asked() {
    let root = tempfile::tempdir().unwrap();
    made(&Store::open(root.path()).unwrap());
    let store = Store::open(root.path()).unwrap();
    let (key, inputs) = key();
    let Found::Entry(entry) = store.find("sft", &key, &inputs).unwrap() else {
        panic!("it is there")
    };
    assert_eq!(store.verify(&entry).unwrap(), None);
    fs::write(entry.dir.join("config.json"), "[]\n").unwrap();
    assert_eq!(store.verify(&entry).unwrap(), None, "it was read before");
    let damage = Damage { file: entry.dir.join("config.json"), flaw: Flaw::Content };
    assert_eq!(store.verify_file(&entry, "config.json").unwrap(), Some(damage.clone()));
    assert_eq!(store.verify_file(&entry, "weights").unwrap(), None);
    let missing = Damage { file: entry.dir.join("other"), flaw: Flaw::Missing };
    assert_eq!(store.verify_file(&entry, "other").unwrap(), Some(missing));
    let again = Store::open_to_read(root.path());
    assert_eq!(again.verify(&entry).unwrap(), Some(damage.clone()));
    assert_eq!(again.verify(&entry).unwrap(), Some(damage), "damage is not remembered as good");
}

#[test]
fn a_store_that_can_only_be_read_gives_whole_entries_and_says_what_is_wrong_with_others() {
    let root = tempfile::tempdir().unwrap();
    let entry = made(&Store::open(root.path()).unwrap());
    let (key, inputs) = key();
    let store = read_only(root.path());
    assert_eq!(store.read_only(), Some(io::ErrorKind::ReadOnlyFilesystem));
    assert_eq!(store.root(), root.path());
    match store.begin("sft", &key, &inputs).unwrap() {
        Begun::Found(found) => assert_eq!(found, entry),
        other => panic!("{other:?}"),
    }
    let refused = |stage: &'static str| match read_only(root.path()).begin(stage, &key, &inputs) {
        Err(StoreError::ReadOnly { root: at, output, damage, reason }) => {
            assert_eq!((at.as_path(), output), (root.path(), scratch_name(stage, &key)));
            assert_eq!(reason, io::ErrorKind::ReadOnlyFilesystem);
            damage.map(|damage| *damage)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(refused("base"), None);
    fs::write(entry.dir.join("config.json"), "[]\n").unwrap();
    let damage = Damage { file: entry.dir.join("config.json"), flaw: Flaw::Content };
    assert_eq!(refused("sft"), Some(damage));
    let left = |name: &str| fs::read_dir(root.path().join(name)).unwrap().count();
    assert_eq!((left(CLAIMS), left(SCRATCH)), (0, 0), "nothing was claimed");
    assert_eq!(Store::open(root.path()).unwrap().read_only(), None);
}

#[test]
fn a_store_keeps_the_timing_that_it_was_opened_with() {
    let root = tempfile::tempdir().unwrap();
    let timing = Timing { beat: Duration::from_secs(7), silent: Duration::from_secs(70) };
    assert_eq!(Store::open_with(root.path(), timing).unwrap().beat(), timing.beat);
}

/// A store whose owner file was lost says that it had entries only if it had.
#[test]
fn a_store_without_entries_is_not_said_to_be_adopted() {
    let root = tempfile::tempdir().unwrap();
    let unmarked = || fs::remove_file(root.path().join("store.json")).unwrap();
    drop(Store::open(root.path()).unwrap());
    unmarked();
    fs::create_dir(root.path().join(DAMAGED)).unwrap();
    assert!(!Store::open(root.path()).unwrap().is_adopted());
    fs::create_dir(root.path().join("sft")).unwrap();
    assert!(!Store::open(root.path()).unwrap().is_adopted(), "it has its owner file");
    unmarked();
    assert!(Store::open(root.path()).unwrap().is_adopted());
}

/// Somebody else's folder in the place of a claim keeps nobody from opening the store.
#[test]
fn a_folder_in_the_place_of_a_claim_is_in_the_way_of_its_output_alone() {
    let root = tempfile::tempdir().unwrap();
    drop(Store::open(root.path()).unwrap());
    let (key, inputs) = key();
    fs::create_dir(root.path().join(CLAIMS).join(scratch_name("sft", &key))).unwrap();
    let store = Store::open(root.path()).unwrap();
    assert!(matches!(store.begin("sft", &key, &inputs), Err(StoreError::Io { .. })));
    assert!(matches!(store.begin("base", &key, &inputs), Ok(Begun::Making(_))));
    // What such an output left cannot be swept, and that is said.
    fs::create_dir(root.path().join(SCRATCH).join(scratch_name("sft", &key))).unwrap();
    assert!(matches!(Store::open(root.path()), Err(StoreError::Io { .. })));
}
