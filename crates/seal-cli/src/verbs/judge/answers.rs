//! `seal judge --answers`: judges the answers of a file one by one. The kind of the judge's table
//! says who judges; each kind is one file.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use seal_files::Inputs;
use seal_judge::pointwise::PointItem;
use seal_judge::read_model_outputs;
use seal_model::{JudgeModelError, JudgeRequest, ModelError, table_kind};
use seal_study::remembered_digests;
use serde_json::Value;

use super::answer_files::AnswerFiles;
use super::judge_ahead::reach;
use super::pair_options::PairOptions;
use super::{JudgeFailure, annotations, guard, reward, rubric};
use crate::files::{json_lines, prepare};
use crate::verbosity::Verbosity;

/// Judges what is missing and prints the figures.
pub(super) fn run(
    path: &Path,
    device: Option<&str>,
    (judge, dry_run): (&PairOptions, bool),
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
    if let Some(output) = &judge.batch_output {
        inputs.add("the batch's output", output);
    }
    let mut outputs = vec![("--file", verdicts.as_path())];
    outputs.extend(judge.batch_input.as_deref().map(|path| ("--batch-input", path)));
    prepare(&inputs, &outputs)?;
    let text = fs::read_to_string(table)
        .map_err(|source| JudgeModelError::Unreadable { path: table.clone(), source })
        .map_err(ModelError::from)?;
    let kind = table_kind(&text, table)?;
    if matches!(kind.as_str(), "guard" | "reward") {
        refuse_endpoint_options(judge, &kind)?;
    }
    let (items, models, odd_rows) = read_answers(path, verbosity)?;
    let request = JudgeRequest {
        prompt: judge.prompt.clone(),
        device: device.unwrap_or("flex").to_owned(),
        marked: None,
        digest_files: remembered_digests,
        reach: reach(dry_run),
        ..JudgeRequest::new(table)
    };
    let files = AnswerFiles {
        device,
        items,
        models,
        odd_rows,
        table,
        text,
        verdicts,
        request,
        options: judge,
        dry_run,
        verbosity,
    };
    let judged = match kind.as_str() {
        "guard" => guard::run(&files),
        "reward" => reward::run(&files),
        "rubric" => rubric::run(&files),
        "pairwise" => Err(of_kind(
            table,
            kind,
            "this judge compares two answers: give --candidate and --reference in place of --answers",
        )
        .into()),
        _ => Err(of_kind(table, kind, "judges of one answer are \"guard\", \"reward\" and \"rubric\"").into()),
    };
    judged.map_err(by_table)
}

/// An error of a model that the table names: its words are the table's keys.
fn by_table(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<ModelError>() {
        Ok(error) => JudgeFailure::Model(error).into(),
        Err(other) => other,
    }
}

fn of_kind(table: &Path, kind: String, known: &'static str) -> JudgeFailure {
    JudgeFailure::Kind { path: table.to_owned(), kind, known }
}

/// Refuses options that only say how an endpoint is asked.
fn refuse_endpoint_options(options: &PairOptions, kind: &str) -> Result<(), JudgeFailure> {
    match options.of_servers().into_iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) => Err(JudgeFailure::NotOfThisKind { option, kind: kind.to_owned() }),
        None => Ok(()),
    }
}

type Answers = (Vec<PointItem>, Vec<String>, usize);

/// The answers of a file, the models that wrote them, and the number of rows that could not be used.
fn read_answers(path: &Path, verbosity: Verbosity) -> anyhow::Result<Answers> {
    let at = || path.to_owned();
    let text =
        fs::read_to_string(path).map_err(|source| JudgeFailure::Read { path: at(), source })?;
    let listed =
        read_model_outputs(&text).map_err(|source| JudgeFailure::Format { path: at(), source })?;
    annotations::say_odd(path, &listed.odd, verbosity.quiet)?;
    let models = listed.rows.iter().filter_map(|(_, row)| row.generator.clone());
    let models: BTreeSet<String> = models.collect();
    let answers = listed.rows.into_iter().map(|(_, row)| {
        let id = row.other.get("id").and_then(Value::as_str).map(str::to_owned);
        (row.instruction, row.output, id)
    });
    let items = PointItem::list(answers);
    match items.is_empty() {
        true => Err(JudgeFailure::NoAnswers { path: at() }.into()),
        false => Ok((items, models.into_iter().collect(), listed.odd.len())),
    }
}
