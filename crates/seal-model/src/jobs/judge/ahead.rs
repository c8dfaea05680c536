//! What a judge that is a model would do with a set of answers, before its weights are read.

use std::path::Path;

use seal_judge::pointwise::PointItem;
use seal_lm::{Cost, LmConfig, WeightFormat};

use super::sequence::Sequences;
use crate::jobs::record_file::{RecordLine, recorded};
use crate::{LeftOutRow, ModelError};

/// Operations a second that a few CPU cores do, about.
const RATE: f64 = 20e9;

/// What there is to do.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgeAhead {
    /// Answers to judge, canaries among them.
    pub open: usize,
    /// Canaries to judge.
    pub canaries: usize,
    /// Answers and canaries that the file of verdicts has.
    pub before: usize,
    /// Answers and canaries that the judge cannot be shown, and why.
    pub left_out: Vec<LeftOutRow>,
    /// Answers to judge of which the judge would see the beginning only.
    pub cut: usize,
    /// Tokens of all prompts.
    pub input: u64,
    /// Tokens of all replies at most; 0 for a judge that writes none.
    pub output: u64,
    /// Number of weights.
    pub parameters: u64,
    /// Bytes of the weights, with the copies that generation needs of them.
    pub memory: u64,
    /// Seconds on a few CPU cores, about; the reading of the weights apart.
    pub seconds: f64,
}

/// Seconds that a model of so many weights takes to read so many tokens on a few CPU cores, about.
pub fn judge_seconds(weights: f64, tokens: f64) -> f64 {
    2.0 * weights * tokens / RATE
}

/// What is left of `items` beside the records `made_by` this judge at `path`. A reply has at most `reply`
/// tokens. `copied` weights are in memory twice.
///
/// # Errors
/// A file of another judge, or one that cannot be read.
pub(super) fn ahead<R: RecordLine>(
    (path, made_by): (&Path, &str),
    items: &[PointItem],
    sequences: &Sequences<'_>,
    (shape, format, reply, copied): (&LmConfig, WeightFormat, usize, f64),
) -> Result<JudgeAhead, ModelError> {
    let ids = recorded::<R>(path, made_by)?;
    let parameters = Cost::of(shape).parameters();
    let mut found = JudgeAhead {
        open: 0,
        canaries: 0,
        before: 0,
        left_out: Vec::new(),
        cut: 0,
        input: 0,
        output: 0,
        parameters: parameters as u64,
        memory: (parameters + copied) as u64 * format.bytes() as u64,
        seconds: 0.0,
    };
    for item in items {
        if ids.contains_key(&item.id) {
            found.before += 1;
            continue;
        }
        match sequences.of(item) {
            Err(row) => found.left_out.push(row),
            Ok(sequence) => {
                found.open += 1;
                found.canaries += usize::from(item.canary.is_some());
                found.cut += usize::from(sequence.cut && item.canary.is_none());
                found.input += sequence.tokens.len() as u64;
                found.output += reply as u64;
            }
        }
    }
    found.seconds = judge_seconds(parameters, (found.input + found.output) as f64);
    Ok(found)
}
