//! What a model says to the tests: answers, or log-probabilities of given
//! continuations.

use burn::module::Module;
use seal_bilevel::score;
use seal_data::{Example, ExampleError, Row};
use seal_judge::{Answer, Judge, LikelihoodJudge, to_jsonl};
use seal_lm::{Lm, Prompt, generate};
use serde::{Deserialize, Serialize};

use super::{Tuned, write};
use crate::StudyError;
use crate::config::Config;
use crate::encoder::Encoder;
use crate::exec::Job;
use crate::sets::Sets;

const BATCH: usize = 64;

/// Log-probabilities of a row's continuations, in nats a token.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LogProbs {
    pub(crate) id: seal_data::RowId,
    /// Empty where a continuation does not fit the context.
    pub(crate) log_probs: Vec<f64>,
}

/// What the stage is given.
pub(crate) struct AnswersInput<'a> {
    pub(crate) config: &'a Config,
    pub(crate) sets: &'a Sets,
    pub(crate) seed: u64,
    /// Whether the second folder of the job is a fine-tuned model.
    pub(crate) tuned: bool,
}

pub(crate) fn file(test: &str) -> String {
    format!("{test}.jsonl")
}

/// Depends on: base, and the fine-tuned model where there is one. Output: one
/// JSONL file a test.
pub(crate) fn answers(input: &AnswersInput<'_>, job: &Job<'_>) -> Result<(), StudyError> {
    let tuned = input.tuned.then(|| job.deps[1].as_path());
    let tuned = Tuned::read(input.config, &job.deps[0], tuned)?;
    let model = tuned.model.merged().valid();
    let tests = input.sets.tests.len() as f64;
    for (i, (test, rows)) in input.sets.tests.iter().enumerate() {
        let judge = input.config.judge[test].judge()?;
        let progress = |done: f64| (job.progress)((i as f64 + done) / tests);
        let text = match &judge {
            Judge::Answers(_) => to_jsonl(&generated(input, &model, &tuned.encoder, rows)?)?,
            Judge::Likelihood(judge) => {
                to_jsonl(&likelihoods(judge, &model, &tuned.encoder, rows, &progress)?)?
            }
        };
        write(job.dir, &file(test), &text)?;
        progress(1.0);
    }
    Ok(())
}

/// Prompts too long to leave room for an answer get none; the judge counts them.
fn generated(
    input: &AnswersInput<'_>,
    model: &Lm,
    encoder: &Encoder,
    rows: &[Row],
) -> Result<Vec<Answer>, StudyError> {
    let config = input.config;
    let room = encoder.context().saturating_sub(config.generate.max_new_tokens);
    let mut prompts = Vec::with_capacity(rows.len());
    for row in rows {
        let tokens = encoder.prompt(row).map_err(|e| StudyError::Rows(e.to_string()))?;
        if tokens.len() <= room {
            prompts.push(Prompt { id: row.id, tokens });
        } else {
            tracing::warn!(row = %row.id, tokens = tokens.len(), room, "a test prompt is too long");
        }
    }
    let stops = encoder.stops()?;
    let answers = generate(model, &prompts, &config.generate, &stops, input.seed)?;
    Ok(answers
        .into_iter()
        .map(|g| Answer { id: g.id, text: encoder.tokenizer().decode(&g.tokens) })
        .collect())
}

fn likelihoods(
    judge: &LikelihoodJudge,
    model: &Lm,
    encoder: &Encoder,
    rows: &[Row],
    progress: &dyn Fn(f64),
) -> Result<Vec<LogProbs>, StudyError> {
    let mut examples = Vec::new();
    let mut counts = Vec::with_capacity(rows.len());
    for row in rows {
        match continuations(judge, encoder, row)? {
            Some(mut new) => {
                counts.push(new.len());
                examples.append(&mut new);
            }
            None => {
                tracing::warn!(row = %row.id, "a test row does not fit the context");
                counts.push(0);
            }
        }
    }
    let mut step = |done, of| progress(done as f64 / of as f64);
    let mut losses = score(model, &examples, BATCH, &mut step)?.into_iter();
    let of = |(row, n): (&Row, &usize)| LogProbs {
        id: row.id,
        log_probs: losses.by_ref().take(*n).map(|l| -l).collect(),
    };
    Ok(rows.iter().zip(&counts).map(of).collect())
}

/// The continuations of a row's prompt, or `None` if one does not fit.
fn continuations(
    judge: &LikelihoodJudge,
    encoder: &Encoder,
    row: &Row,
) -> Result<Option<Vec<Example>>, StudyError> {
    let bad = |e: &dyn std::fmt::Display| StudyError::Rows(e.to_string());
    let mut out = Vec::new();
    for text in judge.continuations(row).map_err(|e| bad(&e))? {
        // An opening goes on; a whole answer ends as the template ends it.
        let example = match judge.is_whole_answer() {
            true => encoder.answered(row, text),
            false => encoder.opened(row, text),
        };
        match example {
            Ok(example) => out.push(example),
            Err(ExampleError::TooLong { .. } | ExampleError::EmptyAnswer { .. }) => {
                return Ok(None);
            }
            Err(e) => return Err(bad(&e)),
        }
    }
    Ok(Some(out))
}
