//! Whole or absent, never through a link, never over an input.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use proptest::prelude::*;
use seal_files::{
    FileName, Flush, Inputs, PendingFile, PendingFolder, is_pending, make_folder, same_file,
};

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_is_whole_or_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    seal_files::write(&path, b"old").unwrap();
    let mut file = PendingFile::create(&path).unwrap();
    file.write_all(b"ne").unwrap();
    assert!(names(dir.path()).iter().any(|n| is_pending(n.as_ref())));
    drop(file);
    assert_eq!((names(dir.path()), fs::read(&path).unwrap()), (vec!["a".into()], b"old".to_vec()));
    seal_files::write(&path, b"new").unwrap();
    assert_eq!((names(dir.path()), fs::read(&path).unwrap()), (vec!["a".into()], b"new".to_vec()));
}

#[test]
fn a_folder_is_whole_or_absent() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("up/model");
    let pending = PendingFolder::create(&path).unwrap();
    fs::write(pending.path().join("x"), "1").unwrap();
    drop(pending);
    assert_eq!(names(&dir.path().join("up")), Vec::<String>::new());
    let pending = PendingFolder::create(&path).unwrap();
    fs::write(pending.path().join("x"), "1").unwrap();
    pending.commit().unwrap();
    assert_eq!(names(&dir.path().join("up")), ["model"]);
    let again = PendingFolder::create(&path).unwrap();
    fs::write(again.path().join("y"), "2").unwrap();
    let finished = again.path().to_owned();
    let error = again.commit().unwrap_err().to_string();
    assert!(error.contains(&finished.display().to_string()), "{error}");
    assert_eq!(fs::read_to_string(path.join("x")).unwrap(), "1");
    assert_eq!(fs::read_to_string(finished.join("y")).unwrap(), "2", "no work is thrown away");
}

#[test]
fn leftovers_of_a_killed_program_go_with_the_next_and_those_of_a_living_one_stay() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at(".seal-pending-a-abcdef"), "half").unwrap();
    fs::create_dir(at(".seal-pending-a-ABCDEF")).unwrap();
    fs::write(at(".seal-pending-a-ABCDEF").join(".writing"), "").unwrap();
    // Of other targets, and of the user.
    let others = [".seal-pending-a-b-abcdef", ".seal-pending-b-abcdef", "a-abcdef"];
    others.iter().for_each(|name| fs::write(at(name), "").unwrap());
    let living = PendingFile::create(&at("a")).unwrap();
    seal_files::write(&at("a"), b"x").unwrap();
    let mut expected: Vec<String> = others.iter().map(|n| (*n).to_owned()).collect();
    expected.extend(["a".to_owned(), ".seal-pending-a-ABCDEF".to_owned()]);
    let left: Vec<String> = names(dir.path());
    assert!(expected.iter().all(|n| left.contains(n)), "{left:?}");
    assert_eq!(left.len(), expected.len() + 1, "the living one stays: {left:?}");
    drop(living);
    fs::remove_file(at("a")).unwrap();
    PendingFolder::create(&at("a")).unwrap().commit().unwrap();
    assert!(!at(".seal-pending-a-ABCDEF").exists());
    assert_eq!(names(&at("a")), Vec::<String>::new());
}

/// Each sweeps what the others may have left, and none takes what another has just made.
#[test]
fn of_many_that_write_one_file_at_once_none_loses_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let path = &path;
            scope.spawn(move || {
                for i in 0..300 {
                    let mut file = PendingFile::create(path).unwrap();
                    write!(file, "{thread} {i}").unwrap();
                    file.commit_flushed(Flush::Nothing).unwrap();
                }
            });
        }
    });
    assert!(fs::read_to_string(&path).unwrap().ends_with(" 299"));
    assert_eq!(names(dir.path()), ["a"]);
}

