//! What a model says to the tests: answers, or log-probabilities of given
//! continuations.

use std::collections::BTreeMap;

use burn::module::Module;
use seal_data::{Example, Row, RowId};
use seal_eval::LogProbs;
use seal_judge::{Answer, AnswerEnd, to_jsonl};
use seal_lm::{Finish, Generated, Generator, Lm, Prompt};
use seal_model::Encoder;

use super::parts::ResumableBatches;
use super::tokens::{read_prompts, read_tokens};
use super::{TunedModel, device_of, write};
use crate::StudyError;
use crate::config::Config;
use crate::exec::Job;
use crate::sets::Sets;

/// Batches of prompts that make a part where prompts take turns: a prompt takes the place of an answer
/// that has ended, but not that of one of another part. Elsewhere a batch is a part.
const BATCHES: usize = 4;

/// What the stage is given.
pub(crate) struct AnswersInput<'a> {
    pub(crate) config: &'a Config,
    pub(crate) sets: &'a Sets,
    pub(crate) seed: u64,
}

pub(crate) fn file(test: &str) -> String {
    format!("{test}.jsonl")
}

/// Depends on: base, the tokens of each test, and the fine-tuned model where there is one.
/// Output: one JSONL file a test. A run that was stopped or killed goes on after its last finished
/// part: it makes the answers of the part that it was at again.
pub(crate) fn answers(input: &AnswersInput<'_>, job: &Job<'_>) -> Result<(), StudyError> {
    let tests = &input.sets.tests;
    let askings = input.config.askings(tests.keys());
    let (of_askings, tuned) = job.deps[1..].split_at(askings.len());
    let on = device_of(input.config, job);
    let TunedModel { model, encoder } =
        TunedModel::read(input.config, &job.deps[0], tuned.first().map(|dir| &**dir), &on)?;
    let merged = model.merged();
    let model = merged.valid();
    // Nobody else may hold the weights of a generator that owns them.
    drop(merged);
    // What needs the weights as they are comes first: generation lays them out anew.
    let all = askings.iter().zip(of_askings);
    let (scored, answered): (Vec<_>, Vec<_>) = all.partition(|(asking, _)| asking.of.is_some());
    let first = scored.len();
    let write_test =
        |i: usize,
         name: &str,
         text: &dyn Fn(&ResumableBatches<'_>) -> Result<String, StudyError>| {
            let (name, count) = (file(name), askings.len());
            let progress = |done: f64| (job.progress)((i as f64 + done) / count as f64);
            write(
                job.dir,
                &name,
                &text(&ResumableBatches { job, name: &name, progress: &progress })?,
            )?;
            progress(1.0);
            Ok::<(), StudyError>(())
        };
    for (i, (asking, tokens)) in scored.into_iter().enumerate() {
        write_test(i, &asking.name, &|parts| {
            let continuations = read_tokens(tokens)?.examples;
            Ok(to_jsonl(&likelihoods(&model, &tests[asking.test], continuations, parts)?)?)
        })?;
    }
    if answered.is_empty() {
        return Ok(());
    }
    let generator = Generator::owning(model);
    for (i, (asking, tokens)) in answered.into_iter().enumerate() {
        write_test(first + i, &asking.name, &|parts| {
            let prompts = read_prompts(tokens)?;
            Ok(to_jsonl(&generated(input, &generator, &encoder, prompts, parts)?)?)
        })?;
    }
    Ok(())
}

/// Prompts too long to leave room for an answer get none; the judge counts them.
fn generated(
    input: &AnswersInput<'_>,
    generator: &Generator,
    encoder: &Encoder,
    mut prompts: Vec<Prompt>,
    parts: &ResumableBatches<'_>,
) -> Result<Vec<Answer>, StudyError> {
    let settings = &input.config.generate;
    let room = encoder.context().saturating_sub(settings.max_new_tokens);
    prompts.retain(|Prompt { id, tokens }| {
        let fits = tokens.len() <= room;
        if !fits {
            tracing::warn!(row = %id, tokens = tokens.len(), room, "a test prompt is too long");
        }
        fits
    });
    let stops = encoder.stops()?;
    let takes_turns = generator.takes_turns();
    let batches = if takes_turns { BATCHES } else { 1 };
    parts.of_told(
        &prompts,
        settings.batch.saturating_mul(batches),
        |prompt| prompt.tokens.len(),
        |batch, told| {
            let batch: Vec<Prompt> = batch.iter().map(|prompt| (*prompt).clone()).collect();
            let mut answers: Vec<Option<Generated>> = vec![None; batch.len()];
            let mut done = 0;
            generator.generate_each(&batch, settings, &stops, input.seed, |i, answer| {
                answers[i] = Some(answer);
                done += 1;
                // Answers of a batch that come together are not lost to a request to stop.
                if takes_turns { told(done) } else { Ok(()) }
            })?;
            let answers: Vec<Generated> = answers.into_iter().flatten().collect();
            let answer = |made: &Generated| Answer {
                id: made.id,
                text: encoder.tokenizer().decode(&made.tokens),
                end: Some(match made.finish {
                    Finish::Stop => AnswerEnd::Stop,
                    Finish::Length => AnswerEnd::Length,
                    Finish::Context => AnswerEnd::Context,
                }),
            };
            Ok(answers.iter().map(answer).collect())
        },
    )
}

/// Log-probabilities of the continuations of each of `rows`; none of a row that has none.
fn likelihoods(
    model: &Lm,
    rows: &[Row],
    continuations: Vec<Example>,
    parts: &ResumableBatches<'_>,
) -> Result<Vec<LogProbs>, StudyError> {
    let losses = parts.losses(model, &continuations)?;
    let mut by_row: BTreeMap<RowId, Vec<f64>> = BTreeMap::new();
    for (example, loss) in continuations.iter().zip(losses) {
        by_row.entry(example.id).or_default().push(-loss);
    }
    let of =
        |row: &Row| LogProbs { id: row.id, log_probs: by_row.remove(&row.id).unwrap_or_default() };
    Ok(rows.iter().map(of).collect())
}
