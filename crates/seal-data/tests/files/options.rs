//! Options of a source.

use std::fs;

use seal_data::{DropReason, EmptyAnswers, Format, HashSplit, Loaded, Source, SplitBy, load_split};

use crate::tools::{load, plain, texts};

const SIX: &str = "prompt,response,unsafe\na,1,0\nb,,0\nc,3,1\nd,4,\n ,5,0\nf,6,1\n";

#[test]
fn rows_that_cannot_be_used_are_listed() {
    let loaded = plain("a.csv", SIX).unwrap();
    assert_eq!(texts(&loaded), [("a", "1"), ("c", "3"), ("d", "4"), ("f", "6")]);
    let dropped: Vec<_> = loaded.dropped.iter().map(|d| (d.line, d.row, d.reason)).collect();
    assert_eq!(dropped, [(3, 2, DropReason::EmptyAnswer), (6, 5, DropReason::EmptyPrompt)]);
    let summary = loaded.summary();
    assert_eq!((summary.rows, summary.unsafe_rows, summary.dropped), (4, Some(2), 2));

    let keep = load("a.csv", SIX.as_bytes(), |s| s.empty_answers = EmptyAnswers::Keep).unwrap();
    assert_eq!(keep.rows.len(), 5);
    let refuse = load("a.csv", SIX.as_bytes(), |s| s.empty_answers = EmptyAnswers::Refuse);
    insta::assert_snapshot!(refuse.unwrap_err(), @r#"a.csv, line 3, row 2: the answer is empty; set empty_answers = "drop" (training) or "keep" (prompts of a test)"#);
    let prompts = load("a.jsonl", b"{\"prompt\": \"p\"}", |s| {
        s.format = Some(Format::PromptResponse);
        s.empty_answers = EmptyAnswers::Keep;
    });
    assert_eq!(texts(&prompts.unwrap()), [("p", "")]);
}

#[test]
fn labels_come_from_the_rows_or_from_the_source() {
    let labels = |l: &Loaded| l.rows.as_slice().iter().map(|r| r.is_unsafe).collect::<Vec<_>>();
    let own = plain("a.csv", SIX).unwrap();
    assert_eq!(labels(&own), [Some(false), Some(true), None, Some(true)]);
    let conflict = load("a.csv", SIX.as_bytes(), |s| s.is_unsafe = Some(true)).unwrap_err();
    insta::assert_snapshot!(conflict, @"a.csv, line 2, row 1: the row says unsafe = false, the source says unsafe = true; remove `unsafe` from the source or split the file");
    let given = load("a.csv", b"p q\n", |s| {
        s.is_unsafe = Some(true);
        s.category = Some("goals".into());
    })
    .unwrap();
    assert_eq!(labels(&given), [Some(true)]);
    assert_eq!(given.rows.as_slice()[0].category.as_deref(), Some("goals"));
    assert_eq!(plain("a.csv", "p q\n").unwrap().summary().unsafe_rows, None);
}

#[test]
fn a_part_that_cannot_be_had_is_refused() {
    let part = |split: HashSplit, skip, take| {
        load("a.csv", SIX.as_bytes(), |s| {
            (s.split, s.skip, s.take) = (Some(split.clone()), skip, take);
        })
    };
    let whole = HashSplit::default();
    assert_eq!(part(whole.clone(), 1, Some(3)).unwrap().rows.len(), 3);
    let shown = [
        part(whole.clone(), 1, Some(4)),
        part(whole.clone(), 4, None),
        part(HashSplit { from: 0.5, to: 0.5, ..whole.clone() }, 0, None),
        part(HashSplit { by: SplitBy::Instruction, to: f64::NAN, ..whole }, 0, None),
    ]
    .map(Result::unwrap_err);
    insta::assert_snapshot!(shown.join("\n"), @r"
    a.csv: skip = 1 and take = 4 ask for 5 rows, the split holds 4 that can be used; lower `take`, or leave it out to read to the end
    a.csv: no usable row (0 dropped); correct the file, its split or skip
    a.csv: split from 0.5 to 0.5: needs 0 <= from < to <= 1
    a.csv: split from 0 to NaN: needs 0 <= from < to <= 1
    ");
}

#[test]
fn rows_over_the_length_are_dropped_before_rows_are_counted() {
    let text = "prompt,response\nab,éé\nabc,éé\na,b\n";
    let part = |max_chars, take| {
        load("a.csv", text.as_bytes(), |s| (s.max_chars, s.take) = (Some(max_chars), take))
    };
    let loaded = part(4, None).unwrap();
    assert_eq!(texts(&loaded), [("ab", "éé"), ("a", "b")]);
    assert_eq!(loaded.dropped[0].reason, DropReason::TooLong);
    assert_eq!(part(4, Some(2)).unwrap().rows, loaded.rows);
    assert!(part(4, Some(3)).unwrap_err().contains("the split holds 2"));
}

#[test]
fn repeats_across_sources_stay_distinct() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), "p q\np q\n").unwrap();
    let source = Source::new("a.csv");
    let loaded = load_split(folder.path(), &[source.clone(), source]).unwrap();
    let mut ids: Vec<_> = loaded.rows.as_slice().iter().map(|r| r.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}