#[cfg(unix)]
#[test]
fn a_link_is_replaced_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("link");
    for target in ["one", "two"] {
        let make = |new: &Path| std::os::unix::fs::symlink(target, new);
        seal_files::replace(&path, make).unwrap();
        assert_eq!(fs::read_link(&path).unwrap(), Path::new(target));
    }
    let failed = seal_files::replace(&path, |_| Err(std::io::Error::other("no")));
    assert_eq!(failed.unwrap_err().to_string(), "no");
    assert_eq!(names(dir.path()), ["link"]);
    fs::create_dir(dir.path().join("folder")).unwrap();
    assert!(seal_files::replace(&dir.path().join("folder"), |new| fs::write(new, "")).is_err());
    assert_eq!(names(dir.path()), ["folder", "link"]);
}

/// A sweep that comes between the making of an unfinished file and its mark takes no work away.
#[test]
fn writers_of_one_target_take_nothing_from_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let (file, folder) = (dir.path().join("a"), dir.path().join("b"));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (file, folder) = (&file, &folder);
            scope.spawn(move || {
                for i in 0..200 {
                    let text = format!("{thread} {i}");
                    let mut pending = PendingFile::create(file).unwrap();
                    pending.write_all(text.as_bytes()).unwrap();
                    pending.commit_flushed(seal_files::Flush::Nothing).unwrap();
                    let pending = PendingFolder::create(folder).unwrap();
                    fs::write(pending.path().join("x"), &text).unwrap();
                    assert_eq!(fs::read_to_string(pending.path().join("x")).unwrap(), text);
                }
            });
        }
    });
    assert_eq!(names(dir.path()), ["a"]);
}

#[cfg(unix)]
#[test]
fn files_have_the_rights_of_other_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("plain"), "").unwrap();
    seal_files::write(&dir.path().join("ours"), b"").unwrap();
    let mode = |name: &str| fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
    assert_eq!(mode("ours"), mode("plain"));
}

#[cfg(unix)]
#[test]
fn links_are_not_followed_in_the_programs_own_folders() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let (ours, theirs) = (dir.path().join("ours"), dir.path().join("theirs"));
    fs::create_dir_all(&ours).unwrap();
    fs::create_dir_all(&theirs).unwrap();
    fs::write(theirs.join("thesis"), "dear").unwrap();
    symlink(theirs.join("thesis"), ours.join("file")).unwrap();
    symlink(&theirs, ours.join("folder")).unwrap();
    symlink(dir.path().join("nothing"), ours.join("dangling")).unwrap();
    for name in ["file", "dangling"] {
        let error = seal_files::write(&ours.join(name), b"x").unwrap_err();
        assert!(error.to_string().contains("link"), "{error}");
        assert!(seal_files::append(&ours.join(name)).is_err());
    }
    assert!(make_folder(&ours, Path::new("folder/deeper")).is_err());
    assert!(make_folder(&ours, Path::new("../theirs")).is_err());
    assert_eq!(fs::read_to_string(theirs.join("thesis")).unwrap(), "dear");
    assert_eq!(names(&theirs), ["thesis"]);
    // The folder that the user named may be a link, and so may a file that the user named.
    symlink(&ours, dir.path().join("chosen")).unwrap();
    make_folder(&dir.path().join("chosen"), Path::new("a/b")).unwrap();
    let mut file = PendingFile::named_by_user(&ours.join("file")).unwrap();
    file.write_all(b"told").unwrap();
    file.commit().unwrap();
    assert_eq!(fs::read_to_string(theirs.join("thesis")).unwrap(), "told");
    assert!(fs::symlink_metadata(ours.join("file")).unwrap().is_symlink());
}

#[cfg(unix)]
#[test]
fn a_device_is_written_to_directly() {
    let mut file = PendingFile::named_by_user(Path::new("/dev/null")).unwrap();
    file.write_all(b"x").unwrap();
    file.commit().unwrap();
}

