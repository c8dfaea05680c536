//! The tokens that judges read, against transformers (`tests/reference/judge_tokens.py`), with the
//! vocabularies of the real data. Weights are drawn: they do not matter here.

#[path = "../../../seal-data/tests/chat/gguf.rs"]
mod gguf;
#[allow(dead_code, reason = "the folder is wanted here and not the tokenizer alone")]
#[path = "../../../seal-data/tests/chat/vocab.rs"]
mod vocab;

use std::path::{Path, PathBuf};

use seal_data::{TextTokenizer, Tokenizer as _};
use seal_judge::pointwise::PointItem;
use seal_judge::prompt::sha256_hex;
use seal_lm::{Lm, LmConfig, WeightFormat, save_weights};
use seal_model::{GuardModel, GuardTable, JudgeRequest, RewardModel, RewardTable, open_device};
use serde_json::{Value, json};

/// As in the script.
const SAMPLES: [(&str, &str); 4] = [
    ("Name a colour.", "Blue."),
    ("How are {names} written?\n", "  In braces: {response}, {generation}.\n\nThat is all. "),
    (
        "Gr\u{fc}\u{df}e \u{1f469}\u{200d}\u{1f680}, \u{4f60}\u{597d}",
        "\u{e7}a va \u{1f642}\n\n\tif x:\n    y = 1",
    ),
    ("Say nothing.", ""),
];

/// Control tokens of every family, and what is none.
const CONTROL: &str = "a<|eot_id|><|start_header_id|>user<|end_header_id|>b<|im_end|>\n<|im_start|>\
                       </s><s>[/INST][INST]<|endoftext|><|begin_of_text|> c";

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("SEAL_DATA").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: SEAL_DATA is not set (it names the folder of the real data sets)");
    }
    folder
}

/// A model folder in `dir` with the vocabulary `name` and the chat template `template`; `bos` begins
/// every text. Gives the tokenizer.
fn write_model(
    data: &Path,
    name: &str,
    dir: &Path,
    bos: Option<&str>,
    template: Option<&str>,
) -> TextTokenizer {
    vocab::write_folder(data, name, dir);
    let read = |file: &str| -> Value {
        serde_json::from_slice(&std::fs::read(dir.join(file)).unwrap()).unwrap()
    };
    if let Some(bos) = bos {
        let mut tokenizer = read("tokenizer.json");
        let added = tokenizer["added_tokens"].as_array().unwrap();
        let id = added.iter().find(|token| token["content"] == bos).unwrap()["id"].clone();
        tokenizer["post_processor"] = json!({
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": bos, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {bos: {"id": bos, "ids": [id], "tokens": [bos]}},
        });
        std::fs::write(dir.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    }
    if let Some(template) = template {
        let mut config = read("tokenizer_config.json");
        config["chat_template"] = template.into();
        std::fs::write(dir.join("tokenizer_config.json"), config.to_string()).unwrap();
    }
    let tokenizer = TextTokenizer::from_folder(dir).unwrap();
    let size = tokenizer.vocab_size();
    let config: LmConfig = serde_json::from_value(json!({
        "vocab_size": size, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
        "num_key_value_heads": 1, "intermediate_size": 8, "max_position_embeddings": 4096,
    }))
    .unwrap();
    let device = open_device("flex", WeightFormat::F32).unwrap();
    save_weights(&Lm::init(&config, 0, &device).unwrap(), dir).unwrap();
    tokenizer
}

/// Makes the model of `dir` a reward model, with a head of a second file.
fn give_head(dir: &Path) {
    let header =
        json!({"score.weight": {"dtype": "F32", "shape": [1, 8], "data_offsets": [0, 32]}});
    let header = header.to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.bytes());
    file.extend([1f32; 8].iter().flat_map(|x| x.to_le_bytes()));
    std::fs::write(dir.join("head.safetensors"), file).unwrap();
    std::fs::rename(dir.join("model.safetensors"), dir.join("trunk.safetensors")).unwrap();
    let trunk = std::fs::read(dir.join("trunk.safetensors")).unwrap();
    let length = u64::from_le_bytes(trunk[..8].try_into().unwrap()) as usize;
    let names: Value = serde_json::from_slice(&trunk[8..8 + length]).unwrap();
    let mut map: serde_json::Map<String, Value> = names
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| *name != "__metadata__")
        .map(|name| (name.clone(), "trunk.safetensors".into()))
        .collect();
    map.insert("score.weight".into(), "head.safetensors".into());
    let index = json!({"metadata": {}, "weight_map": map});
    std::fs::write(dir.join("model.safetensors.index.json"), index.to_string()).unwrap();
    let path = dir.join("config.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    config["architectures"] = json!(["LlamaForSequenceClassification"]);
    config["id2label"] = json!({"0": "LABEL_0"});
    std::fs::write(path, config.to_string()).unwrap();
}

