//! Answers one by one: their order, their end at the context, what neighbours
//! may not change, and what ends a run.

mod common;

use std::collections::BTreeMap;

use burn::module::Param;
use burn::tensor::{Tensor, TensorData};
use common::{cpu, model};
use rand::RngExt;
use seal_data::{RowId, seed};
use seal_lm::{
    Finish, GenerateError, GenerateSettings, Generated, Lm, LmConfig, Ops, Prompt, generate,
    generate_each, load_model,
};

/// Random prompts of the given lengths.
fn prompts(key: u64, lengths: &[usize]) -> Vec<Prompt> {
    let mut rng = seed::rng(&["prompts".into(), key.into()]);
    let prompt = |(i, n): (usize, &usize)| Prompt {
        id: RowId::of("prompt", &format!("{key} {i}"), 0),
        tokens: (0..*n).map(|_| rng.random_range(0..101u32)).collect(),
    };
    lengths.iter().enumerate().map(prompt).collect()
}

fn by_id(answers: Vec<Generated>) -> BTreeMap<RowId, Generated> {
    answers.into_iter().map(|a| (a.id, a)).collect()
}

/// What a store says that has no room.
#[derive(Debug, PartialEq)]
struct Full;

impl From<GenerateError> for Full {
    fn from(error: GenerateError) -> Self {
        panic!("{error}")
    }
}

fn run_until(
    model: &Lm,
    prompts: &[Prompt],
    settings: &GenerateSettings,
    room: usize,
) -> (Vec<Generated>, Result<(), Full>) {
    let mut stored = Vec::new();
    let end = generate_each(model, prompts, settings, &[3], 8, |i, answer| {
        assert_eq!(answer.id, prompts[i].id);
        if stored.len() == room {
            return Err(Full);
        }
        stored.push(answer);
        Ok(())
    });
    (stored, end)
}

#[test]
fn what_a_killed_run_stored_and_the_rest_are_the_whole() {
    let model = model(&common::config(), 2, &cpu());
    let prompts = prompts(1, &[30, 2, 9, 9, 1, 40, 17, 5]);
    let settings =
        GenerateSettings { temperature: 1.0, top_k: 40, batch: 3, ..GenerateSettings::greedy(12) };
    let (whole, end) = run_until(&model, &prompts, &settings, 99);
    end.unwrap();
    // Shortest prompts first, then by index.
    let order = [4, 1, 7, 2, 3, 6, 0, 5].map(|i| prompts[i].id);
    let ids = |answers: &[Generated]| answers.iter().map(|a| a.id).collect::<Vec<_>>();
    // An answer that ends earlier comes earlier, and the next prompt takes its place.
    let at = |answer: &Generated| prompts.iter().position(|p| p.id == answer.id).unwrap();
    let ended: Vec<(usize, usize)> = whole.iter().map(|a| (at(a), a.tokens.len())).collect();
    let want = [(1, 2), (4, 5), (7, 12), (2, 12), (3, 12), (6, 12), (0, 12), (5, 12)];
    assert_eq!(ended, want);
    let one = GenerateSettings { batch: 1, ..settings.clone() };
    assert_eq!(ids(&run_until(&model, &prompts, &one, 99).0), order);
    let composed = model.clone().with_ops(Ops::Composed);
    assert_eq!(ids(&run_until(&composed, &prompts, &settings, 99).0), order);
    for room in [0, 1, 3, 4] {
        let (stored, end) = run_until(&model, &prompts, &settings, room);
        assert_eq!(end, Err(Full));
        assert_eq!(stored, whole[..room]);
        let left: Vec<Prompt> =
            prompts.iter().filter(|p| stored.iter().all(|a| a.id != p.id)).cloned().collect();
        let (rest, end) = run_until(&model, &left, &settings, 99);
        end.unwrap();
        assert_eq!(by_id([stored, rest].concat()), by_id(whole.clone()));
    }
}

