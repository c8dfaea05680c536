//! Entries that are whole or damaged.

mod discard;
mod foreign;
mod looks;
mod lost;
mod meanwhile;
mod shared;

use std::path::Path;

use seal_files::{Digest, Timing};
use serde_json::json;

use super::*;
use crate::manifest::{MANIFEST, StoredFile};
use crate::owner::{DAMAGED, Ownership, SCRATCH, UNFINISHED};

/// The claim of an output that nobody else makes and that is not there.
fn begun(store: &Store) -> Making {
    let (key, inputs) = key();
    match store.begin("sft", &key, &inputs).unwrap() {
        Begun::Making(making) => making,
        other => panic!("{other:?}"),
    }
}

fn key() -> (Key, Value) {
    let inputs = json!({"lr": 0.1, "of": ["a"]});
    (Key::of("sft", 1, &inputs), inputs)
}

fn made(store: &Store) -> Entry {
    let making = begun(store);
    fs::write(making.dir().join("weights"), (0..=255u8).collect::<Vec<_>>()).unwrap();
    fs::write(making.dir().join("config.json"), "{}\n").unwrap();
    made_by(store.commit(making).unwrap())
}

fn made_by(committed: Committed) -> Entry {
    match committed {
        Committed::Made(entry) => entry,
        other => panic!("{other:?}"),
    }
}

/// Takes over whatever it finds: for it, nobody gives a sign of life.
const HASTY: Timing = Timing { beat: Duration::from_secs(3600), silent: Duration::ZERO };

/// Found and of the content that was written.
fn is_whole(store: &Store) -> bool {
    let (key, inputs) = key();
    match store.find("sft", &key, &inputs).unwrap() {
        Found::Entry(entry) => store.verify(&entry).unwrap().is_none(),
        Found::Absent | Found::Damaged(_) => false,
    }
}

#[test]
fn an_entry_is_whole_or_absent() {
    let root = tempfile::tempdir().unwrap();
    let (key, inputs) = key();
    {
        let store = Store::open(root.path()).unwrap();
        assert_eq!(store.find("sft", &key, &inputs).unwrap(), Found::Absent);
        // Given up before its commit: nothing stays.
        let making = begun(&store);
        let dir = making.dir().to_owned();
        fs::write(dir.join("weights"), "half").unwrap();
        drop(making);
        assert!(!dir.exists());
        // Killed: both of these stay, and nothing is found.
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("weights"), "half").unwrap();
        fs::write(root.path().join(CLAIMS).join(scratch_name("sft", &key)), "").unwrap();
    }
    let store = Store::open_with(root.path(), HASTY).unwrap();
    assert_eq!(store.find("sft", &key, &inputs).unwrap(), Found::Absent);
    for name in [SCRATCH, CLAIMS] {
        assert_eq!(fs::read_dir(root.path().join(name)).unwrap().count(), 0, "{name}");
    }
    made(&store);
    assert!(is_whole(&store));
    assert!(!store.is_adopted());
}

#[test]
fn every_bit_cut_and_loss_is_seen_and_the_damaged_entry_stays() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let entry = made(&store);
    let fresh = || Store::open_to_read(root.path());
    assert!(is_whole(&fresh()));
    for name in ["weights", "config.json", MANIFEST] {
        let path = entry.dir.join(name);
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, bytes).unwrap();
            assert!(!is_whole(&fresh()), "{name}: byte {at}");
        }
        for cut in [0, 1, good.len() - 1] {
            fs::write(&path, &good[..cut]).unwrap();
            assert!(!is_whole(&fresh()), "{name}: cut at {cut}");
        }
        fs::remove_file(&path).unwrap();
        assert!(!is_whole(&fresh()), "{name}: gone");
        fs::create_dir(&path).unwrap();
        assert!(!is_whole(&fresh()), "{name}: a folder");
        fs::remove_dir(&path).unwrap();
        fs::write(&path, good).unwrap();
        assert!(is_whole(&fresh()));
    }
    // Of another size, and of the same size with another content.
    let harms = [vec![1; 3], vec![1; 256]].map(|bytes| {
        fs::write(entry.dir.join("weights"), &bytes).unwrap();
        let store = Store::open(root.path()).unwrap();
        let making = begun(&store);
        let (damage, aside) = making.set_aside().unwrap();
        assert_eq!(damage.file, entry.dir.join("weights"));
        assert_eq!(fs::read(aside.join("weights")).unwrap(), bytes);
        let aside = aside.to_owned();
        drop(making);
        assert!(matches!(store.find("sft", &key().0, &key().1).unwrap(), Found::Absent));
        made(&store);
        assert!(is_whole(&store) && aside.join("weights").exists());
        aside
    });
    assert_ne!(harms[0], harms[1]);
}