fn items(pairs: &[(&str, &str)]) -> Vec<PointItem> {
    PointItem::list(pairs.iter().map(|(q, a)| ((*q).to_owned(), (*a).to_owned(), None)))
}

/// What the script writes of a judge.
fn found(
    tokenizer: &TextTokenizer,
    bos: Option<&str>,
    tokens: impl Fn(&PointItem) -> Vec<u32>,
) -> Value {
    let bos = bos.and_then(|bos| tokenizer.entry(bos));
    let of = |item: &PointItem| {
        let ids = tokens(item);
        let json = serde_json::to_string(&ids).unwrap();
        let begins = ids.iter().filter(|id| Some(**id) == bos).count();
        json!({"n": ids.len(), "sha256": sha256_hex(json.as_bytes())[..32], "begins": begins})
    };
    items(&SAMPLES).iter().map(of).collect()
}

/// Special tokens of the guard's input, with and without control tokens in request and answer.
fn specials(tokenizer: &TextTokenizer, tokens: impl Fn(&PointItem) -> Vec<u32>) -> [usize; 2] {
    assert!(tokenizer.special_in(CONTROL) > 0);
    [("q", "a"), (CONTROL, CONTROL)].map(|pair| {
        let ids = tokens(&items(&[pair])[0]);
        ids.iter().filter(|id| tokenizer.is_special(**id)).count()
    })
}

fn open(table: &str, dir: &Path) -> Result<GuardModel, seal_model::ModelError> {
    let text = format!("kind = \"guard\"\n{table}\n[model]\npath = '{}'\n", dir.display());
    let table = GuardTable::parse(&text, Path::new("judge.toml"))?;
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge_tokens/judge.toml");
    GuardModel::open(&table, &JudgeRequest::new(&home))
}

