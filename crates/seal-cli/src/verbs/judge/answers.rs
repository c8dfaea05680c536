//! `seal judge --answers`: judges the answers of a file one by one. The kind of the judge's table
//! says who judges; each kind is one file.

use std::fs;
use std::path::Path;

use seal_files::Inputs;
use seal_judge::pointwise::PointItem;
use seal_judge::read_model_outputs;
use seal_model::{JudgeModelError, JudgeRequest, table_kind};
use seal_study::remembered_digests;
use serde_json::Value;

use super::answer_options::AnswerOptions;
use super::pair_options::PairOptions;
use super::{JudgeFailure, annotations, guard, reward};
use crate::files::{json_lines, prepare};
use crate::verbosity::Verbosity;

/// What every kind of judge is given.
pub(super) struct AnswerFiles<'a> {
    /// The answers.
    pub(super) items: Vec<PointItem>,
    /// Rows of it that could not be used.
    pub(super) odd_rows: usize,
    /// The judge's table.
    pub(super) table: &'a Path,
    /// Its text.
    pub(super) text: String,
    /// The file of verdicts.
    pub(super) verdicts: &'a Path,
    /// Where a judge that is a model works.
    pub(super) request: JudgeRequest,
    pub(super) verbosity: Verbosity,
}

/// Judges what is missing and prints the figures.
pub(super) fn run(
    path: &Path,
    options: &AnswerOptions,
    judge: &PairOptions,
    verbosity: Verbosity,
) -> anyhow::Result<()> {
    // The parser requires both; a caller in code may not have them.
    let (Some(table), Some(verdicts)) = (&judge.judge, &judge.file) else {
        return Err(JudgeFailure::NotWithAnswers.into());
    };
    json_lines("--file", verdicts)?;
    let mut inputs = Inputs::new();
    inputs.add("the answers", path);
    inputs.add("the judge's table", table);
    if let Some(prompt) = &judge.prompt {
        inputs.add("the prompt", prompt);
    }
    prepare(&inputs, &[("--file", verdicts.as_path())])?;
    let text = fs::read_to_string(table)
        .map_err(|source| JudgeModelError::Unreadable { path: table.clone(), source })
        .map_err(seal_model::ModelError::from)?;
    let kind = table_kind(&text, table)?;
    let (items, odd_rows) = read_answers(path, verbosity)?;
    let request = JudgeRequest {
        prompt: judge.prompt.clone(),
        device: options.device.clone(),
        digest_files: remembered_digests,
        ..JudgeRequest::new(table)
    };
    let files = AnswerFiles { items, odd_rows, table, text, verdicts, request, verbosity };
    match kind.as_str() {
        "guard" => guard::run(&files),
        "reward" => reward::run(&files),
        "pairwise" => Err(of_kind(
            table,
            kind,
            "this judge compares two answers: give --candidate and --reference in place of --answers",
        )
        .into()),
        _ => Err(of_kind(table, kind, "judges of one answer are \"guard\" and \"reward\"").into()),
    }
}

fn of_kind(table: &Path, kind: String, known: &'static str) -> JudgeFailure {
    JudgeFailure::Kind { path: table.to_owned(), kind, known }
}

/// The answers of a file, and the number of rows that could not be used.
fn read_answers(path: &Path, verbosity: Verbosity) -> anyhow::Result<(Vec<PointItem>, usize)> {
    let at = || path.to_owned();
    let text =
        fs::read_to_string(path).map_err(|source| JudgeFailure::Read { path: at(), source })?;
    let listed =
        read_model_outputs(&text).map_err(|source| JudgeFailure::Format { path: at(), source })?;
    annotations::say_odd(path, &listed.odd, verbosity.quiet)?;
    let answers = listed.rows.into_iter().map(|(_, row)| {
        let id = row.other.get("id").and_then(Value::as_str).map(str::to_owned);
        (row.instruction, row.output, id)
    });
    let items = PointItem::list(answers);
    match items.is_empty() {
        true => Err(JudgeFailure::NoAnswers { path: at() }.into()),
        false => Ok((items, listed.odd.len())),
    }
}
