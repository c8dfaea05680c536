//! How likely the base of the study finds each answer of a cell: word salad is unlikely to a model that
//! was never fine-tuned on the rows in question.

use std::collections::BTreeMap;
use std::path::Path;

use seal_data::{Row, RowId};
use seal_judge::{Answer, from_jsonl, to_jsonl};
use serde::{Deserialize, Serialize};

use super::parts::ResumableBatches;
use super::{Base, answers_file, device_of, read_text, write};
use crate::StudyError;
use crate::config::Config;
use crate::exec::Job;

/// An answer under the base.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerNll {
    /// The test row.
    pub(crate) id: RowId,
    /// Tokens of the answer.
    pub(crate) tokens: usize,
    /// Mean negative log-likelihood of these tokens, in nats a token.
    pub(crate) nll: f64,
}

/// Depends on: the base and the answers of the cell. `config` is that of the base, `tests` are the tests
/// whose judges read answers, by the names of their files. Output: one JSONL file a test.
///
/// The end of an answer is not scored: an answer that was cut has none. An answer without a token has
/// no line, and neither has one that does not fit the context behind its prompt.
pub(crate) fn base_nll(
    config: &Config,
    tests: &BTreeMap<String, &[Row]>,
    job: &Job<'_>,
) -> Result<(), StudyError> {
    let base = Base::read(config, &job.deps[0], &device_of(config, job))?;
    for (i, (name, rows)) in tests.iter().enumerate() {
        let file = answers_file(name);
        let mut examples = Vec::new();
        let rows: BTreeMap<RowId, &Row> = rows.iter().map(|row| (row.id, row)).collect();
        for answer in read_answers(&job.deps[1], &file)? {
            let Some(row) = rows.get(&answer.id) else { continue };
            match base.encoder.opened(row, &answer.text) {
                Ok(example) => examples.push(example),
                Err(seal_data::ExampleError::EmptyAnswer { .. }) => {}
                Err(reason) => tracing::warn!("an answer is not scored: {reason}"),
            }
        }
        let progress = |done: f64| (job.progress)((i as f64 + done) / tests.len() as f64);
        let parts = ResumableBatches { job, name: &file, progress: &progress };
        let losses = parts.losses(&base.model, &examples)?;
        let scored: Vec<AnswerNll> = (examples.iter().zip(losses))
            .map(|(of, nll)| AnswerNll { id: of.id, tokens: of.tokens.len() - of.answer, nll })
            .collect();
        write(job.dir, &file, &to_jsonl(&scored)?)?;
    }
    Ok(())
}

/// The values of a test that the stage wrote to `dir`.
pub(crate) fn read_base_nll(dir: &Path, name: &str) -> Result<Vec<AnswerNll>, StudyError> {
    read_lines(dir, &answers_file(name))
}

fn read_answers(dir: &Path, file: &str) -> Result<Vec<Answer>, StudyError> {
    read_lines(dir, file)
}

fn read_lines<T: serde::de::DeserializeOwned>(
    dir: &Path,
    file: &str,
) -> Result<Vec<T>, StudyError> {
    from_jsonl(&read_text(dir, file)?)
        .map_err(|e| StudyError::Damaged { path: dir.join(file), reason: e.to_string() })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use seal_world::{Split, World};

    use super::super::{base, tokens};
    use super::*;
    use crate::config::{ConfigSource, load};

    /// The answers of the world itself, and the same words in another order.
    #[test]
    fn shuffled_words_are_less_likely_than_the_answer() {
        let set = ["world.hh=40", "world.base_tasks=400", "world.base_talk=200", "base.epochs=4"];
        let set = set.iter().map(|text| (*text).to_owned()).collect();
        let config = load(&ConfigSource { set, ..ConfigSource::default() }).unwrap().config;
        let world = World::new(config.world.as_ref().unwrap()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(&path).unwrap();
            path
        };
        let run =
            |name: &str, deps: &[PathBuf], work: &dyn Fn(&Job<'_>) -> Result<(), StudyError>| {
                let (made, unfinished) = (folder(name), folder("unfinished"));
                work(&Job {
                    dir: &made,
                    deps,
                    unfinished: &unfinished,
                    progress: &|_| (),
                    goes_on: &|_, _, _| {},
                    devices: &[],
                    keep_every: Duration::MAX,
                    is_cancelled: &|| false,
                })
                .unwrap();
                std::fs::remove_dir_all(unfinished).unwrap();
                made
            };
        let rows = world.split(Split::Base).as_slice();
        let tokens = run("tokens", &[], &|job| tokens(&config, rows, job));
        let base = run("base", &[tokens], &|job| base(&config, job));
        let tests = world.split(Split::Hh).as_slice();
        let mean = |name: &str, text: &dyn Fn(&Row) -> String| {
            let answers: Vec<Answer> =
                tests.iter().map(|row| Answer::new(row.id, text(row))).collect();
            let answers_dir = folder(&format!("answers-{name}"));
            write(&answers_dir, "hh.jsonl", &to_jsonl(&answers).unwrap()).unwrap();
            let of = BTreeMap::from([("hh".to_owned(), tests)]);
            let deps = [base.clone(), answers_dir];
            let made = run(name, &deps, &|job| base_nll(&config, &of, job));
            let read = read_base_nll(&made, "hh").unwrap();
            let sum: f64 = read.iter().map(|answer| answer.nll).sum();
            (read.len(), sum / read.len() as f64)
        };
        let (scored, sound) = mean("sound", &|row| row.response.clone());
        let (_, shuffled) = mean("shuffled", &|row| {
            let mut words: Vec<&str> = row.response.split(' ').collect();
            // By hand, so that no word stays where it was if there are two.
            let half = words.len() / 2;
            words.rotate_left(half);
            words.reverse();
            words.join(" ")
        });
        assert_eq!(scored, tests.len());
        assert!(shuffled > sound + 1.0, "{shuffled} against {sound}");
        // Nothing is scored of an answer without a word.
        assert_eq!(mean("empty", &|_| String::new()).0, 0);
    }
}
