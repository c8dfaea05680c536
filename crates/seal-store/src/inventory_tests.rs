//! What a store holds, as it is listed.

use std::fs::File;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::commit::Committed;
use crate::damage::Flaw;
use crate::key::Key;
use crate::making::Making;
use crate::manifest::MANIFEST;
use crate::owner::scratch_name;
use crate::store::{Begun, Store};

fn begun(store: &Store, stage: &'static str) -> Making {
    let inputs = json!({ "of": stage });
    match store.begin(stage, &key(stage), &inputs).unwrap() {
        Begun::Making(making) => making,
        other => panic!("{other:?}"),
    }
}

fn key(stage: &str) -> Key {
    Key::of(stage, 1, &json!({ "of": stage }))
}

/// Makes an entry with one file of this text.
fn made(store: &Store, stage: &'static str, text: &str) -> PathBuf {
    let making = begun(store, stage);
    fs::write(making.dir().join("out"), text).unwrap();
    match store.commit(making).unwrap() {
        Committed::Made(entry) => entry.dir,
        other => panic!("{other:?}"),
    }
}

fn set_time(path: &Path, seconds: u64) -> SystemTime {
    let time = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
    File::open(path).unwrap().set_modified(time).unwrap();
    time
}

fn file(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Entries that are whole and damaged, every kind of other folder, and what others put beside them.
#[test]
fn all_that_is_the_stores_is_listed_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let store = Store::open(root).unwrap();
    let (base, cut, sft) =
        (made(&store, "base", "four"), made(&store, "cut", "whole"), made(&store, "sft", "x"));
    let times = [(&base, 1000), (&sft, 3000)].map(|(dir, at)| set_time(&dir.join(MANIFEST), at));
    // Without its manifest, an entry has the time of its folder and the size of what is there.
    fs::remove_file(cut.join(MANIFEST)).unwrap();
    file(&cut.join("deeper/more"), "12");
    let of_cut = set_time(&cut, 2000);
    let name = |stage: &str| scratch_name(stage, &key(stage));
    let others = [
        (OtherFolderKind::Scratch, "scratch", name("sft") + "-0123456789abcdef", name("sft")),
        (OtherFolderKind::Unfinished, "unfinished", name("base"), name("base")),
        (
            OtherFolderKind::Unfinished,
            "unfinished",
            name("sft") + "-0123456789abcdef-2",
            name("sft"),
        ),
        (OtherFolderKind::Damaged, "damaged", name("sft") + "-1", name("sft")),
        (
            OtherFolderKind::Lasting,
            "judgements",
            key("sft").to_string(),
            format!("judgements-{}", key("sft")),
        ),
    ];
    let others = others.map(|(kind, above, inside, output)| {
        let dir = root.join(above).join(inside);
        file(&dir.join("part"), "123");
        file(&dir.join("deeper/part"), "45");
        OtherFolder { kind, output, dir, bytes: 5 }
    });
    for notes in ["scratch", "unfinished", "damaged", "judgements", "sft", "notes"] {
        file(&root.join(notes).join("notes/thesis.txt"), "mine");
    }
    file(&root.join("thesis.txt"), "mine");
    // A second name of lasting folders, which nobody asks for, holds no entries.
    file(&root.join("replies").join("notes/log"), "paid");
    let claim = begun(&store, "next");
    let found = inventory(root, &["judgements"]).unwrap();
    let entry = |stage: &str, dir: &Path, bytes, made, damage| StoredEntry {
        stage: stage.to_owned(),
        key: key(stage).to_string(),
        dir: dir.to_owned(),
        bytes,
        made: Some(made),
        damage,
    };
    let missing = Damage { file: cut.join(MANIFEST), flaw: Flaw::Missing };
    let entries = [
        entry("base", &base, 4, times[0], None),
        entry("cut", &cut, 7, of_cut, Some(missing)),
        entry("sft", &sft, 1, times[1], None),
    ];
    assert_eq!(found.entries, entries);
    let made_now = OtherFolder {
        kind: OtherFolderKind::Scratch,
        output: name("next"),
        dir: claim.dir().to_owned(),
        bytes: 0,
    };
    let mut expected = vec![made_now];
    expected.extend(others);
    expected.sort_by(|a, b| (a.kind, &a.dir).cmp(&(b.kind, &b.dir)));
    assert_eq!(found.others, expected);
    let kinds: Vec<OtherFolderKind> = found.others.iter().map(|other| other.kind).collect();
    assert!(kinds.is_sorted(), "{kinds:?}");
    let holders: Vec<(String, u32)> = found
        .claims
        .into_iter()
        .map(|(output, holder)| (output, holder.unwrap().process))
        .collect();
    assert_eq!(holders, [(name("next"), std::process::id())]);
}

