//! The tokens of a set of rows: made once, and read by every stage that computes with them.

use std::path::Path;

use seal_data::{Example, ExampleError, Row, RowId};
use seal_judge::{LikelihoodJudge, from_jsonl, to_jsonl};
use seal_lm::Prompt;
use seal_model::{Encoder, LeftOutRow, TokenizedSet};
use serde::{Deserialize, Serialize};

use super::{read_text, write};
use crate::config::{Config, OutputFile};
use crate::error::{Defect, RowsError, StudyError};
use crate::exec::Job;

const EXAMPLES: &str = "examples.tokens";
const PROMPTS: &str = "prompts.jsonl";

/// A prompt of a test.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredPrompt {
    id: RowId,
    tokens: Vec<u32>,
}

/// Trains the tokenizer of the base on `rows`, those of the base. Output: `tokenizer.json`.
pub(crate) fn tokenizer(config: &Config, rows: &[Row], job: &Job<'_>) -> Result<(), StudyError> {
    let vocab_size = config.tokenizer.vocab_size.ok_or(Defect::NoVocabularySize)?;
    Ok(Encoder::train(vocab_size, rows, job.dir)?)
}

/// Depends on: the tokenizer, where it is trained. Output: the rows as examples to train on.
pub(crate) fn tokens(config: &Config, rows: &[Row], job: &Job<'_>) -> Result<(), StudyError> {
    let tokens = encoder(config, job.deps)?.encode(rows);
    Ok(tokens.write(&job.dir.join(EXAMPLES))?)
}

/// Depends on: the tokenizer, where it is trained. Output: for a judge of answers the prompts
/// of the rows; for another one the continuations that it asks for, in its order, row by row.
/// A row of which one does not fit has none.
pub(crate) fn test_tokens(
    config: &Config,
    asking: &OutputFile<'_>,
    rows: &[Row],
    job: &Job<'_>,
) -> Result<(), StudyError> {
    let encoder = encoder(config, job.deps)?;
    match asking.likelihood()? {
        None => {
            let of = |row: &Row| Ok(StoredPrompt { id: row.id, tokens: encoder.prompt(row)? });
            let prompts: Result<Vec<StoredPrompt>, ExampleError> = rows.iter().map(of).collect();
            write(job.dir, PROMPTS, &to_jsonl(&prompts.map_err(RowsError::from)?)?)
        }
        Some(judge) => {
            let tokens = continuations(&judge, &encoder, rows)?;
            Ok(tokens.write(&job.dir.join(EXAMPLES))?)
        }
    }
}

/// The tokenizer of `config`, which lies in the first of `deps` where it is trained.
pub(super) fn encoder(config: &Config, deps: &[std::path::PathBuf]) -> Result<Encoder, StudyError> {
    let dir = deps.first().map_or(Path::new(""), |dir| dir);
    Ok(Encoder::read(&config.model, &config.tokenizer, dir)?)
}

fn continuations(
    judge: &LikelihoodJudge,
    encoder: &Encoder,
    rows: &[Row],
) -> Result<TokenizedSet, StudyError> {
    let mut tokens = TokenizedSet::default();
    for row in rows {
        let texts = judge.continuations(row).map_err(RowsError::from)?;
        // An opening goes on; a whole answer ends as the template ends it.
        let example = |text: &str| match judge.is_whole_answer() {
            true => encoder.answered(row, text),
            false => encoder.opened(row, text),
        };
        let examples: Result<Vec<Example>, ExampleError> = texts.into_iter().map(example).collect();
        match examples {
            Ok(examples) => tokens.examples.extend(examples),
            Err(
                reason @ (ExampleError::TooLong { .. }
                | ExampleError::FarTooLong { .. }
                | ExampleError::EmptyAnswer { .. }),
            ) => {
                tracing::warn!(row = %row.id, "a test row does not fit the context");
                tokens.left_out.push(LeftOutRow::from(&reason));
            }
            Err(reason) => return Err(RowsError::from(reason).into()),
        }
    }
    Ok(tokens)
}

/// The tokens that the stage wrote to `dir`.
pub(crate) fn read_tokens(dir: &Path) -> Result<TokenizedSet, StudyError> {
    Ok(TokenizedSet::read(&dir.join(EXAMPLES))?)
}

/// The ids of the rows of the set `name` that can be trained on, of which there is at least one.
pub(super) fn read_ids(dir: &Path, name: &str) -> Result<Vec<RowId>, StudyError> {
    let ids = TokenizedSet::read_ids(&dir.join(EXAMPLES))?;
    match ids.is_empty() {
        // The whole file says why.
        true => Ok(read_tokens(dir)?.usable(name)?.ids()),
        false => Ok(ids),
    }
}

