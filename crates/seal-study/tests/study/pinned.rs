//! The output of every stage, beside the version of the stage.
//!
//! A stored output is found by a key that holds the version of its stage. A stage that
//! gives another output under an old version is found where it should be made again, and
//! two programs mix in one study. So outputs are pinned here: where one changes, this
//! fails until the version is raised and the new output accepted.
//!
//! Texts are pinned to the byte. Numbers are not: another machine, or another build of the
//! arithmetic, rounds otherwise, and rounding to some digits would only move that to the
//! numbers at an edge. Four figures of each list of numbers are compared with a tolerance
//! of one part in a thousand of their size: the count, the mean, the root mean square, and
//! a sum with signs that tells one order from another. A few steps of training drift by
//! some 1e-6 between machines; a change of what is computed shows by far more.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use seal_files::Digest;
use seal_study::{ConfigSource, Key};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::tiny;

const TOLERANCE: f64 = 1e-3;

/// What is pinned of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pinned {
    /// BLAKE3 of the file with `#` for each number that is no integer.
    text: String,
    /// Count, mean, root mean square, and sum with signs over root of count.
    numbers: [f64; 4],
}

/// What is pinned of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Stage {
    version: u32,
    /// By node and file.
    files: BTreeMap<String, Pinned>,
}

#[test]
fn outputs_change_only_with_the_versions_of_their_stages() {
    let dir = tempfile::tempdir().unwrap();
    let mut now: BTreeMap<String, Stage> = BTreeMap::new();
    let world = ConfigSource {
        quick: true,
        set: tiny::WORLD.iter().map(|s| (*s).to_owned()).collect(),
        ..ConfigSource::default()
    };
    for (name, source) in [("rows", tiny::source(dir.path())), ("world", world)] {
        let out = dir.path().join(name);
        tiny::run(&source, &out).unwrap();
        for (stage, pinned) in stages(&out.join("store")) {
            let of = now.entry(stage.clone());
            let of =
                of.or_insert_with(|| Stage { version: pinned.version, files: BTreeMap::new() });
            let prefix = |(file, pin)| (format!("{name}/{file}"), pin);
            of.files.extend(pinned.files.into_iter().map(prefix));
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/study/pinned.json");
    if std::env::var_os("SEAL_ACCEPT").is_some() {
        fs::write(&path, serde_json::to_string_pretty(&now).unwrap() + "\n").unwrap();
        return;
    }
    let pinned: BTreeMap<String, Stage> =
        serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let accept = "then accept it: SEAL_ACCEPT=1 cargo test -p seal-study --test study pinned";
    for (stage, now) in &now {
        let was = &pinned[stage];
        let changed = changed(&was.files, &now.files);
        match (changed.is_empty(), was.version == now.version) {
            (true, true) => {}
            (false, true) => panic!(
                "the output of `{stage}` changed under the same version, in {changed:?}. Raise \
                 its version in graph.rs (`mod version`) if that is meant; {accept}"
            ),
            (_, false) => panic!(
                "`{stage}` has version {} and {} is pinned. Look whether its output changed as \
                 is meant; {accept}",
                now.version, was.version
            ),
        }
    }
    assert_eq!(pinned.len(), now.len());
}

fn changed(was: &BTreeMap<String, Pinned>, now: &BTreeMap<String, Pinned>) -> Vec<String> {
    let same = |a: &Pinned, b: &Pinned| {
        let [_, _, rms, _] = a.numbers;
        let near = |x: &f64, y: &f64| (x - y).abs() <= TOLERANCE * rms.max(1e-12);
        a.text == b.text
            && a.numbers[0] == b.numbers[0]
            && a.numbers.iter().zip(&b.numbers).skip(1).all(|(x, y)| near(x, y))
    };
    let names = was.keys().chain(now.keys());
    let mut changed: Vec<String> = names
        .filter(|name| match (was.get(*name), now.get(*name)) {
            (Some(a), Some(b)) => !same(a, b),
            _ => true,
        })
        .cloned()
        .collect();
    changed.dedup();
    changed
}

/// The stages of a store, with entries in the order of their inputs, so that keys, which
/// hold the version, do not tell.
fn stages(store: &Path) -> BTreeMap<String, Stage> {
    let mut entries: BTreeMap<(String, String), PathBuf> = BTreeMap::new();
    let mut versions = BTreeMap::new();
    for path in tiny::files(store).into_keys().filter(|p| p.ends_with("manifest.json")) {
        let manifest: Value =
            serde_json::from_slice(&fs::read(store.join(&path)).unwrap()).unwrap();
        let stage = manifest["stage"].as_str().unwrap().to_owned();
        let key = manifest["key"].as_str().unwrap();
        let of = |v: &u32| Key::of(&stage, *v, &manifest["inputs"]).as_str() == key;
        let version = (0..1000).find(of).expect("a key is made from stage, version, inputs");
        versions.insert(stage.clone(), version);
        // Two cells differ in what their outputs are, for keys of inputs hold versions too.
        let folder = store.join(path.parent().unwrap());
        let order = tiny::files(&folder)
            .into_iter()
            .filter(|(name, _)| !name.ends_with("manifest.json"))
            .flat_map(|(name, bytes)| pin(&name, &bytes))
            .map(|(name, pin)| format!("{name} {pin:?}"))
            .collect();
        entries.insert((stage, order), folder);
    }
    let mut all: BTreeMap<String, Stage> = BTreeMap::new();
    for ((stage, _), folder) in entries {
        let version = versions[&stage];
        let of = all.entry(stage).or_insert_with(|| Stage { version, files: BTreeMap::new() });
        let n = of.files.keys().map(|k| k.split('/').next().unwrap()).collect::<Vec<_>>();
        let n = n.last().map_or(0, |n| n.parse::<usize>().unwrap() + 1);
        for (name, bytes) in tiny::files(&folder) {
            if !name.ends_with("manifest.json") {
                let pins = pin(&name, &bytes).into_iter();
                of.files.extend(pins.map(|(name, pin)| (format!("{n}/{name}"), pin)));
            }
        }
    }
    all
}

/// What is pinned of a file, in one piece, or tensor by tensor: in a sum over all of them,
/// the large ones would hide the small. A file that is no text is pinned to the byte.
fn pin(name: &Path, bytes: &[u8]) -> Vec<(String, Pinned)> {
    let name_of = name.display().to_string();
    if name.extension().is_none_or(|kind| kind != "safetensors") {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return vec![(name_of, figures(&Digest::of(bytes).to_string(), &[]))];
        };
        let (text, numbers) = without_numbers(text);
        return vec![(name_of, figures(&text, &numbers))];
    }
    let tensors = safetensors::SafeTensors::deserialize(bytes).unwrap();
    let mut names = tensors.names();
    names.sort_unstable();
    let one = |tensor_name: &str| {
        let tensor = tensors.tensor(tensor_name).unwrap();
        let of = |b: &[u8]| f64::from(f32::from_le_bytes(b.try_into().unwrap()));
        let numbers: Vec<f64> = tensor.data().chunks_exact(4).map(of).collect();
        let text = format!("{:?} {:?}", tensor.dtype(), tensor.shape());
        (format!("{name_of} {tensor_name}"), figures(&text, &numbers))
    };
    names.into_iter().map(one).collect()
}

fn figures(text: &str, numbers: &[f64]) -> Pinned {
    let n = numbers.len().max(1) as f64;
    let sum = |f: &dyn Fn(usize, f64) -> f64| {
        numbers.iter().enumerate().map(|(i, x)| f(i, *x)).sum::<f64>()
    };
    let signs = |i: usize, x: f64| x * ((i * 2_654_435_761) as f64).sin();
    Pinned {
        text: Digest::of(text).short()[..16].to_owned(),
        numbers: [
            numbers.len() as f64,
            sum(&|_, x| x) / n,
            (sum(&|_, x| x * x) / n).sqrt(),
            sum(&signs) / n.sqrt(),
        ],
    }
}

/// The text with `#` for every number with a point or an exponent, and these numbers.
fn without_numbers(text: &str) -> (String, Vec<f64>) {
    let (mut out, mut numbers) = (String::new(), Vec::new());
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit() || c == '-') {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c| !is_part(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        let stands_alone = before.chars().last().is_none_or(|c| !c.is_alphanumeric())
            && after.chars().next().is_none_or(|c| !c.is_alphanumeric());
        let number = word.parse::<f64>().ok().filter(|_| word.contains(['.', 'e', 'E']));
        out += before;
        match number.filter(|_| stands_alone) {
            Some(number) => {
                numbers.push(number);
                out.push('#');
            }
            None => out += word,
        }
        rest = after;
    }
    (out + rest, numbers)
}

#[test]
fn a_changed_number_text_or_order_is_seen_and_rounding_is_not() {
    let files = |text: &str| {
        pin(Path::new("a.json"), text.as_bytes()).into_iter().collect::<BTreeMap<_, _>>()
    };
    let was = files("{\"id\": \"4e2a\", \"losses\": [1.25, -3.5e-1, 0.75], \"rank\": [1, 2]}");
    for (text, same) in [
        ("{\"id\": \"4e2a\", \"losses\": [1.2500001, -3.5e-1, 0.75], \"rank\": [1, 2]}", true),
        ("{\"id\": \"4e2a\", \"losses\": [1.26, -3.5e-1, 0.75], \"rank\": [1, 2]}", false),
        ("{\"id\": \"4e2a\", \"losses\": [0.75, -3.5e-1, 1.25], \"rank\": [1, 2]}", false),
        ("{\"id\": \"4e2a\", \"losses\": [1.25, -3.5e-1], \"rank\": [1, 2]}", false),
        ("{\"id\": \"4e2b\", \"losses\": [1.25, -3.5e-1, 0.75], \"rank\": [1, 2]}", false),
        ("{\"id\": \"4e2a\", \"losses\": [1.25, -3.5e-1, 0.75], \"rank\": [2, 1]}", false),
    ] {
        assert_eq!(changed(&was, &files(text)).is_empty(), same, "{text}");
    }
}
