//! What happens between the last look at a claim and the rename of the output.

use super::*;

fn with_output(store: &Store) -> Making {
    let making = begun(store);
    fs::write(making.dir().join("out"), "1").unwrap();
    making
}

/// Such as by a copy of another store: the bits are compared, as those of an entry that was there.
#[test]
fn an_entry_that_comes_at_the_moment_of_the_rename_is_found() {
    let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let far = Store::open(elsewhere.path()).unwrap();
    let theirs = made_by(far.commit(with_output(&far)).unwrap());
    let store = Store::open(root.path()).unwrap();
    let making = with_output(&store);
    let at = root.path().join("sft").join(key().0.as_str());
    let place = at.clone();
    crate::commit::between::then(move || fs::rename(&theirs.dir, &place).unwrap());
    match store.commit(making).unwrap() {
        Committed::Found(entry) => assert_eq!(entry.dir, at),
        other => panic!("{other:?}"),
    }
    assert!(is_whole(&store));
}

/// A folder that is gone though the claim is held is no lost claim: somebody removed it.
#[test]
fn a_folder_that_is_gone_while_the_claim_is_held_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let making = with_output(&store);
    let dir = making.dir().to_owned();
    crate::commit::between::then(move || fs::remove_dir_all(dir).unwrap());
    match store.commit(making) {
        Err(StoreError::Io { source, .. }) => {
            assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
        }
        other => panic!("{other:?}"),
    }
    assert!(!is_whole(&store));
}

#[test]
fn outputs_that_were_set_aside_go_alone() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let entry = made(&store);
    fs::write(entry.dir.join("weights"), "other").unwrap();
    // A process that has not verified it finds the damage, and makes it again.
    let again = Store::open(root.path()).unwrap();
    made_by(again.commit(with_output(&again)).unwrap());
    let output = scratch_name("sft", &key().0);
    let damaged = || fs::read_dir(root.path().join(DAMAGED)).map_or(0, Iterator::count);
    assert_eq!(damaged(), 1);
    let bytes = again.discard_aside(&output).unwrap().unwrap();
    assert!(bytes >= "other".len() as u64, "{bytes}");
    assert_eq!(damaged(), 0);
    assert!(is_whole(&again), "the entry stays");
    assert_eq!(again.discard_aside(&output).unwrap(), Some(0));
    let claimed = Store::open(root.path()).unwrap();
    let (key, inputs) = (Key::of("sft", 1, &json!("x")), json!("x"));
    let Begun::Making(_making) = claimed.begin("sft", &key, &inputs).unwrap() else { panic!() };
    assert_eq!(again.discard_aside(&scratch_name("sft", &key)).unwrap(), None, "it is being made");
}

#[test]
fn the_last_beat_of_each_claim_is_known() {
    let root = tempfile::tempdir().unwrap();
    assert!(crate::last_beats(root.path()).unwrap().is_empty(), "there is no store");
    let store = Store::open(root.path()).unwrap();
    let making = begun(&store);
    let beats = crate::last_beats(root.path()).unwrap();
    let output = scratch_name("sft", &key().0);
    assert_eq!(beats.keys().collect::<Vec<_>>(), [&output]);
    assert!(crate::abandoned(root.path()).unwrap().is_empty(), "its process runs");
    drop(making);
    assert!(crate::last_beats(root.path()).unwrap().is_empty());
}
