//! The order in which rows are visited.
//!
//! An epoch over the fine-tuning set visits each row exactly once; the safe
//! set is cycled and reshuffled at each pass. Rows are ordered by a hash of
//! (seed, epoch, row id), so the order does not depend on the file's.

use crate::RowId;
use crate::seed::hash64;

/// Positions into `ids`, each exactly once, in the order of epoch `epoch`.
pub fn epoch_order(ids: &[RowId], name: &str, seed: u64, epoch: u64) -> Vec<usize> {
    let mut keyed: Vec<(u64, RowId, usize)> = ids
        .iter()
        .enumerate()
        .map(|(i, id)| (hash64(&[name.into(), seed.into(), epoch.into(), id.into()]), *id, i))
        .collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, _, i)| i).collect()
}

/// Endless positions into a set that is reshuffled after each pass.
#[derive(Clone, Debug)]
pub struct CycledOrder {
    ids: Vec<RowId>,
    name: String,
    seed: u64,
    pass: u64,
    order: Vec<usize>,
    next: usize,
}

impl CycledOrder {
    /// Starts the first pass over `ids`.
    ///
    /// # Panics
    /// If `ids` is empty: there would be nothing to cycle.
    pub fn new(ids: &[RowId], name: &str, seed: u64) -> Self {
        assert!(!ids.is_empty(), "a cycled order needs at least one row");
        let order = epoch_order(ids, name, seed, 0);
        Self { ids: ids.to_vec(), name: name.to_owned(), seed, pass: 0, order, next: 0 }
    }

    /// The next `n` positions.
    pub fn take(&mut self, n: usize) -> Vec<usize> {
        let mut out = Vec::with_capacity(n);
        while out.len() < n {
            if self.next == self.order.len() {
                self.pass += 1;
                self.order = epoch_order(&self.ids, &self.name, self.seed, self.pass);
                self.next = 0;
            }
            out.push(self.order[self.next]);
            self.next += 1;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(n: usize) -> Vec<RowId> {
        (0..n).map(|i| RowId::of(&i.to_string(), "", 0)).collect()
    }

    #[test]
    fn an_epoch_visits_each_row_once_in_an_order_of_its_own() {
        let ids = ids(100);
        let a = epoch_order(&ids, "d", 0, 0);
        let mut sorted = a.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_ne!(a, epoch_order(&ids, "d", 0, 1));
        assert_ne!(a, epoch_order(&ids, "d", 1, 0));
        assert_ne!(a, epoch_order(&ids, "safe", 0, 0));
    }

    #[test]
    fn the_order_of_the_file_does_not_matter() {
        let forward = ids(50);
        let mut backward = forward.clone();
        backward.reverse();
        let visited = |ids: &[RowId]| {
            epoch_order(ids, "d", 3, 2).into_iter().map(|i| ids[i]).collect::<Vec<_>>()
        };
        assert_eq!(visited(&forward), visited(&backward));
    }

    #[test]
    fn a_cycle_visits_rows_equally_often() {
        let mut cycle = CycledOrder::new(&ids(10), "safe", 0);
        let mut counts = [0; 10];
        for _ in 0..15 {
            for i in cycle.take(4) {
                counts[i] += 1;
            }
        }
        assert_eq!(counts, [6; 10]);
    }
}
