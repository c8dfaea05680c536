//! The data sets of the arms of a study.

use std::collections::BTreeMap;
use std::sync::Arc as Shared;

use serde_json::json;

use super::facts::SetFacts;
use crate::StudyError;
use crate::arm::Arm;
use crate::sets::Sets;

/// The data sets of each arm; arms with the same data share them.
#[derive(Clone)]
pub(crate) struct ArmSets {
    pub(super) by_arm: Vec<Shared<KeyedSets>>,
}

/// Sets with what keys say of them.
pub(super) struct KeyedSets {
    pub(super) sets: Sets,
    pub(super) facts: SetFacts,
}

impl From<Sets> for KeyedSets {
    fn from(sets: Sets) -> Self {
        Self { facts: SetFacts::of(&sets), sets }
    }
}

impl ArmSets {
    /// Draws or reads the data of every arm.
    ///
    /// # Errors
    /// As [`Sets::of`].
    pub(crate) fn of(arms: &[Arm]) -> Result<Self, StudyError> {
        let mut known: BTreeMap<String, Shared<KeyedSets>> = BTreeMap::new();
        let mut by_arm = Vec::with_capacity(arms.len());
        for arm in arms {
            let c = &arm.config;
            let what = json!([c.world, c.data, c.study.limit]).to_string();
            let sets = match known.get(&what) {
                Some(sets) => Shared::clone(sets),
                None => Shared::new(KeyedSets::from(Sets::of(c)?)),
            };
            known.entry(what).or_insert_with(|| Shared::clone(&sets));
            by_arm.push(sets);
        }
        Ok(Self { by_arm })
    }

    /// The sets of the arms that are not at `indices`.
    pub(crate) fn without(self, indices: &[usize]) -> Self {
        let kept = self.by_arm.into_iter().enumerate().filter(|(i, _)| !indices.contains(i));
        Self { by_arm: kept.map(|(_, sets)| sets).collect() }
    }

    pub(crate) fn of_arm(&self, arm: usize) -> &Sets {
        &self.by_arm[arm].sets
    }

    /// Whether two arms have one and the same data.
    pub(crate) fn are_shared(&self, arm: usize, other: usize) -> bool {
        Shared::ptr_eq(&self.by_arm[arm], &self.by_arm[other])
    }
}
