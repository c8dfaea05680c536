//! Files that verbs write: held against those that they read, made whole or not at all.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::bail;
use seal_data::TemplateSetting;
use seal_files::{Inputs, PendingFile, same_file};
use seal_model::StageSettings;
use seal_study::StudyError;

use crate::plain;
use crate::usage::UsageError;

/// Refuses outputs that are inputs, folders, or one file twice, and makes their folders, all
/// before the work whose result they are to hold. Each output goes with its option.
pub fn prepare(inputs: &Inputs, outputs: &[(&str, &Path)]) -> anyhow::Result<()> {
    for (i, (option, output)) in outputs.iter().enumerate() {
        let (option, path) = (|| (*option).to_owned(), || output.to_path_buf());
        let input = |source| UsageError::Input { option: option(), source };
        inputs.check(output).map_err(input)?;
        if output.is_dir() {
            bail!(UsageError::Folder { option: option(), path: path() });
        }
        if let Some((other, _)) = outputs[..i].iter().find(|(_, other)| same_file(other, output)) {
            let other = (*other).to_owned();
            bail!(UsageError::OneFile { option: option(), other, path: path() });
        }
    }
    for folder in outputs.iter().filter_map(|(_, output)| output.parent()) {
        fs::create_dir_all(folder).map_err(StudyError::io(folder))?;
    }
    for output in outputs.iter().map(|(_, output)| output) {
        // A pipe is opened once: its reader would take the end of a trial for the end of all.
        if fs::metadata(output).map_or(true, |found| found.is_file()) {
            drop(PendingFile::named_by_user(output).map_err(StudyError::io(output))?);
        }
    }
    Ok(())
}

/// Adds the file of a chat template to those that are read.
pub(crate) fn add_template(inputs: &mut Inputs, settings: &StageSettings) {
    if let TemplateSetting::Chat { chat: Some(file), .. } = &settings.template {
        inputs.add("the template", file);
    }
}

/// Refuses a name that does not say JSON lines: a file is read back by its ending.
pub(crate) fn json_lines(option: &str, file: &Path) -> Result<(), UsageError> {
    const FORMS: [&str; 3] = ["jsonl", "ndjson", "json"];
    // Pipes and devices have no endings.
    let is_stream = fs::metadata(file).is_ok_and(|found| !found.is_file() && !found.is_dir());
    let ending = file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    match is_stream || FORMS.contains(&ending.as_str()) {
        true => Ok(()),
        false => Err(UsageError::NotJsonLines { option: option.to_owned(), path: file.to_owned() }),
    }
}

/// Writes one JSON object a line, to a whole `file` or to standard output.
pub(crate) fn write_lines<T: serde::Serialize>(
    file: Option<&Path>,
    rows: &[T],
) -> anyhow::Result<()> {
    let Some(path) = file else {
        let mut out = std::io::stdout().lock();
        for row in rows {
            writeln!(out, "{}", plain::json(row)?)?;
        }
        return Ok(out.flush()?);
    };
    let io = |e| StudyError::io(path)(e);
    let mut out = PendingFile::named_by_user(path).map_err(io)?;
    for row in rows {
        writeln!(out, "{}", serde_json::to_string(row)?).map_err(io)?;
    }
    Ok(out.commit().map_err(io)?)
}
