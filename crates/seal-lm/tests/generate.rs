//! Generation: the cache against recomputation, and what an answer may depend
//! on.

mod common;

use std::collections::BTreeMap;

use common::{batch, cpu, examples, model, values};
use proptest::prelude::*;
use seal_data::{Example, RowId};
use seal_lm::{Finish, GenerateError, GenerateSettings, Generated, Lm, LmConfig, Ops, Prompt};

/// A token that the vocabulary lacks: no answer ends by itself.
const NEVER: u32 = 101;

fn greedy(max_new_tokens: usize) -> GenerateSettings {
    GenerateSettings::greedy(max_new_tokens)
}

/// With one stop token, where nothing goes wrong.
fn generate(
    model: &Lm,
    prompts: &[Prompt],
    settings: &GenerateSettings,
    stop: u32,
    seed: u64,
) -> Vec<Generated> {
    seal_lm::generate(model, prompts, settings, &[stop], seed).unwrap()
}

fn sampled(temperature: f64, top_p: f64) -> GenerateSettings {
    GenerateSettings { temperature, top_p, ..greedy(16) }
}

/// Prompts of unequal length.
fn prompts() -> Vec<Prompt> {
    let shapes = [3, 1, 13, 7, 2, 7, 12].map(|n| (n, 0));
    examples(101, 9, &shapes).into_iter().map(|e| Prompt { id: e.id, tokens: e.tokens }).collect()
}

/// Copies of one prompt under `n` ids.
fn copies(n: usize) -> Vec<Prompt> {
    let tokens = prompts()[0].tokens.clone();
    let prompt =
        |i: usize| Prompt { id: RowId::of("copy", &i.to_string(), 0), tokens: tokens.clone() };
    (0..n).map(prompt).collect()
}

/// Logits of the token after `tokens`, from scratch.
fn next_logits(model: &Lm, tokens: &[u32]) -> Vec<f64> {
    // The last token of an example is a target only, so one more is added.
    let padded = [tokens, &[0]].concat();
    let id = RowId::of("", "", 0);
    let rows = [Example::new(id, padded, tokens.len())];
    let hidden = model.hidden(&batch(&rows, None), None);
    let [n, d] = hidden.dims();
    values(model.logits(hidden.slice([n - 1..n, 0..d])))
}

fn argmax(logits: &[f64]) -> u32 {
    let best = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b]));
    best.unwrap() as u32
}

fn by_id(answers: Vec<Generated>) -> BTreeMap<RowId, (Vec<u32>, Finish)> {
    answers.into_iter().map(|a| (a.id, (a.tokens, a.finish))).collect()
}

#[test]
fn the_cache_gives_what_recomputation_gives() {
    for (kv, ops) in [(4, Ops::Fused), (2, Ops::Fused), (1, Ops::Composed), (2, Ops::Composed)] {
        let config = LmConfig { num_key_value_heads: kv, ..common::config() };
        let model = model(&config, kv as u64, &cpu()).with_ops(ops);
        let answers = generate(&model, &prompts(), &greedy(16), NEVER, 0);
        for (prompt, answer) in prompts().iter().zip(answers) {
            assert_eq!((answer.id, answer.finish), (prompt.id, Finish::Length));
            assert_eq!(answer.tokens.len(), 16);
            let mut tokens = prompt.tokens.clone();
            for (step, token) in answer.tokens.iter().enumerate() {
                let logits = next_logits(&model, &tokens);
                assert_eq!(*token, argmax(&logits), "kv {kv} {ops:?} step {step}");
                tokens.push(*token);
            }
        }
    }
}

#[test]
fn the_model_does_not_just_repeat_itself() {
    // Otherwise the other tests would compare one token with itself.
    let answers = generate(&model(&common::config(), 2, &cpu()), &prompts(), &greedy(16), NEVER, 0);
    let tokens: std::collections::BTreeSet<u32> =
        answers.iter().flat_map(|a| a.tokens.iter().copied()).collect();
    assert!(tokens.len() > 20, "{tokens:?}");
}

