//! `seal judge --candidate`: judges two files of answers.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use seal_files::{Inputs, PendingFile};
use seal_judge::prompt::PairPrompt;
use seal_judge::{BothOrders, Listed, ModelOutput, Outcome, read_model_outputs, to_list};
use seal_judging::{
    Judged, JudgingError, PairJudge, PairSet, QuestionSet, Stopped, Subject, pair_up,
};

use super::endpoint::say_stopped;
use super::pair_figures::Printed;
use super::pair_options::PairOptions;
use super::{JudgeFailure, annotations, opened_judge};
use crate::files::{json_lines, prepare};
use crate::plain;
use crate::verbosity::Verbosity;

/// The four files that judging needs.
struct Files<'a> {
    candidate: &'a Path,
    reference: &'a Path,
    judge: &'a Path,
    verdicts: &'a Path,
}

/// Judges what is missing and prints the figures.
pub(super) fn run(
    options: &PairOptions,
    device: Option<&str>,
    is_dry: bool,
    verbosity: Verbosity,
) -> anyhow::Result<()> {
    let files = files(options)?;
    json_lines("--file", files.verdicts)?;
    prepare(&inputs(&files, options), &outputs(&files, options))?;
    refuse_one_file(&files)?;
    let asked = opened_judge::open::<PairPrompt>(files.judge, options, device, is_dry)?;
    let (set, odd_rows) = read_pairs(&files, options.common, verbosity)?;
    let models = [set.arm.as_deref(), set.reference.as_deref()];
    asked.judge.refuse_self(&models).map_err(JudgeFailure::from)?;
    let questions = QuestionSet::new(&asked.judge, &set).map_err(JudgeFailure::from)?;
    if is_dry {
        let is_canary =
            |number: usize| matches!(questions.questions()[number].subject, Subject::Canary(..));
        return asked.dry_run(&questions, files.verdicts, "pairs", is_canary);
    }
    match asked.run(&questions, files.verdicts, options, verbosity)? {
        Some((judge, judged)) => {
            finish(&files, options, (&judge, &set, &judged), odd_rows, verbosity)
        }
        None => Ok(()),
    }
}

fn files(options: &PairOptions) -> Result<Files<'_>, JudgeFailure> {
    // The parser requires all four; a caller in code may not have them.
    match (&options.candidate, &options.reference, &options.judge, &options.file) {
        (Some(candidate), Some(reference), Some(judge), Some(verdicts)) => {
            Ok(Files { candidate, reference, judge, verdicts })
        }
        _ => Err(JudgeFailure::NotTogether),
    }
}

fn inputs(files: &Files<'_>, options: &PairOptions) -> Inputs {
    let mut inputs = Inputs::new();
    inputs.add("the candidate's answers", files.candidate);
    inputs.add("the reference's answers", files.reference);
    inputs.add("the judge's table", files.judge);
    if let Some(prompt) = &options.prompt {
        inputs.add("the prompt", prompt);
    }
    if let Some(output) = &options.batch_output {
        inputs.add("the batch's output", output);
    }
    inputs
}

fn outputs<'a>(files: &Files<'a>, options: &'a PairOptions) -> Vec<(&'static str, &'a Path)> {
    let mut outputs = vec![("--file", files.verdicts)];
    outputs.extend(options.batch_input.as_deref().map(|path| ("--batch-input", path)));
    outputs.extend(options.write_annotations.as_deref().map(|path| ("--write-annotations", path)));
    outputs
}

/// Refuses to judge a file, or a copy of it, against itself.
fn refuse_one_file(files: &Files<'_>) -> Result<(), JudgeFailure> {
    let read = |path: &Path| {
        fs::read(path).map_err(|source| JudgeFailure::Read { path: path.to_owned(), source })
    };
    match read(files.candidate)? == read(files.reference)? {
        true => Err(JudgeFailure::OneFile {
            candidate: files.candidate.to_owned(),
            reference: files.reference.to_owned(),
        }),
        false => Ok(()),
    }
}

