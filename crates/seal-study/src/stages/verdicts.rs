//! Judges a model's answers. The comparison with the reference is made when
//! results are put together; it needs no model.

use std::collections::BTreeMap;
use std::path::Path;

use seal_eval::{Evidence, assess};
use seal_judge::{JudgeError, from_jsonl, to_jsonl};

use super::answers::file;
use super::{read_text, write};
use crate::StudyError;
use crate::config::Config;
use crate::exec::Job;
use crate::sets::Sets;

/// Depends on: answers. Output: one JSONL file of assessments a test.
pub(crate) fn verdicts(config: &Config, sets: &Sets, job: &Job<'_>) -> Result<(), StudyError> {
    for (test, rows) in &sets.tests {
        let (dir, name) = (&job.deps[0], file(test));
        let judge = config.judge[test].judge()?;
        // Rows were held against the judge when they were read: what fails now is the file.
        let assessed =
            assess(&judge, rows, &read_text(dir, &name)?).map_err(|e| damaged(dir, &name, &e))?;
        write(job.dir, &name, &to_jsonl(&assessed)?)?;
    }
    Ok(())
}

fn damaged(dir: &Path, name: &str, e: &JudgeError) -> StudyError {
    StudyError::Damaged { path: dir.join(name), reason: e.to_string() }
}

/// The evidence on every test, from the stage's folder.
pub(crate) fn read_evidence(
    sets: &Sets,
    dir: &Path,
) -> Result<BTreeMap<String, Evidence>, StudyError> {
    let mut out = BTreeMap::new();
    for test in sets.tests.keys() {
        let name = file(test);
        let assessed = from_jsonl(&read_text(dir, &name)?).map_err(|e| damaged(dir, &name, &e))?;
        out.insert(test.clone(), Evidence::Assessments(assessed));
    }
    Ok(out)
}
