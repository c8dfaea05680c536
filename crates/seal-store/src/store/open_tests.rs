//! Folders that are looked at while others write into them.

use std::cell::RefCell;

use super::*;

/// What comes of these looks, one after another, and how many are left.
fn looked(says: Vec<Result<Ownership, StoreError>>) -> (Result<Ownership, StoreError>, usize) {
    let says = RefCell::new(says.into_iter());
    let found = with_retry(|| says.borrow_mut().next().unwrap());
    (found, says.into_inner().len())
}

fn foreign() -> Result<Ownership, StoreError> {
    Err(StoreError::Foreign { root: "s".into(), found: "claims".to_owned() })
}

/// The folder of claims of one that makes a store may be seen, and the lock from before it not.
#[test]
fn a_folder_that_seems_to_be_of_others_is_looked_at_once_more() {
    assert!(matches!(looked(vec![foreign(), Ok(Ownership::Owned)]), (Ok(Ownership::Owned), 0)));
    let twice = looked(vec![foreign(), foreign(), Ok(Ownership::Owned)]);
    assert!(matches!(twice, (Err(StoreError::Foreign { .. }), 1)), "{twice:?}");
    let other = || Err(StoreError::NoFiles { dir: "s".into() });
    let once = looked(vec![other(), Ok(Ownership::Owned)]);
    assert!(matches!(once, (Err(StoreError::NoFiles { .. }), 1)), "{once:?}");
    assert!(matches!(looked(vec![Ok(Ownership::Free), other()]), (Ok(Ownership::Free), 1)));
}

#[test]
fn what_is_no_folder_has_no_entries() {
    let dir = tempfile::tempdir().unwrap();
    assert!(!has_entries(&dir.path().join("gone")));
    for name in [CLAIMS, SCRATCH, UNFINISHED, DAMAGED] {
        fs::create_dir(dir.path().join(name)).unwrap();
    }
    fs::write(dir.path().join("sft"), "a file").unwrap();
    assert!(!has_entries(dir.path()));
    fs::create_dir(dir.path().join("base")).unwrap();
    assert!(has_entries(dir.path()));
}
