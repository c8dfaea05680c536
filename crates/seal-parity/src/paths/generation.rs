//! Answers, by a cache of keys and values.

use burn::module::Module as _;
use seal_lm::{
    GenerateSettings, Generated, Lm, LmConfig, Prompt, generate, next_token_log_probabilities,
};

use crate::fault::PathFault;
use crate::found::Found;
use crate::rows;
use crate::side::Side;

/// Longest answer.
const TOKENS: usize = 10;

/// Greedy answers of prompts together and alone. Each token has the distance to the second likeliest
/// by passes without a cache.
pub(crate) fn greedy(side: &Side, shape: &LmConfig) -> Result<Found, PathFault> {
    let model = side.model(shape)?.valid();
    let prompts = rows::prompts();
    let mut found = Found::default();
    let together = generate(&model, &prompts, &GenerateSettings::greedy(TOKENS), &[], 0)?;
    for (i, (prompt, answer)) in prompts.iter().zip(&together).enumerate() {
        let gaps = gaps(&model, prompt, answer)?;
        found.chosen(format!("answer {i}"), answer.tokens.clone(), gaps);
    }
    // The shortest has the most padding before it where others stand beside it.
    let alone = generate(&model, &prompts[1..2], &GenerateSettings::greedy(TOKENS), &[], 0)?;
    let gaps = gaps(&model, &prompts[1], &alone[0])?;
    found.chosen("answer 1 alone", alone[0].tokens.clone(), gaps);
    Ok(found)
}

/// From the likeliest token to the second, in nats, at each token of `answer`.
fn gaps(model: &Lm, prompt: &Prompt, answer: &Generated) -> Result<Vec<f64>, PathFault> {
    let whole: Vec<u32> = prompt.tokens.iter().chain(&answer.tokens).copied().collect();
    let starts: Vec<&[u32]> = (prompt.tokens.len()..whole.len()).map(|n| &whole[..n]).collect();
    let likely = next_token_log_probabilities(model, &starts)?;
    let gap = |log: &Vec<f32>| {
        let mut log = log.clone();
        log.sort_by(|a, b| b.total_cmp(a));
        f64::from(log[0] - log[1])
    };
    Ok(likely.iter().map(gap).collect())
}

/// Sampled answers with every rule for logits. The draws are made on the host.
pub(crate) fn sampled(side: &Side, shape: &LmConfig) -> Result<Found, PathFault> {
    let model = side.model(shape)?.valid();
    let prompts = rows::prompts();
    let settings = GenerateSettings {
        temperature: 0.8,
        top_p: 0.9,
        top_k: 20,
        repetition_penalty: 1.2,
        batch: 3,
        ..GenerateSettings::greedy(TOKENS)
    };
    let answers = generate(&model, &prompts, &settings, &[5, 6], 11)?;
    let mut found = Found::default();
    for (i, answer) in answers.into_iter().enumerate() {
        let ended = format!("{:?}", answer.finish).len() as u32;
        found.tokens(format!("answer {i}"), [answer.tokens, vec![ended]].concat());
    }
    Ok(found)
}
