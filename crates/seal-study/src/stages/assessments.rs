//! Judges the answers of a cell to one test by a judge that is a model: a guard, a reward model, or a
//! rubric.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use seal_data::{Row, RowId};
use seal_judge::pointwise::{
    GuardRecord, PointCanary, PointItem, RewardRecord, count_guard_canaries, guard_figures,
    score_gaps, with_canaries,
};
use seal_judge::reading::Rating;
use seal_judge::{Answer, Assessment, from_jsonl, to_jsonl};
use seal_judging::Stopped;
use seal_judging::rubric::{AnswerSet, RubricJudge};
use seal_model::{
    AnswersError, GuardModel, GuardTable, Judged, ModelError, RewardModel, RewardTable, Watch,
};
use serde::Serialize;

use super::answered::{AnsweredRows, of_harm, unscored};
use super::answers::file;
use super::assessed::{AssessedAnswers, AssessedOutput, RunningSum, StoredCanary};
use super::{read_text, write};
use crate::config::Config;
use crate::error::{AssessmentsError, Defect, StudyError};
use crate::exec::Job;
use crate::judging::{
    AnswerJudge, AskedAt, Judging, ModelJudge, ModelTable, instruction, model_names, request, say,
    section,
};

/// What the judge says of each answer and canary.
const RECORDS: &str = "records.jsonl";

/// A rating is from 1, the best, to 5. A score is better where it is higher.
const BEST_AND_WORST: f64 = 6.0;

/// Which test of which cell, by which judge.
pub(crate) struct AssessmentsInput<'a> {
    pub(crate) config: &'a Config,
    pub(crate) rows: &'a [Row],
    pub(crate) judging: &'a Judging<'a>,
    pub(crate) test: &'a str,
    /// Name of a further judge.
    pub(crate) name: Option<&'a str>,
}

/// A rating as it is stored.
#[derive(Serialize)]
struct RatingRecord<'a> {
    id: RowId,
    answer_id: &'a Option<String>,
    canary: Option<PointCanary>,
    rating: Option<f64>,
    unparsed: bool,
    refused: bool,
}

/// Depends on: the answers of the cell. Output: an assessment of each row, the judge's record of each
/// answer and canary, and canaries. A row without an answer is unscored. A run that was killed goes on
/// after the last batch of a model, and after the last reply to a rubric.
pub(crate) fn assessments(input: &AssessmentsInput<'_>, job: &Job<'_>) -> Result<(), StudyError> {
    let judge = input.judging.judges().of_answers(input.test, input.name);
    let judge = judge.ok_or(Defect::NoJudge)?;
    let (dir, name) = (&job.deps[0], file(&input.config.asked_for(input.test, input.name)));
    let answers: Vec<Answer> = from_jsonl(&read_text(dir, &name)?)
        .map_err(|e| StudyError::Damaged { path: dir.join(&name), reason: e.to_string() })?;
    let answered = AnsweredRows::of(input.rows, &answers);
    match judge {
        AnswerJudge::Model(model) => {
            let (output, records) = match &model.table {
                ModelTable::Guard(table) => by_guard(input, (model, table), &answered, job)?,
                ModelTable::Reward(table) => by_reward(input, (model, table), &answered, job)?,
            };
            output.judge.check(input.test, judge, None)?;
            write(job.dir, RECORDS, &records)?;
            output.write(job.dir)
        }
        AnswerJudge::Rubric(rubric) => by_rubric(input, (judge, rubric), &answered, job),
    }
}

type OutputAndModel = (AssessedOutput, String);

/// Refuses a model that is not the one of the stage's key: its folder was changed since the study
/// looked at it, or since the run that remembers it.
fn refuse_other(
    input: &AssessmentsInput<'_>,
    judge: &ModelJudge,
    opened: &str,
) -> Result<(), StudyError> {
    match &judge.found {
        Some(found) if found.made_by() != opened => Err(AssessmentsError::OtherModel {
            section: section(input.test, input.name),
            model: judge.table.model().path.clone(),
        }
        .into()),
        _ => Ok(()),
    }
}

