//! Which entries are read before a graph runs.

use serde_json::json;

use super::*;
use crate::commit::Committed;
use crate::damage::Flaw;
use crate::key::Key;
use crate::manifest::StoredFile;
use crate::resources::Resources;
use crate::store::Begun;
use seal_files::Digest;

fn node(name: usize, deps: &[usize]) -> Node<()> {
    let inputs = json!(name);
    Node {
        stage: "test",
        label: name.to_string(),
        key: Key::of("test", 1, &inputs),
        inputs,
        deps: deps.to_vec(),
        cost: 1.0,
        wave: 0,
        needs: Resources::default(),
        work: (),
    }
}

/// An entry whose manifest says that it has so many bytes.
fn sized(bytes: u64) -> Option<Entry> {
    let file = StoredFile { name: "out".to_owned(), bytes, blake3: Digest::of("") };
    Some(Entry { dir: bytes.to_string().into(), files: vec![file] })
}

#[test]
fn inputs_of_missing_stages_and_what_the_caller_reads_are_needed() {
    let nodes = [node(0, &[]), node(1, &[0]), node(2, &[0, 1]), node(3, &[2]), node(4, &[])];
    let of = |read: &[usize], there: [bool; 5]| {
        needed(&nodes, read, &there.map(|is_there| sized(1).filter(|_| is_there)))
    };
    assert_eq!(of(&[], [true; 5]), Vec::<usize>::new());
    assert_eq!(of(&[4, 1], [true; 5]), [1, 4]);
    assert_eq!(of(&[], [true, true, false, true, true]), [0, 1]);
    assert_eq!(of(&[4], [true, true, true, false, true]), [2, 4]);
    // What is missing is made, and not read from the store.
    assert_eq!(of(&[2], [true, false, false, true, true]), [0]);
    assert_eq!(of(&[], [false; 5]), Vec::<usize>::new());
}

#[test]
fn of_what_nobody_needs_the_smallest_is_read_up_to_a_limit_for_all() {
    let (half, rest) = (UNREAD / 2 - 1, UNREAD / 2 + 1);
    assert_eq!(UNREAD, 268_435_456);
    let found = [sized(rest), None, sized(half), sized(1)];
    let unread = [false; 4];
    assert_eq!(small(&found, &unread), [3, 2], "one more byte than the limit");
    assert_eq!(small(&found[..3], &unread), [2, 0], "all of the limit");
    // What was read for another reason counts, too, and is not read again.
    assert_eq!(small(&found, &[true, false, false, false]), [3]);
    assert_eq!(small(&found, &[false, false, true, false]), [3]);
    assert_eq!(small(&found[..3], &[false, false, true]), [0]);
    assert_eq!(small(&[sized(u64::MAX), sized(u64::MAX)], &[false; 2]), Vec::<usize>::new());
}

/// Damage makes what the damaged stage read needed, and that may be damaged, too.
#[test]
fn every_damaged_entry_is_told_once_and_in_the_order_of_the_graph() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let nodes = [node(0, &[]), node(1, &[0]), node(2, &[1]), node(3, &[]), node(4, &[])];
    let entries = nodes[..4].iter().map(|node| {
        let begun = store.begin(node.stage, &node.key, &node.inputs).unwrap();
        let Begun::Making(making) = begun else { panic!("{begun:?}") };
        std::fs::write(making.dir().join("out"), "good").unwrap();
        match store.commit(making).unwrap() {
            Committed::Made(entry) => entry,
            other => panic!("{other:?}"),
        }
    });
    let entries: Vec<Entry> = entries.collect();
    let look = |threads| survey(&nodes, &[2], &Store::open_to_read(root.path()), threads).unwrap();
    let found = look(1).found;
    assert_eq!(found[..4], entries.iter().cloned().map(Some).collect::<Vec<_>>());
    assert_eq!((found.len(), &found[4]), (5, &None));
    for i in [0, 2] {
        std::fs::write(entries[i].dir.join("out"), "evil").unwrap();
    }
    // Seen without reading a file.
    std::fs::remove_file(entries[3].dir.join("out")).unwrap();
    for threads in [1, 3] {
        let survey = look(threads);
        let damage = |i: usize, flaw| (i, Damage { file: entries[i].dir.join("out"), flaw });
        let expected =
            [damage(0, Flaw::Content), damage(2, Flaw::Content), damage(3, Flaw::Missing)];
        assert_eq!(survey.damaged, expected);
        let is_found: Vec<bool> = survey.found.iter().map(Option::is_some).collect();
        assert_eq!(is_found, [false, true, false, false, false]);
    }
}