#[test]
fn an_answer_does_not_depend_on_its_batch() {
    let model = model(&common::config(), 2, &cpu());
    for settings in [greedy(16), sampled(1.0, 0.9)] {
        let run = |prompts: &[Prompt], batch| {
            let settings = GenerateSettings { batch, ..settings.clone() };
            by_id(generate(&model, prompts, &settings, NEVER, 3))
        };
        let all = prompts();
        let together = run(&all, 64);
        for size in [1, 2, 3, 7] {
            assert_eq!(run(&all, size), together, "batches of {size}");
        }
        let reversed: Vec<Prompt> = all.iter().rev().cloned().collect();
        assert_eq!(run(&reversed, 3), together);
        for (id, answer) in run(&all[2..5], 64) {
            assert_eq!(answer, together[&id]);
        }
    }
}

#[test]
fn answers_come_in_the_order_of_their_prompts() {
    let model = model(&common::config(), 2, &cpu());
    let ids = |settings| -> Vec<RowId> {
        generate(&model, &prompts(), &settings, NEVER, 0).iter().map(|a| a.id).collect()
    };
    let want: Vec<RowId> = prompts().iter().map(|p| p.id).collect();
    assert_eq!(ids(greedy(2)), want);
    assert_eq!(ids(GenerateSettings { batch: 2, ..greedy(2) }), want);
    assert_eq!(generate(&model, &[], &greedy(2), NEVER, 0), []);
}

#[test]
fn an_answer_stops_at_the_end_of_text_and_others_go_on() {
    let model = model(&common::config(), 2, &cpu());
    let long = generate(&model, &prompts(), &greedy(16), NEVER, 0);
    let eos = long[2].tokens[5];
    let short = generate(&model, &prompts(), &greedy(16), eos, 0);
    let mut ended = 0;
    for (long, short) in long.iter().zip(short) {
        let cut = long.tokens.iter().position(|t| *t == eos);
        assert_eq!(short.tokens, long.tokens[..cut.unwrap_or(16)]);
        let finish = if cut.is_some() { Finish::Stop } else { Finish::Length };
        assert_eq!(short.finish, finish);
        ended += usize::from(cut.is_some());
    }
    assert!((1..prompts().len()).contains(&ended), "{ended} ended");
}

#[test]
fn the_end_of_text_counts_as_a_new_token() {
    let model = model(&common::config(), 2, &cpu());
    let prompt = &prompts()[2..3];
    let long = generate(&model, prompt, &greedy(16), NEVER, 0).remove(0).tokens;
    let at = (1..16).find(|i| !long[..*i].contains(&long[*i])).unwrap();
    let run = |max| generate(&model, prompt, &greedy(max), long[at], 0).remove(0);
    for (max, finish) in [(at, Finish::Length), (at + 1, Finish::Stop), (at + 2, Finish::Stop)] {
        assert_eq!((run(max).tokens, run(max).finish), (long[..at].to_vec(), finish), "{max}");
    }
    for max in [1, 2, 9] {
        assert_eq!(generate(&model, prompt, &greedy(max), NEVER, 0)[0].tokens, long[..max]);
    }
}

#[test]
fn draws_depend_on_seed_id_and_step_only() {
    let model = model(&common::config(), 2, &cpu());
    let run = |prompts: &[Prompt], seed| generate(&model, prompts, &sampled(1.0, 1.0), NEVER, seed);
    assert_eq!(run(&prompts(), 1), run(&prompts(), 1));
    assert!(run(&prompts(), 1).iter().zip(run(&prompts(), 2)).all(|(a, b)| a.tokens != b.tokens));
    let twins = run(&copies(2), 1);
    assert_ne!(twins[0].tokens, twins[1].tokens);
    // At a huge temperature all tokens are alike, so a draw that forgot its
    // step would pick one token again and again.
    let flat = generate(&model, &copies(1), &sampled(1e9, 1.0), NEVER, 1).remove(0);
    let distinct: std::collections::BTreeSet<u32> = flat.tokens.iter().copied().collect();
    assert!(distinct.len() > 10, "{:?}", flat.tokens);
}

/// Shares of the first token over `n` draws.
fn shares(model: &Lm, settings: &GenerateSettings, n: usize) -> Vec<f64> {
    let settings = GenerateSettings { max_new_tokens: 1, batch: 512, ..settings.clone() };
    let mut shares = vec![0.0; 101];
    for answer in generate(model, &copies(n), &settings, NEVER, 0) {
        shares[answer.tokens[0] as usize] += 1.0 / n as f64;
    }
    shares
}

