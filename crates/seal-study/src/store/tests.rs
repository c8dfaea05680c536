//! Entries that are whole, damaged, foreign or linked.

use serde_json::json;

use super::*;

fn key() -> (Key, Value) {
    let inputs = json!({"lr": 0.1, "of": ["a"]});
    (Key::of("sft", 1, &inputs), inputs)
}

fn made(store: &Store) -> Entry {
    let (key, inputs) = key();
    let dir = store.begin("sft", &key).unwrap();
    fs::write(dir.join("weights"), (0..=255u8).collect::<Vec<_>>()).unwrap();
    fs::write(dir.join("config.json"), "{}\n").unwrap();
    store.commit("sft", &key, &inputs, &dir).unwrap()
}

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
        // Killed before its commit: nothing is found, nothing stays.
        let dir = store.begin("sft", &key).unwrap();
        fs::write(dir.join("weights"), "half").unwrap();
    }
    let store = Store::open(root.path()).unwrap();
    assert_eq!(store.find("sft", &key, &inputs).unwrap(), Found::Absent);
    assert_eq!(fs::read_dir(root.path().join(SCRATCH)).unwrap().count(), 0);
    made(&store);
    assert!(is_whole(&store));
    assert!(!store.is_adopted());
}

#[test]
fn every_bit_cut_and_loss_is_seen_and_the_damaged_entry_stays() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let entry = made(&store);
    let fresh = || Store::look(root.path());
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
    fs::write(entry.dir.join("weights"), "cut").unwrap();
    let aside = store.set_aside("sft", &key().0).unwrap();
    assert_eq!(fs::read_to_string(aside.join("weights")).unwrap(), "cut");
    made(&store);
    assert!(is_whole(&store));
    let again = store.set_aside("sft", &key().0).unwrap();
    assert_ne!(again, aside);
}

#[test]
fn a_manifest_of_another_output_or_version_or_without_files_is_damage() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let entry = made(&store);
    let reason = |stage: &str, key: &Key, inputs: &Value| match store.find(stage, key, inputs) {
        Ok(Found::Damaged(damage)) => damage.reason,
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
    let outside = StoredFile { name: "../x".into(), bytes: 0, blake3: String::new() };
    put(&manifest::text("sft", key.as_str(), &inputs, &[outside]).unwrap());
    assert!(reason("sft", &key, &inputs).contains("is no name of a file"));
}

#[test]
fn one_process_at_a_time() {
    let root = tempfile::tempdir().unwrap();
    let held = Store::open(root.path()).unwrap();
    let error = Store::open(root.path()).unwrap_err();
    assert!(error.to_string().contains("in use by another run"), "{error}");
    drop(held);
    Store::open(root.path()).unwrap();
}

/// What a folder of others holds, in as many forms as people have.
#[test]
fn a_folder_of_others_is_refused_and_left_as_it_is() {
    let key = "0123456789abcdef0123456789abcdef";
    let lists: [&[&str]; 10] = [
        &["store.json"],
        &["thesis.txt"],
        &["tmp/thesis.txt"],
        &["lock", "tmp/thesis.txt"],
        &["lock", "notes.txt"],
        &[".git/HEAD"],
        &["scratch/thesis.txt"],
        &["scratch/sft-0123456789abcdef0123456789abcdef/thesis.txt"],
        &["lock", "photos/2020/a.jpg"],
        &["sft/0123456789abcdef0123456789abcdef/out"],
    ];
    for list in lists {
        let root = tempfile::tempdir().unwrap();
        for name in list {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, if *name == "lock" { "" } else { key }).unwrap();
        }
        let error = Store::open(root.path()).unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{list:?}: {error}");
        for name in list {
            let content = fs::read_to_string(root.path().join(name)).unwrap();
            assert_eq!(content, if *name == "lock" { "" } else { key }, "{name}");
        }
        for name in ["lock", "store.json"] {
            assert_eq!(root.path().join(name).exists(), list.contains(&name), "{list:?}");
        }
    }
}

#[test]
fn only_what_the_program_made_is_swept() {
    let root = tempfile::tempdir().unwrap();
    drop(Store::open(root.path()).unwrap());
    let scratch = root.path().join(SCRATCH);
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("thesis.txt"), "mine").unwrap();
    let name = format!("sft-{}", key().0);
    fs::create_dir(scratch.join("notes")).unwrap();
    fs::write(scratch.join("notes/thesis.txt"), "mine").unwrap();
    fs::write(scratch.join("thesis.txt"), "mine").unwrap();
    fs::create_dir(scratch.join(&name)).unwrap();
    fs::write(scratch.join(&name).join("half"), "half").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(outside.path(), scratch.join(format!("base-{}", key().0))).unwrap();
    fs::create_dir(root.path().join("tmp")).unwrap();
    fs::write(root.path().join("tmp/thesis.txt"), "mine").unwrap();
    drop(Store::open(root.path()).unwrap());
    assert!(!scratch.join(&name).exists());
    for kept in ["scratch/notes/thesis.txt", "scratch/thesis.txt", "tmp/thesis.txt"] {
        assert!(root.path().join(kept).exists(), "{kept}");
    }
    assert!(outside.path().join("thesis.txt").exists());
}

