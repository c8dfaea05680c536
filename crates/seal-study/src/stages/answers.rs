//! What a model says to the tests: answers, or log-probabilities of given
//! continuations.

use std::path::Path;

use burn::module::Module;
use seal_bilevel::score;
use seal_data::{Example, ExampleError, Row};
use seal_eval::LogProbs;
use seal_judge::{Answer, Judge, LikelihoodJudge, to_jsonl};
use seal_lm::{Lm, Prompt, generate};
use seal_model::Encoder;
use seal_store::in_parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Tuned, write};
use crate::StudyError;
use crate::config::Config;
use crate::error::{Defect, RowsError};
use crate::exec::Job;
use crate::sets::Sets;

const BATCH: usize = 64;

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
/// JSONL file a test. A run that was killed goes on after its last finished batch.
pub(crate) fn answers(input: &AnswersInput<'_>, job: &Job<'_>) -> Result<(), StudyError> {
    let tuned = input.tuned.then(|| job.deps[1].as_path());
    let tuned = Tuned::read(input.config, &job.deps[0], tuned)?;
    let model = tuned.model.merged().valid();
    let tests = input.sets.tests.len() as f64;
    for (i, (test, rows)) in input.sets.tests.iter().enumerate() {
        let judge = input.config.judge[test].judge()?;
        let progress = |done: f64| (job.progress)((i as f64 + done) / tests);
        let parts = Parts { dir: job.unfinished, name: &file(test), progress: &progress };
        let text = match &judge {
            Judge::Answers(_) => {
                to_jsonl(&generated(input, &model, &tuned.encoder, rows, &parts)?)?
            }
            Judge::Likelihood(judge) => {
                to_jsonl(&likelihoods(judge, &model, &tuned.encoder, rows, &parts)?)?
            }
        };
        write(job.dir, &file(test), &text)?;
        progress(1.0);
    }
    Ok(())
}

/// Where the finished parts of a test are kept, and who is told of them.
struct Parts<'a> {
    dir: &'a Path,
    name: &'a str,
    progress: &'a dyn Fn(f64),
}

impl Parts<'_> {
    /// One value for each of `items`, in their order. They go through `make` in batches of at
    /// most `batch` like lengths, always the same ones, and each batch outlives a kill.
    fn of<I, T: Serialize + DeserializeOwned>(
        &self,
        items: &[I],
        batch: usize,
        tokens: impl Fn(&I) -> usize,
        mut make: impl FnMut(&[&I]) -> Result<Vec<T>, StudyError>,
    ) -> Result<Vec<T>, StudyError> {
        // As the model would cut them by itself, so that nothing is padded for nothing.
        let mut order: Vec<usize> = (0..items.len()).collect();
        order.sort_by_key(|i| (tokens(&items[*i]), *i));
        let batches: Vec<&[usize]> = order.chunks(batch).collect();
        let made = in_parts(self.dir, self.name, batches.len(), |part| {
            let of_part: Vec<&I> = batches[part].iter().map(|i| &items[*i]).collect();
            let made = make(&of_part)?;
            (self.progress)((part + 1) as f64 / batches.len() as f64);
            match made.len() == of_part.len() {
                true => Ok(made),
                false => Err(StudyError::from(Defect::LostItem)),
            }
        })?;
        let mut values: Vec<(usize, T)> = order.into_iter().zip(made).collect();
        values.sort_by_key(|(i, _)| *i);
        Ok(values.into_iter().map(|(_, value)| value).collect())
    }
}

