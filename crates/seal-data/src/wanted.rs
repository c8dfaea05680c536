//! A row as its source wants it: with the source's label, turns and bounds.

use std::path::Path;

use crate::dropped::UnusedFields;
use crate::format::{Draft, RowLayout};
use crate::record::{ReadableRow, Record};
use crate::{DataError, DropReason, EmptyAnswers, PromptTurns, Source};

/// A row as the source wants it.
pub(crate) fn row_draft(
    path: &Path,
    source: &Source,
    layout: RowLayout<'_>,
    row: &ReadableRow,
    unused: &mut UnusedFields,
) -> Result<Draft, DataError> {
    let mut read = draft(path, source, layout, &row.record, unused)?;
    if let Some((other, reason)) = &row.other {
        // What is no character matters only in a field that is used.
        let other = draft(path, source, layout, other, &mut UnusedFields::new());
        if other.ok().as_ref() != Some(&read) {
            read.problem = read.problem.or(Some((*reason).into()));
        }
    }
    Ok(read)
}

/// One reading of a row as the source wants it.
fn draft(
    path: &Path,
    source: &Source,
    layout: RowLayout<'_>,
    record: &Record,
    unused: &mut UnusedFields,
) -> Result<Draft, DataError> {
    let mut draft = layout.parse(record, unused);
    let (line, row) = (draft.line, draft.row);
    let last_turn = draft.last_turn.take();
    if source.turns == PromptTurns::Last {
        draft.history = Vec::new();
        draft.prompt = last_turn.unwrap_or(draft.prompt);
    }
    if draft.problem.is_none() && draft.prompt.trim().is_empty() {
        draft.problem = Some(DropReason::EmptyPrompt.into());
    }
    if draft.problem.is_none() && !layout.answers_optional && draft.response.trim().is_empty() {
        if source.empty_answers == EmptyAnswers::Refuse {
            return Err(DataError::EmptyAnswer { path: path.to_owned(), line, row });
        }
        draft.problem = Some(DropReason::EmptyAnswer.into());
    }
    if draft.problem.is_none() && source.max_chars.is_some_and(|max| draft.chars() > max) {
        draft.problem = Some(DropReason::TooLong.into());
    }
    if let Some(given) = source.is_unsafe {
        if let Some(in_row) = draft.is_unsafe.filter(|label| *label != given) {
            let (path, in_source) = (path.to_owned(), given);
            return Err(DataError::LabelConflict { path, line, row, in_row, in_source });
        }
        draft.is_unsafe = Some(given);
    }
    draft.category = draft.category.or_else(|| source.category.clone());
    Ok(draft)
}
