//! Rows as a model sees them.

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;

use seal_data::{Row, RowId};
use serde::Serialize;

use super::lost;
use super::notice::Notice;
use super::stage_settings::StageSettings;
use crate::encoder::Encoder;
use crate::pretrained::FoundModel;
use crate::{LeftOutRow, ModelError};

/// A row, token by token.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InspectedRow {
    /// The row.
    pub id: RowId,
    /// Why it cannot be trained on, if so; there are no tokens then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    /// Prompt, answer and what ends it.
    pub tokens: Vec<InspectedToken>,
    /// Special tokens in the row's own text, which the model takes for structure.
    pub special_in_text: usize,
}

/// A token of a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InspectedToken {
    /// Its id.
    pub id: u32,
    /// The text it stands for after the token before it; a part of a character shows as U+FFFD.
    pub text: String,
    /// Whether it marks structure.
    pub special: bool,
    /// Whether a loss is taken on it.
    pub trained: bool,
}

/// Ids of rows, from a list with commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowIds(BTreeSet<RowId>);

impl RowIds {
    /// Whether the id is one of them.
    pub fn contains(&self, id: RowId) -> bool {
        self.0.contains(&id)
    }
}

/// A list with something that is no row id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct RowIdsError {
    /// Its place in the list, from 1.
    pub place: usize,
    /// The words of the parser.
    pub reason: String,
}

impl FromStr for RowIds {
    type Err = RowIdsError;

    fn from_str(text: &str) -> Result<Self, RowIdsError> {
        let id = |(at, id): (usize, &str)| {
            let parsed: Result<RowId, _> = id.trim().parse();
            parsed.map_err(|e| RowIdsError { place: at + 1, reason: e.to_string() })
        };
        text.split(',').enumerate().map(id).collect::<Result<_, _>>().map(Self)
    }
}

/// Rows as a model sees them.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspected {
    /// In the order of the rows.
    pub rows: Vec<InspectedRow>,
    /// What the rows or the adapter have and the model does not see.
    pub notices: Vec<Notice>,
}

/// Shows `rows` as the model of the folder `model` sees them, the adapter of the folder
/// `adapter` on it; no weights are read.
///
/// # Errors
/// A folder without a tokenizer or of no known family.
pub fn inspect_rows(
    model: &Path,
    adapter: Option<&Path>,
    rows: &[Row],
    settings: &StageSettings,
    context: Option<usize>,
) -> Result<Inspected, ModelError> {
    let (dir, shape) = FoundModel::without_weights(model)?;
    let context = context.unwrap_or(shape.max_position_embeddings);
    let tokenizer = settings.tokenizer.folder(&dir, adapter)?;
    let encoder = Encoder::of_folders(tokenizer, &dir, &settings.template, context)?;
    let notices = lost::notices(adapter, &dir, &encoder, settings, rows);
    Ok(Inspected { rows: rows.iter().map(|row| inspect(&encoder, row)).collect(), notices })
}

fn inspect(encoder: &Encoder, row: &Row) -> InspectedRow {
    let encoded = encoder.encode(std::slice::from_ref(row));
    let special_in_text = encoded.special_in_text.first().map_or(0, |(_, n)| *n);
    let left_out = encoded.left_out.first().map(LeftOutRow::to_string);
    let tokens = encoded.examples.first().map_or_else(Vec::new, |example| {
        let trained: BTreeSet<usize> = example.supervised().collect();
        let before = |at: usize| at.checked_sub(1).map(|at| example.tokens[at]);
        let piece = |(at, id): (usize, &u32)| InspectedToken {
            id: *id,
            text: encoder.text_of(before(at), *id),
            special: encoder.tokenizer().is_special(*id),
            trained: trained.contains(&at),
        };
        example.tokens.iter().enumerate().map(piece).collect()
    });
    InspectedRow { id: row.id, left_out, tokens, special_in_text }
}
