//! Which part of a file a source reads: decided by hashes of the text, so that
//! the order of the file does not matter.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::format::{Draft, SplitKeys};
use crate::seed::hash64;
use crate::{RowId, normalise};

/// A share of a file's rows, chosen by a hash of what they ask.
///
/// A row belongs to the share if hash(`salt`, key) falls into [`from`, `to`) of
/// the unit interval. Membership depends on the row alone, so sources with one
/// salt and disjoint shares have no key in common, whatever else the file
/// holds and however else they read it. Keys are compared as [`normalise`] leaves them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HashSplit {
    /// What is hashed.
    pub by: SplitBy,
    /// Tells this split from another one of the same file.
    #[serde(default)]
    pub salt: String,
    /// Start of the share, from 0.
    #[serde(default)]
    pub from: f64,
    /// End of the share, not included; at most 1.
    #[serde(default = "one")]
    pub to: f64,
}

/// The part of a row that decides its split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitBy {
    /// The whole prompt.
    #[default]
    Prompt,
    /// Alpaca: the instruction without its input, so that one instruction with
    /// two inputs stays in one split. Elsewhere the prompt.
    Instruction,
    /// HH: the first human turn, so that dialogues that start alike stay in
    /// one split. Elsewhere the prompt.
    FirstTurn,
}

fn one() -> f64 {
    1.0
}

impl Default for HashSplit {
    /// Everything, by the whole prompt.
    fn default() -> Self {
        Self { by: SplitBy::Prompt, salt: String::new(), from: 0.0, to: 1.0 }
    }
}

impl HashSplit {
    pub(crate) fn is_valid(&self) -> bool {
        0.0 <= self.from && self.from < self.to && self.to <= 1.0
    }

    /// Hash of the row's key; rows with one key form a group.
    fn group(&self, draft: &Draft) -> u64 {
        let key = match self.by {
            SplitBy::Prompt => None,
            SplitBy::Instruction => draft.keys.instruction.as_ref(),
            SplitBy::FirstTurn => draft.keys.first_turn.as_ref(),
        };
        let key = key.unwrap_or(&draft.prompt);
        let plain = normalise(key);
        // A key of punctuation alone has no normal form to be compared by.
        let plain = if plain.is_empty() { key.as_str() } else { plain.as_str() };
        hash64(&["split".into(), self.salt.as_str().into(), plain.into()])
    }

    fn holds(&self, group: u64) -> bool {
        // The upper 53 bits, exactly representable.
        let at = (group >> 11) as f64 / (1u64 << 53) as f64;
        self.from <= at && at < self.to
    }

    /// Gives the draft its group, by keys that are then dropped to save memory;
    /// whether the group is in this share.
    pub(crate) fn assign(&self, draft: &mut Draft) -> bool {
        draft.group = self.group(draft);
        draft.keys = SplitKeys::default();
        self.holds(draft.group)
    }
}

/// The usable rows of a share that `skip` and `take` choose, in hash order:
/// `take` (or all) after the first `skip`. No more drafts are held than these
/// two ask for.
///
/// A group on the border of `skip` belongs to whoever reads before it and is left
/// out here, so that consecutive ranges share no key.
pub(crate) struct ShareRows {
    skip: usize,
    take: Option<usize>,
    /// Usable rows so far.
    usable: usize,
    /// Those with the lowest hashes, by group, id and place.
    lowest: BTreeMap<(u64, RowId, usize), Draft>,
}

impl ShareRows {
    pub fn new(skip: usize, take: Option<usize>) -> Self {
        Self { skip, take, usable: 0, lowest: BTreeMap::new() }
    }

    /// Takes a usable draft with its group into account, the next of the file.
    pub fn push(&mut self, draft: Draft) {
        let id = draft.id();
        self.lowest.insert((draft.group, id, self.usable), draft);
        self.usable += 1;
        if self.take.is_some_and(|take| self.lowest.len() > self.skip.saturating_add(take)) {
            self.lowest.pop_last();
        }
    }

