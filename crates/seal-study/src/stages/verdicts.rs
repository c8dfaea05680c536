//! What a judge says of a model's answers. The comparison with the reference
//! is made when results are put together; it needs no model.

use std::collections::BTreeMap;
use std::path::Path;

use seal_data::RowId;
use seal_judge::{Assessment, Judge, JudgeError, assess_answers, from_jsonl, to_jsonl};
use serde::de::DeserializeOwned;

use super::answers::{LogProbs, file};
use super::{read_text, write};
use crate::StudyError;
use crate::config::Config;
use crate::exec::Job;
use crate::sets::Sets;

/// Depends on: answers. Output: one JSONL file of assessments a test.
pub(crate) fn verdicts(config: &Config, sets: &Sets, job: &Job<'_>) -> Result<(), StudyError> {
    for (test, rows) in &sets.tests {
        let (dir, name) = (&job.deps[0], file(test));
        // Rows were held against the judge when they were read: what fails now is the file.
        let damaged = |e| damaged(dir, &name, &e);
        let assessed = match config.judge[test].judge()? {
            Judge::Answers(judge) => {
                assess_answers(&judge, rows, &read(dir, &name)?).map_err(damaged)?
            }
            Judge::Likelihood(judge) => {
                let read: Vec<LogProbs> = read(dir, &name)?;
                let by_id: BTreeMap<RowId, LogProbs> =
                    read.into_iter().map(|l| (l.id, l)).collect();
                let mut assessed = Vec::with_capacity(rows.len());
                for row in rows {
                    assessed.push(match by_id.get(&row.id).filter(|l| !l.log_probs.is_empty()) {
                        Some(l) => judge.assess(row, &l.log_probs).map_err(damaged)?,
                        None => Assessment::unscored(row.id, row.category.clone()),
                    });
                }
                assessed
            }
        };
        write(job.dir, &name, &to_jsonl(&assessed)?)?;
    }
    Ok(())
}

fn read<T: DeserializeOwned>(dir: &Path, name: &str) -> Result<Vec<T>, StudyError> {
    from_jsonl(&read_text(dir, name)?).map_err(|e| damaged(dir, name, &e))
}

fn damaged(dir: &Path, name: &str, e: &JudgeError) -> StudyError {
    StudyError::Damaged { path: dir.join(name), reason: e.to_string() }
}

/// Assessments of every test, from the stage's folder.
pub(crate) fn read_assessments(
    sets: &Sets,
    dir: &Path,
) -> Result<BTreeMap<String, Vec<Assessment>>, StudyError> {
    let mut out = BTreeMap::new();
    for test in sets.tests.keys() {
        out.insert(test.clone(), read(dir, &file(test))?);
    }
    Ok(out)
}