#[test]
fn an_answer_ends_where_the_context_does() {
    let model = model(&common::config(), 2, &cpu());
    let lengths = [64, 63, 60, 54, 53, 1];
    let prompts = prompts(2, &lengths);
    let settings = GenerateSettings::greedy(10);
    let answers = generate(&model, &prompts, &settings, &[], 0).unwrap();
    let ends: Vec<(usize, Finish)> = answers.iter().map(|a| (a.tokens.len(), a.finish)).collect();
    let (context, length) = (Finish::Context, Finish::Length);
    assert_eq!(
        ends,
        [(0, context), (1, context), (4, context), (10, length), (10, length), (10, length)]
    );
    // Where it is cut is all that the context changes.
    let config = LmConfig { max_position_embeddings: 128, ..common::config() };
    let roomy = common::model(&config, 2, &cpu());
    let long = generate(&roomy, &prompts, &settings, &[], 0).unwrap();
    for (answer, long) in answers.iter().zip(long) {
        assert_eq!(answer.tokens, long.tokens[..answer.tokens.len()]);
    }
    // A stop token that is also the last that fits.
    let stop = answers[2].tokens[3];
    let again = generate(&model, &prompts[2..3], &settings, &[stop], 0).unwrap().remove(0);
    assert_eq!(again.finish, Finish::Stop);
}

#[test]
fn each_of_several_stops_ends_an_answer() {
    let model = model(&common::config(), 2, &cpu());
    let prompts = prompts(3, &[4, 9, 2, 13]);
    let run = |stops: &[u32]| {
        generate(&model, &prompts, &GenerateSettings::greedy(20), stops, 0).unwrap()
    };
    let long = run(&[]);
    let stops = [long[0].tokens[6], long[1].tokens[3], 100];
    for (long, short) in long.iter().zip(run(&stops)) {
        let cut = long.tokens.iter().position(|t| stops.contains(t));
        assert_eq!(short.tokens, long.tokens[..cut.unwrap_or(20)]);
        assert_eq!(short.finish == Finish::Stop, cut.is_some());
    }
}

#[test]
fn logits_that_are_no_numbers_are_an_error_that_names_the_row() {
    // Tied weights would damage every row's logits.
    let config = LmConfig { tie_word_embeddings: false, ..common::config() };
    let mut model = model(&config, 2, &cpu());
    let prompts = prompts(4, &[3, 5, 2]);
    // Damages the embedding of a token that only the second prompt holds.
    let own = prompts[1]
        .tokens
        .iter()
        .find(|t| !prompts[0].tokens.contains(t) && !prompts[2].tokens.contains(t));
    let damaged = *own.unwrap() as usize;
    let mut values: Vec<f32> =
        model.trunk.embed_tokens.val().into_data().try_into_vec().expect("weights are f32");
    values[damaged * 32] = f32::NAN;
    let values = TensorData::new(values, [101, 32]);
    model.trunk.embed_tokens = Param::from_tensor(Tensor::from_data(values, &cpu()));
    for temperature in [0.0, 1.0] {
        let settings = GenerateSettings { temperature, ..GenerateSettings::greedy(1) };
        let error = generate(&model, &prompts, &settings, &[], 0).unwrap_err();
        let GenerateError::Logits { id, new_tokens, value } = &error else { panic!("{error}") };
        assert_eq!((*id, *new_tokens, value.is_nan()), (prompts[1].id, 0, true));
        assert!(error.to_string().contains(&prompts[1].id.to_string()), "{error}");
        generate(&model, &prompts[..1], &settings, &[], 0).unwrap();
    }
}

/// Prompts of many lengths for `case`, some of which begin alike.
fn mixed(case: u64) -> Vec<Prompt> {
    let mut rng = seed::rng(&["batches".into(), case.into()]);
    let lengths: Vec<usize> = (0..rng.random_range(1..7))
        .map(|_| match rng.random_range(0..3) {
            0 => rng.random_range(1..4),
            1 => rng.random_range(20..30),
            _ => rng.random_range(50..=64),
        })
        .collect();
    let mut prompts = prompts(case, &lengths);
    // Up to all of a prompt is the beginning of the next.
    for i in 1..prompts.len() {
        let (before, after) = prompts.split_at_mut(i);
        let (before, after) = (&before[i - 1].tokens, &mut after[0].tokens);
        let n = rng.random_range(0..=before.len().min(after.len()));
        after[..n].copy_from_slice(&before[..n]);
    }
    prompts
}