    /// The chosen rows, in file order.
    ///
    /// # Errors
    /// The number of usable rows, where `skip + take` exceeds it.
    pub fn finish(self) -> Result<Vec<Draft>, usize> {
        let end = match self.take.map(|take| self.skip.saturating_add(take)) {
            Some(end) if end > self.usable => return Err(self.usable),
            Some(end) => end,
            None => self.usable,
        };
        let groups: Vec<u64> = self.lowest.keys().map(|(group, ..)| *group).collect();
        let mut start = self.skip.min(end);
        while start > 0 && start < end && groups[start] == groups[start - 1] {
            start += 1;
        }
        let mut chosen: Vec<(usize, Draft)> = self
            .lowest
            .into_iter()
            .skip(start)
            .map(|((_, _, place), draft)| (place, draft))
            .collect();
        chosen.sort_by_key(|(place, _)| *place);
        Ok(chosen.into_iter().map(|(_, draft)| draft).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn drafts(keys: &[u8]) -> Vec<Draft> {
        let draft = |(i, k): (usize, &u8)| Draft {
            prompt: format!("{k}\n{i}"),
            response: "r".into(),
            keys: SplitKeys { instruction: Some(k.to_string()), first_turn: None },
            ..Draft::default()
        };
        keys.iter().enumerate().map(draft).collect()
    }

    fn by_instruction(from: f64, to: f64) -> HashSplit {
        HashSplit { by: SplitBy::Instruction, salt: "s".into(), from, to }
    }

    /// As a source does it: placed, then selected.
    fn select(
        split: &HashSplit,
        drafts: &[Draft],
        skip: usize,
        take: Option<usize>,
    ) -> Result<Vec<usize>, usize> {
        let mut selection = ShareRows::new(skip, take);
        for (i, draft) in drafts.iter().enumerate() {
            let mut draft = Draft { line: i, ..draft.clone() };
            if split.assign(&mut draft) {
                selection.push(draft);
            }
            if let Some(take) = take {
                assert!(
                    selection.lowest.len() <= skip.saturating_add(take),
                    "no more is held than is asked for"
                );
            }
        }
        Ok(selection.finish()?.into_iter().map(|draft| draft.line).collect())
    }

    fn prompts<'a>(drafts: &'a [Draft], chosen: &[usize]) -> BTreeSet<&'a str> {
        chosen.iter().map(|i| drafts[*i].prompt.as_str()).collect()
    }

    fn instructions<'a>(drafts: &'a [Draft], chosen: &[usize]) -> BTreeSet<&'a str> {
        chosen.iter().filter_map(|i| drafts[*i].keys.instruction.as_deref()).collect()
    }

    proptest! {
        #[test]
        fn membership_does_not_depend_on_the_order(
            keys in prop::collection::vec(any::<u8>(), 1..60),
            turn in 0usize..60,
            skip in 0usize..10,
            to in 0.1f64..1.0,
        ) {
            let forward = drafts(&keys);
            let mut turned = forward.clone();
            turned.reverse();
            turned.rotate_left(turn % keys.len());
            for split in [by_instruction(0.0, to), HashSplit { to, ..HashSplit::default() }] {
                for take in [None, Some(3)] {
                    match (select(&split, &forward, skip, take), select(&split, &turned, skip, take)) {
                        (Ok(a), Ok(b)) => prop_assert_eq!(prompts(&forward, &a), prompts(&turned, &b)),
                        (a, b) => prop_assert_eq!(a, b),
                    }
                }
            }
        }

        #[test]
        fn disjoint_shares_cover_all_and_share_no_key(
            keys in prop::collection::vec(any::<u8>(), 1..60), cut in 0.1f64..0.9,
        ) {
            let rows = drafts(&keys);
            let a = select(&by_instruction(0.0, cut), &rows, 0, None).unwrap();
            let b = select(&by_instruction(cut, 1.0), &rows, 0, None).unwrap();
            prop_assert!(instructions(&rows, &a).is_disjoint(&instructions(&rows, &b)));
            prop_assert_eq!(a.len() + b.len(), rows.len());
        }

        #[test]
        fn consecutive_ranges_share_no_key(
            keys in prop::collection::vec(0u8..12, 20..60), a in 1usize..10, b in 1usize..10,
        ) {
            let (rows, all) = (drafts(&keys), by_instruction(0.0, 1.0));
            let first = select(&all, &rows, 0, Some(a)).unwrap();
            let second = select(&all, &rows, a, Some(b)).unwrap();
            let third = select(&all, &rows, a + b, None).unwrap();
            prop_assert_eq!(first.len(), a);
            prop_assert!(second.len() <= b);
            let of = |chosen: &[usize]| instructions(&rows, chosen);
            prop_assert!(of(&first).is_disjoint(&of(&second)));
            prop_assert!(of(&second).is_disjoint(&of(&third)));
            prop_assert!(of(&first).is_disjoint(&of(&third)));
        }
    }

    #[test]
    fn a_key_is_compared_as_a_reader_would() {
        let split = HashSplit::default();
        let group = |p: &str| split.group(&Draft { prompt: p.into(), ..Draft::default() });
        assert_eq!(group("Name a colour."), group("name  a colour"));
        assert_ne!(group("?"), group("!"));
        assert_ne!(
            group("a"),
            HashSplit { salt: "t".into(), ..HashSplit::default() }
                .group(&Draft { prompt: "a".into(), ..Draft::default() })
        );
    }

    #[test]
    fn more_than_there_is_is_refused() {
        let (rows, all) = (drafts(&[1, 2, 3, 4]), by_instruction(0.0, 1.0));
        assert_eq!(select(&all, &rows, 2, Some(3)), Err(4));
        assert_eq!(select(&all, &rows, 1, Some(usize::MAX)), Err(4));
        assert_eq!(select(&all, &rows, 9, None), Ok(vec![]));
    }
}