#[test]
fn what_a_stage_has_finished_stays_until_its_output_is_an_entry() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let dir = store.unfinished("sft", &key().0);
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("part"), "1").unwrap();
    drop(store);
    let store = Store::open(root.path()).unwrap();
    assert!(dir.join("part").exists());
    made(&store);
    assert!(!dir.exists());
}

#[test]
fn a_store_of_an_older_version_is_adopted_with_its_entries() {
    let root = tempfile::tempdir().unwrap();
    let (key, inputs) = key();
    let dir = root.path().join("sft").join(key.as_str());
    fs::create_dir_all(&dir).unwrap();
    fs::create_dir(root.path().join("tmp")).unwrap();
    fs::write(root.path().join("lock"), "").unwrap();
    fs::write(dir.join("out"), "done").unwrap();
    let hash = blake3::hash(b"done").to_hex().to_string();
    // The fields in the order in which version 1 wrote them.
    let manifest = format!(
        "{{\n  \"format_version\": 1,\n  \"stage\": \"sft\",\n  \"key\": \"{key}\",\n  \
         \"inputs\": {},\n  \"files\": [\n    {{\n      \"name\": \"out\",\n      \
         \"bytes\": 4,\n      \"blake3\": \"{hash}\"\n    }}\n  ]\n}}\n",
        serde_json::to_string_pretty(&inputs).unwrap().replace('\n', "\n  "),
    );
    fs::write(dir.join(MANIFEST), &manifest).unwrap();
    assert!(is_whole(&Store::look(root.path())));
    let store = Store::open(root.path()).unwrap();
    assert!(store.is_adopted() && is_whole(&store));
    drop(store);
    let store = Store::open(root.path()).unwrap();
    assert!(!store.is_adopted(), "it has its owner file now");
    for at in 0..manifest.len() {
        let mut bytes = manifest.clone().into_bytes();
        bytes[at] ^= 4;
        fs::write(dir.join(MANIFEST), bytes).unwrap();
        assert!(!is_whole(&Store::look(root.path())), "byte {at}");
    }
}

#[test]
fn a_store_of_a_later_version_is_refused_by_name_and_a_damaged_owner_file_is_mended() {
    let root = tempfile::tempdir().unwrap();
    made(&Store::open(root.path()).unwrap());
    let path = root.path().join("store.json");
    let good = fs::read_to_string(&path).unwrap();
    fs::write(&path, good.replace("\"format_version\": 1", "\"format_version\": 99")).unwrap();
    let error = Store::open(root.path()).unwrap_err().to_string();
    assert!(error.contains("format_version 99, and this program knows 1"), "{error}");
    for bad in [&good[..10], "", &good.replace("outputs", "outqqts")] {
        fs::write(&path, bad).unwrap();
        assert!(is_whole(&Store::open(root.path()).unwrap()));
        assert_eq!(fs::read_to_string(&path).unwrap(), good);
    }
    fs::remove_file(&path).unwrap();
    assert!(is_whole(&Store::open(root.path()).unwrap()));
    assert_eq!(fs::read_to_string(&path).unwrap(), good);
}

#[cfg(unix)]
#[test]
fn links_in_a_store_lead_nowhere() {
    use std::os::unix::fs::symlink;
    let (key, inputs) = key();
    for name in ["lock", "store.json", SCRATCH, UNFINISHED, "sft", DAMAGED] {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        made(&Store::open(root.path()).unwrap());
        let at = root.path().join(name);
        if at.is_dir() {
            fs::remove_dir_all(&at).unwrap();
            symlink(outside.path(), &at).unwrap();
        } else {
            let _ = fs::remove_file(&at);
            let target = outside.path().join("mine");
            fs::write(&target, "mine").unwrap();
            symlink(&target, &at).unwrap();
        }
        let tried = Store::open(root.path()).and_then(|store| {
            store.find("sft", &key, &inputs)?;
            let dir = store.begin("sft", &key)?;
            fs::write(dir.join("out"), "x").unwrap();
            store.commit("sft", &key, &inputs, &dir).and_then(|_| store.set_aside("sft", &key))
        });
        let error = tried.unwrap_err().to_string();
        assert!(error.contains("link"), "{name}: {error}");
        for left in fs::read_dir(outside.path()).unwrap() {
            assert_eq!(fs::read_to_string(left.unwrap().path()).unwrap(), "mine", "{name}");
        }
    }
    // The folder that a user names may be a link; so may nothing in an entry.
    let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let named = root.path().join("named");
    symlink(outside.path(), &named).unwrap();
    let store = Store::open(&named).unwrap();
    let entry = made(&store);
    let elsewhere = root.path().join("weights");
    fs::rename(entry.dir.join("weights"), &elsewhere).unwrap();
    symlink(&elsewhere, entry.dir.join("weights")).unwrap();
    assert!(!is_whole(&store));
}
