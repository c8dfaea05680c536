use super::*;

#[test]
fn a_local_folder_does_all_and_keeps_nothing_of_the_trial() {
    let dir = tempfile::tempdir().unwrap();
    let trial = try_folder(dir.path()).unwrap();
    assert!(trial.links.is_ok() && trial.renames.is_ok() && trial.locks.is_ok(), "{trial:?}");
    assert!(trial.skew.unwrap().size() < Duration::from_secs(2), "{trial:?}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn of_a_folder_that_is_not_there_the_nearest_above_is_tried() {
    let dir = tempfile::tempdir().unwrap();
    let trial = try_folder(&dir.path().join("runs/world/store")).unwrap();
    assert_eq!(trial.dir, dir.path());
    fs::write(dir.path().join("file"), "").unwrap();
    let error = try_folder(&dir.path().join("file/store")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotADirectory);
}

#[test]
fn a_time_between_two_others_is_no_skew() {
    let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let of = |written: u64| skew_of(at(written), at(100), at(103));
    assert_eq!(of(100).size(), Duration::ZERO);
    assert_eq!(of(102).size(), Duration::ZERO);
    assert_eq!(of(703), Skew::Ahead(Duration::from_secs(600)));
    assert_eq!(of(40), Skew::Behind(Duration::from_secs(60)));
}

#[test]
fn a_link_over_a_name_that_is_taken_is_no_link() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("a"), dir.path().join("b"));
    fs::write(&from, "x").unwrap();
    assert!(links(&from, &to).is_ok());
    // The second trial finds the name taken at once.
    assert_eq!(links(&from, &to).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(links(&dir.path().join("absent"), &to).unwrap_err().kind(), ErrorKind::NotFound);
}
