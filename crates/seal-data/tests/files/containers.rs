//! The same rows in every container.

use std::io::Write as _;

use proptest::prelude::*;
use seal_data::{EmptyAnswers, Source, load_split};

use crate::tools::{gzip, load, plain, texts, zstd};

#[test]
fn one_data_set_in_every_container() {
    let lines =
        "{\"prompt\": \"p é\", \"response\": \"r\"}\n{\"prompt\": \"q\", \"response\": \"s, t\"}\n";
    let array = format!("[{}]", lines.trim_end().replace('\n', ",\n"));
    let csv = "prompt,response\np é,r\nq,\"s, t\"\n";
    let tsv = "prompt\tresponse\n\"p é\"\tr\nq\ts, t";
    let files = [
        ("a.json", array.as_str()),
        ("a.json", lines),
        ("a.jsonl", lines),
        ("a.ndjson", lines),
        ("a.csv", csv),
        ("a.tsv", tsv),
    ];
    let expected = [("p é", "r"), ("q", "s, t")];
    for (name, text) in files {
        let crlf = text.replace('\n', "\r\n");
        let bom = format!("\u{feff}{text}");
        let variants = [
            (name.to_owned(), text.as_bytes().to_vec()),
            (name.to_uppercase(), text.as_bytes().to_vec()),
            (name.to_owned(), crlf.into_bytes()),
            (name.to_owned(), bom.into_bytes()),
            // Packed files may have several members.
            (format!("{name}.gz"), [gzip(text.as_bytes()), gzip(b"\n")].concat()),
            (format!("{name}.zst"), [zstd(text.as_bytes()), zstd(b"\n")].concat()),
        ];
        for (name, bytes) in variants {
            let loaded = load(&name, &bytes, |_| {}).unwrap();
            assert_eq!(texts(&loaded), expected, "{name}");
            assert_eq!(loaded.dropped, []);
        }
    }
}

#[test]
fn a_line_of_100_megabytes_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    file.write_all(b"{\"prompt\": \"p\", \"response\": \"").unwrap();
    for _ in 0..100 {
        file.write_all(&vec![b'a'; 1 << 20]).unwrap();
    }
    file.write_all(b"\"}\n{\"prompt\": \"q\", \"response\": \"r\"}\n").unwrap();
    file.flush().unwrap();
    let loaded = load_split(folder.path(), &[Source::new("a.jsonl")]).unwrap();
    let lengths: Vec<usize> = loaded.rows.as_slice().iter().map(|r| r.response.len()).collect();
    assert_eq!(lengths, [100 << 20, 1]);
}

#[test]
fn a_table_may_have_any_columns() {
    let loaded = plain("a.csv", "Id,Question,Answer,Unsafe\n7,\"a \"\"b\"\"\nc\",d,1\n").unwrap();
    assert_eq!(texts(&loaded), [("a \"b\"\nc", "d")]);
    assert_eq!(loaded.rows.as_slice()[0].is_unsafe, Some(true));
    // The first column of tables written with an index has no name.
    assert_eq!(texts(&plain("a.csv", ",prompt,response\n0,p,r\n").unwrap()), [("p", "r")]);
    // One column: prompts, blank lines aside; a header only under a known name.
    let goals = plain("a.csv", "one by one\n\n\"two, three\"\n").unwrap();
    assert_eq!(texts(&goals), [("one by one", ""), ("two, three", "")]);
    assert_eq!(texts(&plain("a.tsv", "Goal\none, two\n").unwrap()), [("one, two", "")]);
}

fn cells() -> impl Strategy<Value = Vec<Vec<String>>> {
    let cell = prop_oneof!["[a-c ,\t\"\r\n]{0,6}", any::<String>()];
    prop::collection::vec(prop::collection::vec(cell, 3), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    /// What another program writes as CSV is read as it was.
    #[test]
    fn tables_of_another_writer_are_read(rows in cells(), tab in any::<bool>(), crlf in any::<bool>()) {
        let ends = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new()
            .delimiter(if tab { b'\t' } else { b',' })
            .terminator(ends)
            .from_writer(Vec::new());
        writer.write_record(["prompt", "response", "rejected"]).unwrap();
        let mut expected = Vec::new();
        for row in &rows {
            let row = [format!("{}x", row[0]), row[1].clone(), row[2].clone()];
            writer.write_record(&row).unwrap();
            expected.push(row);
        }
        let name = if tab { "a.tsv" } else { "a.csv" };
        let keep = |s: &mut Source| s.empty_answers = EmptyAnswers::Keep;
        let read = load(name, &writer.into_inner().unwrap(), keep).unwrap();
        let found: Vec<[String; 3]> = read
            .rows
            .as_slice()
            .iter()
            .map(|r| [r.prompt.clone(), r.response.clone(), r.rejected.clone().unwrap()])
            .collect();
        prop_assert_eq!(found, expected);
    }
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_is_read_whatever_its_pages() {
    use crate::tools::{load_from, reference};
    let read = |name: &str| {
        let loaded = load_from(&reference(), name, |s| s.empty_answers = EmptyAnswers::Keep);
        loaded.unwrap_or_else(|e| panic!("{name}: {e}"))
    };
    let first = read("texts-none.parquet");
    let rows = first.rows.as_slice();
    assert_eq!(rows.len(), 41, "of 42 prompts one is empty");
    assert_eq!(texts(&first)[9], ("Name thing 9.", "Thing 2"));
    assert_eq!(texts(&first)[40], ("Grüße, 你好", ""));
    assert_eq!(rows.iter().filter(|r| r.is_unsafe == Some(true)).count(), 9);
    let ids = |name: &str| read(name).rows.as_slice().iter().map(|r| r.id).collect::<Vec<_>>();
    for codec in ["snappy", "gzip", "zstd", "lz4"] {
        let name = format!("texts-{codec}.parquet");
        assert_eq!(ids(&name), ids("texts-none.parquet"), "{name}");
    }
    let brotli = load_from(&reference(), "texts-brotli.parquet", |_| {}).unwrap_err();
    insta::assert_snapshot!(brotli, @"texts-brotli.parquet: its pages are packed with brotli, which is not read; write it with snappy, zstd, gzip or lz4");
}
