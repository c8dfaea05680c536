//! Outputs that two made, because one of them gave no sign of life for long.

use std::io::Write as _;

use super::*;

fn stores(root: &Path) -> (Store, Store) {
    (Store::open(root).unwrap(), Store::open_with(root, HASTY).unwrap())
}

fn write(making: &Making, text: &str) {
    fs::create_dir_all(making.dir()).unwrap();
    fs::write(making.dir().join("out"), text).unwrap();
}

fn text(entry: &Entry) -> String {
    fs::read_to_string(entry.dir.join("out")).unwrap()
}

fn count(root: &Path, name: &str) -> usize {
    fs::read_dir(root.join(name)).map_or(0, Iterator::count)
}

#[test]
fn one_who_wakes_up_throws_its_own_work_away_and_leaves_the_other_alone() {
    let root = tempfile::tempdir().unwrap();
    let (one, other) = stores(root.path());
    let stopped = begun(&one);
    write(&stopped, "1");
    let making = begun(&other);
    assert!(matches!(making.taken_over(), Some(seal_files::PreviousHolder::Silent(Ok(_)))));
    write(&making, "1");
    // It goes on in its own folder, whose name is another.
    assert!(!stopped.is_held().unwrap() && making.is_held().unwrap());
    assert_ne!(stopped.dir(), making.dir());
    write(&stopped, "1");
    assert_eq!(one.commit(stopped).unwrap(), Committed::Lost);
    let entry = made_by(other.commit(making).unwrap());
    assert_eq!(text(&entry), "1");
    for name in [SCRATCH, CLAIMS, UNFINISHED, DAMAGED] {
        assert_eq!(count(root.path(), name), 0, "{name}");
    }
}

/// It may also wake up when the other is done: the bits are compared.
#[test]
fn the_second_output_of_a_key_is_thrown_away_or_said_to_differ() {
    for (later, same) in [("1", true), ("2", false)] {
        let root = tempfile::tempdir().unwrap();
        let (one, other) = stores(root.path());
        let stopped = begun(&one);
        let making = begun(&other);
        write(&making, "1");
        let entry = made_by(other.commit(making).unwrap());
        write(&stopped, later);
        match (one.commit(stopped), same) {
            (Ok(Committed::Found(found)), true) => assert_eq!(found, entry),
            (Err(StoreError::Differs { kept, other, file }), false) => {
                assert_eq!((kept, file.as_str()), (entry.dir.clone(), "out"));
                assert_eq!(fs::read_to_string(other.join("out")).unwrap(), "2");
                assert!(other.starts_with(root.path().join(DAMAGED)));
            }
            (committed, _) => panic!("{committed:?}"),
        }
        assert_eq!(text(&entry), "1");
        assert_eq!((count(root.path(), SCRATCH), count(root.path(), CLAIMS)), (0, 0));
    }
}

/// An entry that came from elsewhere while the claim was held, such as by a copy of another store.
#[test]
fn an_entry_that_is_there_at_the_commit_stays_unless_it_is_damaged() {
    let (key, _) = key();
    for (harm, expected) in [(None, "Found"), (Some("damaged"), "Made")] {
        let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let far = Store::open(elsewhere.path()).unwrap();
        let making = begun(&far);
        write(&making, "1");
        let theirs = made_by(far.commit(making).unwrap());
        let store = Store::open(root.path()).unwrap();
        let making = begun(&store);
        write(&making, "1");
        let at = root.path().join("sft").join(key.as_str());
        fs::create_dir(root.path().join("sft")).unwrap();
        fs::rename(&theirs.dir, &at).unwrap();
        if let Some(text) = harm {
            fs::write(at.join("out"), text).unwrap();
        }
        let committed = store.commit(making).unwrap();
        assert!(format!("{committed:?}").starts_with(expected), "{committed:?}");
        assert_eq!(fs::read_to_string(at.join("out")).unwrap(), "1");
        assert_eq!(count(root.path(), DAMAGED), usize::from(harm.is_some()));
    }
    // In the place of the entry stands a file.
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let making = begun(&store);
    write(&making, "1");
    fs::create_dir(root.path().join("sft")).unwrap();
    fs::write(root.path().join("sft").join(key.as_str()), "mine").unwrap();
    assert_eq!(text(&made_by(store.commit(making).unwrap())), "1");
}