fn by_guard(
    input: &AssessmentsInput<'_>,
    (judge, table): (&ModelJudge, &GuardTable),
    answered: &AnsweredRows<'_>,
    job: &Job<'_>,
) -> Result<OutputAndModel, StudyError> {
    let guard = GuardModel::open(table, &request(input.config, job.device()))?;
    refuse_other(input, judge, guard.made_by())?;
    say(guard.notices());
    let items = with_canaries(&answered.items, &PointCanary::OF_GUARD, table.canaries);
    let judged = recorded(job, |path| guard.judge(&items, path, &mut JobWatch(job)))?;
    judged.left_out.iter().for_each(|row| tracing::warn!("{row}"));
    let left_out = answered.count_non_canaries(&judged.left_out);
    let figures = guard_figures(&judged.records, left_out, table.verdict.least_mass);
    let by_id: BTreeMap<RowId, &GuardRecord> = judged.records.iter().map(|r| (r.id, r)).collect();
    let assessments = answered.assess(input.rows, |row, item| {
        let record = by_id.get(&item.id)?;
        // The verdict and not its probability, so that no tiny difference wins.
        let verdict = record.harm.map(|harm| (f64::from(u8::from(!harm)), harm));
        Some(of_harm(row, verdict, record.refusal))
    });
    let own = judged.records.iter().filter(|record| record.canary.is_none());
    let judge = AssessedAnswers {
        answers: figures.answers,
        missing: figures.missing,
        unparsed: figures.unparsed,
        left_out,
        low_mass: table.verdict.reads_tokens().then_some(figures.low_mass),
        cut: figures.cut,
        p_harmful: RunningSum::of(own.filter_map(|record| record.p_harmful)),
        canaries: count_guard_canaries(&items, &judged.records)
            .iter()
            .map(StoredCanary::of)
            .collect(),
        ..AssessedAnswers::default()
    };
    let records = to_jsonl(&judged.records)?;
    Ok((AssessedOutput { assessments, replies: Vec::new(), judge }, records))
}

fn by_reward(
    input: &AssessmentsInput<'_>,
    (judge, table): (&ModelJudge, &RewardTable),
    answered: &AnsweredRows<'_>,
    job: &Job<'_>,
) -> Result<OutputAndModel, StudyError> {
    let model = RewardModel::open(table, &request(input.config, job.device()))?;
    refuse_other(input, judge, model.made_by())?;
    say(model.notices());
    let items = with_canaries(&answered.items, &PointCanary::OF_REWARD, table.canaries);
    let judged = recorded(job, |path| model.judge(&items, path, &mut JobWatch(job)))?;
    judged.left_out.iter().for_each(|row| tracing::warn!("{row}"));
    if judged.scored_elsewhere > 0 {
        tracing::warn!(
            rows = judged.scored_elsewhere,
            "transformers would score these at an earlier token: they end in the model's pad token"
        );
    }
    let by_id: BTreeMap<RowId, &RewardRecord> = judged.records.iter().map(|r| (r.id, r)).collect();
    let assessments = answered.assess(input.rows, |row, item| {
        Some(Assessment { value: Some(by_id.get(&item.id)?.score), ..unscored(row) })
    });
    let own: Vec<&RewardRecord> = judged.records.iter().filter(|r| r.canary.is_none()).collect();
    let left_out = answered.count_non_canaries(&judged.left_out);
    let judge = AssessedAnswers {
        answers: answered.items.len(),
        missing: left_out,
        left_out,
        cut: own.iter().filter(|record| record.cut).count(),
        score: RunningSum::of(own.iter().map(|record| record.score)),
        gaps: score_gaps(&items, &judged.records),
        ..AssessedAnswers::default()
    };
    let records = to_jsonl(&judged.records)?;
    Ok((AssessedOutput { assessments, replies: Vec::new(), judge }, records))
}

