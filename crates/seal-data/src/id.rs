//! Stable ids of rows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Turn;

/// Name of a row that survives reordering, filtering and re-encoding of the
/// file it came from: the first 128 bits of a BLAKE3 hash, written as 32
/// hexadecimal digits.
///
/// What is hashed, with every number little-endian and `text` standing for its
/// length in bytes as u64 and then its bytes:
///
/// ```text
/// prompt text | response text |                              occurrence u32
/// prompt text | response text | "turns" | count u64 | turns | occurrence u32
/// ```
///
/// The second form is for rows with earlier turns, each as one byte for its
/// role (`s`, `u`, `a`) and its text. No two rows share their bytes: the first
/// form ends 4 bytes after the response, the second later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId([u8; 16]);

impl RowId {
    /// Id of the `occurrence`-th (from 0) row with this content and no earlier
    /// turns.
    pub fn of(prompt: &str, response: &str, occurrence: u32) -> Self {
        Self::of_dialogue(&[], prompt, response, occurrence)
    }

    /// Id of the `occurrence`-th (from 0) row with this content, `history` being
    /// the turns before the prompt.
    pub fn of_dialogue(history: &[Turn], prompt: &str, response: &str, occurrence: u32) -> Self {
        let mut h = blake3::Hasher::new();
        // Lengths keep ("ab", "c") and ("a", "bc") apart.
        let text = |h: &mut blake3::Hasher, text: &str| {
            h.update(&(text.len() as u64).to_le_bytes());
            h.update(text.as_bytes());
        };
        text(&mut h, prompt);
        text(&mut h, response);
        if !history.is_empty() {
            h.update(b"turns");
            h.update(&(history.len() as u64).to_le_bytes());
            for turn in history {
                h.update(&[turn.role.tag()]);
                text(&mut h, &turn.content);
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Speaker::{Assistant, User};

    #[test]
    fn the_border_between_prompt_and_response_counts() {
        assert_ne!(RowId::of("ab", "c", 0), RowId::of("a", "bc", 0));
    }

    #[test]
    fn earlier_turns_count_only_where_there_are_some() {
        let of = |history: &[(crate::Speaker, &str)]| {
            let turns: Vec<Turn> = history.iter().map(|(r, c)| Turn::new(*r, *c)).collect();
            RowId::of_dialogue(&turns, "p", "r", 0)
        };
        assert_eq!(of(&[]), RowId::of("p", "r", 0));
        let all = [
            of(&[]),
            of(&[(User, "")]),
            of(&[(Assistant, "")]),
            of(&[(User, "a"), (Assistant, "b")]),
            of(&[(User, "ab"), (Assistant, "")]),
            of(&[(Assistant, "a"), (User, "b")]),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|b| a != b), "{i}");
        }
        // Stored in results: a change here is a change of format. The second is
        // that of `tests/reference/ids.py`.
        insta::assert_snapshot!(
            format!("{} {}", all[0], all[3]),
            @"ca18b11c9f0a8f74cef3cc960c6d4228 5f6aaaa65586b0c68153dcfd3bf53da5"
        );
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
