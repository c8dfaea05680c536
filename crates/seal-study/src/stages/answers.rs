//! What a model says to the tests: answers, or log-probabilities of given
//! continuations.

use std::collections::BTreeMap;

use burn::module::Module;
use seal_bilevel::score;
use seal_data::{Example, Row, RowId};
use seal_eval::LogProbs;
use seal_judge::{Answer, AnswerEnd, to_jsonl};
use seal_lm::{Finish, Generated, Generator, Lm, Prompt};
use seal_model::Encoder;
use seal_store::in_parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::tokens::{read_prompts, read_tokens};
use super::{Tuned, refuse_cancelled, write};
use crate::StudyError;
use crate::config::Config;
use crate::error::Defect;
use crate::exec::Job;
use crate::sets::Sets;

const BATCH: usize = 64;

/// Batches of prompts that outlive a kill together: a prompt takes the place of an answer that has
/// ended, but not that of one of another part.
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
/// Output: one JSONL file a test. A run that was killed goes on after its last finished part.
pub(crate) fn answers(input: &AnswersInput<'_>, job: &Job<'_>) -> Result<(), StudyError> {
    let tests = &input.sets.tests;
    let askings = input.config.askings(tests.keys());
    let (of_askings, tuned) = job.deps[1..].split_at(askings.len());
    let tuned = Tuned::read(input.config, &job.deps[0], tuned.first().map(|dir| &**dir))?;
    let model = tuned.model.merged().valid();
    let generator = Generator::of(&model);
    for (i, (asking, tokens)) in askings.iter().zip(of_askings).enumerate() {
        let (rows, name) = (&tests[asking.test], file(&asking.name));
        let progress = |done: f64| (job.progress)((i as f64 + done) / askings.len() as f64);
        let parts = Parts { job, name: &name, progress: &progress };
        let text = match asking.of {
            None => to_jsonl(&generated(
                input,
                &generator,
                &tuned.encoder,
                read_prompts(tokens)?,
                &parts,
            )?)?,
            Some(_) => {
                to_jsonl(&likelihoods(&model, rows, read_tokens(tokens)?.examples, &parts)?)?
            }
        };
        write(job.dir, &name, &text)?;
        progress(1.0);
    }
    Ok(())
}

/// Where the finished parts of a test are kept, and who is told of them.
pub(super) struct Parts<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) name: &'a str,
    pub(super) progress: &'a dyn Fn(f64),
}

impl Parts<'_> {
    /// One value for each of `items`, in their order. A request to stop is heard between two
    /// batches. They go through `make` in batches of at
    /// most `batch` like lengths, always the same ones, and each batch outlives a kill.
    pub(super) fn of<I, T: Serialize + DeserializeOwned>(
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
        let made = in_parts(self.job.unfinished, self.name, batches.len(), |part| {
            refuse_cancelled(self.job)?;
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
    generator: &Generator,
    encoder: &Encoder,
    mut prompts: Vec<Prompt>,
    parts: &Parts<'_>,
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
    parts.of(
        &prompts,
        settings.batch.saturating_mul(BATCHES),
        |prompt| prompt.tokens.len(),
        |batch| {
            let batch: Vec<Prompt> = batch.iter().map(|prompt| (*prompt).clone()).collect();
            let answers = generator.generate(&batch, settings, &stops, input.seed)?;
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
    parts: &Parts<'_>,
) -> Result<Vec<LogProbs>, StudyError> {
    let losses: Vec<f64> = parts.of(
        &continuations,
        BATCH,
        |example| example.tokens.len(),
        |batch| {
            let batch: Vec<Example> = batch.iter().map(|example| (*example).clone()).collect();
            Ok(score(model, &batch, BATCH, &mut |_, _| {})?)
        },
    )?;
    let mut by_row: BTreeMap<RowId, Vec<f64>> = BTreeMap::new();
    for (example, loss) in continuations.iter().zip(losses) {
        by_row.entry(example.id).or_default().push(-loss);
    }
    let of =
        |row: &Row| LogProbs { id: row.id, log_probs: by_row.remove(&row.id).unwrap_or_default() };
    Ok(rows.iter().map(of).collect())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::path::Path;
    use std::time::Duration;

    use super::*;

    /// Items of mixed lengths; every batch that is made is written down.
    fn run(dir: &Path, fails_at: Option<usize>) -> (Result<Vec<String>, StudyError>, Vec<String>) {
        let items: Vec<String> = (0..10).map(|i| "x".repeat(10 - (i * 7) % 10)).collect();
        let made = RefCell::new(Vec::new());
        let job = Job {
            unfinished: dir,
            dir,
            deps: &[],
            progress: &|_| (),
            keep_every: Duration::MAX,
            is_cancelled: &|| false,
        };
        let parts = Parts { job: &job, name: "hh.jsonl", progress: &|_| () };
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
