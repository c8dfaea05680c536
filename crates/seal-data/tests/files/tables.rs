//! Tables: delimiters, headers, and columns that are not known.

use seal_data::{Columns, Delimiter, DropReason, Format, Source};

use crate::tools::{load, plain, texts};

const AB: [(&str, &str); 2] = [("a, b", "1"), ("c; d|e", "2")];

#[test]
fn the_delimiter_is_recognised_or_told() {
    let cases = [
        "prompt;response\na, b;1\n\"c; d|e\";2\n",
        "\u{feff}Prompt|Response\r\na, b|1\r\n\"c; d|e\"|2\r\n",
        "id\tprompt\tresponse\n7\ta, b\t1\n8\tc; d|e\t2\n",
        "sep=;\r\nprompt;response\r\na, b;1\r\n\"c; d|e\";2\r\n",
        "\"prompt\",\"response\"\n\"a, b\",1\n\"c; d|e\",2\n",
    ];
    for text in cases {
        assert_eq!(texts(&plain("a.csv", text).unwrap_or_else(|e| panic!("{text}: {e}"))), AB);
    }
    let told = |text: &str, delimiter: &str| {
        let delimiter = Delimiter::try_from(delimiter.to_owned()).unwrap();
        load("a.csv", text.as_bytes(), |s| s.delimiter = Some(delimiter))
    };
    assert_eq!(texts(&told("prompt~response\na, b~1\nc; d|e~2\n", "~").unwrap()), AB);
    // What is told is not guessed better.
    assert!(told("prompt;response\na;1\n", ",").is_err());
    let named = load("a.csv", b"q;a\na, b;1\n\"c; d|e\";2\n", |s: &mut Source| {
        s.columns =
            Columns { prompt: Some("q".into()), response: Some("a".into()), ..Columns::default() };
    });
    assert_eq!(texts(&named.unwrap()), AB);
}

#[test]
fn a_column_without_a_known_name_is_no_list_of_prompts_without_a_word() {
    let refused = plain("a.csv", "Behavior\nsecret one\n").unwrap_err();
    insta::assert_snapshot!(refused, @r#"a.csv, line 1: the only column has a name that is not known, or none: if this line is its name, give it as columns = { prompt = "NAME" }; if it is a prompt as the others are, set format = "instructions""#);
    let named = load("a.csv", b"Behavior\none\n", |s| {
        s.columns = Columns { prompt: Some("behavior".into()), ..Columns::default() };
    });
    assert_eq!(texts(&named.unwrap()), [("one", "")]);
    let prompts = load("a.csv", b"one\ntwo\n", |s| s.format = Some(Format::Instructions));
    assert_eq!(texts(&prompts.unwrap()), [("one", ""), ("two", "")]);
    let sentences = plain("a.csv", "Wait; then go.\nStay, \"or\" not\n");
    assert_eq!(sentences.map(|read| read.dropped[0].reason), Ok(DropReason::CellCount));
    assert_eq!(texts(&plain("a.csv", "Wait; then go.\n").unwrap()), [("Wait; then go.", "")]);
}

#[test]
fn a_row_of_other_cells_is_left_out_and_listed() {
    let text = "prompt,response\na,1\nb\nc,2,3\nd,4,,\n\"e\"\"\n,\",5\n";
    let loaded = plain("a.csv", text).unwrap();
    assert_eq!(texts(&loaded), [("a", "1"), ("d", "4"), ("e\"\n,", "5")]);
    let dropped: Vec<_> = loaded.dropped.iter().map(|d| (d.line, d.row, d.reason)).collect();
    assert_eq!(dropped, [(3, 2, DropReason::CellCount), (4, 3, DropReason::CellCount)]);
    let none = plain("a.csv", "prompt,response\na\nb\n").unwrap_err();
    insta::assert_snapshot!(none, @"a.csv, line 2: 1 columns, the first line has 2");
}

#[test]
fn names_of_columns_that_nobody_reads_stop_nothing() {
    let text = b"prompt,response,tag,Tag,,,Gr\xf6\xdfe\na,1,x,y,z,0,7\n";
    let loaded = load("a.csv", text, |_| {}).unwrap();
    assert_eq!((texts(&loaded), loaded.dropped.len()), (vec![("a", "1")], 0));
    let twice = plain("a.csv", "prompt,response,Prompt\na,1,b\n").unwrap_err();
    insta::assert_snapshot!(twice, @"a.csv, line 1: column 3 has the name of an earlier one");
}
