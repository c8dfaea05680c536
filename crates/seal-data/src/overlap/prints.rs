//! Hashes to compare texts by: a text is normalised and hashed once, whatever it
//! is then compared with.

use std::borrow::Cow;

use super::{Compared, Match, OverlapSet};
use crate::threads::in_parallel;
use crate::{Row, RowId, Speaker, normalise};

/// 128 bits of a BLAKE3 hash: texts with one hash are one text.
type Hash = [u8; 16];

/// What a row is compared by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Print {
    exact: Parts,
    /// `None` for a prompt of punctuation alone: it has no normal form.
    normal: Option<Parts>,
}

#[derive(Clone, Copy, Debug)]
struct Parts {
    prompt: Hash,
    /// Prompt and answer.
    row: Hash,
}

impl Parts {
    fn of(prompt: &str, response: &str) -> Self {
        let short = |hash: blake3::Hash| {
            let mut out = Hash::default();
            out.copy_from_slice(&hash.as_bytes()[..16]);
            out
        };
        let prompt = short(blake3::hash(prompt.as_bytes()));
        let mut row = blake3::Hasher::new();
        row.update(&prompt).update(response.as_bytes());
        Self { prompt, row: short(row.finalize()) }
    }

    fn get(&self, compared: Compared) -> Hash {
        match compared {
            Compared::Prompts => self.prompt,
            Compared::Rows => self.row,
        }
    }
}

/// What is asked, with what was said before it; what a system turn says does not
/// make another question of it.
fn asked(row: &Row) -> Cow<'_, str> {
    let said: Vec<&str> = row
        .history
        .iter()
        .filter(|turn| turn.role != Speaker::System)
        .map(|turn| turn.content.as_str())
        .collect();
    match said.as_slice() {
        [] => Cow::Borrowed(row.prompt.as_str()),
        said => Cow::Owned(format!("{}\n{}", said.join("\n"), row.prompt)),
    }
}

impl Print {
    fn of(row: &Row) -> Self {
        let prompt = asked(row);
        let normal = normalise(&prompt);
        Self {
            exact: Parts::of(&prompt, &row.response),
            normal: (!normal.is_empty()).then(|| Parts::of(&normal, &normalise(&row.response))),
        }
    }
}

/// The prints of every set, in order.
pub(super) fn prints_of(sets: &[OverlapSet<'_>]) -> Vec<Vec<Print>> {
    const AT_ONCE: usize = 4096;
    let parts: Vec<(usize, &[Row])> = sets
        .iter()
        .enumerate()
        .flat_map(|(i, set)| set.rows.chunks(AT_ONCE).map(move |rows| (i, rows)))
        .collect();
    let done = in_parallel(&parts, |(_, rows)| rows.iter().map(Print::of).collect::<Vec<_>>());
    let mut prints: Vec<Vec<Print>> =
        sets.iter().map(|set| Vec::with_capacity(set.rows.len())).collect();
    for ((set, _), part) in parts.iter().zip(done) {
        prints[*set].extend(part);
    }
    prints
}

/// The rows of a set by what they are compared by.
pub(super) struct Index {
    compared: Compared,
    exact: Vec<(Hash, RowId)>,
    normal: Vec<(Hash, RowId)>,
}

impl Index {
    pub fn of(compared: Compared, rows: &[Row], prints: &[Print]) -> Self {
        let by = |hash: &dyn Fn(&Print) -> Option<Hash>| {
            let hashes = prints.iter().zip(rows);
            let mut all: Vec<(Hash, usize, RowId)> = hashes
                .enumerate()
                .filter_map(|(i, (print, row))| Some((hash(print)?, i, row.id)))
                .collect();
            // Of equal rows the first is the one that is named.
            all.sort_unstable_by_key(|(hash, i, _)| (*hash, *i));
            all.dedup_by_key(|(hash, ..)| *hash);
            all.into_iter().map(|(hash, _, id)| (hash, id)).collect()
        };
        Self {
            compared,
            exact: by(&|print| Some(print.exact.get(compared))),
            normal: by(&|print| print.normal.map(|parts| parts.get(compared))),
        }
    }

    /// The rows with these prints that stand in the set too, in order.
    pub fn matches(&self, rows: &[Row], prints: &[Print]) -> Vec<Match> {
        let find = |index: &[(Hash, RowId)], hash: Hash| {
            let at = index.binary_search_by_key(&hash, |(hash, _)| *hash).ok()?;
            Some(index[at].1)
        };
        let of = |(row, print): (&Row, &Print)| {
            if let Some(other) = find(&self.exact, print.exact.get(self.compared)) {
                return Some(Match { row: row.id, other, exact: true });
            }
            let other = find(&self.normal, print.normal?.get(self.compared))?;
            Some(Match { row: row.id, other, exact: false })
        };
        rows.iter().zip(prints).filter_map(of).collect()
    }
}
