//! Rows as a model sees them.

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;

use seal_data::{Row, RowId};
use serde::Serialize;

use super::lost;
use super::settings::StageSettings;
use crate::StudyError;
use crate::encoder::Encoder;
use crate::pretrained::FoundModel;

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

impl FromStr for RowIds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(|id| id.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}

/// Rows as a model sees them.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspected {
    /// In the order of the rows.
    pub rows: Vec<InspectedRow>,
    /// What the rows or the adapter have and the model does not see, in words.
    pub notices: Vec<String>,
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
) -> Result<Inspected, StudyError> {
    let (dir, shape) = FoundModel::without_weights(model)?;
    let context = context.unwrap_or(shape.max_position_embeddings);
    let encoder = Encoder::of_model(&dir, &settings.template, context)?;
    let of_adapter =
        adapter.and_then(|adapter| lost::of_adapter(adapter, &dir, &encoder, &settings.template));
    let notices = of_adapter.into_iter().chain(lost::unplaced(&encoder, rows)).collect();
    Ok(Inspected { rows: rows.iter().map(|row| inspect(&encoder, row)).collect(), notices })
}

fn inspect(encoder: &Encoder, row: &Row) -> InspectedRow {
    let prepared = encoder.prepare(std::slice::from_ref(row));
    let special_in_text = prepared.special_in_text.first().map_or(0, |(_, n)| *n);
    let left_out = prepared.left_out.first().map(ToString::to_string);
    let tokens = prepared.examples.first().map_or_else(Vec::new, |example| {
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
