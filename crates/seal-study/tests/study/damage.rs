//! The damage matrix: every file of a run folder, harmed in every way. The next run gives
//! back every byte, and says so where the file was read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::tiny;

/// Files that say how long a run took, and the hashes of those.
const TIMED: [&str; 5] =
    ["cost.json", "checksums.json", "report.html", "report.md", "provenance.json"];

/// A way to harm a file.
#[derive(Clone, Copy, Debug)]
enum Harm {
    /// A bit at this share of the file.
    Flip(f64),
    /// The last byte is gone.
    Cut,
    Empty,
    Delete,
}

/// One flip, at a place that the name of the file decides, so that more files in the run folder
/// move none; more of them below, of all files at once.
fn harms(file: &Path) -> [Harm; 4] {
    let name = file.file_name().unwrap().as_encoded_bytes();
    let sum: usize = name.iter().map(|byte| usize::from(*byte)).sum();
    [Harm::Flip((sum % 11) as f64 / 10.0), Harm::Cut, Harm::Empty, Harm::Delete]
}

impl Harm {
    /// False where an empty file cannot be harmed in this way.
    fn apply(self, path: &Path) -> bool {
        let mut bytes = fs::read(path).unwrap();
        match self {
            Self::Delete => fs::remove_file(path).unwrap(),
            _ if bytes.is_empty() => return false,
            Self::Flip(share) => {
                let at = ((bytes.len() - 1) as f64 * share) as usize;
                bytes[at] ^= 1 << (at % 8);
                fs::write(path, bytes).unwrap();
            }
            Self::Cut => fs::write(path, &bytes[..bytes.len() - 1]).unwrap(),
            Self::Empty => fs::write(path, "").unwrap(),
        }
        true
    }
}

/// What must be the same: all but times, and what the program put out of the way.
fn whole(out: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = tiny::files(out);
    all.retain(|path, _| {
        let aside = path.starts_with("set-aside") || path.starts_with("store/damaged");
        !aside && TIMED.iter().all(|name| path != Path::new(name))
    });
    all
}

fn clear(out: &Path) {
    for name in ["set-aside", "store/damaged"] {
        if out.join(name).exists() {
            fs::remove_dir_all(out.join(name)).unwrap();
        }
    }
}

#[test]
fn whatever_is_damaged_is_seen_and_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let source = tiny::source(dir.path());
    let out = dir.path().join("out");
    tiny::run(&source, &out).unwrap();
    // The second run writes study.json as every later one does.
    let (again, said) = tiny::run(&source, &out).unwrap();
    assert_eq!((again.ran, said), (0, Vec::new()));
    let undisturbed = whole(&out);
    let kinds: Vec<&str> = undisturbed.keys().filter_map(|p| p.iter().nth(1)?.to_str()).collect();
    let stages = ["base", "scores", "selector", "selection", "sft", "answers", "verdicts"];
    for kind in stages.into_iter().chain(["tokenizer", "tokens"]) {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    for name in ["adapter_model.safetensors", "kept.jsonl", "left-out.jsonl", "tokenizer.json"] {
        assert!(undisturbed.keys().any(|path| path.ends_with(name)), "{name}");
    }
    let mut tried = 0;
    for name in undisturbed.keys() {
        for harm in harms(name) {
            // Mended without a word: locks are empty, and these are written by every run.
            let is_lock = name.ends_with("lock");
            let silent = name.iter().count() == 1 && name != Path::new("study.json")
                || name == Path::new("store/store.json");
            if is_lock || !harm.apply(&out.join(name)) {
                continue;
            }
            let (_, said) = tiny::run(&source, &out)
                .unwrap_or_else(|e| panic!("{}, {harm:?}: {e}", name.display()));
            let now = whole(&out);
            let changed: Vec<&PathBuf> = undisturbed
                .keys()
                .chain(now.keys())
                .filter(|path| undisturbed.get(*path) != now.get(*path))
                .collect();
            assert!(changed.is_empty(), "{}, {harm:?}: {changed:?}", name.display());
            // An exported file that is lost is written again; only one that is there is kept.
            let exported = name.starts_with("cells")
                && (matches!(harm, Harm::Delete) || name.ends_with("made-from"));
            assert!(!said.is_empty() || silent || exported, "{}, {harm:?}", name.display());
            clear(&out);
            tried += 1;
        }
    }
    assert!(tried > 120, "{tried}");
}

/// All files at once, and a model that was copied from another entry.
#[test]
fn damage_everywhere_at_once_is_mended() {
    let dir = tempfile::tempdir().unwrap();
    let source = tiny::source(dir.path());
    let out = dir.path().join("out");
    tiny::run(&source, &out).unwrap();
    tiny::run(&source, &out).unwrap();
    let undisturbed = whole(&out);
    let flips = [0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0].map(Harm::Flip);
    for harm in flips.into_iter().chain([Harm::Cut, Harm::Empty]) {
        for name in undisturbed.keys().filter(|name| !name.ends_with("lock")) {
            // Without these two nothing says whose folder it is.
            if !["study.json", "config.toml"].iter().any(|n| name.as_path() == Path::new(n)) {
                harm.apply(&out.join(name));
            }
        }
        tiny::run(&source, &out).unwrap();
        assert!(whole(&out) == undisturbed, "{harm:?}");
        clear(&out);
    }
    let models: Vec<&PathBuf> = undisturbed.keys().filter(|p| p.starts_with("store/sft")).collect();
    let folder = |i: usize| models[i].parent().unwrap();
    let last = models.len() - 1;
    assert_ne!(folder(0), folder(last));
    for name in models.iter().filter(|p| p.parent() == Some(folder(0))) {
        let to = out.join(folder(last)).join(name.file_name().unwrap());
        fs::copy(out.join(name), to).unwrap();
    }
    let (outcome, said) = tiny::run(&source, &out).unwrap();
    assert!(outcome.ran == 1 && said[0].contains("of another output"), "{said:?}");
    assert!(whole(&out) == undisturbed);
}

/// `plan` counts as missing what a run makes again.
#[test]
fn a_plan_does_not_find_what_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let source = tiny::source(dir.path());
    let out = dir.path().join("out");
    tiny::run(&source, &out).unwrap();
    let study = seal_study::Study::load(&source).unwrap();
    let options = seal_study::RunOptions::new(&out);
    let missing = || study.plan(&options).stages.iter().filter(|stage| !stage.found).count();
    assert_eq!(missing(), 0);
    let before = whole(&out);
    let stored = before.keys().filter(|path| path.starts_with("store") && path.iter().count() == 4);
    for name in stored {
        for harm in harms(name) {
            if harm.apply(&out.join(name)) {
                assert_eq!(missing(), 1, "{}, {harm:?}", name.display());
                fs::write(out.join(name), &before[name]).unwrap();
            }
        }
    }
    assert_eq!((missing(), whole(&out) == before), (0, true), "a plan writes nothing");
}
