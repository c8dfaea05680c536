//! One odd row, or a field that nobody reads, stops no file; nothing goes
//! without being counted.

use seal_data::{Columns, DropReason, EmptyAnswers, HashSplit};

use crate::tools::{gzip, load, plain, texts, zstd};

const A: &str = "{\"prompt\": \"a\", \"response\": \"1\"}";
const B: &str = "{\"prompt\": \"b\", \"response\": \"2\"}";
const AB: [(&str, &str); 2] = [("a", "1"), ("b", "2")];

/// What was read of a file and what was left out, with its line.
fn outcome(name: &str, bytes: &[u8]) -> (Vec<String>, Vec<(usize, usize, DropReason)>) {
    let loaded = load(name, bytes, |_| {}).unwrap_or_else(|e| panic!("{name}: {e}"));
    let prompts = texts(&loaded).iter().map(|(prompt, _)| (*prompt).to_owned()).collect();
    (prompts, loaded.dropped.iter().map(|d| (d.line, d.row, d.reason)).collect())
}

#[test]
fn an_odd_line_is_left_out_and_listed() {
    use DropReason::{CutShort, InvalidJson, NotUtf8, TooComplex};
    let deep = format!("{{\"prompt\": {}{}}}", "[".repeat(200), "]".repeat(200));
    let odd: [(&[u8], DropReason); 11] = [
        (b"{\"prompt\": \"x\", \"response\"", InvalidJson),
        (b"{\"prompt\": \"x\", \"response\": \"y\",}", InvalidJson),
        (b"{'prompt': 'x', 'response': 'y'}", InvalidJson),
        (b"{\"prompt\": \"x\ty\", \"response\": \"y\"}", InvalidJson),
        (b"{\"prompt\": \"x\0\", \"response\": \"y\"}", InvalidJson),
        (b"\0\0\0", InvalidJson),
        (b"# a comment", InvalidJson),
        (b"{\"prompt\": \"x\", \"response\": None}", InvalidJson),
        (b"{\"prompt\": \"\xff\", \"response\": \"y\"}", NotUtf8),
        (b"{\"prompt\": \"x\", \"response\": \"\xc3\"}", NotUtf8),
        (deep.as_bytes(), TooComplex),
    ];
    for (line, reason) in odd {
        let bytes = [A.as_bytes(), b"\n", line, b"\n", B.as_bytes(), b"\n"].concat();
        for name in ["a.jsonl", "a.json"] {
            let (rows, dropped) = outcome(name, &bytes);
            assert_eq!((rows.len(), dropped), (2, vec![(2, 2, reason)]), "{name} {reason:?}");
        }
        let first = [line, b"\n", A.as_bytes()].concat();
        assert_eq!(outcome("a.jsonl", &first).1, [(1, 1, reason)], "in front");
    }
    // A download that stopped, or a writer that was killed.
    let cut = format!("{A}\n{}", &B[..12]);
    assert_eq!(outcome("a.jsonl", cut.as_bytes()).1, [(2, 2, CutShort)]);
    assert_eq!(outcome("a.jsonl.gz", &gzip(cut.as_bytes())).1, [(2, 2, CutShort)]);
    let lines = format!("{cut}\n");
    assert_eq!(outcome("a.jsonl", lines.as_bytes()).1, [(2, 2, InvalidJson)], "a whole line");
}

#[test]
fn an_odd_element_of_an_array_is_left_out_and_listed() {
    use DropReason::InvalidJson;
    let cases = [
        (format!("[{A}, secret, {B}]"), vec![(1, 2, InvalidJson)]),
        (format!("[{A},\n{{\"prompt\" \"x\"}},\n{B}]"), vec![(2, 2, InvalidJson)]),
        (format!("[{A}}},\n{B}]"), vec![(1, 2, InvalidJson)]),
        (format!("[{A}, {B}] secret"), vec![(1, 3, InvalidJson)]),
        (format!("[{A}, {B},]"), vec![]),
        (format!("[{A} {B}]"), vec![]),
        (format!("[{A},, {B}]"), vec![]),
    ];
    for (text, expected) in cases {
        let (rows, dropped) = outcome("a.json", text.as_bytes());
        assert_eq!((rows, dropped), (vec!["a".into(), "b".into()], expected), "{text}");
    }
    // The rest of a list that is not closed may be anywhere: such a file is not used.
    for cut in [format!("[{A}, {B}"), format!("[{A}, {}", &B[..20]), format!("[{A}, ")] {
        let error = plain("a.json", &cut).unwrap_err();
        assert!(error.contains("the file is cut"), "{error}");
    }
}

