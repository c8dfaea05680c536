//! Log-probabilities of the next token and scores of rows, against transformers
//! (`tests/reference/judges.py`).

mod common;

use burn::module::Param;
use common::{cpu, golden, values};
use seal_lm::{
    Lm, LmError, Ops, Scorer, WeightFormat, load_model, load_scorer, load_scorer_as,
    next_token_log_probabilities,
};
use serde::Deserialize;

const FAMILIES: [&str; 6] = ["llama", "mistral", "neox", "phi3", "qwen2", "qwen3"];
const BOTH: [Ops; 2] = [Ops::Fused, Ops::Composed];
/// The script's pad id.
const PAD: u32 = 5;

#[derive(Deserialize)]
struct Expected {
    rows: Vec<Vec<u32>>,
    #[serde(default)]
    log_probabilities: Vec<Vec<f64>>,
    /// By transformers' rule for the end of a row.
    #[serde(default)]
    by_rule: Vec<Vec<f64>>,
    /// At the last token of the row.
    #[serde(default)]
    at_last: Vec<Vec<f64>>,
}

fn expected(name: &str) -> Expected {
    let path = golden::path("judges").join(name).join("expected.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn borrowed(rows: &[Vec<u32>]) -> Vec<&[u32]> {
    rows.iter().map(Vec::as_slice).collect()
}

fn causal(name: &str, ops: Ops) -> Lm {
    load_model(&golden::path("judges").join(name), &cpu()).unwrap().0.with_ops(ops)
}

fn scorer(name: &str, ops: Ops) -> Scorer {
    let dir = golden::path("judges").join(format!("{name}_score"));
    load_scorer(&dir, &cpu()).unwrap().0.with_ops(ops)
}

/// Largest distance; NaN is the largest of all.
fn worst(got: &[Vec<f32>], want: &[Vec<f64>], of: impl Fn(f64) -> f64) -> f64 {
    assert_eq!(got.len(), want.len());
    let mut worst = 0.0;
    for (got, want) in got.iter().zip(want) {
        assert_eq!(got.len(), want.len());
        for (got, want) in got.iter().zip(want) {
            let off = (of(f64::from(*got)) - of(*want)).abs();
            worst = common::worse(worst, off);
        }
    }
    worst
}

#[test]
fn probabilities_of_the_next_token_are_those_of_transformers() {
    for name in FAMILIES {
        let e = expected(name);
        let spread: f64 = e.log_probabilities.iter().flatten().fold(0.0, |a, p| a.min(*p));
        assert!(spread < -5.0, "{name}: the fixture is too flat to compare with: {spread}");
        for ops in BOTH {
            let model = causal(name, ops);
            let got = next_token_log_probabilities(&model, &borrowed(&e.rows)).unwrap();
            let p = worst(&got, &e.log_probabilities, f64::exp);
            let log = worst(&got, &e.log_probabilities, |x| x);
            assert!(p < 1e-5 && log < 1e-4, "{name} {ops:?}: {p:e} {log:e}");
        }
    }
}

#[test]
fn scores_are_those_of_transformers_at_the_last_token() {
    for name in FAMILIES {
        let e = expected(&format!("{name}_score"));
        for ops in BOTH {
            let scorer = scorer(name, ops);
            assert_eq!((scorer.labels(), scorer.pad_token()), (e.at_last[0].len(), Some(PAD)));
            let got = scorer.values(&borrowed(&e.rows)).unwrap();
            let off = worst(&got, &e.at_last, |x| x);
            assert!(off < 1e-4, "{name} {ops:?}: {off:e}");
            let on_device = values(scorer.scores(&borrowed(&e.rows)).unwrap());
            let off = on_device.iter().zip(e.at_last.iter().flatten());
            assert!(off.map(|(a, b)| (a - b).abs()).all(|off| off < 1e-4), "{name} {ops:?}");
            // A pad id inside a row changes nothing; at its end it is the one difference.
            for (row, (rule, last)) in e.rows.iter().zip(e.by_rule.iter().zip(&e.at_last)) {
                assert_eq!(scorer.differs_in_transformers(row), rule != last, "{name}");
            }
        }
    }
}

/// A row's numbers do not depend on its batch.
#[test]
fn rows_alone_and_together_are_alike() {
    for name in FAMILIES {
        let rows = expected(name).rows;
        for ops in BOTH {
            let (model, scorer) = (causal(name, ops), scorer(name, ops));
            let together = next_token_log_probabilities(&model, &borrowed(&rows)).unwrap();
            let scores = scorer.values(&borrowed(&rows)).unwrap();
            for (i, row) in rows.iter().enumerate() {
                let alone = next_token_log_probabilities(&model, &[row]).unwrap();
                let score = scorer.values(&[row]).unwrap();
                for (a, b) in alone[0].iter().zip(&together[i]) {
                    assert!((a - b).abs() < 1e-5, "{name} {ops:?}: {a} {b}");
                }
                for (a, b) in score[0].iter().zip(&scores[i]) {
                    assert!((a - b).abs() < 1e-5, "{name} {ops:?}: {a} {b}");
                }
            }
        }
    }
}

/// Enough rows that they are cut into parts, in an order of their own.
#[test]
fn many_rows_keep_their_order() {
    let model = causal("llama", Ops::Fused);
    let rows: Vec<Vec<u32>> =
        (0..60u32).map(|i| (0..1 + (i * 7) % 50).map(|t| (t * t + i) % 40).collect()).collect();
    let together = next_token_log_probabilities(&model, &borrowed(&rows)).unwrap();
    for (row, found) in rows.iter().zip(&together) {
        let alone = next_token_log_probabilities(&model, &[row]).unwrap();
        assert!(alone[0].iter().zip(found).all(|(a, b)| (a - b).abs() < 1e-5));
    }
    assert!(next_token_log_probabilities(&model, &[]).unwrap().is_empty());
}

#[test]
fn weights_in_bf16_give_the_same_numbers() {
    // The files hold bf16, and states are f32 either way.
    let dir = golden::path("judges").join("mistral_score");
    let (half, report) = load_scorer_as(&dir, &cpu(), WeightFormat::Bf16).unwrap();
    assert!(report.missing.is_empty() && report.unused.is_empty());
    let e = expected("mistral_score");
    let off = worst(&half.values(&borrowed(&e.rows)).unwrap(), &e.at_last, |x| x);
    assert!(off < 1e-4, "{off:e}");
}

#[test]
fn rows_that_a_model_cannot_read_are_named() {
    let model = causal("llama", Ops::Fused);
    let empty = next_token_log_probabilities(&model, &[&[1], &[]]).unwrap_err();
    assert!(matches!(empty, LmError::EmptyRow { row: 1 }), "{empty}");
    let unknown = next_token_log_probabilities(&model, &[&[40]]).unwrap_err();
    assert!(matches!(unknown, LmError::Token { id: 40, .. }), "{unknown}");
    let mut scorer = scorer("llama", Ops::Fused);
    let weight = scorer.score.weight.val() * f32::NAN;
    scorer.score.weight = Param::from_tensor(weight);
    let broken = scorer.values(&[&[1]]).unwrap_err();
    assert!(matches!(broken, LmError::NoScore { row: 0 }), "{broken}");
    let mut model = model;
    model.trunk.embed_tokens = Param::from_tensor(model.trunk.embed_tokens.val() * f32::NAN);
    let broken = next_token_log_probabilities(&model, &[&[1]]).unwrap_err();
    assert!(matches!(broken, LmError::NoProbability { row: 0 }), "{broken}");
}

#[test]
fn a_model_of_the_other_kind_is_refused_with_what_it_is() {
    let said = |e: LmError| {
        let home = format!("{}/", golden::path("judges").display());
        e.to_string().replace(&home, "")
    };
    let text = said(load_scorer(&golden::path("judges").join("llama"), &cpu()).unwrap_err());
    insta::assert_snapshot!(text, @r#"llama/config.json: architectures = ["LlamaForCausalLM"]: this model writes text and has no head of scores: it is no reward model; a model that ends in ForSequenceClassification is wanted here"#);
    let score = said(load_model(&golden::path("judges").join("neox_score"), &cpu()).unwrap_err());
    insta::assert_snapshot!(score, @r#"neox_score/config.json: architectures = ["GPTNeoXForSequenceClassification"]: this model has a head of scores and writes no text: it can be a reward model only; a model that ends in ForCausalLM is wanted here"#);
    // The weights tell where config.json does not.
    let unnamed = |name: &str| {
        let dir = tempfile::tempdir().unwrap();
        let from = golden::path("judges").join(name);
        let file = "model.safetensors";
        std::fs::copy(from.join(file), dir.path().join(file)).unwrap();
        let config = std::fs::read_to_string(from.join("config.json")).unwrap();
        let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
        config.as_object_mut().unwrap().remove("architectures");
        std::fs::write(dir.path().join("config.json"), config.to_string()).unwrap();
        dir
    };
    let short = |e: LmError, dir: &tempfile::TempDir| {
        e.to_string().replace(&format!("{}/", dir.path().display()), "")
    };
    let dir = unnamed("mistral");
    let text = short(load_scorer(dir.path(), &cpu()).unwrap_err(), &dir);
    insta::assert_snapshot!(text, @"model.safetensors: holds `lm_head.weight` and no `score.weight`: these are the weights of a model that writes text, not of a reward model");
    let dir = unnamed("mistral_score");
    let score = short(load_model(dir.path(), &cpu()).unwrap_err(), &dir);
    insta::assert_snapshot!(score, @"model.safetensors: holds `score.weight` and no `lm_head.weight`: these are the weights of a reward model, which writes no text");
}
