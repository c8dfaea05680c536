//! What each stage's key holds beside the keys of the stages that it reads: all that its
//! output depends on, and nothing else. `graph/tests.rs` lists which key of a config reaches
//! which stage.

use std::collections::BTreeMap;

use seal_judge::{JudgeKind, JudgeSettings};
use seal_judging::PairJudge;
use seal_lm::LoraConfig;
use seal_model::{TokenizerKind, world_vocabulary_digest};
use serde_json::{Value, json};

use super::facts::{RowFacts, SetFacts};
use crate::config::{Config, Method, OutputFile, name_of};
use crate::judging::AnswerJudge;

/// The rows that a tokenizer is trained on, and its size.
pub(super) fn tokenizer(c: &Config, facts: &SetFacts) -> Value {
    json!({"rows": facts.base.content.texts, "entries": c.tokenizer.vocab_size})
}

/// Rows, and all that decides their tokens. A tokenizer that is trained is a stage.
pub(super) fn tokens(c: &Config, rows: &RowFacts) -> Value {
    json!({"rows": rows.content.texts, "as": "examples", "encoding": encoding(c)})
}

/// Of the judge of a test: what a model is asked, and not what is made of its answers.
pub(super) fn test_tokens(c: &Config, asking: &OutputFile<'_>, rows: &RowFacts) -> Value {
    let asked = match asking.of.map(|judge| (judge.kind, judge)) {
        Some((JudgeKind::RefusalMargin, judge)) => {
            let texts = Some((&judge.refusals, &judge.openings));
            json!(["refusal-margin", texts])
        }
        Some((JudgeKind::PreferenceMargin, _)) => {
            json!(["preference-margin", rows.content.rejected])
        }
        Some((JudgeKind::AnswerLikelihood, _)) => json!("answer-likelihood"),
        Some((JudgeKind::Oracle | JudgeKind::Rules, _)) | None => json!("prompts"),
    };
    json!({"rows": rows.content.texts, "as": asked, "encoding": encoding(c)})
}

/// The training of a base, and the files of a folder with the format that its weights are read in.
/// What tokenizer, template and context decide is in the tokens.
pub(super) fn base(c: &Config) -> Value {
    let Some(folder) = c.model.folder() else {
        return json!({"model": c.model, "training": c.base, "seed": c.base_seed(),
            "device": c.device.in_keys()});
    };
    // Where the folder lies is no part of what is in it.
    let mut inputs = json!({"pretrained": folder.found.as_ref().map(|found| &found.digest),
        "device": c.device.in_keys(), "dtype": folder.dtype});
    if let Some(training) = &c.base {
        inputs["training"] = json!(training);
        inputs["seed"] = json!(c.base_seed());
        name_masks(&mut inputs, training.lora.as_ref());
    }
    inputs
}

/// Where an adapter drops inputs, the generator of the masks. Results without dropout do not
/// depend on it.
fn name_masks(inputs: &mut Value, lora: Option<&LoraConfig>) {
    if lora.is_some_and(|lora| lora.lora_dropout > 0.0) {
        inputs["masks"] = json!("threefry2x32-20");
    }
}

pub(super) fn scores(c: &Config) -> Value {
    json!({"device": c.device.in_keys()})
}

pub(super) fn selector(c: &Config, seed: u64) -> Value {
    let mut inputs = json!({"bilevel": c.bilevel, "seed": seed, "device": c.device.in_keys()});
    name_masks(&mut inputs, c.bilevel.lora.as_ref());
    inputs
}

/// Of the rows, what their tokens do not hold.
pub(super) fn selection(c: &Config, facts: &SetFacts, seed: u64) -> Value {
    let method = c.selection.method;
    // What a method does not read must not change its key.
    let by_dose = method == Method::Labels && c.selection.unsafe_dose > 0.0;
    let mut inputs = json!({"method": method});
    if method.ranks() {
        inputs["keep"] = json!(c.selection.keep);
    }
    if method.ranks() || by_dose {
        inputs["seed"] = json!(seed);
    }
    match method {
        Method::Labels => {
            inputs["labels"] = json!([facts.data.content.labels, c.selection.unsafe_dose]);
        }
        Method::Dsir => inputs["target"] = json!(facts.safe.content.texts),
        Method::Guard => {
            use seal_judge::GuardKind::{Oracle, Rules};
            inputs["guard"] = json!(c.selection.guard);
            match c.selection.guard.as_ref().map(|guard| guard.kind) {
                Some(Oracle) => {
                    inputs["truth"] =
                        json!([facts.data.content.labels, facts.data.content.categories]);
                }
                Some(Rules) | None => {}
            }
        }
        Method::Selector | Method::Random | Method::FrozenLoss | Method::All | Method::None => {}
    }
    inputs
}

