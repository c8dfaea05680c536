//! What keys and costs say of data sets, worked out once a set and not once a cell.

use std::collections::BTreeMap;

use seal_data::Row;
use seal_files::Digester;

use crate::sets::{Sets, TrainingSet};

/// Of all sets of an arm.
pub(super) struct SetFacts {
    pub(super) base: RowFacts,
    pub(super) data: RowFacts,
    pub(super) safe: RowFacts,
    pub(super) safety: RowFacts,
    pub(super) tests: BTreeMap<String, RowFacts>,
}

/// Of one set.
pub(super) struct RowFacts {
    /// Of all that a model can be trained on or asked: the rows in their order, without
    /// label, category and rejected answer.
    pub(super) texts: String,
    /// Of the rejected answers.
    pub(super) rejected: String,
    /// Of the labels.
    pub(super) labels: String,
    /// Of the categories.
    pub(super) categories: String,
    pub(super) size: Size,
}

/// How much there is of a set.
pub(super) struct Size {
    pub(super) rows: usize,
    /// Bytes of prompts and answers.
    pub(super) chars: usize,
}

impl SetFacts {
    pub(super) fn of(sets: &Sets) -> Self {
        Self {
            base: RowFacts::of(&sets.base),
            data: RowFacts::of(&sets.data),
            safe: RowFacts::of(&sets.safe),
            safety: RowFacts::of(&sets.safety),
            tests: sets.tests.iter().map(|(n, rows)| (n.clone(), RowFacts::of(rows))).collect(),
        }
    }

    pub(super) fn of_set(&self, set: TrainingSet) -> &RowFacts {
        match set {
            TrainingSet::Base => &self.base,
            TrainingSet::Data => &self.data,
            TrainingSet::Safe => &self.safe,
            TrainingSet::Safety => &self.safety,
        }
    }
}

impl RowFacts {
    fn of(rows: &[Row]) -> Self {
        let chars = rows.iter().map(|row| row.prompt.len() + row.response.len()).sum();
        Self {
            // All but what is known not to be read, so that a new field counts.
            texts: hash(rows, |row| Row {
                is_unsafe: None,
                category: None,
                rejected: None,
                ..row.clone()
            }),
            rejected: hash(rows, |row| row.rejected.clone()),
            labels: hash(rows, |row| row.is_unsafe),
            categories: hash(rows, |row| row.category.clone()),
            size: Size { rows: rows.len(), chars },
        }
    }
}

/// BLAKE3 over `part` of each row as JSON, a line each.
fn hash<T: serde::Serialize>(rows: &[Row], part: impl Fn(&Row) -> T) -> String {
    let mut digester = Digester::new();
    let mut line = Vec::new();
    for row in rows {
        line.clear();
        serde_json::to_writer(&mut line, &part(row)).expect("rows are text, numbers and flags");
        line.push(b'\n');
        digester.update(&line);
    }
    digester.finish().short()
}