/// Reads and pairs the two files; gives the number of rows that could not be used, too.
fn read_pairs(
    files: &Files<'_>,
    common_only: bool,
    verbosity: Verbosity,
) -> anyhow::Result<(PairSet, usize)> {
    let read = |path: &Path| -> anyhow::Result<Listed<ModelOutput>> {
        let at = || path.to_owned();
        let text =
            fs::read_to_string(path).map_err(|source| JudgeFailure::Read { path: at(), source })?;
        let listed = read_model_outputs(&text)
            .map_err(|source| JudgeFailure::Format { path: at(), source })?;
        annotations::say_odd(path, &listed.odd, verbosity.quiet)?;
        Ok(listed)
    };
    let (candidate, reference) = (read(files.candidate)?, read(files.reference)?);
    let odd_rows = candidate.odd.len() + reference.odd.len();
    let paths = [files.candidate, files.reference];
    let set = pair_up(paths, candidate, reference, common_only).map_err(JudgeFailure::from)?;
    if !verbosity.quiet && set.only_arm + set.only_reference > 0 {
        writeln!(
            plain::stderr(),
            "left out: {} instructions of the candidate's file only, {} of the reference's only",
            set.only_arm,
            set.only_reference
        )?;
    }
    Ok((set, odd_rows))
}

/// Prints the figures, writes the annotations, and fails where too many verdicts are missing.
fn finish(
    files: &Files<'_>,
    options: &PairOptions,
    (judge, set, judged): (&PairJudge, &PairSet, &Judged),
    odd_rows: usize,
    verbosity: Verbosity,
) -> anyhow::Result<()> {
    let rows = seal_judging::annotations(judge, set, judged);
    let orders = seal_judging::orders(set, judged).map_err(JudgingError::from);
    let orders = orders.map_err(JudgeFailure::from)?;
    if let Some(path) = &options.write_annotations {
        let text = to_list(&rows)?;
        let written = PendingFile::named_by_user(path).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.commit()
        });
        written.map_err(|source| JudgeFailure::Write { path: path.clone(), source })?;
    }
    let (path, rows) = (files.candidate, rows.as_slice());
    Printed { path, rows, judged, orders: &orders, odd_rows }.print(verbosity)?;
    say_stopped(judged.stopped, verbosity)?;
    let (missing, pairs) = (orders.missing, judged.pairs.len());
    let share = judge.table().max_missing;
    if missing as f64 > share * pairs as f64 {
        let reason = match (&judged.stopped, &judged.last_failure) {
            (Some(Stopped::Budget), _) => "; the largest cost is reached: raise --max-cost".into(),
            (_, Some(error)) => format!("; the last failure: {error}"),
            (_, None) => kinds_of_missing(judged, files.verdicts),
        };
        let may_pass = judged.has_passing && judged.stopped.is_none();
        return Err(JudgeFailure::Missing { missing, pairs, share, reason, may_pass }.into());
    }
    Ok(())
}

/// Why pairs have no verdict, by number of judgements, and what to do.
fn kinds_of_missing(judged: &Judged, verdicts: &Path) -> String {
    let both = |pair: BothOrders| [pair.arm_first.outcome(), pair.arm_second.outcome()];
    let all: Vec<Outcome> = judged.samples().flat_map(both).collect();
    let of = |outcome: Outcome| all.iter().filter(|found| **found == outcome).count();
    format!(
        "; {} replies have no verdict in its place ({} of all questions have blank replies alone), \
         {} are refusals, {} questions have no reply; {} has each reply: a larger max_tokens or \
         another prompt may help, and a question whose lines are removed is asked again",
        of(Outcome::Unparsed),
        judged.blank,
        of(Outcome::Refused),
        of(Outcome::Missing),
        verdicts.display()
    )
}
