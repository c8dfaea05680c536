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
pub(super) struct Fingerprint {
    exact: TextHashes,
    /// `None` for a prompt of punctuation alone: it has no normal form.
    normal: Option<TextHashes>,
}

#[derive(Clone, Copy, Debug)]
struct TextHashes {
    prompt: Hash,
    /// Prompt and answer.
    row: Hash,
}

impl TextHashes {
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

impl Fingerprint {
    fn of(row: &Row) -> Self {
        let prompt = asked(row);
        let normal = normalise(&prompt);
        Self {
            exact: TextHashes::of(&prompt, &row.response),
            normal: (!normal.is_empty())
                .then(|| TextHashes::of(&normal, &normalise(&row.response))),
        }
    }
}

/// The fingerprints of every set, in order.
pub(super) fn fingerprints_of(sets: &[OverlapSet<'_>]) -> Vec<Vec<Fingerprint>> {
    const AT_ONCE: usize = 4096;
    let parts: Vec<(usize, &[Row])> = sets
        .iter()
        .enumerate()
        .flat_map(|(i, set)| set.rows.chunks(AT_ONCE).map(move |rows| (i, rows)))
        .collect();
    let done =
        in_parallel(&parts, |(_, rows)| rows.iter().map(Fingerprint::of).collect::<Vec<_>>());
    let mut fingerprints: Vec<Vec<Fingerprint>> =
        sets.iter().map(|set| Vec::with_capacity(set.rows.len())).collect();
    for ((set, _), part) in parts.iter().zip(done) {
        fingerprints[*set].extend(part);
    }
    fingerprints
}

/// The rows of a set by what they are compared by.
pub(super) struct Index {
    compared: Compared,
    exact: Vec<(Hash, RowId)>,
    normal: Vec<(Hash, RowId)>,
}

impl Index {
    pub fn of(compared: Compared, rows: &[Row], fingerprints: &[Fingerprint]) -> Self {
        let by = |hash: &dyn Fn(&Fingerprint) -> Option<Hash>| {
            let hashes = fingerprints.iter().zip(rows);
            let mut all: Vec<(Hash, usize, RowId)> = hashes
                .enumerate()
                .filter_map(|(i, (fingerprint, row))| Some((hash(fingerprint)?, i, row.id)))
                .collect();
            // Of equal rows the first is the one that is named.
            all.sort_unstable_by_key(|(hash, i, _)| (*hash, *i));
            all.dedup_by_key(|(hash, ..)| *hash);
            all.into_iter().map(|(hash, _, id)| (hash, id)).collect()
        };
        Self {
            compared,
            exact: by(&|fingerprint| Some(fingerprint.exact.get(compared))),
            normal: by(&|fingerprint| fingerprint.normal.map(|parts| parts.get(compared))),
        }
    }

    /// The rows with these fingerprints that stand in the set too, in order.
    pub fn matches(&self, rows: &[Row], fingerprints: &[Fingerprint]) -> Vec<Match> {
        let find = |index: &[(Hash, RowId)], hash: Hash| {
            let at = index.binary_search_by_key(&hash, |(hash, _)| *hash).ok()?;
            Some(index[at].1)
        };
        let of = |(row, fingerprint): (&Row, &Fingerprint)| {
            if let Some(other) = find(&self.exact, fingerprint.exact.get(self.compared)) {
                return Some(Match { row: row.id, other, exact: true });
            }
            let other = find(&self.normal, fingerprint.normal?.get(self.compared))?;
            Some(Match { row: row.id, other, exact: false })
        };
        rows.iter().zip(fingerprints).filter_map(of).collect()
    }
}
