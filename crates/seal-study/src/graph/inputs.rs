//! What each stage's key holds beside the keys of the stages that it reads: all that its
//! output depends on, and nothing else. `graph/tests.rs` lists which key of a config reaches
//! which stage.

use std::collections::BTreeMap;

use seal_judge::{JudgeKind, JudgeSettings};
use seal_model::{TokenizerKind, world_vocabulary_digest};
use serde_json::{Value, json};

use super::facts::{RowFacts, SetFacts};
use super::version;
use crate::config::{Append, Config, Method};

/// Rows and training, or the files of a folder.
pub(super) fn base(c: &Config, facts: &SetFacts) -> Value {
    match c.model.folder() {
        // Where the folder lies is no part of what is in it.
        Some(folder) => json!({"pretrained": folder.found.as_ref().map(|found| &found.digest),
            "context": folder.context, "tokenizer": tokenizer(c), "device": c.device,
            "dtype": folder.dtype}),
        None => json!({"rows": facts.base.texts, "model": c.model,
            "training": c.base, "tokenizer": tokenizer(c), "words": fixed_vocabulary(c),
            "seed": c.base_seed(), "device": c.device}),
    }
}

pub(super) fn scores(c: &Config, facts: &SetFacts) -> Value {
    json!({"rows": facts.data.texts, "device": c.device})
}

pub(super) fn selector(c: &Config, facts: &SetFacts, seed: u64) -> Value {
    json!({"rows": facts.data.texts, "safe": facts.safe.texts, "bilevel": c.bilevel,
        "seed": seed, "device": c.device})
}

/// Of the fine-tuned model the tokenizer counts, which says what rows fit its context, and
/// not the weights.
pub(super) fn selection(c: &Config, facts: &SetFacts, seed: u64) -> Value {
    let method = c.selection.method;
    // What a method does not read must not change its key.
    let by_dose = method == Method::Labels && c.selection.unsafe_dose > 0.0;
    let mut inputs = json!({"rows": facts.data.texts, "text": text(c, facts), "method": method});
    if method.ranks() {
        inputs["keep"] = json!(c.selection.keep);
    }
    if method.ranks() || by_dose {
        inputs["seed"] = json!(seed);
    }
    match method {
        Method::Labels => {
            inputs["labels"] = json!([facts.data.labels, c.selection.unsafe_dose]);
        }
        Method::Dsir => inputs["target"] = json!(facts.safe.texts),
        Method::Guard => {
            use seal_judge::GuardKind::{Oracle, Rules};
            inputs["guard"] = json!(c.selection.guard);
            match c.selection.guard.as_ref().map(|guard| guard.kind) {
                Some(Oracle) => {
                    inputs["truth"] = json!([facts.data.labels, facts.data.categories]);
                }
                Some(Rules) | None => {}
            }
        }
        Method::Selector | Method::Random | Method::FrozenLoss | Method::All | Method::None => {}
    }
    inputs
}

pub(super) fn sft(c: &Config, facts: &SetFacts, seed: u64) -> Value {
    let mut inputs = json!({"rows": facts.data.texts, "training": c.sft, "seed": seed,
        "device": c.device});
    match c.selection.append {
        Append::None => {}
        Append::Safe => inputs["appended"] = json!(facts.safe.texts),
        Append::Safety => inputs["appended"] = json!(facts.safety.texts),
    }
    if c.sft.lora.is_some() {
        // An adapter says what it is an adapter of.
        inputs["base_name"] = json!(c.base_name());
    }
    inputs
}

/// Of the judges: what a model is asked, and not what is made of its answers.
pub(super) fn answers(c: &Config, facts: &SetFacts, seed: u64) -> Value {
    let mut generates = false;
    let asked = |(name, rows): (&String, &RowFacts)| {
        // A test without a judge is refused when the config is read.
        let judge = c.judge.get(name);
        let asked = match judge.map_or(JudgeKind::Oracle, |judge| judge.kind) {
            JudgeKind::RefusalMargin => {
                let texts = judge.map(|judge| (&judge.refusals, &judge.openings));
                json!([rows.texts, "refusal-margin", texts])
            }
            JudgeKind::PreferenceMargin => {
                json!([rows.texts, "preference-margin", rows.rejected])
            }
            JudgeKind::AnswerLikelihood => json!([rows.texts, "answer-likelihood"]),
            JudgeKind::Oracle | JudgeKind::Rules => {
                generates = true;
                json!([rows.texts, "answers"])
            }
        };
        (name.clone(), asked)
    };
    let tests: BTreeMap<String, Value> = facts.tests.iter().map(asked).collect();
    let mut inputs = json!({"tests": tests, "device": c.device});
    if generates {
        inputs["generate"] = json!(c.generate);
        inputs["seed"] = json!((c.generate.temperature > 0.0).then_some(seed));
    }
    inputs
}

/// Of the judges: all but where they draw a tie, which is seen when two arms are compared.
pub(super) fn verdicts(c: &Config, facts: &SetFacts) -> Value {
    let read = |(name, rows): (&String, &RowFacts)| {
        let judge = c.judge.get(name).map(|judge| JudgeSettings { tie: None, ..judge.clone() });
        let mut read = vec![json!(judge), json!(rows.texts), json!(rows.categories)];
        match judge.map(|judge| judge.kind) {
            Some(JudgeKind::Oracle | JudgeKind::Rules) | None => read.push(json!(rows.labels)),
            Some(
                JudgeKind::AnswerLikelihood
                | JudgeKind::PreferenceMargin
                | JudgeKind::RefusalMargin,
            ) => {}
        }
        (name.clone(), json!(read))
    };
    json!(facts.tests.iter().map(read).collect::<BTreeMap<String, Value>>())
}

/// Tokenizer and template, by what they are and not by where a file lies.
fn tokenizer(c: &Config) -> Value {
    let mut inputs = json!(c.tokenizer);
    if let (Some(path), Some(digest)) = (inputs.pointer_mut("/template/chat"), &c.template_digest) {
        *path = json!(digest);
    }
    inputs
}

/// What decides which rows can be trained on: tokens and context.
fn text(c: &Config, facts: &SetFacts) -> Value {
    let context = c.model.context().ok();
    let tokens = match (c.tokenizer.kind, c.model.folder()) {
        (TokenizerKind::World, _) => json!(fixed_vocabulary(c)),
        // Trained with the base, on its rows.
        (TokenizerKind::Bpe, _) => json!([version::BASE, facts.base.texts]),
        (TokenizerKind::Model, folder) => {
            let found = folder.and_then(|folder| folder.found.as_ref());
            json!(found.map(|found| &found.text_digest))
        }
    };
    json!([tokenizer(c), tokens, context])
}

/// What identifies a vocabulary that is part of the program.
fn fixed_vocabulary(c: &Config) -> Option<&'static str> {
    (c.tokenizer.kind == TokenizerKind::World).then(world_vocabulary_digest)
}