/// Prompts too long to leave room for an answer get none; the judge counts them.
fn generated(
    input: &AnswersInput<'_>,
    model: &Lm,
    encoder: &Encoder,
    rows: &[Row],
    parts: &Parts<'_>,
) -> Result<Vec<Answer>, StudyError> {
    let settings = &input.config.generate;
    let room = encoder.context().saturating_sub(settings.max_new_tokens);
    let mut prompts = Vec::with_capacity(rows.len());
    for row in rows {
        let tokens = encoder.prompt(row).map_err(RowsError::from)?;
        if tokens.len() <= room {
            prompts.push(Prompt { id: row.id, tokens });
        } else {
            tracing::warn!(row = %row.id, tokens = tokens.len(), room, "a test prompt is too long");
        }
    }
    let stops = encoder.stops()?;
    parts.of(
        &prompts,
        settings.batch,
        |prompt| prompt.tokens.len(),
        |batch| {
            let batch: Vec<Prompt> = batch.iter().map(|prompt| (*prompt).clone()).collect();
            let answers = generate(model, &batch, settings, &stops, input.seed)?;
            let text = |tokens: &[u32]| encoder.tokenizer().decode(tokens);
            Ok(answers.iter().map(|g| Answer { id: g.id, text: text(&g.tokens) }).collect())
        },
    )
}

fn likelihoods(
    judge: &LikelihoodJudge,
    model: &Lm,
    encoder: &Encoder,
    rows: &[Row],
    parts: &Parts<'_>,
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
    let losses: Vec<f64> = parts.of(
        &examples,
        BATCH,
        |example| example.tokens.len(),
        |batch| {
            let batch: Vec<Example> = batch.iter().map(|example| (*example).clone()).collect();
            Ok(score(model, &batch, BATCH, &mut |_, _| {})?)
        },
    )?;
    let mut losses = losses.into_iter();
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
    let mut out = Vec::new();
    for text in judge.continuations(row).map_err(RowsError::from)? {
        // An opening goes on; a whole answer ends as the template ends it.
        let example = match judge.is_whole_answer() {
            true => encoder.answered(row, text),
            false => encoder.opened(row, text),
        };
        match example {
            Ok(example) => out.push(example),
            Err(
                ExampleError::TooLong { .. }
                | ExampleError::FarTooLong { .. }
                | ExampleError::EmptyAnswer { .. },
            ) => {
                return Ok(None);
            }
            Err(e) => return Err(RowsError::from(e).into()),
        }
    }
    Ok(Some(out))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Items of mixed lengths; every batch that is made is written down.
    fn run(dir: &Path, fails_at: Option<usize>) -> (Result<Vec<String>, StudyError>, Vec<String>) {
        let items: Vec<String> = (0..10).map(|i| "x".repeat(10 - (i * 7) % 10)).collect();
        let made = RefCell::new(Vec::new());
        let parts = Parts { dir, name: "hh.jsonl", progress: &|_| () };
        let all = parts.of(
            &items,
            3,
            |item| item.len(),
            |batch: &[&String]| {
                if fails_at == Some(made.borrow().len()) {
                    return Err(Defect::LostItem.into());
                }
                let lengths: Vec<usize> = batch.iter().map(|item| item.len()).collect();
                made.borrow_mut().push(format!("{lengths:?}"));
                // An answer that depends on its batch, as rounding may.
                Ok(batch.iter().map(|item| format!("{}:{lengths:?}", item.len())).collect())
            },
        );
        (all, made.into_inner())
    }

    #[test]
    fn batches_are_the_same_whether_or_not_a_run_was_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let (whole, batches) = run(&dir.path().join("whole"), None);
        let whole = whole.unwrap();
        assert_eq!(batches, ["[1, 2, 3]", "[4, 5, 6]", "[7, 8, 9]", "[10]"]);
        let lengths: Vec<&str> = whole.iter().map(|w| w.split(':').next().unwrap()).collect();
        assert_eq!(lengths, ["10", "3", "6", "9", "2", "5", "8", "1", "4", "7"]);
        for stopped in 0..4 {
            let dir = dir.path().join(format!("stopped-{stopped}"));
            assert!(run(&dir, Some(stopped)).0.is_err());
            let (again, left) = run(&dir, None);
            assert_eq!(again.unwrap(), whole);
            assert_eq!(left, batches[stopped..]);
        }
    }
}
