//! Memory follows what is used, not what a file holds. Bounds are on what is
//! allocated, never on time.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;
use peak_alloc::PeakAlloc;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use seal_data::{DataSpec, Loaded, Source, load_split};
use tempfile::TempDir;

#[global_allocator]
static PEAK: PeakAlloc = PeakAlloc;

/// Tests share the count of what is allocated, so they take turns.
static TURN: Mutex<()> = Mutex::new(());

const MB: f32 = 1.0;

/// What `work` gives, and the most memory that it held, in MB.
fn measured<T>(work: impl FnOnce() -> T) -> (T, f32) {
    let before = PEAK.current_usage_as_mb();
    PEAK.reset_peak_usage();
    let result = work();
    (result, PEAK.peak_usage_as_mb() - before)
}

const ROW: &str =
    "{\"prompt\": \"Name a colour, and then another one.\", \"response\": \"Red, and blue.\"}\n";

/// A gzip file of `part`, `times` times, after `head`.
fn gzipped(path: &Path, head: &[u8], part: &[u8], times: usize) {
    let file = BufWriter::new(File::create(path).unwrap());
    let mut out = GzEncoder::new(file, Compression::fast());
    out.write_all(head).unwrap();
    for _ in 0..times {
        out.write_all(part).unwrap();
    }
    out.finish().unwrap().flush().unwrap();
}

fn load(folder: &TempDir, name: &str, change: impl Fn(&mut Source)) -> Result<Loaded, String> {
    let mut source = Source::new(name);
    change(&mut source);
    load_split(folder.path(), &[source]).map_err(|e| e.to_string())
}

#[test]
fn a_limit_holds_no_more_than_its_rows() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let block = ROW.repeat(1000);
    // A Zstandard file of frames, each a few bytes for a megabyte.
    let frame = compress_to_vec(block.as_bytes(), CompressionLevel::Fastest);
    std::fs::write(folder.path().join("a.jsonl.zst"), frame.repeat(2000)).unwrap();
    gzipped(&folder.path().join("a.jsonl.gz"), b"", block.as_bytes(), 500);
    let array = block.trim_end().replace('\n', ",\n");
    std::fs::write(folder.path().join("a.json"), format!("[{}]", vec![array; 200].join(",")))
        .unwrap();
    for name in ["a.jsonl.zst", "a.jsonl.gz", "a.json"] {
        let (loaded, peak) = measured(|| load(&folder, name, |s| s.limit = Some(2)));
        assert_eq!(loaded.unwrap().rows.len(), 2, "{name}");
        assert!(peak < 16.0 * MB, "{name}: {peak} MB");
    }
    // A range holds what it chooses, though it looks at every row.
    let (loaded, peak) = measured(|| load(&folder, "a.jsonl.gz", |s| s.take = Some(10)));
    assert_eq!(loaded.unwrap().rows.len(), 10);
    assert!(peak < 16.0 * MB, "a range: {peak} MB");
}

#[test]
fn a_limit_of_a_study_holds_few_other_rows() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let mut file = BufWriter::new(File::create(folder.path().join("a.jsonl")).unwrap());
    for i in 0..40_000 {
        let text = "many words, ".repeat(100);
        writeln!(file, "{{\"prompt\": \"{i} {text}\", \"response\": \"r\"}}").unwrap();
    }
    drop(file);
    let spec = |limit| {
        let text = "fine_tuning = [{ path = 'a.jsonl' }]\nsafe = [{ path = 'a.jsonl', take = 10 }]";
        let mut spec: DataSpec = toml::from_str(text).unwrap();
        spec.root = folder.path().to_owned();
        measured(move || spec.load_limited(limit).unwrap())
    };
    let (sets, peak) = spec(Some(100));
    assert_eq!(sets.fine_tuning.rows.len(), 100);
    assert_eq!(sets.fine_tuning.places.len(), 100);
    assert!(peak < 16.0 * MB, "{peak} MB");
    let (all, _) = spec(None);
    let all = all.fine_tuning.rows.into_vec();
    let mut sample = all.clone();
    seal_data::limit_rows(&mut sample, 100);
    assert!(sets.fine_tuning.rows.as_slice() == sample, "the rows that a cut of all leaves");
}

