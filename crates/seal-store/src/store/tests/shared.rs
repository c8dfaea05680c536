//! Outputs in the making: claimed, given up, left behind.

use std::time::SystemTime;

use super::*;

#[test]
fn processes_share_a_store_and_a_program_that_shares_none_keeps_them_out() {
    let root = tempfile::tempdir().unwrap();
    let first = Store::open(root.path()).unwrap();
    let second = Store::open(root.path()).unwrap();
    drop((first, second));
    // As older versions hold a store.
    let held = FileLock::try_take(&root.path().join("lock")).unwrap().unwrap();
    let error = Store::open(root.path()).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    drop(held);
    Store::open(root.path()).unwrap();
}

#[test]
fn an_output_is_made_by_one_and_found_by_the_other() {
    let root = tempfile::tempdir().unwrap();
    let (key, inputs) = key();
    let (one, other) = (Store::open(root.path()).unwrap(), Store::open(root.path()).unwrap());
    let making = begun(&one);
    fs::write(making.dir().join("out"), "1").unwrap();
    // Neither a second claim nor a sweep touches it.
    assert!(matches!(other.begin("sft", &key, &inputs).unwrap(), Begun::Held(Some(_))));
    assert!(matches!(one.begin("sft", &key, &inputs).unwrap(), Begun::Held(Some(_))));
    Store::open(root.path()).unwrap();
    assert!(making.dir().join("out").exists());
    let apart = json!({"lr": 0.2});
    let apart = other.begin("sft", &Key::of("sft", 1, &apart), &apart).unwrap();
    assert!(matches!(apart, Begun::Making(_)), "another key is free");
    let entry = made_by(one.commit(making).unwrap());
    match other.begin("sft", &key, &inputs).unwrap() {
        Begun::Found(found) => assert_eq!(found, entry),
        begun => panic!("{begun:?}"),
    }
    drop(apart);
    // What was given up leaves nothing, and so does every claim.
    for name in [SCRATCH, CLAIMS] {
        assert_eq!(fs::read_dir(root.path().join(name)).unwrap().count(), 0, "{name}");
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
    let dir = begun(&store).unfinished().to_owned();
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("part"), "1").unwrap();
    drop(store);
    let store = Store::open(root.path()).unwrap();
    assert!(dir.join("part").exists() && store.swept().abandoned.is_empty());
    made(&store);
    assert!(!dir.exists());
    // Killed between the two: the parts go with the next start, and nothing is lost.
    fs::create_dir_all(&dir).unwrap();
    let store = Store::open(root.path()).unwrap();
    assert!(!dir.exists() && store.swept().abandoned.is_empty() && is_whole(&store));
}

#[cfg(unix)]
#[test]
fn finished_parts_that_nobody_goes_on_with_go_after_a_month_and_it_is_said() {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    #[expect(clippy::disallowed_methods, reason = "files are given times of the clock")]
    let now = SystemTime::now();
    let parts = |seed: u64, folder: Duration, file: Duration| {
        let inputs = json!({ "seed": seed });
        let key = Key::of("answers", 1, &inputs);
        let Begun::Making(making) = store.begin("answers", &key, &inputs).unwrap() else {
            panic!("{seed} is claimed")
        };
        let dir = making.unfinished().to_owned();
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("part"), "1").unwrap();
        for (path, age) in [(dir.join("part"), file), (dir.clone(), folder)] {
            fs::File::open(path).unwrap().set_modified(now - age).unwrap();
        }
        let plain = root.path().join(UNFINISHED).join(scratch_name("answers", &key));
        (dir, plain, making)
    };
    let young = parts(0, DAY * 29, DAY * 29).1;
    let written_to = parts(1, DAY * 31, DAY).1;
    let file_is_old = parts(2, DAY, DAY * 31).1;
    let old = parts(3, DAY * 31, DAY * 31).1;
    let (claimed, _, _making) = parts(4, DAY * 31, DAY * 31);
    let notes = root.path().join(UNFINISHED).join("notes");
    fs::create_dir(&notes).unwrap();
    fs::File::open(&notes).unwrap().set_modified(now - DAY * 400).unwrap();
    let store = Store::open(root.path()).unwrap();
    assert_eq!(store.swept().abandoned, std::slice::from_ref(&old));
    assert!(!old.exists());
    for stays in [young, written_to, file_is_old, claimed, notes] {
        assert!(stays.exists(), "{}", stays.display());
    }
}

/// For logs that several runs write to, one after another.
#[test]
fn a_lasting_folder_is_written_by_one_at_a_time() {
    let root = tempfile::tempdir().unwrap();
    drop(Store::open(root.path()).unwrap());
    let (key, _) = key();
    let claims = Claims::default();
    let claim = || crate::claim_lasting(&claims, root.path(), "judgements", &key).unwrap();
    let held = claim().unwrap();
    assert!(claim().is_none());
    // It is a claim like every other: who opens the store leaves it alone.
    drop(Store::open(root.path()).unwrap());
    assert!(held.is_held().unwrap());
    drop(held);
    assert!(claim().is_some());
    fs::remove_file(root.path().join("store.json")).unwrap();
    drop(claim());
    assert!(Store::open(root.path()).is_ok());
}
