//! A row and its stable id.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Name of a row that survives reordering, filtering and re-encoding of the
/// file it came from: the first 128 bits of the BLAKE3 hash of prompt,
/// response and occurrence number, written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId([u8; 16]);

impl RowId {
    /// Id of the `occurrence`-th (from 0) row with this content.
    pub fn of(prompt: &str, response: &str, occurrence: u32) -> Self {
        let mut h = blake3::Hasher::new();
        // Lengths keep ("ab", "c") and ("a", "bc") apart.
        h.update(&(prompt.len() as u64).to_le_bytes());
        h.update(prompt.as_bytes());
        h.update(&(response.len() as u64).to_le_bytes());
        h.update(response.as_bytes());
        h.update(&occurrence.to_le_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&h.finalize().as_bytes()[..16]);
        Self(id)
    }

    /// The 16 bytes of the id.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowId({self})")
    }
}

impl FromStr for RowId {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let bad = || format!("a row id has 32 hexadecimal digits, this is `{s}`");
        if s.len() != 32 || !s.is_ascii() {
            return Err(bad());
        }
        let mut id = [0; 16];
        for (i, b) in id.iter_mut().enumerate() {
            *b = u8::from_str_radix(&s[2 * i..2 * i + 2], 16).map_err(|_| bad())?;
        }
        Ok(Self(id))
    }
}

impl Serialize for RowId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RowId {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// One prompt with its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Stable id, see [`RowId`].
    pub id: RowId,
    /// What the user says, without any template.
    pub prompt: String,
    /// The answer. In a test set: the reference answer, or empty.
    pub response: String,
    /// Whether the row is unsafe, where the data says so.
    #[serde(default, rename = "unsafe", skip_serializing_if = "Option::is_none")]
    pub is_unsafe: Option<bool>,
    /// Kind of row: a task family, a harm category, a source; free text used
    /// to break results down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The answer that loses against `response`, in preference data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
}

/// Rows in file order, each with a distinct id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    rows: Vec<Row>,
    seen: BTreeMap<RowId, u32>,
}

impl Rows {
    /// No rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a row and gives it its id; the n-th exact repeat of a row gets
    /// occurrence number n. Returns the row for further fields to be set.
    pub fn push(&mut self, prompt: impl Into<String>, response: impl Into<String>) -> &mut Row {
        let (prompt, response) = (prompt.into(), response.into());
        let first = RowId::of(&prompt, &response, 0);
        let occurrence = self.seen.entry(first).and_modify(|n| *n += 1).or_insert(0);
        let id = RowId::of(&prompt, &response, *occurrence);
        self.rows.push(Row {
            id,
            prompt,
            response,
            is_unsafe: None,
            category: None,
            rejected: None,
        });
        self.rows.last_mut().expect("just pushed")
    }

    /// Adds a row with all its fields; its id is given anew, so that repeats
    /// across sources stay distinct.
    pub fn push_row(&mut self, row: Row) -> &mut Row {
        let Row { prompt, response, is_unsafe, category, rejected, .. } = row;
        let new = self.push(prompt, response);
        new.is_unsafe = is_unsafe;
        new.category = category;
        new.rejected = rejected;
        new
    }

    /// The rows, in order.
    pub fn as_slice(&self) -> &[Row] {
        &self.rows
    }

    /// Leaves out the rows that `keep` is false for; ids stay as they are.
    pub fn retain(&mut self, keep: impl FnMut(&Row) -> bool) {
        self.rows.retain(keep);
    }

    /// The rows, in order.
    pub fn into_vec(self) -> Vec<Row> {
        self.rows
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// One hash of a data set: of the ids of `rows`, in order, as 32 hexadecimal
/// digits. It changes with any row and with their order.
pub fn ids_hash(rows: &[Row]) -> String {
    let mut h = blake3::Hasher::new();
    for row in rows {
        h.update(row.id.as_bytes());
    }
    h.finalize().to_hex()[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_depends_on_content_and_occurrence_only() {
        let mut a = Rows::new();
        a.push("x", "1");
        a.push("y", "2");
        a.push("x", "1");
        let mut b = Rows::new();
        b.push("y", "2");
        b.push("x", "1");
        b.push("x", "1");
        let ids = |r: &Rows| r.as_slice().iter().map(|r| r.id).collect::<Vec<_>>();
        let (a, b) = (ids(&a), ids(&b));
        assert_eq!((a[0], a[1], a[2]), (b[1], b[0], b[2]));
        assert_ne!(a[0], a[2]);
    }

    #[test]
    fn the_border_between_prompt_and_response_counts() {
        assert_ne!(RowId::of("ab", "c", 0), RowId::of("a", "bc", 0));
    }

    #[test]
    fn the_hash_of_a_set_sees_rows_and_their_order() {
        let set = |texts: &[&str]| {
            let mut rows = Rows::new();
            for text in texts {
                rows.push(*text, "");
            }
            ids_hash(rows.as_slice())
        };
        assert_eq!(set(&["a", "b"]), set(&["a", "b"]));
        assert_ne!(set(&["a", "b"]), set(&["b", "a"]));
        assert_ne!(set(&["a"]), set(&["a", "a"]));
        // Stored in results: a change here is a change of format.
        insta::assert_snapshot!(set(&["a", "b"]), @"36373cd17cea404ed3b4229084fbfe25");
    }

    #[test]
    fn an_id_survives_text() {
        let id = RowId::of("p", "r", 3);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("zz".parse::<RowId>().is_err());
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<RowId>(&json).unwrap(), id);
    }
}
