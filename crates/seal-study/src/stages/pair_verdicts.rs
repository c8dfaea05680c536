//! Judges a cell's answers beside those of the reference with the same seed, by a judge that is asked.

use std::path::Path;

use seal_data::{Row, RowId};
use seal_endpoint::EndpointError;
use seal_judge::{Answer, BothOrders, Judgement, Outcome, from_jsonl, to_jsonl};
use seal_judging::{CanaryResult, Judged, PairJudge, QuestionSet, ReplyCost, Stopped};
use serde::{Deserialize, Serialize};

use super::answers::file;
use super::{read_json, read_text, write, write_json};
use crate::config::Config;
use crate::error::{Defect, PairsError, StudyError};
use crate::exec::Job;
use crate::judging::{AskedAt, Judging, instruction, model_names, pair_up};

const PAIRS: &str = "pairs.jsonl";
const REPLIES: &str = "replies.jsonl";
const JUDGE: &str = "judge.json";

/// Which test of which cell, by which judge.
pub(crate) struct PairInput<'a> {
    pub(crate) config: &'a Config,
    pub(crate) rows: &'a [Row],
    pub(crate) judging: &'a Judging<'a>,
    pub(crate) test: &'a str,
    /// Name of a further judge.
    pub(crate) name: Option<&'a str>,
}

/// A pair as it was judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredPair {
    pub(crate) id: RowId,
    pub(crate) arm_first: Judgement,
    pub(crate) arm_second: Judgement,
    /// The same of further samples, the arm's answer first and second.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) further: Vec<[Judgement; 2]>,
    /// Characters of the arm's answer.
    pub(crate) length: u64,
    /// Characters of the reference's answer.
    pub(crate) reference_length: u64,
    /// Whether the two answers are the same.
    #[serde(default)]
    pub(crate) is_equal: bool,
}

/// Who judged, and how well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredJudge {
    pub(crate) served: Vec<String>,
    pub(crate) canaries: Vec<CanaryResult>,
}

/// What the stage left.
pub(crate) struct PairOutput {
    pub(crate) pairs: Vec<StoredPair>,
    pub(crate) replies: Vec<ReplyCost>,
    pub(crate) judge: StoredJudge,
}

impl StoredPair {
    /// The outcome of each sample.
    pub(crate) fn samples(&self) -> Vec<BothOrders> {
        let all = std::iter::once([self.arm_first, self.arm_second]).chain(self.further.clone());
        all.map(|[arm_first, arm_second]| BothOrders { arm_first, arm_second }).collect()
    }
}

/// Depends on: the answers of the cell and of the reference. Output: the judgements of each pair,
/// the tokens of each reply, and canaries. A row that one of them did not answer has no line.
pub(crate) fn pair_verdicts(input: &PairInput<'_>, job: &Job<'_>) -> Result<(), StudyError> {
    let judge = input.judging.judges().get(input.test, input.name).ok_or(Defect::NoJudge)?;
    let name = file(&input.config.asked_for(input.test, input.name));
    let read = |dir: &Path| -> Result<Vec<Answer>, StudyError> {
        from_jsonl(&read_text(dir, &name)?)
            .map_err(|e| StudyError::Damaged { path: dir.join(&name), reason: e.to_string() })
    };
    let (arm, reference) = (read(&job.deps[0])?, read(&job.deps[1])?);
    let (set, ids) = pair_up(input.rows, &arm, &reference, &model_names(input.config));
    let instructions: Vec<String> = input.rows.iter().map(instruction).collect();
    let questions = QuestionSet::new(judge, &set)?.as_part_of(instructions.iter().map(|i| &**i));
    let (test, name) = (input.test, input.name);
    let at = AskedAt { test, name, config: input.config, device: job.device() };
    let judged = input.judging.judge(&at, judge, &questions, job)?;
    if judged.stopped == Some(Stopped::Cancelled) {
        return Err(StudyError::Cancelled { stages: None });
    }
    refuse_missing(input, judge, &judged)?;
    let pairs = set.pairs.iter().zip(&judged.pairs).zip(ids).map(|((pair, samples), id)| {
        let both = |sample: &BothOrders| [sample.arm_first, sample.arm_second];
        let nothing = [Judgement::of(Outcome::Missing); 2];
        let [arm_first, arm_second] = samples.first().map_or(nothing, both);
        let length = |text: &str| text.chars().count() as u64;
        StoredPair {
            id,
            arm_first,
            arm_second,
            further: samples.iter().skip(1).map(both).collect(),
            length: length(&pair.arm),
            reference_length: length(&pair.reference),
            is_equal: pair.arm == pair.reference,
        }
    });
    write(job.dir, PAIRS, &to_jsonl(&pairs.collect::<Vec<_>>())?)?;
    write(job.dir, REPLIES, &to_jsonl(&judged.replies)?)?;
    let of_judge = StoredJudge { served: judged.replied.served, canaries: judged.canaries };
    write_json(job.dir, JUDGE, &of_judge)
}

/// Refuses verdicts of which too many are missing, and those that a largest cost ended: their
/// replies stay in the log, and a later run asks for the rest.
fn refuse_missing(
    input: &PairInput<'_>,
    judge: &PairJudge,
    judged: &Judged,
) -> Result<(), StudyError> {
    let test = input.test.to_owned();
    if judged.stopped == Some(Stopped::Budget) {
        let largest = judge.table().max_cost.unwrap_or_default();
        return Err(PairsError::Budget { test, largest }.into());
    }
    let missing = judged.missing();
    let share = judge.table().max_missing;
    if missing as f64 <= share * judged.pairs.len() as f64 {
        return Ok(());
    }
    let orders = judged.samples().flat_map(|pair| [pair.arm_first, pair.arm_second]);
    let outcomes: Vec<Outcome> = orders.map(Judgement::outcome).collect();
    let count = |outcome: Outcome| outcomes.iter().filter(|found| **found == outcome).count();
    Err(PairsError::Missing {
        test,
        missing,
        pairs: judged.pairs.len(),
        share,
        unparsed: count(Outcome::Unparsed),
        refused: count(Outcome::Refused),
        unanswered: count(Outcome::Missing),
        last_failure: judged.last_failure.clone().map(Box::<EndpointError>::new),
        may_pass: judged.has_passing,
    }
    .into())
}

impl PairOutput {
    /// Reads the stage's folder.
    pub(crate) fn read(dir: &Path) -> Result<Self, StudyError> {
        let damaged = |name: &str, e: &dyn std::fmt::Display| StudyError::Damaged {
            path: dir.join(name),
            reason: e.to_string(),
        };
        Ok(Self {
            pairs: from_jsonl(&read_text(dir, PAIRS)?).map_err(|e| damaged(PAIRS, &e))?,
            replies: from_jsonl(&read_text(dir, REPLIES)?).map_err(|e| damaged(REPLIES, &e))?,
            judge: read_json(dir, JUDGE)?,
        })
    }
}
