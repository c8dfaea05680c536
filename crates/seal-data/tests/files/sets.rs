//! Whole data sets: from a spec, and written and read again.

use std::fs;

use proptest::prelude::*;
use seal_data::{
    DataError, DataSpec, EmptyAnswers, OnOverlap, Row, Rows, Source, Speaker, Turn, write_jsonl,
};

use crate::tools::{gzip, load, zstd};

#[test]
fn a_spec_reads_all_sets_and_refuses_overlap() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("d.csv"), "prompt,response\na,1\nb,2\n").unwrap();
    fs::write(folder.path().join("t.csv"), "B!\nc\n").unwrap();
    let mut spec: DataSpec = toml::from_str(
        "fine_tuning = [{ path = 'd.csv' }]\nsafe = [{ path = 'd.csv' }]\ntest.hexphi = [{ path = 't.csv' }]",
    )
    .unwrap();
    spec.root = folder.path().to_owned();
    let refused = spec.load().unwrap_err();
    assert!(matches!(refused, DataError::Overlap { .. }), "{refused}");
    spec.overlap = OnOverlap::Allow;
    let sets = spec.load().unwrap();
    let counts: Vec<String> = sets
        .overlap
        .counts()
        .iter()
        .map(|(pair, n)| format!("{pair}: {} exact, {} normalised", n.exact, n.normalised))
        .collect();
    insta::assert_snapshot!(counts.join("\n"), @r"
    hexphi in fine_tuning: 0 exact, 1 normalised
    hexphi in safe: 0 exact, 1 normalised
    safe in fine_tuning: 2 exact, 2 normalised
    ");
    spec.overlap = OnOverlap::Drop;
    let dropped = spec.load().unwrap();
    assert_eq!(dropped.overlap, sets.overlap);
    let summary = &dropped.summaries()["hexphi"];
    assert_eq!((summary.rows, summary.dropped), (1, 1));
    assert_eq!(dropped.test["hexphi"].rows.as_slice()[0].prompt, "c");
    fs::write(folder.path().join("all.csv"), "B!\n").unwrap();
    spec.test.insert("hexphi".into(), vec![Source::new("all.csv")]);
    insta::assert_snapshot!(spec.load().unwrap_err(), @"data set `test.hexphi`: all 1 prompts stand in training data too; give prompts that were held out");
    let names: Vec<&str> = sets.named().map(|(name, _, _)| name).collect();
    assert_eq!(names, ["fine_tuning", "safe", "hexphi"]);
    spec.safe = vec![Source::new("t.csv")];
    insta::assert_snapshot!(spec.load().unwrap_err(), @r#"data set `safe`: 2 rows have no answer to train on. The layout of a file is told from its first rows: if those lack their answers and others have one, set `format`; leave empty_answers = "keep" to tests"#);
    spec.safe = spec.fine_tuning.clone();
    spec.test.insert("hh".into(), vec![Source::new("none.json")]);
    assert!(spec.load().unwrap_err().to_string().starts_with("data set `test.hh`: "));
    assert!(toml::from_str::<DataSpec>("fine_tuning = []\nsafe = []\nsaef = []").is_err());
}

/// Every set but the base's is cut, and what is left is what is compared and counted.
#[test]
fn a_limit_holds_for_every_set_and_for_what_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, rows: usize| {
        let text: String = (0..rows)
            .map(|i| format!("{{\"prompt\": \"p {i}\", \"response\": \"r\"}}\n"))
            .collect();
        fs::write(folder.path().join(name), text).unwrap();
    };
    write("all.jsonl", 40);
    let names = ["base", "fine_tuning", "safe", "safety", "test.t"];
    let text: String = names.map(|set| format!("{set} = [{{ path = 'all.jsonl' }}]\n")).concat();
    let mut spec: DataSpec = toml::from_str(&text).unwrap();
    (spec.root, spec.overlap) = (folder.path().to_owned(), OnOverlap::Allow);
    let sets = spec.load_limited(Some(10)).unwrap();
    let rows: Vec<(&str, usize)> =
        sets.named().map(|(name, _, set)| (name, set.rows.len())).collect();
    let expected = [("base", 40), ("fine_tuning", 10), ("safe", 10), ("safety", 10), ("t", 10)];
    assert_eq!(rows, expected);
    assert!(
        sets.summaries().iter().all(|(name, set)| set.rows == if name == "base" { 40 } else { 10 })
    );
    // One file cut by one rule is the same rows; of the base's 40, these 10.
    assert!(
        sets.overlap.counts().values().all(|n| n.normalised == 10),
        "{:?}",
        sets.overlap.counts()
    );
    assert_eq!(spec.load().unwrap().overlap.counts()["safe in fine_tuning"].normalised, 40);
}

type Fields = (String, String, Option<bool>, Option<String>, Vec<String>);

fn any_row() -> impl Strategy<Value = Fields> {
    let text = prop_oneof![any::<String>(), "[a-z \r\n\t\"\\\\\u{2028}\u{feff}]{0,8}"];
    let turns = prop::collection::vec(text.clone(), 0..4);
    (text.clone(), text.clone(), any::<Option<bool>>(), prop::option::of(text), turns)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn rows_survive_being_written_and_read(
        fields in prop::collection::vec(any_row(), 1..8), packing in 0..3,
    ) {
        let mut rows = Rows::new();
        for (prompt, response, is_unsafe, extra, turns) in fields {
            let said = turns.iter().zip([Speaker::User, Speaker::Assistant].into_iter().cycle());
            let mut history: Vec<Turn> =
                said.map(|(text, role)| Turn::new(role, format!("{text}x"))).collect();
            history.truncate(turns.len() / 2 * 2);
            if is_unsafe.is_some() {
                history.insert(0, Turn::new(Speaker::System, "s"));
            }
            let row = rows.push_dialogue(history, format!("{prompt}x"), response);
            (row.is_unsafe, row.category, row.rejected) = (is_unsafe, extra.clone(), extra);
        }
        let mut bytes = Vec::new();
        write_jsonl(&mut bytes, rows.as_slice()).unwrap();
        let (name, bytes) = match packing {
            0 => ("a.jsonl", bytes),
            1 => ("a.jsonl.gz", gzip(&bytes)),
            _ => ("a.jsonl.zst", zstd(&bytes)),
        };
        let read = load(name, &bytes, |s| s.empty_answers = EmptyAnswers::Keep).unwrap();
        prop_assert_eq!(read.rows.as_slice(), rows.as_slice() as &[Row]);
    }
}