#[test]
fn a_manifest_of_another_output_or_version_or_without_files_is_damage() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let entry = made(&store);
    let reason = |stage: &str, key: &Key, inputs: &Value| match store.find(stage, key, inputs) {
        Ok(Found::Damaged(damage)) => damage.flaw.to_string(),
        other => panic!("{other:?}"),
    };
    // An entry that was copied to another key, or to another stage.
    let other = json!({"lr": 0.2, "of": ["a"]});
    let other_key = Key::of("sft", 1, &other);
    let copy = |to: &Path| {
        fs::create_dir_all(to).unwrap();
        for file in fs::read_dir(&entry.dir).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    };
    copy(&root.path().join("sft").join(other_key.as_str()));
    assert_eq!(reason("sft", &other_key, &other), "it is that of another output");
    let (key, inputs) = key();
    copy(&root.path().join("base").join(key.as_str()));
    assert_eq!(reason("base", &key, &inputs), "it is that of another output");
    assert_eq!(reason("sft", &key, &other), "it is that of another output");

    let path = entry.dir.join(MANIFEST);
    let good = fs::read_to_string(&path).unwrap();
    let put = |text: &str| fs::write(&path, text).unwrap();
    put(&manifest::text("sft", key.as_str(), &inputs, &[]).unwrap());
    assert_eq!(reason("sft", &key, &inputs), "it lists no files");
    put(&good.replace("\"format_version\": 2", "\"format_version\": 99"));
    let said = reason("sft", &key, &inputs);
    assert_eq!(said, "format_version 99, and this program knows 2");
    put(&good.replace("weights", "../../x"));
    assert_eq!(reason("sft", &key, &inputs), "its content is not that of its hash");
    let outside = StoredFile { name: "../x".into(), bytes: 0, blake3: Digest::of("") };
    put(&manifest::text("sft", key.as_str(), &inputs, &[outside]).unwrap());
    assert!(reason("sft", &key, &inputs).contains("is no name of a file"));
}

/// What a look at an entry says, whose files are not read.
#[test]
fn the_flaw_of_an_entry_is_named() {
    let flaw = |damage: &dyn Fn(&Path)| {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let entry = made(&store);
        assert_eq!(entry.bytes(), 256 + 3);
        damage(&entry.dir);
        let (key, inputs) = key();
        match store.find("sft", &key, &inputs).unwrap() {
            Found::Damaged(damage) => damage.to_string().replace(&*entry.dir.to_string_lossy(), ""),
            other => panic!("{other:?}"),
        }
    };
    let manifest =
        |text: &'static str| move |dir: &Path| fs::write(dir.join(MANIFEST), text).unwrap();
    let lines = [
        flaw(&|dir| fs::write(dir.join("config.json"), "{}").unwrap()),
        flaw(&|dir| {
            fs::remove_file(dir.join("config.json")).unwrap();
            fs::create_dir(dir.join("config.json")).unwrap();
        }),
        flaw(&|dir| fs::remove_file(dir.join("config.json")).unwrap()),
        flaw(&manifest("no JSON")),
        flaw(&manifest("{\"stage\": \"sft\"}")),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn an_output_without_files_or_with_a_folder_is_none() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let error = store.commit(begun(&store)).unwrap_err();
    assert!(matches!(error, StoreError::NoFiles { .. }), "{error}");
    let making = begun(&store);
    fs::create_dir(making.dir().join("deeper")).unwrap();
    let error = store.commit(making).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    assert!(!is_whole(&store));
}
