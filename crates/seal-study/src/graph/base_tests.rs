//! Keys of bases that are model folders: as they are, and fine-tuned first.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::StudyError;
use crate::config::{ConfigSource, load};

/// How a base is fine-tuned.
const BASE: &str = "[base]\nepochs = 2\nbatch = 16\n[base.optim]\nlr = 1e-2\n[base.lora]\nr = 3\n\
                    lora_alpha = 6.0\ntarget_modules = [\"all-linear\"]\n";

/// Of a node: stage, what decides the key, key, and the stages that it reads.
type NodeFacts = (&'static str, Value, String, Vec<usize>);

/// A study in `dir` with the folder `model`, whose rows are files; `base` is its section.
struct Folder<'a> {
    dir: &'a Path,
    base: &'static str,
    rows: bool,
}

impl Folder<'_> {
    /// Writes a tiny model that transformers made, and rows.
    fn write(&self, model: &str) {
        let golden = "../seal-lm/tests/golden/families/llama_tied";
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(golden);
        let folder = self.dir.join(model);
        fs::create_dir_all(&folder).unwrap();
        for name in ["config.json", "model.safetensors"] {
            fs::copy(golden.join(name), folder.join(name)).unwrap();
        }
        fs::write(folder.join("tokenizer.json"), "{}").unwrap();
        self.rows("base", "Refuse");
        for set in ["train", "safe", "test"] {
            self.rows(set, set);
        }
    }

    fn rows(&self, set: &str, word: &str) {
        let row = |i| json!({"prompt": format!("{word} {i}"), "response": "No."}).to_string();
        let rows: Vec<String> = (0..4).map(row).collect();
        fs::write(self.dir.join(format!("{set}.jsonl")), rows.join("\n")).unwrap();
    }

    /// The nodes of the study.
    fn nodes(&self, set: &[&str]) -> Result<Vec<NodeFacts>, StudyError> {
        let rows = if self.rows { "base = [{ path = \"base.jsonl\" }]\n" } else { "" };
        let text = format!(
            "[study]\nname = \"folder\"\nseeds = [0]\nplan = \"none\"\n\
             [data]\nroot = '{}'\n{rows}fine_tuning = [{{ path = \"train.jsonl\" }}]\n\
             safe = [{{ path = \"safe.jsonl\" }}]\n\
             [data.test]\nhelpful = [{{ path = \"test.jsonl\" }}]\n\
             [tokenizer]\nkind = \"model\"\ntemplate = \"{{}}\"\n[model]\npath = '{}'\n{}\
             [bilevel]\nalgorithm = \"algorithm-2\"\nselector = \"softmax\"\nepochs = 1\nbatch = 4\n\
             [bilevel.optim]\nlr = 1e-3\n[selection]\nmethod = \"selector\"\nkeep = 0.8\n\
             [sft]\nepochs = 1\nbatch = 4\n[sft.optim]\nlr = 1e-3\n\
             [sft.lora]\nr = 2\nlora_alpha = 4.0\ntarget_modules = [\"all-linear\"]\n\
             [generate]\nmax_new_tokens = 4\ntemperature = 0.0\ntop_p = 1.0\nbatch = 4\n\
             [judge.helpful]\nkind = \"answer-likelihood\"\n\
             [[arms]]\nid = \"all\"\nlabel = \"All\"\nrole = \"reference\"\n\
             set = {{ \"selection.method\" = \"all\" }}\n\
             [[arms]]\nid = \"seal\"\nlabel = \"SEAL\"\nrole = \"seal\"\n",
            self.dir.display(),
            self.dir.join("model").display(),
            self.base,
        );
        let file = self.dir.join("study.toml");
        fs::write(&file, text).unwrap();
        let set = set.iter().map(|text| (*text).to_owned()).collect();
        let loaded = load(&ConfigSource { file: Some(file), set, ..Default::default() })?;
        let mut arms = crate::arm::arms(&loaded)?;
        crate::arm::find_models(&mut arms)?;
        let sets = ArmSets::of(&arms)?;
        let judges = Judges::of(&arms[0].config, &Default::default())?;
        let judging = Judging::new(&judges, Path::new(""), &Silent);
        let graph = graph(&arms, &sets, &[0], &judging);
        let node = |node: Node<'_>| (node.stage, node.inputs, node.key.to_string(), node.deps);
        Ok(graph.nodes.into_iter().map(node).collect())
    }

    /// Keys of all nodes, by stage.
    fn keys(&self, set: &[&str]) -> BTreeMap<&'static str, Vec<String>> {
        let mut keys: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for (stage, _, key, _) in self.nodes(set).unwrap() {
            keys.entry(stage).or_default().push(key);
        }
        keys
    }

    /// The stages with a key that `before` does not have.
    fn redone(&self, before: &BTreeMap<&'static str, Vec<String>>, set: &[&str]) -> String {
        let after = self.keys(set);
        let is_new = |stage: &&str| after[*stage].iter().any(|key| !before[*stage].contains(key));
        after.keys().copied().filter(is_new).collect::<Vec<_>>().join(" ")
    }
}