#[test]
fn what_python_writes_is_read() {
    let unread = "{\"prompt\": \"a\", \"response\": \"1\", \"score\": [NaN, -Infinity, 1e999], \"x\": \"\\ud83d\"}";
    let halves = "{\"prompt\": \"sky \\ud83d?\", \"response\": \"r\"}";
    let pair = "{\"prompt\": \"b\", \"response\": \"2\", \"y\": \"\\ud83d\\ude00\"}";
    let text = format!("{unread}\n{halves}\n{pair}\n");
    for name in ["a.jsonl", "a.json"] {
        let (rows, dropped) = outcome(name, text.as_bytes());
        assert_eq!(rows, ["a", "b"]);
        assert_eq!(dropped, [(2, 2, DropReason::LoneSurrogate)]);
    }
    let only = plain("a.jsonl", halves).unwrap_err();
    insta::assert_snapshot!(only, @r#"a.jsonl: no usable row (1 dropped: 1 as half of a surrogate pair (\ud800 to \udfff alone) is no text; write it with errors="replace"); correct the file, its split or skip"#);
    // pandas writes what is missing as NaN.
    let missing = "{\"instruction\": \"a\", \"input\": NaN, \"output\": \"1\", \"unsafe\": NaN}";
    assert_eq!(texts(&plain("a.jsonl", missing).unwrap()), [("a", "1")]);
    let infinite = "{\"prompt\": \"a\", \"response\": \"1\", \"unsafe\": Infinity}";
    assert!(
        plain("a.jsonl", infinite).map_or(true, |read| read.rows.as_slice()[0].is_unsafe.is_none())
    );
}

#[test]
fn bytes_that_are_no_text_matter_only_in_fields_that_are_used() {
    let line = b"{\"prompt\": \"a\", \"response\": \"1\", \"by\": \"M\xfcller\"}\n";
    assert_eq!(outcome("a.jsonl", line), (vec!["a".into()], vec![]));
    let table = b"prompt,response,by\na,1,M\xfcller\nb\xff,2,\n";
    let expected = (vec!["a".into()], vec![(3, 2, DropReason::NotUtf8)]);
    assert_eq!(outcome("a.csv", table), expected);
}

#[test]
fn files_put_one_behind_the_other_are_read() {
    let (mark, lines) = ("\u{feff}", format!("{A}\n"));
    let marked = format!("{mark}{lines}{mark}{B}\n");
    let table = format!("{mark}prompt,response\r\na,1\r\n{mark}prompt,response\r\nb,2\r\n");
    let cases = [
        ("a.jsonl", marked.clone().into_bytes()),
        ("a.json", marked.into_bytes()),
        ("a.json", format!("[{A}]\n{mark}[{B}]").into_bytes()),
        ("a.jsonl", format!("{A}{B}\n").into_bytes()),
        ("a.jsonl", format!("{A}\r{B}\r").into_bytes()),
        (
            "a.jsonl.gz",
            [gzip(lines.as_bytes()), vec![0; 700], gzip(B.as_bytes()), vec![0; 9]].concat(),
        ),
        ("a.jsonl.zst", [zstd(lines.as_bytes()), zstd(B.as_bytes())].concat()),
        ("a.csv", table.into_bytes()),
    ];
    for (name, bytes) in cases {
        let loaded = load(name, &bytes, |_| {}).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(texts(&loaded), AB, "{name}");
        let repeated: Vec<_> = loaded.dropped.iter().map(|d| d.reason).collect();
        let expected = if name == "a.csv" { vec![DropReason::RepeatedHeader] } else { vec![] };
        assert_eq!(repeated, expected, "{name}");
    }
}

#[test]
fn json_is_read_whatever_its_name_says() {
    let cases = [
        ("a.jsonl", format!("[{A},{B}]")),
        ("a.jsonl", format!("[\n{A},\n{B}\n]\n")),
        ("a.jsonl", "{\n\"prompt\": \"a\",\n\"response\": \"1\"\n}\n{\n\"prompt\": \"b\",\n\"response\": \"2\"}".into()),
        ("a.json", format!("{A}\n{B}")),
        ("a.json", format!("{A},\n{B}")),
        ("a.json", format!("{{\"version\": {{\"a\": []}}, \"data\": [{A}, {B}], \"n\": [2]}}")),
        ("a.json", format!("{{\n \"Train\": [\n{A},\n{B}],\n \"validation\": []}}")),
        ("a.jsonl", format!("{{\"rows\": [{A}, {B}]}}")),
        ("a.json", "{\"prompt\": [\"a\", \"b\"], \"response\": [\"1\", \"2\"], \"by\": \"me\", \"none\": []}".into()),
        ("a.jsonl", "{\"prompt\": [\"a\", \"b\"], \"response\": [\"1\", \"2\"]}\n".into()),
        ("a.json", "{\"prompt\": {\"0\": \"a\", \"10\": \"b\"}, \"response\": {\"10\": \"2\", \"0\": \"1\"}}".into()),
        ("a.json", "{\"messages\": [[{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"1\"}], [{\"role\": \"user\", \"content\": \"b\"}, {\"role\": \"assistant\", \"content\": \"2\"}]]}".into()),
    ];
    for (name, text) in cases {
        let loaded = plain(name, &text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!((texts(&loaded), loaded.dropped.len()), (AB.to_vec(), 0), "{text}");
    }
    let named = load("a.json", b"{\"q\": [\"a\", \"b\"], \"r\": [\"1\", \"2\"]}", |s| {
        s.columns =
            Columns { prompt: Some("q".into()), response: Some("r".into()), ..Columns::default() };
    });
    assert_eq!(texts(&named.unwrap()), AB);
    let shown = [
        plain("a.json", &format!("{{\"train\": [{A}], \"test\": [{B}]}}")),
        plain("a.json", "{\"prompt\": [\"a\"], \"response\": [\"1\", \"2\"]}"),
        plain("a.json", "{\"columns\": [\"prompt\"], \"data\": [[\"secret\"]]}"),
        plain("a.json", &format!("{{\"data\": [{A}], \"n\": 1")),
    ]
    .map(Result::unwrap_err);
    assert!(shown.iter().all(|m| !m.contains("secret")), "{shown:?}");
    insta::assert_snapshot!(shown.join("\n"), @r#"
    a.json, line 1: rows stand under `train` and under `test`; write the list that is meant to a file of its own
    a.json, line 1, row 1: field `prompt`: found a list of another length, expected 2 values, as many as the longest list has, not 1
    a.json: the first row (an object with the fields columns, data) fits no known layout; set `format` to one of prompt-response, open-orca, alpaca, messages, sharegpt, hh, hh-rejected, instructions, or name its fields, for example columns = { prompt = "FIELD", response = "FIELD" }
    a.json, line 1: not valid JSON (column 52): EOF while parsing an object; the file is cut, or a bracket is missing
    "#);
}

#[test]
fn wide_text_is_named() {
    let wide = |big: bool| -> Vec<u8> {
        A.encode_utf16()
            .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect()
    };
    let utf32: Vec<u8> = A.chars().flat_map(|c| (c as u32).to_le_bytes()).collect();
    let files = [wide(false), wide(true), [&[0xff, 0xfe], &wide(false)[..]].concat(), utf32];
    let shown = files.map(|bytes| load("a.jsonl", &bytes, |_| {}).unwrap_err());
    insta::assert_snapshot!(shown.join("\n"), @"
    a.jsonl: its name says text, its content is UTF-16 text; convert it to UTF-8
    a.jsonl: its name says text, its content is UTF-16 text; convert it to UTF-8
    a.jsonl: its name says text, its content is UTF-16 text; convert it to UTF-8
    a.jsonl: its name says text, its content is UTF-32 text; convert it to UTF-8
    ");
}

#[test]
fn a_limit_reads_the_first_usable_rows_and_no_further() {
    let lines = format!("{A}\n{{\n{{\"prompt\": \"\", \"response\": \"x\"}}\n{B}\n{A}\nnever read");
    for (limit, rows, dropped) in [(1, 1, 0), (2, 2, 2), (3, 3, 2), (9, 3, 3)] {
        let loaded = load("a.jsonl", lines.as_bytes(), |s| s.limit = Some(limit)).unwrap();
        assert_eq!((loaded.rows.len(), loaded.dropped.len()), (rows, dropped), "{limit}");
    }
    // With a range, of what it chooses; the share of a split alone is read in order.
    let many: String =
        (0..100).map(|i| format!("{{\"prompt\": \"{i}\", \"response\": \"r\"}}\n")).collect();
    let ids = |change: &dyn Fn(&mut seal_data::Source)| {
        let loaded = load("a.jsonl", many.as_bytes(), |s| change(s)).unwrap();
        loaded.rows.as_slice().iter().map(|r| r.id).collect::<Vec<_>>()
    };
    let range = ids(&|s| (s.skip, s.take) = (7, Some(20)));
    let limited = ids(&|s| (s.skip, s.take, s.limit) = (7, Some(20), Some(5)));
    assert_eq!((range.len(), &limited[..]), (20, &range[..5]));
    let split = HashSplit { to: 0.5, ..HashSplit::default() };
    let share = ids(&|s| s.split = Some(split.clone()));
    let limited = ids(&|s| (s.split, s.limit) = (Some(split.clone()), Some(5)));
    assert_eq!(limited, share[..5]);
    let none = load("a.jsonl", lines.as_bytes(), |s| s.limit = Some(0)).unwrap_err();
    insta::assert_snapshot!(none, @"a.jsonl: limit = 0 leaves no row; leave it out to read to the end");
}

#[test]
fn unusable_rows_are_listed_by_whoever_reads_from_the_start() {
    let lines = format!(
        "{A}\n{B}\n{{\"prompt\": \"c\", \"response\": \"3\"}}\n{{\"prompt\": \"d\", \"response\": \"\"}}\nx\n"
    );
    let read = |skip: usize, take: Option<usize>| {
        let loaded = load("a.jsonl", lines.as_bytes(), |s| {
            (s.skip, s.take, s.empty_answers) = (skip, take, EmptyAnswers::Drop);
        });
        let loaded = loaded.unwrap();
        (loaded.rows.len(), loaded.dropped.len())
    };
    assert_eq!((read(0, Some(2)), read(2, None)), ((2, 2), (1, 0)));
}
