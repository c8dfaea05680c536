//! The real data sets: sizes, splits, overlap. Counts only: rows are never
//! shown, since some hold harmful text.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;

use seal_data::seed::hash64;
use seal_data::{
    DataSets, DataSpec, DropReason, ExampleError, Format, Loaded, OverlapCounts, OverlapReport,
    OverlapSet, PromptTemplate, Row, RowId, SetRole, Source, TextTokenizer, load_split, originals,
    prepare, write_jsonl,
};

fn all_of(root: &Path, path: &str, format: Option<Format>) -> Loaded {
    let mut source = Source::new(path);
    source.format = format;
    load_split(root, &[source]).unwrap()
}

fn reasons(loaded: &Loaded) -> BTreeMap<DropReason, usize> {
    let mut counts = BTreeMap::new();
    for dropped in &loaded.dropped {
        *counts.entry(dropped.reason).or_default() += 1;
    }
    counts
}

/// First human turn of a row from HH.
fn first_turn(row: &Row) -> &str {
    row.prompt.split("\n\nAssistant:").next().unwrap().trim()
}

#[test]
fn hh_has_2312_pairs_5_of_which_do_not_match() {
    let Some(root) = common::real_data() else { return };
    let path = "hh_rlhf/test.jsonl.gz";
    let pairs = all_of(&root, path, None);
    assert_eq!(pairs.rows.len(), 2303);
    let expected = [(DropReason::EmptyAnswer, 4), (DropReason::Unpaired, 5)];
    assert_eq!(reasons(&pairs), expected.into());
    assert!(pairs.rows.as_slice().iter().all(|r| r.rejected.is_some() && !r.prompt.is_empty()));

    let rejected = all_of(&root, path, Some(Format::HhRejected));
    assert_eq!(rejected.rows.len(), 2307);
    assert_eq!(reasons(&rejected), [(DropReason::Unpaired, 5)].into());
    assert!(rejected.rows.as_slice().iter().all(|r| r.rejected.is_none()));

    // Counted here without the reader: over all rows, matched or not.
    let mut text = String::new();
    let file = std::fs::File::open(root.join(path)).unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let turns: BTreeSet<String> = text
        .lines()
        .map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let turns = row["chosen"].as_str().unwrap().split("\n\nAssistant:").next().unwrap();
            turns.trim_start_matches("\n\nHuman:").trim().to_owned()
        })
        .collect();
    assert_eq!((text.lines().count(), turns.len()), (2312, 2178));
    let read: BTreeSet<&str> = rejected.rows.as_slice().iter().map(first_turn).collect();
    assert_eq!(read.len(), 2173);
    assert!(read.iter().all(|turn| turns.contains(*turn)));
}

#[test]
fn the_other_files_read_whole() {
    let Some(root) = common::real_data() else { return };
    let files = [
        ("scalebio_alpaca/train_alpaca.json", 8993, 7),
        ("scalebio_alpaca/train_gpt4_alpaca.json", 1000, 0),
        ("scalebio_alpaca/val.json", 1000, 0),
        ("scalebio_alpaca/test.json", 1000, 0),
        ("alpaca_eval/merlinite-7B-AOT.model_outputs.json", 805, 0),
        ("alpaca_eval/vicuna-7b.model_outputs.json", 805, 0),
        ("alpaca_eval/text_davinci_003.model_outputs.json", 803, 2),
        ("safeinstr/safety_only_data_Instructions.json", 2483, 0),
        ("safeinstr/I-MaliciousInstructions.json", 100, 0),
        ("safeinstr/I-Alpaca.json", 50, 0),
        ("safeinstr/Q-Harm.json", 100, 0),
        ("llm_tuning_safety/harmful_behaviors.csv", 520, 0),
        ("llm_tuning_safety/alpaca_data_safety_only.json", 1904, 0),
        ("llm_tuning_safety/databricks-dolly-15k-safety-only.jsonl", 387, 0),
    ];
    for (path, rows, dropped) in files {
        let loaded = all_of(&root, path, None);
        assert_eq!((loaded.rows.len(), loaded.dropped.len()), (rows, dropped), "{path}");
    }
    // Lists of turns without speakers, and prompts of judges: no rows.
    for path in ["question.jsonl", "judge_prompts.jsonl"] {
        let source = Source::new(format!("llm_tuning_safety/{path}"));
        let error = load_split(&root, &[source]).unwrap_err().to_string();
        assert!(error.contains("fits no known layout"), "{error}");
        assert!(error.contains("category"), "the fields are listed: {error}");
    }
    let tagged = all_of(&root, "safeinstr/I-MaliciousInstructions.json", None);
    assert!(tagged.rows.as_slice().iter().all(|r| r.category.is_some()));
}

fn ids(loaded: &Loaded) -> Vec<RowId> {
    loaded.rows.as_slice().iter().map(|row| row.id).collect()
}