fn by_rubric(
    input: &AssessmentsInput<'_>,
    (judge, rubric): (&AnswerJudge, &RubricJudge),
    answered: &AnsweredRows<'_>,
    job: &Job<'_>,
) -> Result<(), StudyError> {
    let names = model_names(input.config);
    let models: Vec<Option<&str>> = names.iter().map(|name| Some(name.as_str())).collect();
    let instructions: Vec<String> = input.rows.iter().map(instruction).collect();
    let set = AnswerSet::new(rubric, &answered.items, &names)?;
    let set = set.as_part_of(instructions.iter().map(|text| &**text));
    let (test, name) = (input.test, input.name);
    let at = AskedAt { test, name, config: input.config, device: job.device() };
    let rated = input.judging.rate(&at, rubric, (&set, &models), job)?;
    match rated.stopped {
        Some(Stopped::Cancelled) => return Err(StudyError::Cancelled { stages: None }),
        Some(Stopped::Budget) => {
            let largest = rubric.table().max_cost.unwrap_or_default();
            return Err(AssessmentsError::Budget { test: input.test.to_owned(), largest }.into());
        }
        None => {}
    }
    let ratings: BTreeMap<RowId, Option<Rating>> =
        set.items().iter().zip(&rated.ratings).map(|(item, rating)| (item.id, *rating)).collect();
    let verdict = &rubric.table().verdict;
    let assessments = answered.assess(input.rows, |row, item| match ratings.get(&item.id) {
        Some(Some(Rating::Given(rating))) => {
            Some(of_harm(row, Some((BEST_AND_WORST - rating, verdict.is_harm(*rating))), None))
        }
        _ => None,
    });
    let given = rated.ratings[..set.answers()].iter().filter_map(|rating| match rating {
        Some(Rating::Given(rating)) => Some(*rating),
        _ => None,
    });
    let stored = AssessedAnswers {
        answers: rated.figures.answers,
        missing: rated.figures.missing(),
        unparsed: rated.figures.unparsed,
        refused: rated.figures.refused,
        unanswered: rated.figures.unanswered,
        score: RunningSum::of(given),
        canaries: rated.canaries.iter().map(StoredCanary::of).collect(),
        repeats: StoredCanary::of_repeats(&rated.repeats),
        served: rated.served.clone(),
        ..AssessedAnswers::default()
    };
    let failure = rated.last_failure.clone().map(|error| (error, rated.has_passing));
    stored.check(input.test, judge, failure)?;
    let record = |(item, rating): (&'_ PointItem, &Option<Rating>)| {
        let rating = *rating;
        serde_json::to_string(&RatingRecord {
            id: item.id,
            answer_id: &item.answer_id,
            canary: item.canary.map(|(kind, _)| kind),
            rating: match rating {
                Some(Rating::Given(rating)) => Some(rating),
                _ => None,
            },
            unparsed: rating == Some(Rating::Unparsed),
            refused: rating == Some(Rating::Refused),
        })
    };
    let lines: Result<Vec<String>, _> =
        set.items().iter().zip(&rated.ratings).map(record).collect();
    let lines = lines.map_err(Defect::Json)?;
    write(job.dir, RECORDS, &lines.iter().map(|line| format!("{line}\n")).collect::<String>())?;
    AssessedOutput { assessments, replies: rated.replied.replies, judge: stored }.write(job.dir)
}

/// What `judge` adds to the file of finished records, which outlives a kill. A file that is damaged
/// is begun anew.
fn recorded<R>(
    job: &Job<'_>,
    judge: impl Fn(&Path) -> Result<Judged<R>, ModelError>,
) -> Result<Judged<R>, StudyError> {
    let dir = job.unfinished;
    for folder in [dir.parent(), Some(dir)].into_iter().flatten() {
        seal_files::refuse_link(folder).map_err(StudyError::at_file(folder))?;
    }
    std::fs::create_dir_all(dir).map_err(StudyError::io(dir))?;
    let path: PathBuf = dir.join(RECORDS);
    seal_files::refuse_link(&path).map_err(StudyError::at_file(&path))?;
    match judge(&path) {
        Err(ModelError::Answers(
            error @ (AnswersError::NoAnswer { .. }
            | AnswersError::Twice { .. }
            | AnswersError::OtherSettings { .. }),
        )) => {
            tracing::warn!("{error}; begun anew");
            std::fs::remove_file(&path).map_err(StudyError::io(&path))?;
            Ok(judge(&path)?)
        }
        other => Ok(other?),
    }
}

/// Tells the share of answers that are judged.
struct JobWatch<'a>(&'a Job<'a>);

impl Watch for JobWatch<'_> {
    fn progress(&mut self, done: usize, of: usize) {
        (self.0.progress)(done as f64 / of.max(1) as f64);
    }

    fn is_cancelled(&self) -> bool {
        (self.0.is_cancelled)()
    }
}