#[test]
fn a_folder_that_is_no_store_is_not_listed() {
    let dir = tempfile::tempdir().unwrap();
    match inventory(dir.path(), &[]) {
        Err(StoreError::Io { path, source }) => {
            assert_eq!((path.as_path(), source.kind()), (dir.path(), io::ErrorKind::NotFound));
        }
        other => panic!("{other:?}"),
    }
    fs::write(dir.path().join("thesis.txt"), "mine").unwrap();
    assert!(matches!(inventory(dir.path(), &[]), Err(StoreError::Foreign { .. })));
}

#[cfg(unix)]
#[test]
fn a_link_in_a_store_is_refused_by_who_lists_it() {
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = Store::open(dir.path()).unwrap();
    let entry = made(&store, "sft", "x");
    for place in [dir.path().join("link"), entry.parent().unwrap().join("0".repeat(32))] {
        std::os::unix::fs::symlink(outside.path(), &place).unwrap();
        assert!(inventory(dir.path(), &[]).is_err(), "{}", place.display());
        fs::remove_file(&place).unwrap();
        assert_eq!(inventory(dir.path(), &[]).unwrap().entries.len(), 1);
    }
}

#[test]
fn what_is_damaged_is_found_by_the_number_of_its_entry() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let [_, content, _, manifest] = ["a", "b", "c", "d"].map(|stage| made(&store, stage, "text"));
    let entries = inventory(dir.path(), &[]).unwrap().entries;
    assert_eq!(verify_all(&entries, 2).unwrap(), []);
    fs::write(content.join("out"), "next").unwrap();
    fs::write(manifest.join(MANIFEST), "no JSON").unwrap();
    let expected = [
        (1, Damage { file: content.join("out"), flaw: Flaw::Content }),
        (3, Damage { file: manifest.join(MANIFEST), flaw: Flaw::NotJson }),
    ];
    assert_eq!(verify_all(&entries, 2).unwrap(), expected);
}

#[test]
fn an_entry_that_is_gone_since_it_was_listed_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let gone = stored("sft", key("sft").as_str(), dir.path().join("gone")).unwrap();
    assert_eq!(gone, None);
}

/// Names that are no claims are passed over, and so is a store without claims.
#[test]
fn claims_are_told_with_their_holders() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(claimed(dir.path()).unwrap(), []);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(claimed(dir.path()).unwrap(), []);
    let making = begun(&store, "sft");
    let output = scratch_name("sft", &key("sft"));
    let empty = scratch_name("base", &key("base"));
    for name in ["notes.txt", &empty] {
        fs::write(dir.path().join(CLAIMS).join(name), "").unwrap();
    }
    let found = claimed(dir.path()).unwrap();
    let of = |found: &Claimed| (found.0.clone(), found.1.clone().map(|holder| holder.process));
    let expected = [(empty, Err(RecordFlaw::Empty)), (output, Ok(std::process::id()))];
    assert_eq!(found.iter().map(of).collect::<Vec<_>>(), expected);
    drop(making);
    assert_eq!(claimed(dir.path()).unwrap().len(), 1);
}

#[test]
fn a_folder_has_the_size_of_what_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    file(&dir.path().join("a"), "123");
    file(&dir.path().join("b/c/d"), "4567");
    assert_eq!(bytes_of(dir.path()).unwrap(), 7);
    assert_eq!(bytes_of(&dir.path().join("a")).unwrap(), 3);
    assert_eq!(bytes_of(&dir.path().join("gone")).unwrap(), 0);
    // What cannot be looked at has no size that anybody knows.
    assert!(bytes_of(&dir.path().join("a/below a file")).is_err());
}