/// Numbers of answers, and of those that differ from the answers of each prompt alone.
fn differing(model: &Lm) -> (usize, usize) {
    let (mut answers, mut others) = (0, 0);
    for case in 0..60u64 {
        let prompts = mixed(case);
        let settings = GenerateSettings {
            temperature: if case % 2 == 0 { 0.9 } else { 0.0 },
            top_p: 0.95,
            top_k: 50,
            repetition_penalty: 1.2,
            batch: 1 + case as usize % 6,
            ..GenerateSettings::greedy(12)
        };
        let together = generate(model, &prompts, &settings, &[3, 5], case).unwrap();
        for (prompt, answer) in prompts.iter().zip(together) {
            let alone = std::slice::from_ref(prompt);
            let alone = generate(model, alone, &settings, &[3, 5], case).unwrap();
            answers += 1;
            others += usize::from(alone != [answer]);
        }
    }
    (answers, others)
}

/// Prompts from one token to the whole context, with beginnings that they share, side by side in
/// any number, answer bit by bit as each does alone.
#[test]
fn a_batch_answers_as_each_prompt_alone() {
    let (answers, others) = differing(&model(&common::config(), 2, &cpu()));
    assert!(answers > 150 && others == 0, "{others} of {answers} answers differ");
}

/// Without kernels a product of more rows is summed in another order. So a draw that falls between
/// the two roundings gives another token: that is seldom, and what follows it is not compared.
#[test]
fn a_batch_without_kernels_answers_as_each_prompt_alone() {
    let model = model(&common::config(), 2, &cpu()).with_ops(Ops::Composed);
    let (answers, others) = differing(&model);
    assert!(answers > 150 && others <= 1, "{others} of {answers} answers differ");
}

/// Long prompts take several passes, beside answers that are being written.
#[test]
fn long_prompts_answer_as_each_alone() {
    let config = LmConfig { max_position_embeddings: 4096, ..common::config() };
    let model = model(&config, 2, &cpu());
    let mut prompts = prompts(9, &[1500, 3, 1400, 1100, 1300]);
    let first = prompts[0].tokens[..700].to_vec();
    prompts[2].tokens[..700].copy_from_slice(&first);
    prompts[4].tokens[..700].copy_from_slice(&first);
    let settings = GenerateSettings { batch: 4, ..GenerateSettings::greedy(6) };
    let together = generate(&model, &prompts, &settings, &[], 0).unwrap();
    for (prompt, answer) in prompts.iter().zip(together) {
        let alone = generate(&model, std::slice::from_ref(prompt), &settings, &[], 0).unwrap();
        assert_eq!(alone, [answer]);
    }
}

/// As above, for every family: partly rotated heads, windows, norms of heads, other activations,
/// positions that change at a length.
#[test]
fn every_family_answers_as_each_prompt_alone() {
    for name in common::families::MODELS {
        let model = load_model(&common::golden::path("families").join(name), &cpu()).unwrap().0;
        let vocab = model.config().vocab_size as u32;
        let mut prompts = prompts(3, &[5, 9, 14, 9, 2, 20]);
        for prompt in &mut prompts {
            prompt.tokens.iter_mut().for_each(|token| *token %= vocab);
        }
        let first = prompts[5].tokens[..7].to_vec();
        prompts[2].tokens[..7].copy_from_slice(&first);
        prompts[3].tokens[..7].copy_from_slice(&first);
        let settings = GenerateSettings { batch: 4, ..GenerateSettings::greedy(14) };
        let together = generate(&model, &prompts, &settings, &[3], 0).unwrap();
        for (prompt, answer) in prompts.iter().zip(together) {
            let alone = generate(&model, std::slice::from_ref(prompt), &settings, &[3], 0).unwrap();
            assert_eq!(alone, [answer], "{name}");
        }
    }
}
