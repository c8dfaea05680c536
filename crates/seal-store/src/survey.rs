//! What a store has of a graph of stages, and whether it can be believed.
//!
//! Every manifest is looked at. Files are held against their hashes where they are read:
//! those of stages that a missing stage depends on, and those that the caller names. The
//! others are read too while they are small in all, so that in a small store no damage goes
//! unseen; a store of large models is not read from end to end at each start.

use crate::damage::Damage;
use crate::entry::{Entry, Found};
use crate::error::StoreError;
use crate::node::Node;
use crate::store::Store;
use crate::threads::side_by_side;

/// Bytes of entries that nothing reads and that are verified all the same.
const UNREAD: u64 = 256 << 20;

/// What is there, stage by stage.
#[derive(Debug)]
pub struct Survey {
    /// Entries that can be used.
    pub found: Vec<Option<Entry>>,
    /// Stages with an entry that cannot, in their order.
    pub damaged: Vec<(usize, Damage)>,
}

/// Looks, with up to `threads` threads; nothing is written. `read` are the stages whose outputs
/// are read whatever runs.
///
/// # Errors
/// An entry that may not be read; a link in the store.
pub fn survey<W>(
    nodes: &[Node<W>],
    read: &[usize],
    store: &Store,
    threads: usize,
) -> Result<Survey, StoreError> {
    let mut survey = Survey { found: Vec::with_capacity(nodes.len()), damaged: Vec::new() };
    for (i, node) in nodes.iter().enumerate() {
        survey.found.push(match store.find(node.stage, &node.key, &node.inputs)? {
            Found::Absent => None,
            Found::Entry(entry) => Some(entry),
            Found::Damaged(damage) => {
                survey.damaged.push((i, damage));
                None
            }
        });
    }
    let mut verified = vec![false; nodes.len()];
    loop {
        // What is missing makes what it depends on needed, and that may be damaged in turn.
        let mut batch = needed(nodes, read, &survey.found);
        batch.retain(|i| !verified[*i]);
        if batch.is_empty() {
            batch = small(&survey.found, &verified);
        }
        if batch.is_empty() {
            break;
        }
        batch.iter().for_each(|i| verified[*i] = true);
        for (i, damage) in verify(&batch, &survey.found, store, threads)? {
            survey.found[i] = None;
            survey.damaged.push((i, damage));
        }
    }
    survey.damaged.sort_by_key(|(i, _)| *i);
    Ok(survey)
}

/// Found stages whose outputs will be read.
fn needed<W>(nodes: &[Node<W>], read: &[usize], found: &[Option<Entry>]) -> Vec<usize> {
    let mut needed = vec![false; nodes.len()];
    read.iter().for_each(|i| needed[*i] = true);
    for (node, _) in nodes.iter().zip(found).filter(|(_, found)| found.is_none()) {
        node.deps.iter().for_each(|d| needed[*d] = true);
    }
    (0..nodes.len()).filter(|i| needed[*i] && found[*i].is_some()).collect()
}

/// Of the stages that are found and not verified, the smallest, up to [`UNREAD`] bytes.
fn small(found: &[Option<Entry>], verified: &[bool]) -> Vec<usize> {
    let sized = |(i, entry): (usize, &Option<Entry>)| Some((entry.as_ref()?.bytes(), i));
    let mut all: Vec<(u64, usize)> =
        found.iter().enumerate().filter(|(i, _)| !verified[*i]).filter_map(sized).collect();
    all.sort_unstable();
    // What was verified before counts too: the limit is for the whole run.
    let mut sum: u64 = found
        .iter()
        .zip(verified)
        .filter_map(|(entry, v)| entry.as_ref().filter(|_| *v))
        .map(Entry::bytes)
        .sum();
    all.retain(|(bytes, _)| {
        sum = sum.saturating_add(*bytes);
        sum <= UNREAD
    });
    all.into_iter().map(|(_, i)| i).collect()
}

/// Verifies the entries of `batch` side by side; returns the damaged ones.
fn verify(
    batch: &[usize],
    found: &[Option<Entry>],
    store: &Store,
    threads: usize,
) -> Result<Vec<(usize, Damage)>, StoreError> {
    let verified = side_by_side(batch.len(), threads, |place| {
        let damage = found[batch[place]].as_ref().map(|entry| store.verify(entry));
        Ok(damage.transpose()?.flatten().map(|damage| (batch[place], damage)))
    });
    verified.into_iter().filter_map(Result::transpose).collect()
}

#[cfg(test)]
#[path = "survey_tests.rs"]
mod tests;
