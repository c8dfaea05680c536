//! Files of any bytes through the readers: the first byte chooses the
//! container, the second the format, the third the options. A row that is read
//! must have a prompt, a place, and an original.
//!
//! Needs no nightly compiler (the coverage passes are stable flags):
//!
//! ```text
//! cd crates/seal-data/fuzz
//! RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
//!   -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
//!   -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
//!   -Ccodegen-units=1" \
//!   cargo run --target x86_64-unknown-linux-gnu -- -max_total_time=180 corpus
//! ```

#![no_main]

use std::collections::BTreeSet;
use std::fs;

use libfuzzer_sys::fuzz_target;
use seal_data::{EmptyAnswers, Format, Source, PromptTurns, load_split, originals};

const NAMES: [&str; 9] = [
    "a.json",
    "a.jsonl",
    "a.csv",
    "a.tsv",
    "a.json.gz",
    "a.jsonl.zst",
    "a.csv.gz",
    "a.tsv.zst",
    "a.parquet",
];

const FORMATS: [Option<Format>; 9] = [
    None,
    Some(Format::PromptResponse),
    Some(Format::OpenOrca),
    Some(Format::Alpaca),
    Some(Format::Messages),
    Some(Format::ShareGpt),
    Some(Format::Hh),
    Some(Format::HhRejected),
    Some(Format::Instructions),
];

fuzz_target!(|data: &[u8]| {
    let [container, format, options, bytes @ ..] = data else { return };
    let folder = std::env::temp_dir().join(format!("seal-data-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let mut source = Source::new(NAMES[*container as usize % NAMES.len()]);
    source.format = FORMATS[*format as usize % FORMATS.len()];
    if options & 1 > 0 {
        source.empty_answers = EmptyAnswers::Keep;
    }
    if options & 2 > 0 {
        source.turns = PromptTurns::Last;
    }
    if options & 4 > 0 {
        source.limit = Some(2);
    }
    if options & 8 > 0 {
        (source.skip, source.take) = (1, Some(1));
    }
    fs::write(folder.join(&source.path), bytes).expect("a file");
    let sources = [source];
    let Ok(loaded) = load_split(&folder, &sources) else { return };
    let ids: BTreeSet<_> = loaded.rows.as_slice().iter().map(|row| row.id).collect();
    assert_eq!(ids.len(), loaded.rows.len(), "ids are distinct");
    assert!(loaded.rows.as_slice().iter().all(|row| !row.prompt.trim().is_empty()));
    let found = originals(&folder, &sources, &ids).expect("rows that were read are there");
    assert_eq!(found.map(|original| original.expect("as before")).count(), ids.len());
});