#[test]
fn an_output_is_held_against_every_input() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("model")).unwrap();
    for name in ["rows.jsonl", "model/config.json"] {
        fs::write(at(name), "x").unwrap();
    }
    fs::hard_link(at("rows.jsonl"), at("hard")).unwrap();
    let mut inputs = Inputs::new();
    inputs.add("the rows", &at("rows.jsonl"));
    inputs.add("the model", &at("model"));
    inputs.add("the list", &at("later.jsonl"));
    for taken in
        ["rows.jsonl", "model/../rows.jsonl", "hard", "model/config.json", "model", "./later.jsonl"]
    {
        let clash = inputs.check(&at(taken)).unwrap_err().to_string();
        assert!(clash.contains("same file as the "), "{clash}");
    }
    inputs.check(&at("out.jsonl")).unwrap();
    inputs.check(&at("no/such/folder")).unwrap();
    assert!(!same_file(&at("rows.jsonl"), &at("absent")));
}

#[test]
fn names_that_would_leave_their_folder_are_refused() {
    for name in ["hh", "hex-phi_2", "v1.5", "Größe", "x".repeat(100).as_str()] {
        name.parse::<FileName>().unwrap();
    }
    for name in [
        "",
        ".",
        "..",
        "a/b",
        "../evil",
        "/abs",
        r"a\b",
        "a\0b",
        "a b",
        "a\nb",
        ".hidden",
        "dot.",
        "con",
        "NUL.txt",
        "com1",
        "x".repeat(101).as_str(),
        "a:b",
        "\u{202e}txt",
    ] {
        assert!(name.parse::<FileName>().is_err(), "{name:?}");
    }
}

proptest! {
    #[test]
    fn an_accepted_name_stays_in_its_folder(name in "\\PC{0,40}|[./\\\\a-c~]{0,12}") {
        if let Ok(name) = name.parse::<FileName>() {
            let path = Path::new(name.as_str());
            prop_assert_eq!(path.components().count(), 1);
            prop_assert!(matches!(path.components().next(), Some(std::path::Component::Normal(_))));
        }
    }
}

#[test]
fn a_lock_is_held_by_one_and_only_on_a_plain_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lock");
    let held = seal_files::FileLock::try_take(&path).unwrap();
    assert!(held.is_some());
    assert!(seal_files::FileLock::try_take(&path).unwrap().is_none());
    assert!(seal_files::FileLock::try_share(&path).unwrap().is_none());
    drop(held);
    assert!(seal_files::FileLock::try_take(&path).unwrap().is_some());
    // Those who share keep out the one who does not.
    let shared = [(); 2].map(|()| seal_files::FileLock::try_share(&path).unwrap());
    assert!(shared.iter().all(Option::is_some));
    assert!(seal_files::FileLock::try_take(&path).unwrap().is_none());
    drop(shared);
    assert!(seal_files::FileLock::try_take(&path).unwrap().is_some());

    let target = dir.path().join("target");
    fs::write(&target, "mine").unwrap();
    fs::create_dir(dir.path().join("folder")).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&target, dir.path().join("link")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(dir.path().join("pipe")).status();
        assert!(made.unwrap().success());
    }
    for name in ["folder", "link", "pipe"] {
        let path = dir.path().join(name);
        if path.symlink_metadata().is_ok() {
            // A pipe would hang here, were it opened.
            assert!(seal_files::FileLock::try_take(&path).is_err(), "{name}");
            assert!(seal_files::read(&path).is_err(), "{name}");
        }
    }
    assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
}

#[test]
fn unfinished_files_of_the_dead_go_and_all_else_stays() {
    let dir = tempfile::tempdir().unwrap();
    let name = |text: &str| dir.path().join(text);
    fs::write(name(".seal-pending-model-abcdef"), "half").unwrap();
    fs::write(name("notes.txt"), "mine").unwrap();
    let alive = seal_files::PendingFile::create(&name("alive")).unwrap();
    seal_files::remove_unfinished(dir.path());
    assert!(!name(".seal-pending-model-abcdef").exists());
    assert!(name("notes.txt").exists());
    alive.commit().unwrap();
    assert!(name("alive").exists());
}
