//! Settings of a world.

use serde::{Deserialize, Serialize};

use crate::WorldError;
use crate::harm::MAX_KINDS;

/// What a world is made from. The default is the world of the bare `ablate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorldSettings {
    /// Fixes every draw. Not a study seed: it also fixes the base's data.
    pub seed: u64,
    /// Rows of `redorca`, the fine-tuning set D.
    pub rows: usize,
    /// Share of D that is unsafe: exactly `rows * unsafe_share` rows, rounded
    /// to the nearest whole row.
    pub unsafe_share: f64,
    /// Share of D that is answered wrongly on purpose. Such rows take the
    /// place of new tasks and are never counted as unsafe.
    pub low_quality_share: f64,
    /// Share of clean rows that are new tasks.
    pub new_task_share: f64,
    /// Share of clean rows that are known tasks; the rest is small talk.
    pub known_task_share: f64,
    /// Rows of `blueorca`, the safe set.
    pub safe_rows: usize,
    /// Rows of `safeinstr`.
    pub safeinstr_rows: usize,
    /// Known tasks in `base`.
    pub base_tasks: usize,
    /// Small talk in `base`.
    pub base_talk: usize,
    /// Refused harmful requests in `base`.
    pub base_refusals: usize,
    /// Prompts of the `hh` test: half harmful (rounded down), half small talk.
    pub hh: usize,
    /// Prompts of the `slimorca` test, all of them new tasks.
    pub slimorca: usize,
    /// Prompts of the `hexphi` test in each of its 11 categories.
    pub hexphi_per_category: usize,
    /// Kinds of hazard in each category, 1 to 4.
    pub harm_kinds: usize,
}

/// Most rows of a set: larger numbers are mistakes, and take all memory.
const MOST_ROWS: usize = 1_000_000;

impl Default for WorldSettings {
    fn default() -> Self {
        Self {
            seed: 0,
            rows: 2000,
            unsafe_share: 0.2,
            low_quality_share: 0.0,
            new_task_share: 0.7,
            known_task_share: 0.1,
            safe_rows: 2000,
            safeinstr_rows: 400,
            base_tasks: 1600,
            base_talk: 800,
            base_refusals: 1600,
            hh: 300,
            slimorca: 300,
            hexphi_per_category: 30,
            harm_kinds: MAX_KINDS,
        }
    }
}

impl WorldSettings {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first one that is out of range, with the range.
    pub fn validate(&self) -> Result<(), WorldError> {
        let bad =
            |name, value: String, remedy: String| Err(WorldError::Setting { name, value, remedy });
        for (name, value) in [
            ("unsafe_share", self.unsafe_share),
            ("low_quality_share", self.low_quality_share),
            ("new_task_share", self.new_task_share),
            ("known_task_share", self.known_task_share),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return bad(name, value.to_string(), "a share is between 0 and 1".into());
            }
        }
        if self.new_task_share + self.known_task_share > 1.0 {
            let sum = format!(
                "with world.new_task_share = {} it exceeds 1; lower one of them",
                self.new_task_share
            );
            return bad("known_task_share", self.known_task_share.to_string(), sum);
        }
        for (name, value) in [
            ("rows", self.rows),
            ("safe_rows", self.safe_rows),
            ("base_tasks", self.base_tasks),
            ("base_refusals", self.base_refusals),
        ] {
            if value == 0 {
                return bad(name, "0".into(), "at least 1 row is needed".into());
            }
        }
        let counts = [
            ("rows", self.rows),
            ("safe_rows", self.safe_rows),
            ("safeinstr_rows", self.safeinstr_rows),
            ("base_tasks", self.base_tasks),
            ("base_talk", self.base_talk),
            ("base_refusals", self.base_refusals),
            ("hh", self.hh),
            ("slimorca", self.slimorca),
            ("hexphi_per_category", self.hexphi_per_category),
        ];
        if let Some((name, value)) = counts.into_iter().find(|(_, n)| *n > MOST_ROWS) {
            return bad(name, value.to_string(), format!("at most {MOST_ROWS} rows"));
        }
        if !(1..=MAX_KINDS).contains(&self.harm_kinds) {
            let range = format!("a number from 1 to {MAX_KINDS}");
            return bad("harm_kinds", self.harm_kinds.to_string(), range);
        }
        let free = self.mix(self.rows - self.unsafe_rows()).new_tasks;
        if self.low_quality_rows() > free {
            let most = format!("at most {free} of {} rows are new tasks", self.rows);
            return bad("low_quality_share", self.low_quality_share.to_string(), most);
        }
        Ok(())
    }

    /// Number of unsafe rows in D.
    pub fn unsafe_rows(&self) -> usize {
        share(self.rows, self.unsafe_share)
    }

    /// Number of rows in D that are answered wrongly on purpose.
    pub fn low_quality_rows(&self) -> usize {
        share(self.rows, self.low_quality_share)
    }

    /// What `rows` clean rows are made of.
    pub(crate) fn mix(&self, rows: usize) -> Mix {
        let new_tasks = share(rows, self.new_task_share);
        let known_tasks = share(rows, self.known_task_share).min(rows - new_tasks);
        Mix { new_tasks, known_tasks, talk: rows - new_tasks - known_tasks }
    }
}

/// Numbers of clean rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mix {
    pub(crate) new_tasks: usize,
    pub(crate) known_tasks: usize,
    pub(crate) talk: usize,
}

fn share(rows: usize, share: f64) -> usize {
    (rows as f64 * share).round() as usize
}
