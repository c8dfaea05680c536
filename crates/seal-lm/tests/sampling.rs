//! The choice of tokens against the processors of transformers, from values
//! that `tests/reference/sampling.py` wrote, and its own rules.

mod common;

use std::collections::BTreeSet;

use common::{cpu, golden};
use proptest::prelude::*;
use seal_data::RowId;
use seal_lm::{
    BadLogit, Finish, GenerateSettings, Prompt, generate, load_weights, next_token_probabilities,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    vectors: Vec<Vector>,
    answers: Vec<Answer>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    /// Null is minus infinity.
    logits: Vec<Option<f32>>,
    context: Vec<u32>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    settings: serde_json::Map<String, serde_json::Value>,
    kept: Vec<u32>,
    p: Vec<f64>,
}

#[derive(Deserialize)]
struct Answer {
    penalty: f64,
    prompt: Vec<u32>,
    stops: Vec<u32>,
    /// With the stop token.
    tokens: Vec<u32>,
}

fn golden() -> Golden {
    let text = std::fs::read_to_string(golden::path("sampling.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn probabilities_are_those_of_transformers() {
    let mut cases = 0;
    for vector in golden().vectors {
        let logits: Vec<f32> =
            vector.logits.iter().map(|x| x.unwrap_or(f32::NEG_INFINITY)).collect();
        for Case { mut settings, kept, p } in vector.cases {
            let what = format!("{} {settings:?}", vector.name);
            settings.insert("max_new_tokens".into(), 1.into());
            let settings: GenerateSettings =
                serde_json::from_value(serde_json::Value::Object(settings)).unwrap();
            let got = next_token_probabilities(&logits, &vector.context, &settings).unwrap();
            assert!(got.is_sorted_by(|a, b| (b.1, a.0) < (a.1, b.0)), "{what}: not sorted");
            let got: Vec<_> = got.into_iter().filter(|t| t.1 > 0.0).collect();
            let mut want: Vec<(u32, f64)> = kept.into_iter().zip(p).collect();
            want.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            assert_eq!(got.len(), want.len(), "{what}");
            for (got, want) in got.iter().zip(&want) {
                assert!((got.1 - want.1).abs() < 1e-6, "{what}: {got:?} {want:?}");
            }
            // Which of the tokens that tie at the edge stay, transformers leaves open.
            let edge = got[got.len() - 1].1;
            let ids = |tokens: &[(u32, f64)]| tokens.iter().map(|t| t.0).collect();
            let (ours, theirs): (BTreeSet<u32>, BTreeSet<u32>) = (ids(&got), ids(&want));
            for (token, p) in got.iter().chain(&want) {
                let in_both = ours.contains(token) && theirs.contains(token);
                assert!(in_both || (p - edge).abs() < 1e-7, "{what}: {token} {p}");
            }
            let has_ties = ["ties", "equal"].contains(&vector.name.as_str());
            assert!(has_ties || ours == theirs, "{what}");
            cases += 1;
        }
    }
    assert!(cases > 200, "{cases}");
}

#[test]
fn penalised_answers_with_several_stops_are_those_of_transformers() {
    let model = load_weights(&golden::config("tied"), &golden::path("tied"), &cpu()).unwrap();
    let mut stopped = 0;
    for Answer { penalty, prompt, stops, tokens } in golden().answers {
        let prompts = [Prompt { id: RowId::of("", "", 0), tokens: prompt }];
        let settings =
            GenerateSettings { repetition_penalty: penalty, ..GenerateSettings::greedy(24) };
        let answer = generate(&model, &prompts, &settings, &stops, 0).unwrap().remove(0);
        let end = tokens.iter().position(|t| stops.contains(t));
        assert_eq!(answer.tokens, tokens[..end.unwrap_or(tokens.len())], "{penalty} {prompts:?}");
        assert_eq!(answer.finish, end.map_or(Finish::Length, |_| Finish::Stop));
        stopped += usize::from(end.is_some());
    }
    assert!(stopped >= 4, "{stopped}");
}

#[test]
fn settings_that_are_off_are_not_written() {
    let settings = GenerateSettings::greedy(8);
    let text = serde_json::to_string(&settings).unwrap();
    assert_eq!(text, r#"{"max_new_tokens":8,"temperature":0.0,"top_p":1.0,"batch":64}"#);
    assert_eq!(serde_json::from_str::<GenerateSettings>(&text).unwrap(), settings);
    let on = GenerateSettings { top_k: 5, repetition_penalty: 1.1, ..settings };
    let text = serde_json::to_string(&on).unwrap();
    assert!(text.contains(r#""top_k":5,"repetition_penalty":1.1"#), "{text}");
    assert_eq!(serde_json::from_str::<GenerateSettings>(&text).unwrap(), on);
}

fn settings() -> impl Strategy<Value = GenerateSettings> {
    (0.0f64..3.0, 0.01f64..=1.0, 0usize..40, 0.5f64..2.0).prop_map(
        |(temperature, top_p, top_k, repetition_penalty)| GenerateSettings {
            temperature: if temperature < 0.3 { 0.0 } else { temperature },
            top_p,
            top_k,
            repetition_penalty,
            ..GenerateSettings::greedy(1)
        },
    )
}

proptest! {
    /// Where one entry is no number, there is no choice, whatever the settings.
    #[test]
    fn a_bad_logit_is_reported(
        mut logits in proptest::collection::vec(-9.0f32..9.0, 1..40),
        at in any::<prop::sample::Index>(), settings in settings(), is_nan in any::<bool>(),
    ) {
        let bad = if is_nan { f32::NAN } else { f32::INFINITY };
        let at = at.index(logits.len());
        logits[at] = bad;
        let BadLogit(value) = next_token_probabilities(&logits, &[0], &settings).unwrap_err();
        prop_assert_eq!(value.to_bits(), bad.to_bits());
        logits.fill(f32::NEG_INFINITY);
        prop_assert_eq!(
            next_token_probabilities(&logits, &[0], &settings),
            Err(BadLogit(f32::NEG_INFINITY))
        );
    }

    /// What is left is a distribution that holds the likeliest token, and no
    /// more than top-k tokens where none tie.
    #[test]
    fn what_is_left_is_a_distribution(
        logits in proptest::collection::btree_set(-9_000i32..9_000, 1..60), settings in settings(),
    ) {
        // Of a permuted order; the values differ.
        let mut logits: Vec<f32> = logits.into_iter().map(|x| x as f32 / 1000.0).collect();
        let n = logits.len();
        logits.rotate_left(n / 3);
        let settings = GenerateSettings { repetition_penalty: 1.0, ..settings };
        let got = next_token_probabilities(&logits, &[], &settings).unwrap();
        let best = (0..n).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap();
        prop_assert_eq!(got[0].0 as usize, best);
        prop_assert!((got.iter().map(|t| t.1).sum::<f64>() - 1.0).abs() < 1e-12);
        prop_assert!(settings.top_k == 0 || got.len() <= settings.top_k);
        prop_assert!(settings.temperature > 0.0 || got.len() == 1);
    }
}