#[test]
fn files_that_unpack_to_much_are_told_in_little_memory() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let part = |text: &[u8]| text.repeat((1 << 20) / text.len());
    let [commas, ends, letters, zeros, blanks] =
        [b",".as_slice(), b"\n", b"a", b"0,", b" "].map(part);
    let cases: [(&str, &[u8], &[u8], &str); 6] = [
        ("commas.csv.gz", b"", &commas, "columns"),
        ("cells.csv.gz", b"prompt,response\na,b\n", &commas, "a row of more than"),
        ("newlines.jsonl.gz", b"", &ends, "no usable row"),
        ("line.jsonl.gz", b"{\"prompt\": \"", &letters, "a row of more than"),
        ("list.jsonl.gz", b"{\"prompt\": [", &zeros, "a row of more than"),
        ("blank.json.gz", b"[", &blanks, "the file is cut"),
    ];
    for (name, head, part, expected) in cases {
        gzipped(&folder.path().join(name), head, part, 300);
        let (loaded, peak) = measured(|| load(&folder, name, |_| {}));
        let error = loaded.unwrap_err();
        assert!(error.contains(expected), "{name}: {error}");
        assert!(peak < 500.0 * MB, "{name}: {peak} MB");
    }
    // Values that take many times their text.
    let mut values = Vec::new();
    write!(values, "{ROW}{{\"x\": [").unwrap();
    std::io::repeat(b'[').take(1 << 20).read_to_end(&mut values).unwrap();
    write!(values, "]}}\n{{\"x\": [{}0]}}\n{ROW}", "{},".repeat(16 << 20)).unwrap();
    std::fs::write(folder.path().join("values.jsonl"), &values).unwrap();
    drop(values);
    let (loaded, peak) = measured(|| load(&folder, "values.jsonl", |_| {}));
    let loaded = loaded.unwrap();
    assert_eq!((loaded.rows.len(), loaded.dropped.len()), (2, 2));
    assert!(peak < 400.0 * MB, "{peak} MB");
}

#[test]
fn odd_rows_are_counted_and_only_the_first_ones_listed() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    // Two kinds in turn: no JSON, and a row without a prompt.
    let pair = "{\n{\"prompt\": \"\", \"response\": \"r\"}\n";
    gzipped(&folder.path().join("a.jsonl.gz"), ROW.as_bytes(), pair.repeat(1000).as_bytes(), 1000);
    let (loaded, peak) = measured(|| load(&folder, "a.jsonl.gz", |_| {}));
    let loaded = loaded.unwrap();
    assert_eq!((loaded.rows.len(), loaded.dropped_rows()), (1, 2_000_000));
    assert_eq!(loaded.summary().dropped, 2_000_000);
    assert_eq!(loaded.dropped.len(), 2 * seal_data::MAX_LISTED);
    let last = loaded.dropped.last().map(|row| row.row);
    assert_eq!(last, Some(1 + 2 * seal_data::MAX_LISTED), "the first ones");
    assert!(peak < 16.0 * MB, "{peak} MB");
    let damage = loaded.damage();
    let expected = "a.jsonl.gz: 1000000 rows left out (1000000 as not valid JSON), the first on \
                    line 2";
    assert_eq!(damage, [expected]);
    // Without a row in it, the error has the numbers.
    std::fs::write(folder.path().join("odd.jsonl"), ["{}\n"; 250].concat()).unwrap();
    let error = load(&folder, "odd.jsonl", |s| s.format = Some(seal_data::Format::Instructions));
    assert!(error.as_ref().is_err_and(|e| e.contains("250")), "{error:?}");
}