#[test]
fn tokens_are_those_of_transformers_and_control_tokens_are_letters() {
    let Some(data) = data() else { return };
    let expected: Value = serde_json::from_str(include_str!("expected.json")).unwrap();
    let prompts = data.join("judge_prompts");
    let templates = data.join("chat_templates");
    let chatml = std::fs::read_to_string(templates.join("axolotl/chatml.jinja")).unwrap();
    let llama3 = std::fs::read_to_string(templates.join("trl/llama3.jinja")).unwrap();
    let raw = |file: &str, slots: &str, verdict: &str| {
        format!(
            "prompt = {{ form = \"raw\", file = '{}', sha256 = \"any\", slots = {slots} }}\n\
             verdict = {verdict}",
            prompts.join(file).display()
        )
    };
    let (begin, end) = (Some("<s>"), Some("<|begin_of_text|>"));
    for (name, vocabulary, bos, template, table, ids) in [
        (
            "harmbench",
            "llama-spm",
            begin,
            None,
            raw(
                "harmbench-llama2.txt",
                "{ prompt = \"behavior\", answer = \"generation\" }",
                "{ good = [\"No\"], bad = [\"Yes\"] }",
            ),
            // As facts of the published classifier have them.
            Some((vec![3782], vec![8241], vec![])),
        ),
        (
            "wildguard",
            "mistral-v3",
            begin,
            None,
            raw("wildguard.txt", "{}", "{ reply = \"wildguard\" }"),
            None,
        ),
        (
            "chat",
            "llama3",
            end,
            Some(include_str!("guard.jinja")),
            "verdict = { good = [\"safe\"], bad = [\"unsafe\"], before = \"\\n\\n\" }".to_owned(),
            Some((vec![19193], vec![39257], vec![271])),
        ),
        (
            "turn",
            "neox-chatml",
            None,
            Some(chatml.as_str()),
            "prompt = { form = \"user-turn\", file = \"turn.txt\", sha256 = \"any\" }\n\
             verdict = { good = [\" No\"], bad = [\"Yes\"] }"
                .to_owned(),
            None,
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let tokenizer = write_model(&data, vocabulary, dir.path(), bos, template);
        let guard = open(&table, dir.path()).unwrap();
        let tokens = |item: &PointItem| guard.prompt_tokens(item).unwrap();
        assert_eq!(found(&tokenizer, bos, tokens), expected[name], "{name}");
        let [own, with_control] = specials(&tokenizer, tokens);
        assert_eq!(own, with_control, "{name}");
        if let Some((good, bad, before)) = ids {
            assert_eq!(guard.verdict_ids(), (&*good, &*bad, &*before), "{name}");
        }
        if vocabulary == "llama3" {
            continue;
        }
        // As most published code does it, control tokens in an answer count.
        let parity = open(&format!("control_tokens = \"parity\"\n{table}"), dir.path()).unwrap();
        let tokens = |item: &PointItem| parity.prompt_tokens(item).unwrap();
        assert_eq!(found(&tokenizer, bos, tokens), expected[name], "{name}");
        let [own, with_control] = specials(&tokenizer, tokens);
        assert!(with_control > own, "{name}");
    }
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = write_model(&data, "llama3", dir.path(), end, Some(&llama3));
    give_head(dir.path());
    let text = format!("kind = \"reward\"\n[model]\npath = '{}'\n", dir.path().display());
    let path = Path::new("judge.toml");
    let table = RewardTable::parse(&text, path).unwrap();
    let reward = RewardModel::open(&table, &JudgeRequest::new(path)).unwrap();
    let tokens = |item: &PointItem| reward.prompt_tokens(item).unwrap();
    assert_eq!(found(&tokenizer, end, tokens), expected["reward"]);
    let [own, with_control] = specials(&tokenizer, tokens);
    assert_eq!(own, with_control);
}

#[test]
fn an_answer_is_cut_at_its_end_and_the_prompt_never() {
    let Some(data) = data() else { return };
    let dir = tempfile::tempdir().unwrap();
    let template = include_str!("guard.jinja");
    let tokenizer =
        write_model(&data, "llama3", dir.path(), Some("<|begin_of_text|>"), Some(template));
    let table =
        |more: &str| format!("{more}\nverdict = {{ good = [\"safe\"], bad = [\"unsafe\"] }}");
    let long = "one two three four five six seven eight nine ten ".repeat(600);
    let item = &items(&[("Count.", &long)])[0];
    let short = open(&table("max_answer_tokens = 7"), dir.path()).unwrap();
    let text = tokenizer.decode(&short.prompt_tokens(item).unwrap());
    assert!(text.contains("Agent: one two three four five six seven\n\n"), "{text}");
    assert!(text.ends_with("assistant"), "{text}");
    // What the context does not hold is cut, too.
    let whole = open(&table(""), dir.path()).unwrap();
    let tokens = whole.prompt_tokens(item).unwrap();
    assert!((4090..=4096).contains(&tokens.len()), "{}", tokens.len());
    let text = tokenizer.decode(&tokens);
    assert!(text.contains("Agent: one two") && text.ends_with("assistant"));
    // A request that fills the context leaves no room.
    let left_out = whole.prompt_tokens(&items(&[(&long, "one")])[0]).unwrap_err();
    assert_eq!(left_out.kind, seal_model::LeftOutKind::TooLong);
}

#[test]
fn verdicts_that_are_not_one_token_are_refused() {
    let Some(data) = data() else { return };
    let dir = tempfile::tempdir().unwrap();
    let template = include_str!("guard.jinja");
    write_model(&data, "llama3", dir.path(), Some("<|begin_of_text|>"), Some(template));
    let error = |verdict: &str| match open(&format!("verdict = {verdict}"), dir.path()) {
        Ok(_) => panic!("{verdict} is taken"),
        Err(error) => error.to_string(),
    };
    insta::assert_snapshot!(error("{ good = [\" Controversial\"], bad = [\"unsafe\"] }"), @r#"verdict.good: " Controversial" is not one token of the judge's tokenizer, which writes it as 3 tokens, the first of them 2140: write that number if no other verdict begins with it"#);
    insta::assert_snapshot!(error("{ good = [19193], bad = [\"safe\"] }"), @"token 19193 stands for a good and a bad verdict, or twice for one; name other tokens in verdict.good and verdict.bad");
    insta::assert_snapshot!(error("{ good = [900000], bad = [\"safe\"] }"), @"verdict.good: the judge's model has 128010 tokens, and no token 900000");
    let hash = "prompt = { sha256 = \"00\" }\nverdict = { good = [\"safe\"], bad = [\"unsafe\"] }";
    let changed = match open(hash, dir.path()) {
        Ok(_) => panic!("another template is taken"),
        Err(error) => error.to_string(),
    };
    assert!(changed.contains("and the settings say 00"), "{changed}");
}
