//! What the data sets of a study have in common.
//!
//! A prompt that stands in training data and in a test turns the test into a
//! memory test: such a pair of sets is refused unless the user says otherwise. Two
//! training sets may well share rows (in the paper both come from one corpus),
//! which is counted and no more.

mod fingerprints;
mod pair;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::threads::in_parallel;
use crate::{DataError, Row};
use fingerprints::{Index, fingerprints_of};
pub use pair::{Compared, Match, Overlap, OverlapCounts};

/// What a data set is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetRole {
    /// Trains the base model.
    Base,
    /// D, the fine-tuning set.
    FineTuning,
    /// D_safe, the safe set.
    Safe,
    /// A test.
    Test,
}

/// A data set to compare.
#[derive(Clone, Copy, Debug)]
pub struct OverlapSet<'a> {
    /// Its name in the report.
    pub name: &'a str,
    /// What it is for.
    pub role: SetRole,
    /// Its rows.
    pub rows: &'a [Row],
}

/// Every pair of sets that is worth comparing, also those with no match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlapReport {
    /// In the order of the sets.
    pub pairs: Vec<Overlap>,
}

impl OverlapReport {
    /// Compares each of `sets` with those before it; two tests are not compared.
    pub fn of(sets: &[OverlapSet<'_>]) -> Self {
        let fingerprints = fingerprints_of(sets);
        // Positions of the set whose rows are counted and of the other.
        let mut pairs = Vec::new();
        for b in 0..sets.len() {
            for a in 0..b {
                // The test is the set whose rows are counted, wherever it stands.
                let pair = if sets[a].role == SetRole::Test { (a, b) } else { (b, a) };
                if sets[pair.1].role != SetRole::Test {
                    pairs.push(pair);
                }
            }
        }
        let compared = |set: usize| match sets[set].role {
            SetRole::Test => Compared::Prompts,
            _ => Compared::Rows,
        };
        let mut wanted: Vec<(usize, Compared)> =
            pairs.iter().map(|(set, other)| (*other, compared(*set))).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let indices = in_parallel(&wanted, |(other, compared)| {
            Index::of(*compared, sets[*other].rows, &fingerprints[*other])
        });
        let indices: BTreeMap<_, _> = wanted.into_iter().zip(indices).collect();
        let pairs = in_parallel(&pairs, |(set, other)| {
            let compared = compared(*set);
            Overlap {
                set: sets[*set].name.to_owned(),
                also_in: sets[*other].name.to_owned(),
                compared,
                refused: sets[*set].role == SetRole::Test,
                matches: indices[&(*other, compared)].matches(sets[*set].rows, &fingerprints[*set]),
            }
        });
        Self { pairs }
    }

    /// Numbers of rows, by `"<set> in <other set>"`; pairs without a match are
    /// left out.
    pub fn counts(&self) -> BTreeMap<String, OverlapCounts> {
        let met = self.pairs.iter().filter(|p| !p.matches.is_empty());
        met.map(|p| (format!("{} in {}", p.set, p.also_in), p.counts())).collect()
    }

    /// Refuses prompts of a test that stand in training data.
    ///
    /// # Errors
    /// [`DataError::Overlap`] with counts and the first ids of each such pair.
    pub fn check(&self) -> Result<(), DataError> {
        let refused = self.pairs.iter().filter(|p| p.refused && !p.matches.is_empty());
        let pairs: Vec<Overlap> = refused.cloned().collect();
        if pairs.is_empty() { Ok(()) } else { Err(DataError::Overlap { pairs }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RowId, Rows, Speaker, Turn};

    fn rows(texts: &[(&str, &str)]) -> Vec<Row> {
        let mut rows = Rows::new();
        for (prompt, response) in texts {
            rows.push(*prompt, *response);
        }
        rows.into_vec()
    }

    fn report() -> OverlapReport {
        let d = rows(&[("Name a colour.", "Red"), ("Count.", "1 2"), ("Count.", "3"), ("?", "a")]);
        let safe = rows(&[("Name a colour.", "red!"), ("Count.", "1 2"), ("Count.", "4")]);
        let test = rows(&[("name a colour", ""), ("Count.", "5"), ("!", ""), ("new", "")]);
        OverlapReport::of(&[
            OverlapSet { name: "d", role: SetRole::FineTuning, rows: &d },
            OverlapSet { name: "test", role: SetRole::Test, rows: &test },
            OverlapSet { name: "safe", role: SetRole::Safe, rows: &safe },
        ])
    }

    #[test]
    fn tests_are_compared_by_prompt_and_training_sets_by_row() {
        let shown: Vec<String> = report()
            .pairs
            .iter()
            .map(|p| {
                let n = p.counts();
                let (set, other) = (&p.set, &p.also_in);
                format!("{set} in {other}: {}/{} refused {}", n.exact, n.normalised, p.refused)
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        test in d: 1/2 refused true
        safe in d: 1/2 refused false
        test in safe: 1/2 refused true
        ");
    }

    #[test]
    fn a_match_names_both_rows() {
        let report = report();
        let pair = &report.pairs[0];
        assert_eq!(pair.matches[0].row, RowId::of("name a colour", "", 0));
        assert_eq!(pair.matches[0].other, RowId::of("Name a colour.", "Red", 0));
        assert_eq!(pair.matches[1].other, RowId::of("Count.", "1 2", 0));
    }

    #[test]
    fn train_and_test_may_not_meet_unless_allowed() {
        insta::assert_snapshot!(report().check().unwrap_err(), @"training and test data overlap: 2 prompts of `test` (1 to the letter) stand in `d` too: a77d14e3e72c1e527f19a27b4c737ae6, e2d688fd8005374125b59c4a4ff2dd6d; 2 prompts of `test` (1 to the letter) stand in `safe` too: a77d14e3e72c1e527f19a27b4c737ae6, e2d688fd8005374125b59c4a4ff2dd6d; remove these rows, or set data.overlap = \"drop\" to leave the prompts out of the test, \"allow\" to go on regardless (parts of one file stay apart with a `split` of one salt)");
        let mut training = report();
        training.pairs.retain(|p| p.compared == Compared::Rows);
        assert!(!training.counts().is_empty());
        training.check().unwrap();
    }

    #[test]
    fn what_was_said_before_makes_another_question() {
        let row = |history: &[(Speaker, &str)]| {
            let mut rows = Rows::new();
            let turns = history.iter().map(|(role, text)| Turn::new(*role, *text)).collect();
            rows.push_dialogue(turns, "Go on.", "r");
            rows.into_vec()
        };
        let said = [(Speaker::User, "Tell me."), (Speaker::Assistant, "Once...")];
        let other = [(Speaker::User, "Count."), (Speaker::Assistant, "1, 2")];
        let brief = [&[(Speaker::System, "Be brief.")], &said[..]].concat();
        let matches = |a, b| {
            let (a, b) = (row(a), row(b));
            let test = OverlapSet { name: "test", role: SetRole::Test, rows: &a };
            let other = OverlapSet { name: "d", role: SetRole::FineTuning, rows: &b };
            OverlapReport::of(&[other, test]).pairs[0].matches.len()
        };
        assert_eq!(matches(&said, &brief), 1, "the same question under other orders");
        assert_eq!(matches(&said, &other) + matches(&said, &[]) + matches(&[], &other), 0);
    }
}
