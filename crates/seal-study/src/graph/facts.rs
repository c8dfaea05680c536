//! What keys and costs say of data sets, worked out once a set and not once a cell.

use std::collections::BTreeMap;

use seal_data::{ContentHashes, Row};

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
    pub(super) content: ContentHashes,
    pub(super) size: SetSize,
}

/// How much there is of a set.
pub(super) struct SetSize {
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
        Self { content: ContentHashes::of(rows), size: SetSize { rows: rows.len(), chars } }
    }
}
