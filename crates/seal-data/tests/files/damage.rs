//! Files that are not what they should be: a clear message, without text of
//! the rows.

use std::path::Path;

use seal_data::{DataError, Format, Source, load_split};

use crate::tools::{gzip, load, load_from, plain, zstd};

const GOOD: &str = "{\"prompt\": \"secret\", \"response\": \"r\"}\n";

#[test]
fn a_bad_file_is_an_error_that_names_the_place() {
    let shown = [
        plain("a.txt", "x"),
        plain("a.json", "[]"),
        plain("a.jsonl", "\n"),
        plain("a.csv", "prompt,response\n"),
        plain("a.jsonl", "{\"prompt\": \"secret\", \"reponse\": \"secret\"}"),
        plain("a.jsonl", "{\"prompt\": 1, \"response\": \"secret\"}"),
        plain("a.json", "[{\"prompt\": \"secret\""),
        plain("a.json", &format!("[{GOOD}")),
        plain("a.json", "secret"),
        plain("a.json", &"[".repeat(1 << 20)),
        plain("a.csv", "prompt,response\n\n\"secret\",r\n\"secret,r\n"),
        plain("a.csv", "prompt,response\nsecret,r,x\n"),
        plain("a.csv", "prompt,Prompt\nsecret,r\n"),
        load("a.csv", b"goal\nsecret", |s| s.format = Some(Format::Alpaca)),
        load("a.csv", b"secret", |s| s.format = Some(Format::Alpaca)),
        load("a.csv", b"secret", |s| s.path = "b.csv".into()),
    ]
    .map(Result::unwrap_err);
    assert!(shown.iter().all(|m| !m.contains("secret")), "{shown:?}");
    insta::assert_snapshot!(shown.join("\n"), @r#"
    a.txt: unknown kind of file; known are .json, .jsonl, .csv and .tsv, each also with .gz or .zst, and .parquet
    a.json: no usable row (0 dropped); correct the file, its split or skip
    a.jsonl: no usable row (0 dropped); correct the file, its split or skip
    a.csv: no usable row (0 dropped); correct the file, its split or skip
    a.jsonl: the first row (an object with the fields prompt, reponse) fits no known layout; set `format` to one of prompt-response, open-orca, alpaca, messages, sharegpt, hh, hh-rejected, instructions, or name its fields, for example columns = { prompt = "prompt", response = "reponse" }
    a.jsonl: no usable row (1 dropped: 1 as a field is of another kind than it should be; the first at fault: line 1, row 1, field `prompt` or `question`: found a number, expected a string); correct the file, its split or skip
    a.json, line 1: not valid JSON (column 20): EOF while parsing an object; the file is cut, or a bracket or a quote of this row is missing
    a.json, line 2: not valid JSON (column 1): EOF while parsing a list; the file is cut, or a bracket is missing
    a.json, line 1: not valid JSON (column 1): expected value
    a.json, line 1: not valid JSON (column 129): recursion limit exceeded; the file is cut, or a bracket or a quote of this row is missing
    a.csv, line 4: a quote is opened here and not closed by the end of the file
    a.csv, line 2: 3 columns, the first line has 2
    a.csv, line 1: column 2 has the name of an earlier one
    a.csv: no usable row (1 dropped: 1 as the row has another layout than the file; the first at fault: line 2, row 1, field `instruction`: found nothing); correct the file, its split or skip
    a.csv, line 1: the only column has a name that is not known, or none: if this line is its name, give it as columns = { prompt = "NAME" }; if it is a prompt as the others are, set format = "instructions"
    b.csv: no such file
    "#);
    assert!(matches!(load_split(Path::new("."), &[]), Err(DataError::NoSource)));
}

#[test]
fn bytes_that_are_no_text_are_found_on_their_line() {
    let row = |name: &str, bad: &[u8]| {
        let read = load(name, &[GOOD.as_bytes(), bad].concat(), |_| {}).unwrap();
        format!("{name} {}: {:?}", read.dropped[0].line, read.dropped[0].reason)
    };
    let shown = [
        row("a.jsonl", b"{\"prompt\": \"\xff\", \"response\": \"r\"}"),
        row("a.json", b"\n{\"prompt\":\n\"\xff\", \"response\": \"r\"}"),
        load("a.csv", b"p\xff,response\np,q\n", |_| {}).unwrap_err(),
    ];
    insta::assert_snapshot!(shown.join("\n"), @r#"
    a.jsonl 2: NotUtf8
    a.json 3: NotUtf8
    a.csv: the first row (an object with the fields response) fits no known layout; set `format` to one of prompt-response, open-orca, alpaca, messages, sharegpt, hh, hh-rejected, instructions, or name its fields, for example columns = { prompt = "FIELD", response = "response" }
    "#);
}

#[test]
fn a_name_that_lies_is_told_from_the_content() {
    let web = "<!DOCTYPE html><title>secret</title>";
    let lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
    let shown = [
        load("a.jsonl", &gzip(GOOD.as_bytes()), |_| {}),
        load("a.csv", &zstd(GOOD.as_bytes()), |_| {}),
        load("a.jsonl.gz", GOOD.as_bytes(), |_| {}),
        load("a.jsonl.gz", &zstd(GOOD.as_bytes()), |_| {}),
        load("a.jsonl.zst", b"secret", |_| {}),
        load("a.jsonl.gz", &gzip(&gzip(GOOD.as_bytes())), |_| {}),
        load("a.json", b"PAR1 secret PAR1", |_| {}),
        load("a.parquet", GOOD.as_bytes(), |_| {}),
        load("a.parquet", b"", |_| {}),
        load("a.parquet.gz", &gzip(b"PAR1"), |_| {}),
        load("a.csv", b"\xff\xfep\0", |_| {}),
        plain("a.json", web),
        plain("a.parquet", lfs),
        plain("a.jsonl", lfs),
        plain("a.csv", GOOD),
        plain("a.json", "prompt,response\nsecret,r\n"),
    ]
    .map(Result::unwrap_err);
    assert!(shown.iter().all(|m| !m.contains("secret")), "{shown:?}");
    insta::assert_snapshot!(shown.join("\n"), @"
    a.jsonl: its name says text, its content is gzip data; end its name in .gz
    a.csv: its name says text, its content is Zstandard data; end its name in .zst
    a.jsonl.gz: its name says gzip data, its content is JSON; name it .json or .jsonl
    a.jsonl.gz: its name says gzip data, its content is Zstandard data; end its name in .zst
    a.jsonl.zst: its name says Zstandard data, its content is something else; name it after what it holds
    a.jsonl.gz: its name says text, its content is gzip data; unpack it
    a.json: its name says text, its content is a Parquet file; name it .parquet
    a.parquet: its name says a Parquet file, its content is JSON; name it .json or .jsonl
    a.parquet: its name says a Parquet file, its content is nothing; get the file again
    a.parquet.gz: unknown kind of file; known are .json, .jsonl, .csv and .tsv, each also with .gz or .zst, and .parquet
    a.csv: its name says text, its content is UTF-16 text; convert it to UTF-8
    a.json: its name says text, its content is a web page; download the file itself
    a.parquet: its name says a Parquet file, its content is a Git LFS pointer; fetch the data with `git lfs pull`
    a.jsonl: its name says text, its content is a Git LFS pointer; fetch the data with `git lfs pull`
    a.csv, line 1: this is JSON and no table; name the file .json or .jsonl
    a.json, line 1: not valid JSON (column 1): expected value
    ");
}

#[test]
fn a_file_that_was_cut_off_is_refused() {
    let rows: String = (0..2000)
        .map(|i| format!("{{\"prompt\": \"{i}\", \"response\": \"{}\"}}\n", i * i))
        .collect();
    for (name, bytes) in
        [("a.jsonl.gz", gzip(rows.as_bytes())), ("a.jsonl.zst", zstd(rows.as_bytes()))]
    {
        assert_eq!(load(name, &bytes, |_| {}).unwrap().rows.len(), 2000);
        for cut in [0, 1, 3, 6, 12, bytes.len() / 2, bytes.len() - 5, bytes.len() - 1] {
            let error = load(name, &bytes[..cut], |_| {}).unwrap_err();
            assert!(error.starts_with(name), "{cut}: {error}");
        }
        let shown = load(name, &bytes[..bytes.len() / 2], |_| {}).unwrap_err();
        assert!(shown.contains("not a whole"), "{shown}");
    }
    let table = "prompt,response\na,b\nc,\"d";
    assert!(plain("a.csv", table).unwrap_err().starts_with("a.csv, line 3: a quote is opened"));
}

#[test]
fn a_damaged_zstandard_file_does_not_pass_its_checksum() {
    let mut bytes = zstd(GOOD.as_bytes());
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let error = load("a.jsonl.zst", &bytes, |_| {}).unwrap_err();
    insta::assert_snapshot!(error, @"a.jsonl.zst: cannot be read: not a whole Zstandard file (wrong checksum)");
}

#[test]
fn a_folder_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("d.jsonl")).unwrap();
    let error = |name: &str| load_from(folder.path(), name, |_| {}).unwrap_err();
    insta::assert_snapshot!(error("d.jsonl"), @"d.jsonl: is a folder, not a file (it holds no file of rows); name one source for each file");
    for i in 0..6 {
        std::fs::write(folder.path().join(format!("d.jsonl/{i}.parquet")), "").unwrap();
    }
    std::fs::write(folder.path().join("d.jsonl/README.md"), "").unwrap();
    insta::assert_snapshot!(error("d.jsonl"), @"d.jsonl: is a folder, not a file (it holds 0.parquet, 1.parquet, 2.parquet, 3.parquet, 4.parquet, ...); name one source for each file");
    let error = load_split(folder.path(), &[Source::new(".")]).unwrap_err().to_string();
    assert!(error.contains("is a folder"), "{error}");
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_that_cannot_be_used() {
    use crate::tools::reference;
    let file = |name: &str| load_from(&reference(), name, |_| {}).unwrap_err();
    let bytes = std::fs::read(reference().join("texts-snappy.parquet")).unwrap();
    let part =
        |range: std::ops::Range<usize>| load("a.parquet", &bytes[range], |_| {}).unwrap_err();
    let shown = [file("numbers.parquet"), part(0..bytes.len() / 2), part(0..8), part(0..4)];
    insta::assert_snapshot!(shown.join("\n"), @"
    numbers.parquet: no usable row (42 dropped: 42 as a field is of another kind than it should be; the first at fault: line 1, row 1, field `response` or `answer` or `completion`: found a number, expected a string); correct the file, its split or skip
    a.parquet, row 0: cannot be read as Parquet: Parquet error: Invalid Parquet file. Corrupt footer; download or write it again
    a.parquet, row 0: cannot be read as Parquet: Parquet error: Invalid Parquet file. Corrupt footer; download or write it again
    a.parquet, row 0: cannot be read as Parquet: EOF: Parquet file too small. Size is 4 but need 8; download or write it again
    ");
    let odd = load_from(&reference(), "bytes.parquet", |_| {}).unwrap();
    assert_eq!((odd.rows.len(), odd.dropped[0].row), (1, 2), "bytes that are no text");
    for cut in 4..bytes.len() {
        assert!(part(0..cut).starts_with("a.parquet"), "{cut}");
    }
}

#[cfg(not(feature = "parquet"))]
#[test]
fn parquet_needs_its_feature() {
    insta::assert_snapshot!(load("a.parquet", b"PAR1", |_| {}).unwrap_err(), @"a.parquet: this program was built without Parquet; convert the file to .jsonl");
}
