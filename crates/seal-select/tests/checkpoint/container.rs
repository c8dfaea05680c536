//! Files whose zip, entries or numbers are wrong.

use seal_select::{MAX_CHECKPOINT_BYTES, PublishedSelector};

use crate::build::{entries, find, numbers, replaced, with_entry, zip_of};
use crate::hostile;

fn refusals(cases: Vec<(&str, Vec<u8>)>) -> String {
    let lines = cases.into_iter().map(|(name, bytes)| {
        let error = PublishedSelector::from_pt(&bytes).unwrap_err().to_string();
        let advice = [": where you trust", "; expected is an unchanged"];
        let cut = advice.iter().filter_map(|advice| error.find(advice)).min();
        format!("{name}: {}", &error[..cut.unwrap_or(error.len())])
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn files_that_are_no_whole_zip() {
    let valid = zip_of(&entries());
    let report = refusals(vec![
        ("empty", Vec::new()),
        ("text", b"version https://git-lfs.github.com/spec/v1\noid sha256:12\n".to_vec()),
        ("cut in half", valid[..valid.len() / 2].to_vec()),
        ("cut by a byte", valid[..valid.len() - 1].to_vec()),
        ("a byte too many", [&valid, b"!".as_slice()].concat()),
        ("something before it", [b"#!/bin/sh\n", valid.as_slice()].concat()),
        ("too long", vec![0; MAX_CHECKPOINT_BYTES + 1]),
        ("two end records", hostile::two_end_records()),
        ("65,535 entries", hostile::many_entries()),
        ("a directory of 4 GB", hostile::huge_directory()),
        ("no entry", zip_of(&[])),
    ]);
    insta::assert_snapshot!(report, @"
    empty: checkpoint: no zip file (0 bytes)
    text: checkpoint: no zip file (57 bytes)
    cut in half: checkpoint: a zip file that breaks off (288 bytes)
    cut by a byte: checkpoint: a zip file that breaks off (575 bytes)
    a byte too many: checkpoint: a zip file that breaks off (577 bytes)
    something before it: checkpoint: no zip directory at byte 332, where the end record has it
    too long: checkpoint: 268435457 bytes, at most 268435456 are read
    two end records: checkpoint: two zip end records, which readers may choose between
    65,535 entries: checkpoint: a zip of 65535 entries, 1 to 16 are read
    a directory of 4 GB: checkpoint: a zip directory of 4294967280 bytes at byte 332, outside its place
    no entry: checkpoint: a zip of 0 entries, 1 to 16 are read
    ");
}

#[test]
fn entries_of_another_kind() {
    let valid = zip_of(&entries());
    let mut renamed = valid.clone();
    renamed[find(&valid, b"s/data/0", 0)] = b't';
    let mut many = entries();
    many.extend(
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"]
            .map(|name| (name, Vec::new())),
    );
    let without = |name: &str| {
        zip_of(&entries().into_iter().filter(|entry| entry.0 != name).collect::<Vec<_>>())
    };
    let other_number = replaced(&valid, &23.25f32.to_le_bytes(), &1e9f32.to_le_bytes());
    let report = refusals(vec![
        ("zip bomb", hostile::bomb()),
        ("4 GB", hostile::huge_entry()),
        ("10 GB in the bytecode", hostile::huge_tensor()),
        ("encrypted", hostile::encrypted()),
        ("17 entries", zip_of(&many)),
        ("second tensor", with_entry("s/data/1", numbers(&[1.0]))),
        ("program", with_entry("s/code/__torch__.py", b"import os".to_vec())),
        ("two folders", with_entry("t/data/0", numbers(&[1.0]))),
        ("folder with an escape", zip_of(&[("\x1b[2J/data.pkl", Vec::new())])),
        ("no folder", zip_of(&[("data.pkl", Vec::new())])),
        ("no data.pkl", without("s/data.pkl")),
        ("no data/0", without("s/data/0")),
        ("no version", without("s/version")),
        ("local name differs", renamed),
        ("numbers against the checksum", other_number),
        ("big-endian", with_entry("s/byteorder", b"big".to_vec())),
        ("odd byte order", with_entry("s/byteorder", b"\x1b[31mlittle".to_vec())),
        ("another version", with_entry("s/version", b"10\n".to_vec())),
        ("long version", with_entry("s/version", vec![b'3'; 100])),
        ("long pickle", with_entry("s/data.pkl", vec![b'('; 5000])),
        ("three numbers for four rows", with_entry("s/data/0", numbers(&[1.0; 3]))),
        ("five numbers", with_entry("s/data/0", numbers(&[1.0; 5]))),
        ("half a number", with_entry("s/data/0", vec![0; 14])),
    ]);
    insta::assert_snapshot!(report, @r"
    zip bomb: checkpoint entry `data/0`: compressed or encrypted, expected is stored as it is
    4 GB: checkpoint: a damaged zip file (invalid Zip archive: header inconsistency detected: archive contains overlapping entries)
    10 GB in the bytecode: checkpoint entry `data/0`: 16 bytes, while `data.pkl` tells of 2684354560 values, expected is 4 bytes a value
    encrypted: checkpoint entry `data/0`: compressed or encrypted, expected is stored as it is
    17 entries: checkpoint: a zip of 17 entries, 1 to 16 are read
    second tensor: checkpoint entry `data/1`: a second tensor's numbers, expected is one tensor
    program: checkpoint entry `code/__torch__.py`: an entry, expected is none of this name
    two folders: checkpoint entry `t/data/0`: an entry, expected is none of this name
    folder with an escape: checkpoint: a zip folder named `\u{1b}[2J`
    no folder: checkpoint entry `data.pkl`: an entry, expected is none of this name
    no data.pkl: checkpoint: a zip file without the entry `data.pkl`
    no data/0: checkpoint: a zip file without the entry `data/0`
    no version: checkpoint: a zip file without the entry `version`
    local name differs: checkpoint: a damaged zip file (invalid Zip archive: header inconsistency detected: Local file header filename mismatch (does not match central directory))
    numbers against the checksum: checkpoint: a damaged zip file (i/o error: Invalid checksum)
    big-endian: checkpoint entry `byteorder`: `big`, expected is `little`
    odd byte order: checkpoint entry `byteorder`: `\u{1b}[31mlittle`, expected is `little`
    another version: checkpoint entry `version`: `10\n`, expected is `3`
    long version: checkpoint entry `version`: 100 bytes, expected is at most 64
    long pickle: checkpoint entry `data.pkl`: 5000 bytes, expected is at most 4096
    three numbers for four rows: checkpoint entry `data/0`: 12 bytes, while `data.pkl` tells of 4 values, expected is 4 bytes a value
    five numbers: checkpoint entry `data/0`: 20 bytes, while `data.pkl` tells of 4 values, expected is 4 bytes a value
    half a number: checkpoint entry `data/0`: 14 bytes, while `data.pkl` tells of 4 values, expected is 4 bytes a value
    ");
}

#[test]
fn what_older_versions_do_not_write_may_be_absent() {
    let old: Vec<_> = entries().into_iter().filter(|entry| entry.0 != "s/byteorder").collect();
    assert!(PublishedSelector::from_pt(&zip_of(&old)).is_ok());
}

#[test]
fn numbers_that_cannot_be_ranked() {
    let report = refusals(vec![
        ("NaN", with_entry("s/data/0", numbers(&[1.0, f32::NAN, 0.0, 0.0]))),
        ("infinity", with_entry("s/data/0", numbers(&[1.0, 0.0, 0.0, f32::INFINITY]))),
        ("-infinity", with_entry("s/data/0", numbers(&[f32::NEG_INFINITY, 0.0, 0.0, 0.0]))),
    ]);
    insta::assert_snapshot!(report, @"
    NaN: checkpoint: logit 1 is NaN, it must be finite: the selector's training diverged, take an earlier checkpoint
    infinity: checkpoint: logit 3 is inf, it must be finite: the selector's training diverged, take an earlier checkpoint
    -infinity: checkpoint: logit 0 is -inf, it must be finite: the selector's training diverged, take an earlier checkpoint
    ");
}

#[test]
fn the_advice_in_full() {
    insta::assert_snapshot!(PublishedSelector::from_pt(b"PK").unwrap_err(), @"checkpoint: no zip file (2 bytes); expected is an unchanged file of `torch.save` (PyTorch 1.6 or later): compare its length with the publisher's and download it again");
}
