//! Readers never panic, whatever the bytes; a row that is read has a prompt.

use proptest::prelude::*;
use seal_data::{Columns, EmptyAnswers, Format, PromptTurns, Source};

use crate::tools::{gzip, load, zstd};

const NAMES: [&str; 9] = [
    "a.json",
    "a.jsonl",
    "a.csv",
    "a.tsv",
    "a.json.gz",
    "a.jsonl.zst",
    "a.csv.gz",
    "a.csv.zst",
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

/// Texts that parsers find their way into.
const SEEDS: [&str; 9] = [
    "[{\"prompt\": \"p\", \"response\": \"r\", \"unsafe\": 1, \"history\": [[\"a\", \"b\"]]}, {}]",
    "{\"instruction\": \"i\", \"input\": \"x\", \"output\": \"o\\u00e9\"}\n{\"instruction\": 1}\n",
    "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"a\"}]}, {\"role\": \"assistant\", \"content\": \"b\"}]}\n",
    "{\"conversations\": [{\"from\": \"human\", \"value\": \"a\"}, {\"from\": \"gpt\", \"value\": \"b\"}], \"system\": \"s\"}\n",
    "{\"chosen\": \"\\n\\nHuman: a\\n\\nAssistant: b\", \"rejected\": \"\\n\\nHuman: a\\n\\nAssistant: c\"}\n",
    "{\"prompt\": \"p\", \"chosen\": [{\"role\": \"assistant\", \"content\": \"b\"}], \"rejected\": [{\"role\": \"assistant\", \"content\": \"c\"}]}\n",
    "{\"instructions\": [\"a\", \"b\"], \"tags\": [\"x\", \"y\"], \"inputs\": []}",
    "prompt,response\r\na,\"b \"\"c\"\"\r\n\"\r\n\r\nd,e\r\n",
    "question\tsystem_prompt\tresponse\na\tb\tc\n",
];

/// A change of bytes: cut, flipped, doubled, or others put in.
#[derive(Clone, Debug)]
enum Change {
    Cut(prop::sample::Index),
    Flip(prop::sample::Index, u8),
    Double(prop::sample::Index, prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    let token = prop::sample::select(vec![
        "\"", "{", "}", "[", "]", ",", ":", "\\", "\n", "\r", "null", "1e999", "\u{feff}", "\0",
        "\\ud800",
    ]);
    prop_oneof![
        1 => at().prop_map(Change::Cut),
        4 => (at(), any::<u8>()).prop_map(|(i, x)| Change::Flip(i, x)),
        2 => (at(), at()).prop_map(|(i, j)| Change::Double(i, j)),
        2 => (at(), prop::collection::vec(any::<u8>(), 0..6)).prop_map(|(i, b)| Change::Insert(i, b)),
        4 => (at(), token).prop_map(|(i, t)| Change::Insert(i, t.as_bytes().to_vec())),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let len = bytes.len();
        if len == 0 {
            break;
        }
        match change {
            Change::Cut(at) => bytes.truncate(at.index(len)),
            Change::Flip(at, x) => bytes[at.index(len)] ^= x,
            Change::Double(a, b) => {
                let (a, b) = (a.index(len), b.index(len));
                let part = bytes[a.min(b)..a.max(b)].to_vec();
                bytes.splice(a..a, part);
            }
            Change::Insert(at, new) => {
                drop(bytes.splice(at.index(len)..at.index(len), new.iter().copied()))
            }
        }
    }
    bytes
}

/// Reads the bytes under every option; what comes out has its invariants.
fn read(name: &str, bytes: &[u8], format: Option<Format>) {
    for keep in [false, true] {
        let loaded = load(name, bytes, |source: &mut Source| {
            source.format = format;
            if keep {
                source.empty_answers = EmptyAnswers::Keep;
                source.turns = PromptTurns::Last;
            }
            if keep && format == Some(Format::PromptResponse) {
                source.columns = Columns { prompt: Some("prompt".into()), ..Columns::default() };
            }
        });
        let Ok(loaded) = loaded else { continue };
        for row in loaded.rows.as_slice() {
            assert!(!row.prompt.trim().is_empty());
            assert!(
                keep || format == Some(Format::Instructions)
                    || format.is_none()
                    || !row.response.trim().is_empty()
            );
            assert!(loaded.places.contains_key(&row.id));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_texts(
        name in 0..8_usize, seed in 0..SEEDS.len(), format in 0..FORMATS.len(),
        inside in prop::collection::vec(change(), 0..6), outside in prop::collection::vec(change(), 0..2),
    ) {
        let bytes = changed(SEEDS[seed].as_bytes().to_vec(), &inside);
        let name = NAMES[name];
        let bytes = match name.rsplit_once('.') {
            Some((_, "gz")) => changed(gzip(&bytes), &outside),
            Some((_, "zst")) => changed(zstd(&bytes), &outside),
            _ => bytes,
        };
        read(name, &bytes, FORMATS[format]);
    }

    #[test]
    fn any_bytes(
        name in 0..NAMES.len(), format in 0..FORMATS.len(),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        read(NAMES[name], &bytes, FORMATS[format]);
    }
}

#[cfg(feature = "parquet")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn changed_parquet(
        file in prop::sample::select(vec!["messages", "sharegpt", "texts-snappy", "texts-gzip"]),
        changes in prop::collection::vec(change(), 1..4),
    ) {
        let path = crate::tools::reference().join(format!("{file}.parquet"));
        read("a.parquet", &changed(std::fs::read(path).unwrap(), &changes), None);
    }
}