/// Probabilities of the first token by definition.
fn probabilities(model: &Lm, temperature: f64, top_p: f64) -> Vec<f64> {
    let logits = next_logits(model, &prompts()[0].tokens);
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut p: Vec<f64> = logits.iter().map(|x| ((x - top) / temperature).exp()).collect();
    let total: f64 = p.iter().sum();
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*b].total_cmp(&p[*a]));
    let (mut before, mut kept) = (0.0, 0.0);
    for i in order {
        // A token stays while the likelier ones do not reach top_p.
        let stays = before < top_p * total;
        before += p[i];
        if stays {
            kept += p[i];
        } else {
            p[i] = 0.0;
        }
    }
    p.iter().map(|p| p / kept).collect()
}

#[test]
fn sampling_follows_the_probabilities() {
    const N: usize = 4096;
    let model = model(&common::config(), 2, &cpu());
    for (temperature, top_p) in [(1.0, 1.0), (0.5, 1.0), (2.0, 1.0), (1.0, 0.5), (1.5, 0.9)] {
        let got = shares(&model, &sampled(temperature, top_p), N);
        let want = probabilities(&model, temperature, top_p);
        for (token, (got, want)) in got.iter().zip(&want).enumerate() {
            // Five standard errors; a token outside the nucleus never comes.
            let slack = 5.0 * (want * (1.0 - want) / N as f64).sqrt();
            let what = format!("temperature {temperature} top_p {top_p} token {token}");
            assert!((got - want).abs() <= slack + 1e-12, "{what}: {got} {want}");
        }
    }
}

#[test]
fn cold_or_narrow_sampling_is_greedy() {
    let model = model(&common::config(), 2, &cpu());
    let run = |settings| generate(&model, &prompts(), &settings, NEVER, 5);
    let want = run(greedy(16));
    assert_eq!(run(sampled(1e-5, 1.0)), want);
    assert_eq!(run(sampled(1.0, 1e-6)), want);
    assert_ne!(run(sampled(1.0, 1.0)), want);
}

#[test]
fn a_prompt_that_cannot_be_continued_is_refused_before_any_work() {
    let model = model(&common::config(), 2, &cpu());
    let refuse = |tokens: Vec<u32>, settings| {
        let mut prompts = prompts();
        prompts[1].tokens = tokens;
        let id = prompts[1].id;
        let nothing = |_, _| -> Result<(), GenerateError> { panic!("an answer came") };
        let error = seal_lm::generate_each(&model, &prompts, &settings, &[], 0, nothing);
        (id, error.unwrap_err())
    };
    let (id, error) = refuse(vec![], greedy(1));
    assert_eq!(error, GenerateError::Empty { id });
    let (id, error) = refuse(vec![7; 65], greedy(1));
    assert_eq!(error, GenerateError::TooLong { id, tokens: 65, context: 64 });
    let (id, error) = refuse(vec![7, 101], greedy(1));
    assert_eq!(error, GenerateError::UnknownToken { id, token: 101, vocab_size: 101 });
    let (_, error) = refuse(vec![7], GenerateSettings { batch: 0, ..greedy(1) });
    assert!(matches!(error, GenerateError::Settings(_)), "{error}");
}

proptest! {
    #[test]
    fn settings_outside_their_range_are_named(
        max_new_tokens in 0usize..3, temperature in -1.0f64..2.0, top_p in -0.5f64..1.5,
        repetition_penalty in -0.5f64..2.0, batch in 0usize..3, top_k in 0usize..9,
    ) {
        let settings = GenerateSettings {
            max_new_tokens, temperature, top_p, top_k, repetition_penalty, batch,
        };
        let good = max_new_tokens > 0 && batch > 0 && temperature >= 0.0 && top_p > 0.0
            && top_p <= 1.0 && repetition_penalty > 0.0;
        let answer = settings.validate();
        prop_assert_eq!(answer.is_ok(), good);
        if let Err(error) = answer {
            let message = error.to_string();
            let fields = ["max_new_tokens", "temperature", "top_p", "repetition_penalty", "batch"];
            prop_assert!(fields.iter().any(|field| message.contains(field)));
        }
    }
}
