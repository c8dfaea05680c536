//! Files of every kind, good and bad, through the public readers.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use seal_data::{
    DataError, DataSpec, DropReason, EmptyAnswers, Format, Loaded, OnOverlap, Row, Rows, Source,
    Split, SplitBy, load_split, write_jsonl,
};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// Loads one file of these bytes; paths in messages are relative to it.
fn load(name: &str, bytes: &[u8], change: impl Fn(&mut Source)) -> Result<Loaded, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), bytes).unwrap();
    let mut source = Source::new(name);
    change(&mut source);
    let root = format!("{}/", folder.path().display());
    load_split(folder.path(), &[source]).map_err(|e| e.to_string().replace(&root, ""))
}

fn texts(loaded: &Loaded) -> Vec<(&str, &str)> {
    loaded.rows.as_slice().iter().map(|r| (&*r.prompt, &*r.response)).collect()
}

fn plain(name: &str, text: &str) -> Result<Loaded, String> {
    load(name, text.as_bytes(), |_| {})
}

#[test]
fn one_data_set_in_every_container() {
    let lines =
        "{\"prompt\": \"p é\", \"response\": \"r\"}\n{\"prompt\": \"q\", \"response\": \"s, t\"}\n";
    let array = format!("[{}]", lines.trim_end().replace('\n', ",\n"));
    let csv = "prompt,response\np é,r\nq,\"s, t\"\n";
    let files = [("a.json", array.as_str()), ("a.json", lines), ("a.jsonl", lines), ("a.csv", csv)];
    for (name, text) in files {
        let crlf = text.replace('\n', "\r\n");
        let bom = format!("\u{feff}{text}");
        let packed = (format!("{name}.gz"), gzip(text.as_bytes()));
        let variants = [
            (name.to_owned(), text.as_bytes().to_vec()),
            (name.to_owned(), crlf.into_bytes()),
            (name.to_owned(), bom.into_bytes()),
            (packed.0, [packed.1, gzip(b"\n")].concat()),
        ];
        for (name, bytes) in variants {
            let loaded = load(&name, &bytes, |_| {}).unwrap();
            assert_eq!(texts(&loaded), [("p é", "r"), ("q", "s, t")], "{name}");
            assert_eq!(loaded.dropped, []);
        }
    }
}

#[test]
fn a_bad_file_is_an_error_that_names_the_place() {
    let shown = [
        plain("a.txt", "x"),
        plain("a.json", "[]"),
        plain("a.jsonl", "\n"),
        plain("a.jsonl", "{\"prompt\": \"secret\", \"reponse\": \"secret\"}"),
        plain("a.jsonl", "{\"prompt\": \"secret\", \"response\": \"r\"}\n{\"prompt\": 1}"),
        plain("a.json", "[{\"prompt\": \"secret\""),
        load("a.jsonl", b"{}\n\"\xff\"", |_| {}),
        load("a.json.gz", b"plain", |_| {}),
        load("a.csv", b"goal\nsecret", |s| s.format = Some(Format::Alpaca)),
        load("a.csv", b"secret", |s| s.format = Some(Format::Alpaca)),
        load("a.csv", b"secret", |s| s.path = "b.csv".into()),
    ]
    .map(Result::unwrap_err);
    assert!(shown.iter().all(|m| !m.contains("secret")), "{shown:?}");
    insta::assert_snapshot!(shown.join("\n"), @r"
    a.txt: unknown kind of file; known are .json, .jsonl, .csv, each also with .gz
    a.json: no usable row (0 dropped); correct the file, its split or skip
    a.jsonl: no usable row (0 dropped); correct the file, its split or skip
    a.jsonl: the first row (an object with the fields prompt, reponse) fits no known layout; set `format` to one of prompt-response, alpaca, hh, hh-rejected, instructions
    a.jsonl, line 2, row 2: field `prompt` or `question`: found a number, expected a string
    a.json, line 1: not valid JSON (column 20): EOF while parsing an object
    a.jsonl, line 2: not valid UTF-8; convert the file to UTF-8
    a.json.gz: cannot be read: not a whole gzip file (unexpected end of file)
    a.csv, line 2, row 1: field `output` or `response`: found nothing, expected a string
    a.csv, line 1, row 1: the row: found a string, expected an object with named fields
    b.csv: no such file; give `path` relative to the data root, or correct the root
    ");
    assert!(matches!(load_split(Path::new("."), &[]), Err(DataError::NoSource)));
}

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
    let given = load("a.csv", b"p\n", |s| {
        s.is_unsafe = Some(true);
        s.category = Some("goals".into());
    })
    .unwrap();
    assert_eq!(labels(&given), [Some(true)]);
    assert_eq!(given.rows.as_slice()[0].category.as_deref(), Some("goals"));
    assert_eq!(plain("a.csv", "p\n").unwrap().summary().unsafe_rows, None);
}

#[test]
fn a_part_that_cannot_be_had_is_refused() {
    let part = |split: Split, skip, take| {
        load("a.csv", SIX.as_bytes(), |s| {
            (s.split, s.skip, s.take) = (Some(split.clone()), skip, take);
        })
    };
    let whole = Split::default();
    assert_eq!(part(whole.clone(), 1, Some(3)).unwrap().rows.len(), 3);
    let shown = [
        part(whole.clone(), 1, Some(4)),
        part(whole.clone(), 4, None),
        part(Split { from: 0.5, to: 0.5, ..whole.clone() }, 0, None),
        part(Split { by: SplitBy::Instruction, to: f64::NAN, ..whole }, 0, None),
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
    fs::write(folder.path().join("a.csv"), "p\np\n").unwrap();
    let source = Source::new("a.csv");
    let loaded = load_split(folder.path(), &[source.clone(), source]).unwrap();
    let mut ids: Vec<_> = loaded.rows.as_slice().iter().map(|r| r.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

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
    insta::assert_snapshot!(spec.load().unwrap_err(), @r#"data set `safe`: 2 rows have no answer to train on. The layout of a file is told from its first row: if that one lacks its answer and others have one, complete it or set `format`; leave empty_answers = "keep" to tests"#);
    spec.safe = spec.fine_tuning.clone();
    spec.test.insert("hh".into(), vec![Source::new("none.json")]);
    assert!(spec.load().unwrap_err().to_string().starts_with("data set `test.hh`: "));
    assert!(toml::from_str::<DataSpec>("fine_tuning = []\nsafe = []\nsaef = []").is_err());
}

fn any_row() -> impl Strategy<Value = (String, String, Option<bool>, Option<String>)> {
    let text = prop_oneof![any::<String>(), "[a-z \r\n\t\"\\\\\u{2028}\u{feff}]{0,8}"];
    (text.clone(), text.clone(), any::<Option<bool>>(), prop::option::of(text))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn rows_survive_being_written_and_read(
        fields in prop::collection::vec(any_row(), 1..8), packed in any::<bool>(),
    ) {
        let mut rows = Rows::new();
        for (prompt, response, is_unsafe, extra) in fields {
            let row = rows.push(format!("{prompt}x"), response);
            (row.is_unsafe, row.category, row.rejected) = (is_unsafe, extra.clone(), extra);
        }
        let mut bytes = Vec::new();
        write_jsonl(&mut bytes, rows.as_slice()).unwrap();
        let (name, bytes) =
            if packed { ("a.jsonl.gz", gzip(&bytes)) } else { ("a.jsonl", bytes) };
        let read = load(name, &bytes, |s| s.empty_answers = EmptyAnswers::Keep).unwrap();
        prop_assert_eq!(read.rows.as_slice(), rows.as_slice() as &[Row]);
    }
}