pub(super) fn sft(c: &Config, seed: u64) -> Value {
    let mut inputs = json!({"training": c.sft, "seed": seed, "device": c.device.in_keys()});
    if c.sft.lora.is_some() {
        // An adapter says what it is an adapter of.
        inputs["base_name"] = json!(c.base_name());
    }
    name_masks(&mut inputs, c.sft.lora.as_ref());
    inputs
}

/// The names of the tests, and how answers are generated where a judge reads some.
pub(super) fn answers(c: &Config, facts: &SetFacts, seed: u64) -> Value {
    let askings = c.askings(facts.tests.keys());
    let tests: Vec<&String> = askings.iter().map(|asking| &asking.name).collect();
    let mut inputs = json!({"tests": tests, "device": c.device.in_keys()});
    if askings.iter().any(|asking| asking.of.is_none()) {
        inputs["generate"] = json!(c.generate);
        inputs["seed"] = json!((c.generate.temperature > 0.0).then_some(seed));
    }
    inputs
}

/// Of the answers under a base: its device, how it encodes texts, and the tests whose judges read
/// answers, by the names of their files.
pub(super) fn base_nll(by: &Config, arm: &Config, facts: &SetFacts) -> Value {
    let askings = arm.askings(facts.tests.keys());
    let asked = askings.iter().filter(|asking| asking.of.is_none());
    let tests: BTreeMap<&String, &RowFacts> =
        asked.filter_map(|asking| Some((&asking.name, facts.tests.get(asking.test)?))).collect();
    let texts: BTreeMap<_, _> =
        tests.into_iter().map(|(name, rows)| (name, json!(rows.content.texts))).collect();
    json!({"tests": texts, "encoding": encoding(by), "device": by.device.in_keys()})
}

/// Of the judges of single answers: all but where they draw a tie, which is seen when two arms are
/// compared. `None` without such a judge.
pub(super) fn verdicts(c: &Config, facts: &SetFacts) -> Option<Value> {
    let read = |judge: &JudgeSettings, rows: &RowFacts| {
        let judge = JudgeSettings { tie: None, ..judge.clone() };
        let mut read =
            vec![json!(judge), json!(rows.content.texts), json!(rows.content.categories)];
        match judge.kind {
            JudgeKind::Oracle | JudgeKind::Rules => read.push(json!(rows.content.labels)),
            JudgeKind::AnswerLikelihood
            | JudgeKind::PreferenceMargin
            | JudgeKind::RefusalMargin => {}
        }
        json!(read)
    };
    let mut all = BTreeMap::new();
    for (test, rows) in &facts.tests {
        let judges = c.judge.get(test).into_iter().flat_map(|judges| judges.all());
        for (name, settings) in judges.filter_map(|(name, judge)| Some((name, judge.single()?))) {
            all.insert(name_of(test, name), read(settings, rows));
        }
    }
    (!all.is_empty()).then(|| json!(all))
}

/// Of a judge of pairs on a test: the judge without all that only says how to ask, and the prompts.
/// `asked` names the file of answers.
pub(super) fn pair_verdicts(judge: &PairJudge, asked: &str, rows: &RowFacts) -> Value {
    json!({"judge": judge.settings(), "answers": asked, "rows": rows.content.texts})
}

/// Of a judge of single answers that is a model on a test: the judge without what only says how to
/// run, the prompts, and what of a row says whether a refusal is due. `asked` names the file of
/// answers.
pub(super) fn assessments(judge: &AnswerJudge, asked: &str, rows: &RowFacts) -> Value {
    let content = &rows.content;
    json!({"judge": judge.settings(), "answers": asked, "rows": content.texts,
        "labels": content.labels, "categories": content.categories})
}

/// Tokenizer and template, by what they are and not by where a file lies.
fn tokenizer_settings(c: &Config) -> Value {
    let mut inputs = json!(c.tokenizer);
    if let (Some(path), Some(digest)) = (inputs.pointer_mut("/template/chat"), &c.template_digest) {
        *path = json!(digest);
    }
    inputs
}

/// What decides the tokens of a row, and which rows fit: tokenizer, template and context.
fn encoding(c: &Config) -> Value {
    let context = c.model.context().ok();
    let vocabulary = match (c.tokenizer.kind, c.model.folder()) {
        // Part of the program.
        (TokenizerKind::World, _) => json!(world_vocabulary_digest()),
        // A stage of its own.
        (TokenizerKind::Bpe, _) => Value::Null,
        (TokenizerKind::Model, folder) => {
            let found = folder.and_then(|folder| folder.found.as_ref());
            json!(found.map(|found| &found.text_digest))
        }
    };
    json!([tokenizer_settings(c), vocabulary, context])
}
