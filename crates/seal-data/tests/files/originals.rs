//! Records behind rows, with all their fields.

use std::collections::BTreeSet;
use std::fs;

use seal_data::{RowId, Source, load_split, originals};

#[test]
fn an_original_has_all_its_fields() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "a.json",
        "[{\"z\": 1.50, \"prompt\": \"p q\",\n \"response\": \"r\"},\n{\"prompt\": \"drop\", \"response\": \"\"}]",
    );
    write(
        "b.jsonl",
        "{\"prompt\": \"p q\", \"response\": \"r\", \"meta\": {\"b\": [1, 2], \"a\": null}}\n",
    );
    write("c.csv", "prompt,response,no\ns,t,7\nu,v,8\n");
    write("d.csv", "all alone\n");
    let sources = ["a.json", "b.jsonl", "c.csv", "d.csv"].map(Source::new);
    let loaded = load_split(folder.path(), &sources).unwrap();
    let all: Vec<RowId> = loaded.rows.as_slice().iter().map(|r| r.id).collect();
    let wanted: BTreeSet<RowId> = all.iter().copied().filter(|id| *id != all[2]).collect();
    let found: Vec<_> = originals(folder.path(), &sources, &wanted)
        .unwrap()
        .map(|original| original.unwrap())
        .collect();
    let ids: Vec<RowId> = found.iter().map(|o| o.id).collect();
    assert_eq!(ids, [all[0], all[1], all[3], all[4]], "repeats across files stay apart");
    assert!(found.iter().all(|o| loaded.places[&o.id] == o.place));
    let shown: Vec<String> = found
        .iter()
        .map(|o| format!("{}:{}: {}", o.place.source, o.place.line, o.json.get()))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    0:1: {"z":1.50,"prompt":"p q","response":"r"}
    1:1: {"prompt":"p q","response":"r","meta":{"b":[1,2],"a":null}}
    2:3: {"no":"8","prompt":"u","response":"v"}
    3:1: "all alone"
    "#);

    write("c.csv", "prompt,response,no\nu,w,8\n");
    let Err(error) = originals(folder.path(), &sources, &wanted) else { panic!("a row is gone") };
    let expected = format!("1 rows are not in the data, the first of them {}", all[3]);
    assert!(error.to_string().starts_with(&expected), "{error}");
}
