//! Rows to show beside a ranking.

use std::collections::BTreeMap;

use seal_report::RowSample;
use seal_rows::{Row, RowId};

use crate::SelectionFacts;

/// The rows of one cell's ranking that tell most: the first `n`, the last `n`,
/// and the `n` on either side of the cut, each once and in the order of rank.
///
/// `texts` are the rows of the split, and are shown; pass none where texts must
/// not be printed. A row that `texts` lacks is shown without its text.
pub fn row_samples(
    arm: &str,
    seed: u64,
    split: &str,
    selection: &SelectionFacts,
    is_unsafe: &BTreeMap<RowId, bool>,
    texts: &[Row],
    n: usize,
) -> Vec<RowSample> {
    let texts: BTreeMap<RowId, &Row> = texts.iter().map(|row| (row.id, row)).collect();
    let mut ranked: Vec<_> = selection.rows.iter().collect();
    ranked.sort_by_key(|row| (row.rank, row.id));
    let (end, cut) = (ranked.len(), ranked.iter().filter(|row| row.kept).count());
    let shown = |i: usize| {
        i < n || i + n >= end || (cut.saturating_sub(n)..cut.saturating_add(n)).contains(&i)
    };
    ranked
        .into_iter()
        .enumerate()
        .filter(|(i, _)| shown(*i))
        .map(|(_, row)| {
            let text = texts.get(&row.id);
            RowSample {
                id: row.id.to_string(),
                split: split.to_owned(),
                arm: arm.to_owned(),
                seed,
                prompt: text.map(|text| text.prompt.clone()),
                response: text.map(|text| text.response.clone()),
                unsafe_row: is_unsafe.get(&row.id).copied(),
                rank: Some(row.rank as u64),
                score: Some(row.omega),
                kept: Some(row.kept),
            }
        })
        .collect()
}