/// Golden hashes from `tests/reference/ids.py`; they stand in results.
#[test]
fn ids_are_those_of_an_independent_program() {
    let Some(root) = common::real_data() else { return };
    let hash = |path: &str| all_of(&root, path, None).summary().ids_hash;
    let alpaca = "00fbc67ed49742811ebbacc3262278ab";
    assert_eq!(hash("scalebio_alpaca/train_alpaca.json"), alpaca);
    assert_eq!(hash("hh_rlhf/test.jsonl.gz"), "5d38a2e1ca05bfb96cfb104dbb04981c");
}

/// Rows of two files in other containers, written by other libraries.
#[test]
fn a_row_has_one_id_in_every_container() {
    let Some(root) = common::real_data() else { return };
    let alpaca = all_of(&root, "scalebio_alpaca/train_alpaca.json", None);
    let hh = all_of(&root, "hh_rlhf/test.jsonl.gz", None);
    let folder = tempfile::tempdir().unwrap();
    for set in [&alpaca, &hh] {
        let rows = set.rows.as_slice();
        let texts = |row: &Row| {
            let rejected = row.rejected.clone().unwrap_or_default();
            [row.prompt.clone(), row.response.clone(), rejected]
        };
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(["prompt", "response", "rejected"]).unwrap();
        rows.iter().for_each(|row| csv.write_record(texts(row)).unwrap());
        let csv = csv.into_inner().unwrap();
        let mut lines = Vec::new();
        write_jsonl(&mut lines, rows).unwrap();
        let fastest = ruzstd::encoding::CompressionLevel::Fastest;
        let mut files = vec![
            ("a.csv", csv.clone()),
            ("a.csv.zst", ruzstd::encoding::compress_to_vec(csv.as_slice(), fastest)),
            ("a.jsonl.zst", ruzstd::encoding::compress_to_vec(lines.as_slice(), fastest)),
            ("a.jsonl", lines),
        ];
        #[cfg(feature = "parquet")]
        files.push((
            "a.parquet",
            parquet_of(["prompt", "response", "rejected"], rows.iter().map(texts)),
        ));
        for (name, bytes) in files.drain(..) {
            std::fs::write(folder.path().join(name), bytes).unwrap();
            let read = all_of(folder.path(), name, None);
            assert!(ids(&read) == ids(set), "{name}");
            assert_eq!(read.dropped, []);
        }
    }
    // Every original of HH, whole, is found behind its row.
    let wanted: BTreeSet<RowId> = ids(&hh).into_iter().collect();
    let sources = [Source::new("hh_rlhf/test.jsonl.gz")];
    let found = originals(&root, &sources, &wanted).unwrap().map(|original| {
        let original = original.unwrap();
        let row: serde_json::Value = serde_json::from_str(original.json.get()).unwrap();
        assert!(row["chosen"].is_string() && row["rejected"].is_string());
        original.id
    });
    assert!(found.eq(ids(&hh)));
}

/// A Parquet file of columns of text.
#[cfg(feature = "parquet")]
fn parquet_of(names: [&str; 3], rows: impl Iterator<Item = [String; 3]>) -> Vec<u8> {
    use parquet::basic::{Compression, ZstdLevel};
    use parquet::data_type::{ByteArray, ByteArrayType};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    let columns: String =
        names.iter().map(|name| format!("required binary {name} (utf8);")).collect();
    let schema = parse_message_type(&format!("message rows {{ {columns} }}")).unwrap();
    let packed = Compression::ZSTD(ZstdLevel::default());
    let properties = WriterProperties::builder().set_compression(packed).build();
    let mut bytes = Vec::new();
    let mut file = SerializedFileWriter::new(&mut bytes, schema.into(), properties.into()).unwrap();
    let rows: Vec<[String; 3]> = rows.collect();
    for rows in rows.chunks(3000) {
        let mut group = file.next_row_group().unwrap();
        for column in 0..names.len() {
            let texts: Vec<ByteArray> =
                rows.iter().map(|row| row[column].as_bytes().to_vec().into()).collect();
            let mut writer = group.next_column().unwrap().unwrap();
            writer.typed::<ByteArrayType>().write_batch(&texts, None, None).unwrap();
            writer.close().unwrap();
        }
        group.close().unwrap();
    }
    file.close().unwrap();
    bytes
}

/// The sets of `configs/text.toml`. `train_alpaca` has 9,000 rows, 7 of them
/// without an answer. In hash order of the instruction: 3,700 for the base
/// (3,693 and the 7, which it lists), 3,000 for D, 1,800 for D_safe, 500 for
/// the test. HH is split by shares, as its two formats do not count the same
/// rows as usable.
fn text_sets(root: &Path) -> DataSets {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/text.toml");
    let config: toml::Table = std::fs::read_to_string(config).unwrap().parse().unwrap();
    let mut spec: DataSpec = config["data"].clone().try_into().unwrap();
    spec.root = root.to_owned();
    spec.load().unwrap()
}