/// The examples of the set `name`, of which at least one row can be trained on.
pub(super) fn read_examples(dir: &Path, name: &str) -> Result<Vec<Example>, StudyError> {
    Ok(read_tokens(dir)?.usable(name)?.examples)
}

/// The prompts that the stage wrote to `dir`, in the order of the rows.
pub(super) fn read_prompts(dir: &Path) -> Result<Vec<Prompt>, StudyError> {
    let damaged = |reason: String| StudyError::Damaged { path: dir.join(PROMPTS), reason };
    let stored: Vec<StoredPrompt> =
        from_jsonl(&read_text(dir, PROMPTS)?).map_err(|e| damaged(e.to_string()))?;
    Ok(stored.into_iter().map(|stored| Prompt { id: stored.id, tokens: stored.tokens }).collect())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use seal_world::{Split, World};

    use super::*;
    use crate::config::{ConfigSource, load};

    fn config(judge: &str) -> Config {
        let set = vec![format!("judge.hh={judge}")];
        load(&ConfigSource { set, ..ConfigSource::default() }).unwrap().config
    }

    /// Three rows of the world, of which the context does not hold the second's rejected answer.
    fn rows(config: &Config) -> Vec<Row> {
        let world = World::new(config.world.as_ref().unwrap()).unwrap();
        let mut rows = world.split(Split::Hh).as_slice()[..3].to_vec();
        let answers: Vec<String> = rows.iter().map(|row| row.response.clone()).collect();
        for (i, row) in rows.iter_mut().enumerate() {
            row.rejected = Some(answers[(i + 1) % 3].clone());
        }
        rows[1].rejected = Some(vec![answers[0].as_str(); 24].join(" "));
        rows
    }

    fn made(config: &Config, rows: &[Row]) -> (tempfile::TempDir, Result<(), StudyError>) {
        let dir = tempfile::tempdir().unwrap();
        let deps: [PathBuf; 0] = [];
        let job = Job {
            dir: dir.path(),
            deps: &deps,
            unfinished: dir.path(),
            progress: &|_: f64| (),
            goes_on: &|_, _, _| {},
            devices: &[],
            keep_every: std::time::Duration::MAX,
            is_cancelled: &|| false,
        };
        let made = test_tokens(config, &config.output_files_of("hh")[0], rows, &job);
        (dir, made)
    }

    #[test]
    fn a_test_has_the_continuations_that_its_judge_asks_for() {
        let config = config("{ kind = \"preference-margin\" }");
        let rows = rows(&config);
        let (dir, done) = made(&config, &rows);
        done.unwrap();
        let tokens = read_tokens(dir.path()).unwrap();
        let encoder = encoder(&config, &[]).unwrap();
        let example = |i: usize, answer: &str| encoder.answered(&rows[i], answer).unwrap();
        let both = |i: usize| {
            [example(i, &rows[i].response), example(i, rows[i].rejected.as_ref().unwrap())]
        };
        assert_eq!(tokens.examples, [both(0), both(2)].concat());
        let left_out: Vec<RowId> = tokens.left_out.iter().map(LeftOutRow::id).collect();
        assert_eq!(left_out, [rows[1].id], "one of two is none");
    }

    #[test]
    fn a_test_whose_answers_are_read_has_its_prompts_and_no_examples() {
        let config = config("{ kind = \"oracle\" }");
        let rows = rows(&config);
        let (dir, done) = made(&config, &rows);
        done.unwrap();
        let encoder = encoder(&config, &[]).unwrap();
        let prompt = |row: &Row| Prompt { id: row.id, tokens: encoder.prompt(row).unwrap() };
        let expected: Vec<Prompt> = rows.iter().map(prompt).collect();
        assert_eq!(read_prompts(dir.path()).unwrap(), expected);
        assert!(read_tokens(dir.path()).is_err());
    }

    /// A prompt that no model could be asked ends the stage, before anything is trained.
    #[test]
    fn a_prompt_that_cannot_be_encoded_is_refused() {
        let config = config("{ kind = \"oracle\" }");
        let mut rows = rows(&config);
        rows[2].prompt = "a word that the world does not have: zyzzyva".to_owned();
        let (_dir, done) = made(&config, &rows);
        let said = done.unwrap_err();
        assert!(matches!(&said, StudyError::Rows(_)), "{said}");
        assert!(said.to_string().starts_with(&format!("row {}: ", rows[2].id)), "{said}");
    }
}