/// As programs before `[base]` of a folder had it: their outputs are found.
#[test]
fn a_folder_that_is_used_as_it_is_has_the_key_that_it_had() {
    let dir = tempfile::tempdir().unwrap();
    let study = Folder { dir: dir.path(), base: "", rows: false };
    study.write("model");
    let nodes = study.nodes(&[]).unwrap();
    let (_, inputs, key, deps) = nodes.iter().find(|node| node.0 == "base").unwrap();
    let digest = &inputs["own"]["pretrained"];
    assert_eq!(digest.as_str().unwrap().len(), 32);
    let own = json!({"pretrained": digest, "device": "flex", "dtype": "f32"});
    let inputs = json!({"of": [], "own": own});
    assert_eq!((*key).clone(), Key::of("base", 6, &inputs).to_string());
    assert!(deps.is_empty());
    let names = nodes.iter().filter(|node| node.0 == "sft").map(|node| &node.1["own"]["base_name"]);
    let model = dir.path().join("model").display().to_string();
    assert!(names.clone().count() == 2 && names.clone().all(|name| *name == json!(model)));
}

#[test]
fn what_fine_tunes_a_folder_first_is_in_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let study = Folder { dir: dir.path(), base: BASE, rows: true };
    study.write("model");
    let before = study.keys(&[]);
    assert_eq!(before["base"].len(), 1);
    let as_it_is = Folder { dir: dir.path(), base: "", rows: false }.keys(&[]);
    assert_ne!(before["base"], as_it_is["base"]);
    // The rows of D have the same tokens, and a selection of all rows reads no model.
    let below = "answers base scores selection selector sft verdicts";
    let with_tokens = "answers base scores selection selector sft tokens verdicts";
    assert_eq!(study.redone(&as_it_is, &[]), with_tokens);
    for set in [
        "base.epochs=3",
        "base.batch=8",
        "base.optim.lr=0.02",
        "base.lora.r=4",
        "base.lora.lora_dropout=0.1",
        "base.micro_batch=2",
        "model.dtype=bf16",
    ] {
        let more = [set, "bilevel.lora={ r = 2, lora_alpha = 4.0, target_modules = [\"q_proj\"] }"];
        let same = study.keys(&more[1..]);
        assert_eq!(study.redone(&same, &more), below, "{set}");
    }
    study.rows("base", "Decline");
    assert_eq!(study.redone(&before, &[]), with_tokens);
    study.rows("base", "Refuse");
    // Where it lies, and what the study is called, is no part of it.
    study.write("moved");
    let moved = format!("model.path={}", dir.path().join("moved").display());
    assert_eq!(study.redone(&before, &[&moved]), "");
    assert_eq!(study.redone(&before, &["study.name=another"]), "");
    let weights = dir.path().join("model/model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&weights, bytes).unwrap();
    assert_eq!(study.redone(&before, &[]), below);
}

/// A proxy that is a folder is fine-tuned first, as the model is; a proxy of another kind has
/// nothing of `[base]`.
#[test]
fn a_proxy_is_fine_tuned_first_as_the_model_is() {
    let dir = tempfile::tempdir().unwrap();
    let study = Folder { dir: dir.path(), base: BASE, rows: true };
    study.write("model");
    study.write("other");
    let config = dir.path().join("other/config.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replacen('{', "{\n", 1)).unwrap();
    let proxy = format!("proxy.model={{ path = '{}' }}", dir.path().join("other").display());
    let nodes = study.nodes(&[&proxy]).unwrap();
    let bases: Vec<_> = nodes.iter().filter(|node| node.0 == "base").collect();
    assert_eq!(bases.len(), 2);
    for (_, inputs, _, deps) in bases {
        assert_eq!(inputs["own"]["training"]["lora"]["r"], 3);
        assert_eq!(deps.iter().map(|dep| nodes[*dep].0).collect::<Vec<_>>(), ["tokens"]);
    }
    // The built-in model, with a folder as proxy: the folder is as it is.
    let tokenizer = "proxy.tokenizer={ kind = \"model\", template = \"{}\" }";
    let set = ["study.plan=none", &proxy, tokenizer].map(str::to_owned);
    let loaded = load(&ConfigSource { set: set.to_vec(), ..Default::default() }).unwrap();
    let proxy = loaded.config.of_selector();
    assert!(loaded.config.base.is_some() && proxy.base.is_none() && proxy.alignment().is_none());
}