#[test]
fn the_text_sets_have_their_sizes_and_share_no_prompt() {
    let Some(root) = common::real_data() else { return };
    let sets = text_sets(&root);
    let summaries = sets.summaries();
    let size = |name: &str| {
        let s = &summaries[name];
        (s.rows, s.unsafe_rows, s.dropped)
    };
    assert_eq!(size("base"), (3693 + 2483, None, 7));
    let (rows, unsafe_rows, _) = size("fine_tuning");
    assert_eq!((rows, unsafe_rows), (3750, Some(750)));
    assert_eq!(size("safe"), (1800, Some(0), 0));
    assert_eq!(size("slimorca"), (500, None, 0));
    assert_eq!(size("hexphi"), (520, None, 0));
    // All 5 pairs that do not match fall into D's share of HH; of the 4 whose
    // chosen reply is empty, 1 falls into the test's. 29 dialogues of the test
    // start otherwise than D's and end in the same question.
    assert_eq!(reasons(&sets.fine_tuning), [(DropReason::Unpaired, 5)].into());
    assert_eq!(size("hh"), (810 - 29, None, 1 + 29));
    let met: Vec<String> = sets.overlap.counts().into_keys().collect();
    assert_eq!(met, ["hh in fine_tuning"]);
    let prompts = |set: &Loaded| -> BTreeSet<String> {
        set.rows.as_slice().iter().map(|r| r.prompt.to_lowercase()).collect()
    };
    assert!(prompts(&sets.fine_tuning).is_disjoint(&prompts(&sets.test["hh"])));

    // The four parts of train_alpaca are the file.
    let alpaca = all_of(&root, "scalebio_alpaca/train_alpaca.json", None);
    let whole: BTreeSet<RowId> = ids(&alpaca).into_iter().collect();
    let named = ["base", "fine_tuning", "safe", "slimorca"];
    let mut parts: Vec<RowId> = sets
        .named()
        .filter(|(name, _, _)| named.contains(name))
        .flat_map(|(_, _, set)| ids(set))
        .filter(|id| whole.contains(id))
        .collect();
    assert_eq!(parts.len(), 3693 + 3000 + 1800 + 500);
    parts.sort_unstable();
    assert!(whole.into_iter().eq(parts));
}

/// Golden numbers from `tests/reference/overlap.py`.
#[test]
fn known_overlap_is_found() {
    let Some(root) = common::real_data() else { return };
    let read = |name: &str| all_of(&root, &format!("scalebio_alpaca/{name}.json"), None);
    let train = read("train_alpaca");
    for (name, expected) in [("train_gpt4_alpaca", 164), ("val", 164), ("test", 160)] {
        let test = read(name);
        let sets = [("train", SetRole::FineTuning, &train), (name, SetRole::Test, &test)]
            .map(|(name, role, set)| OverlapSet { name, role, rows: set.rows.as_slice() });
        let report = OverlapReport::of(&sets);
        let OverlapCounts { exact, normalised } = report.pairs[0].counts();
        assert_eq!((exact, normalised), (expected, expected), "{name}");
        assert!(report.check().is_err());
    }
}

/// Real text has the ties and the many words that would show an order of hash
/// maps or threads; the pinned hash compares processes.
#[test]
fn a_vocabulary_of_real_text_is_the_same_each_time() {
    let Some(root) = common::real_data() else { return };
    let mut rows = all_of(&root, "scalebio_alpaca/train_alpaca.json", None).rows.into_vec();
    let train = |rows: &[Row]| {
        let json = TextTokenizer::train_bpe(rows, 2048).unwrap().to_json().unwrap();
        format!("{:016x}", hash64(&[json.as_str().into()]))
    };
    let first = train(&rows);
    rows.reverse();
    assert_eq!(train(&rows), first);
    insta::assert_snapshot!(first, @"1bdafcaa9b4debd0");
}

#[test]
fn prepared_rows_are_whole_or_listed() {
    let Some(root) = common::real_data() else { return };
    let sets = text_sets(&root);
    let base = sets.base.as_ref().unwrap().rows.as_slice();
    let tokenizer = TextTokenizer::train_bpe(base, 2048).unwrap();
    let rows = sets.fine_tuning.rows.as_slice();
    let prepared = prepare(rows, &PromptTemplate::published(), &tokenizer, 256);
    assert_eq!(prepared.examples.len() + prepared.left_out.len(), rows.len());
    let mut ids = prepared.ids();
    ids.extend(prepared.left_out.iter().map(ExampleError::id));
    ids.sort_unstable();
    let mut all: Vec<RowId> = rows.iter().map(|r| r.id).collect();
    all.sort_unstable();
    assert!(ids == all);
    assert!(prepared.examples.iter().all(|e| e.tokens.len() <= 256 && e.answer_len() > 1));
}