/// Parts of one who may wake up are copied: it may write into them still.
#[test]
fn what_a_stopped_one_writes_to_its_parts_does_not_reach_those_of_the_other() {
    let root = tempfile::tempdir().unwrap();
    let (one, other) = stores(root.path());
    let stopped = begun(&one);
    fs::create_dir_all(stopped.unfinished()).unwrap();
    let mut file = fs::File::create_new(stopped.unfinished().join("parts")).unwrap();
    file.write_all(b"part 1\n").unwrap();
    let making = begun(&other);
    let parts = || fs::read_to_string(making.unfinished().join("parts")).unwrap();
    assert_eq!(parts(), "part 1\n");
    file.write_all(b"part 2 of one who woke up\n").unwrap();
    assert_eq!(parts(), "part 1\n");
    drop(stopped);
    assert_eq!(parts(), "part 1\n");
    assert_eq!(count(root.path(), UNFINISHED), 1);
    write(&making, "1");
    other.commit(making).unwrap();
    assert_eq!((count(root.path(), UNFINISHED), count(root.path(), SCRATCH)), (0, 0));
}

/// Parts of one who gave up are taken by a rename, whatever their size; of several, the most.
#[test]
fn parts_that_were_given_up_go_to_the_next_who_makes_the_output() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let making = begun(&store);
    let token = making.unfinished().file_name().unwrap().to_owned();
    fs::create_dir_all(making.unfinished().join("deeper")).unwrap();
    fs::write(making.unfinished().join("parts"), "12").unwrap();
    fs::write(making.unfinished().join("deeper/more"), "3").unwrap();
    drop(making);
    let above = root.path().join(UNFINISHED);
    let plain = above.join(scratch_name("sft", &key().0));
    assert!(plain.join("parts").exists() && !above.join(&token).exists());
    // Left by another host, with less in it.
    let less = above.join(format!("{}-0123456789abcdef", scratch_name("sft", &key().0)));
    fs::create_dir(&less).unwrap();
    fs::write(less.join("parts"), "1").unwrap();
    let making = begun(&store);
    assert_eq!(fs::read_to_string(making.unfinished().join("parts")).unwrap(), "12");
    assert_eq!(fs::read_to_string(making.unfinished().join("deeper/more")).unwrap(), "3");
    assert_eq!(count(root.path(), UNFINISHED), 1);
    drop(making);
    // And with more in it: it is copied with its folders.
    fs::create_dir_all(less.join("deeper")).unwrap();
    fs::write(less.join("parts"), "1".repeat(10_000)).unwrap();
    fs::write(less.join("deeper/more"), "4").unwrap();
    let making = begun(&store);
    assert_eq!(fs::read_to_string(making.unfinished().join("parts")).unwrap().len(), 10_000);
    assert_eq!(fs::read_to_string(making.unfinished().join("deeper/more")).unwrap(), "4");
    assert_eq!((count(root.path(), UNFINISHED), count(root.path(), SCRATCH)), (1, 1));
}

/// Stopped between the damage that it saw and the rename of the entry.
#[test]
fn a_good_entry_of_another_is_not_set_aside_by_one_who_lost_its_claim() {
    let root = tempfile::tempdir().unwrap();
    let (one, other) = stores(root.path());
    let stopped = begun(&one);
    let entry = made(&other);
    let (key, _) = key();
    let aside = crate::aside::set_aside(root.path(), ("sft", &key), &stopped.claim).unwrap();
    assert_eq!(aside, None);
    assert!(entry.dir.exists() && is_whole(&other));
}

/// Stopped after its last look at the claim: the other has removed its folder when it wakes up.
#[test]
fn a_folder_that_is_gone_at_the_rename_is_a_lost_claim_and_no_error() {
    for commits in [false, true] {
        let root = tempfile::tempdir().unwrap();
        let one = Store::open(root.path()).unwrap();
        let stopped = begun(&one);
        fs::write(stopped.dir().join("out"), "1").unwrap();
        let (path, scratch) = (root.path().to_owned(), stopped.dir().to_owned());
        crate::commit::between::then(move || {
            let other = Store::open_with(&path, HASTY).unwrap();
            let making = begun(&other);
            assert!(!scratch.exists());
            if commits {
                write(&making, "1");
                made_by(other.commit(making).unwrap());
            }
        });
        assert_eq!(one.commit(stopped).unwrap(), Committed::Lost);
        assert_eq!(is_whole(&one), commits);
        assert_eq!((count(root.path(), SCRATCH), count(root.path(), CLAIMS)), (0, 0));
    }
}

/// Before its files go, a leftover gets a name that its maker does not know.
#[test]
fn a_leftover_in_scratch_goes_whatever_names_are_taken() {
    let root = tempfile::tempdir().unwrap();
    let output = scratch_name("sft", &key().0);
    let folder = |end: &str| root.path().join(format!("{output}-{end}"));
    let (left, token) = (folder("0123456789abcdef"), "fedcba9876543210");
    for dir in [&left, &folder(&format!("{token}-2"))] {
        fs::create_dir(dir).unwrap();
        fs::write(dir.join("out"), "1").unwrap();
    }
    crate::unfinished::leave_apart(&left, token);
    let there = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(there.collect::<Vec<_>>(), [folder(&format!("{token}-2"))]);
    crate::unfinished::leave_apart(&left, token);
}
