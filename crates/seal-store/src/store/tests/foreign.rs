//! Folders of others, stores of other versions, links.

use super::*;

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
fn a_store_of_an_older_version_is_adopted_with_its_entries() {
    let root = tempfile::tempdir().unwrap();
    let (key, inputs) = key();
    let dir = root.path().join("sft").join(key.as_str());
    fs::create_dir_all(&dir).unwrap();
    fs::create_dir(root.path().join("tmp")).unwrap();
    fs::write(root.path().join("lock"), "").unwrap();
    fs::write(dir.join("out"), "done").unwrap();
    let hash = Digest::of("done");
    // The fields in the order in which version 1 wrote them.
    let manifest = format!(
        "{{\n  \"format_version\": 1,\n  \"stage\": \"sft\",\n  \"key\": \"{key}\",\n  \
         \"inputs\": {},\n  \"files\": [\n    {{\n      \"name\": \"out\",\n      \
         \"bytes\": 4,\n      \"blake3\": \"{hash}\"\n    }}\n  ]\n}}\n",
        serde_json::to_string_pretty(&inputs).unwrap().replace('\n', "\n  "),
    );
    fs::write(dir.join(MANIFEST), &manifest).unwrap();
    assert!(is_whole(&Store::open_to_read(root.path())));
    let store = Store::open(root.path()).unwrap();
    assert!(store.is_adopted() && is_whole(&store));
    drop(store);
    let store = Store::open(root.path()).unwrap();
    assert!(!store.is_adopted(), "it has its owner file now");
    for at in 0..manifest.len() {
        let mut bytes = manifest.clone().into_bytes();
        bytes[at] ^= 4;
        fs::write(dir.join(MANIFEST), bytes).unwrap();
        assert!(!is_whole(&Store::open_to_read(root.path())), "byte {at}");
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
    for name in ["lock", "store.json", CLAIMS, SCRATCH, UNFINISHED, "sft", DAMAGED] {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let entry = made(&Store::open(root.path()).unwrap());
        fs::write(entry.dir.join("weights"), "damaged").unwrap();
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
            store.begin("sft", &key, &inputs)
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

/// Files that grow over many runs are the store's own, however old they are.
#[test]
fn a_lasting_folder_is_never_swept_and_is_the_programs_own() {
    let root = tempfile::tempdir().unwrap();
    drop(Store::open(root.path()).unwrap());
    let dir = crate::lasting_folder(root.path(), "judgements", &key().0).unwrap();
    let path = dir.join("verdicts.jsonl");
    fs::write(&path, "paid\n").unwrap();
    let old = fs::File::options().write(true).open(&path).unwrap();
    old.set_modified(std::time::UNIX_EPOCH).unwrap();
    fs::remove_file(root.path().join("store.json")).unwrap();
    let store = Store::open(root.path()).unwrap();
    assert_eq!(store.swept(), &Swept::default());
    assert_eq!(fs::read_to_string(&path).unwrap(), "paid\n");
}

#[test]
fn a_folder_is_free_until_something_is_in_it() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(owner::ownership(root.path()).unwrap(), Ownership::Free);
    assert_eq!(owner::ownership(&root.path().join("absent")).unwrap(), Ownership::Free);
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(owner::ownership(&file).unwrap_err(), StoreError::Io { .. }));
    fs::remove_file(&file).unwrap();
    assert!(!Store::open(root.path()).unwrap().is_adopted());
}

#[test]
fn files_beside_an_empty_lock_are_those_of_others() {
    for (name, text) in [("notes.txt", ""), ("claims/notes.txt", ""), ("lock", "12345")] {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("lock"), "").unwrap();
        fs::create_dir(root.path().join("claims")).unwrap();
        assert_eq!(owner::ownership(root.path()).unwrap(), Ownership::Unmarked);
        fs::write(root.path().join(name), text).unwrap();
        let error = owner::ownership(root.path()).unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{name}: {error}");
    }
}

/// Without an owner file, a folder is a store by what it holds.
#[test]
fn each_folder_of_a_store_holds_files_or_folders_of_its_own_names() {
    let key = "0123456789abcdef0123456789abcdef";
    let output = format!("sft-{key}");
    let (token, pending) = (format!("{output}-0123456789abcdef"), ".seal-pending-x".to_owned());
    for (folder, name, is_file, is_ours) in [
        (CLAIMS, &output, true, true),
        (CLAIMS, &pending, true, true),
        (CLAIMS, &"opening".to_owned(), true, true),
        (CLAIMS, &output, false, false),
        (CLAIMS, &pending, false, false),
        (CLAIMS, &key.to_owned(), true, false),
        (SCRATCH, &token, false, true),
        (UNFINISHED, &output, false, true),
        (DAMAGED, &format!("{output}-1"), false, true),
        ("tmp", &output, false, true),
        (SCRATCH, &token, true, false),
        (SCRATCH, &pending, false, false),
        (SCRATCH, &"opening".to_owned(), false, false),
        (SCRATCH, &key.to_owned(), false, false),
        ("sft", &key.to_owned(), false, true),
        ("sft", &key.to_owned(), true, false),
        ("sft", &output, false, false),
    ] {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("lock"), "").unwrap();
        let at = root.path().join(folder);
        fs::create_dir(&at).unwrap();
        match is_file {
            true => fs::write(at.join(name), "").unwrap(),
            false => fs::create_dir(at.join(name)).unwrap(),
        }
        match (owner::ownership(root.path()), is_ours) {
            (Ok(Ownership::Unmarked), true) | (Err(StoreError::Foreign { .. }), false) => {}
            (found, _) => panic!("{folder}/{name}: {found:?}"),
        }
    }
}

#[test]
fn names_of_scratch_have_a_stage_a_key_and_perhaps_a_number() {
    let key = "0123456789abcdef0123456789abcdef";
    for (name, expected) in [
        (format!("sft-{key}"), true),
        (format!("pair-verdicts-{key}-0"), true),
        (format!("sft-{key}-123456789"), true),
        (format!("sft-{key}-1234567890"), false),
        (format!("sft-{key}-x"), false),
        (format!("-{key}"), false),
        ("sft-0123".to_owned(), false),
        ("sft-0123-4".to_owned(), false),
        (format!("sft-{}", key.to_uppercase()), false),
    ] {
        assert_eq!(owner::is_scratch_name(&name), expected, "{name}");
    }
}

#[test]
fn a_lasting_folder_is_made_for_a_key() {
    let root = tempfile::tempdir().unwrap();
    let (key, _) = key();
    let folder = owner::lasting_folder(root.path(), "judgements", &key).unwrap();
    assert_eq!(folder, root.path().join("judgements").join(key.as_str()));
    assert!(folder.is_dir());
}
