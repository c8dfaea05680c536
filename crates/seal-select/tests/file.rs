//! The selector file, written and read.

use std::collections::BTreeMap;

use seal_rows::RowId;
use seal_select::{SelectError, SelectorFile, keep_top, rank};

fn example() -> SelectorFile {
    let ids: Vec<RowId> = (0..3).map(|i| RowId::of(&i.to_string(), "", 0)).collect();
    let omega = [-0.1, 1.0 / 3.0, -2.5e-9];
    let ranking = rank(&ids, &omega, 0).unwrap();
    let settings = BTreeMap::from([
        ("keep_fraction".to_owned(), 0.7.into()),
        ("function".to_owned(), "relu".into()),
    ]);
    let kept = keep_top(&ranking, 0.7).unwrap();
    SelectorFile::new("relu", settings, &ids, &omega, Some(&[0.0, 1.0, 0.0]), &ranking, kept)
        .unwrap()
}

#[test]
fn the_text_is_stable() {
    insta::assert_snapshot!(example().to_jsonl().unwrap());
}

#[test]
fn a_file_survives_writing_and_reading() {
    let file = example();
    assert_eq!(SelectorFile::from_jsonl(&file.to_jsonl().unwrap()), Ok(file.clone()));
    let mut without_weights = file;
    for row in &mut without_weights.rows {
        row.p = None;
    }
    let text = without_weights.to_jsonl().unwrap();
    assert_eq!(SelectorFile::from_jsonl(&text), Ok(without_weights));
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_holds_the_same_rows() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;
    use seal_select::SelectorRow;
    let mut file = example();
    file.rows[1].p = None;
    let bytes = file.to_parquet().unwrap();
    assert_eq!(bytes, file.to_parquet().unwrap());
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
    let rows = reader.get_row_iter(None).unwrap().map(Result::unwrap);
    let rows: Vec<SelectorRow> = rows
        .map(|row| SelectorRow {
            id: row.get_string(0).unwrap().parse().unwrap(),
            omega: row.get_double(1).unwrap(),
            p: row.get_double(2).ok(),
            rank: row.get_long(3).unwrap() as usize,
            kept: row.get_bool(4).unwrap(),
        })
        .collect();
    assert_eq!(rows, file.rows);
    let text = file.to_jsonl().unwrap();
    let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let header = metadata.iter().find(|kv| kv.key == seal_select::PARQUET_HEADER_KEY).unwrap();
    assert_eq!(header.value.as_deref(), text.lines().next());
    file.rows[0].omega = f64::NAN;
    assert!(file.to_parquet().is_err());
}

#[test]
fn logits_are_found_by_id_in_any_order() {
    let file = example();
    let ids: Vec<RowId> = file.rows.iter().rev().map(|r| r.id).collect();
    let omega: Vec<f64> = file.rows.iter().rev().map(|r| r.omega).collect();
    assert_eq!(file.omega_of(&ids), Ok(omega));
    let stranger = RowId::of("stranger", "", 0);
    assert_eq!(file.omega_of(&[ids[0], stranger]), Err(SelectError::MissingRow { id: stranger }));
}

#[test]
fn bad_contents_are_refused_by_line() {
    let text = example().to_jsonl().unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let cases = [
        ("empty", String::new()),
        ("version", text.replace("\"format_version\":1", "\"format_version\":9")),
        ("no header", lines[1..].join("\n")),
        ("broken off", lines[..3].join("\n")),
        ("broken row", text[..text.len() - 4].to_owned()),
        ("bad id", text.replacen("{\"id\":\"", "{\"id\":\"zz", 1)),
        ("missing field", text.replacen("\"omega\":-0.1,", "", 1)),
        ("repeated row", [lines[0], lines[1], lines[1], lines[3]].join("\n")),
        ("repeated rank", text.replace("\"rank\":3", "\"rank\":1")),
        ("rank of 0", text.replace("\"rank\":3", "\"rank\":0")),
        ("omega out of range", text.replace("\"omega\":-0.1", "\"omega\":1e999")),
    ];
    let report: Vec<String> = cases
        .iter()
        .map(|(name, text)| format!("{name}: {}", SelectorFile::from_jsonl(text).unwrap_err()))
        .collect();
    insta::assert_snapshot!(report.join("\n"));
}

#[test]
fn what_could_not_be_read_is_not_written() {
    let mut file = example();
    file.rows[1].omega = f64::NAN;
    let error = file.to_jsonl().unwrap_err();
    assert_eq!(error.to_string(), "selector file, line 3: omega is NaN, it must be finite");
    let ids: Vec<RowId> = file.rows.iter().map(|r| r.id).collect();
    let new = |ranking: &[usize], kept: &[usize]| {
        SelectorFile::new("random", BTreeMap::new(), &ids, &[0.0; 3], None, ranking, kept)
    };
    assert!(new(&[0, 1, 2], &[]).is_ok());
    assert!(new(&[0, 1], &[]).is_err());
    assert!(new(&[0, 1, 1], &[]).is_err());
    assert!(new(&[0, 1, 3], &[]).is_err());
    assert!(new(&[0, 1, 2], &[3]).is_err());
}
