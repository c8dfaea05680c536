//! Judges a model's answers one by one. The comparison with the reference is made when results
//! are put together; it needs no model. Judges of pairs are in `pair_verdicts.rs`.

use std::path::Path;

use seal_eval::{Evidence, assess};
use seal_judge::{JudgeError, from_jsonl, to_jsonl};

use super::answers::file;
use super::{read_text, write};
use crate::StudyError;
use crate::config::{Config, name_of};
use crate::exec::Job;
use crate::sets::Sets;

/// Depends on: answers. Output: one JSONL file of assessments for each judge of single answers.
pub(crate) fn verdicts(config: &Config, sets: &Sets, job: &Job<'_>) -> Result<(), StudyError> {
    for (test, rows) in &sets.tests {
        for (name, judge) in config.judge[test].all() {
            let Some(settings) = judge.single() else { continue };
            let (dir, read) = (&job.deps[0], file(&config.asked_for(test, name)));
            // Rows were held against the judge when they were read: what fails now is the file.
            let assessed = assess(&settings.judge()?, rows, &read_text(dir, &read)?)
                .map_err(|e| damaged(dir, &read, &e))?;
            write(job.dir, &file(&name_of(test, name)), &to_jsonl(&assessed)?)?;
        }
    }
    Ok(())
}

fn damaged(dir: &Path, name: &str, e: &JudgeError) -> StudyError {
    StudyError::Damaged { path: dir.join(name), reason: e.to_string() }
}

/// The evidence of a judge of single answers on a test, from the stage's folder.
pub(crate) fn read_evidence(
    dir: &Path,
    test: &str,
    judge: Option<&str>,
) -> Result<Evidence, StudyError> {
    let name = file(&name_of(test, judge));
    let assessed = from_jsonl(&read_text(dir, &name)?).map_err(|e| damaged(dir, &name, &e))?;
    Ok(Evidence::Assessments(assessed))
}
