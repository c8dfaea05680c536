//! Stable ids of rows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Extras, Json, Turn};

/// Name of a row that survives reordering, filtering and re-encoding of the
/// file it came from: the first 128 bits of a BLAKE3 hash, written as 32
/// hexadecimal digits.
///
/// What is hashed, with every number little-endian and `text` standing for its
/// length in bytes as u64 and then its bytes:
///
/// ```text
/// prompt text | response text | turns | parts | occurrence u32
///
/// turns: nothing, or "turns" | count u64 | for each its role as one byte and its text
/// parts: nothing, or "parts" | JSON text
/// ```
///
/// The turns are the earlier ones, where there are some; roles are `s`, `u`, `a`
/// and `t`. The parts are all else that a chat template reads: an object with
/// `prompt` and `response`, the extras of each, `history`, whole and only where a
/// turn of it has more than role and text, `steps` and `tools`, each only where there
/// is something, written without white space. No two rows share their bytes: what
/// follows the response is 4 bytes long or begins with one of two words.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
        let content = RowContent { history, prompt, response, ..RowContent::default() };
        Self::of_content(&content, occurrence)
    }

    /// Id of the `occurrence`-th (from 0) row with this content.
    pub fn of_content(content: &RowContent<'_>, occurrence: u32) -> Self {
        let RowContent { history, prompt, response, .. } = *content;
        let parts = content.parts();
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
        if parts != TemplateParts::default() {
            h.update(b"parts");
            text(&mut h, &serde_json::to_string(&parts).expect("texts and numbers are JSON"));
        }
        h.update(&occurrence.to_le_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&h.finalize().as_bytes()[..16]);
        Self(id)
    }

    /// The id of these bytes, as [`RowId::as_bytes`] gave them.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes of the id.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

static NOTHING: Extras = Extras::new();

/// What of a row is hashed as JSON. Stored with the ids: a change is one of format.
#[derive(PartialEq, Serialize)]
struct TemplateParts<'a> {
    #[serde(skip_serializing_if = "Extras::is_empty")]
    prompt: &'a Extras,
    #[serde(skip_serializing_if = "Extras::is_empty")]
    response: &'a Extras,
    #[serde(skip_serializing_if = "<[Turn]>::is_empty")]
    history: &'a [Turn],
    #[serde(skip_serializing_if = "<[Turn]>::is_empty")]
    steps: &'a [Turn],
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<&'a Json>,
}

impl Default for TemplateParts<'_> {
    fn default() -> Self {
        Self { prompt: &NOTHING, response: &NOTHING, history: &[], steps: &[], tools: None }
    }
}

/// The content of a row that its id is a hash of; see [`Row`](crate::Row) for the parts.
#[derive(Clone, Copy, Debug)]
pub struct RowContent<'a> {
    /// The turns before the prompt.
    pub history: &'a [Turn],
    /// The user's last turn.
    pub prompt: &'a str,
    /// The answer.
    pub response: &'a str,
    /// The turns between the prompt and the answer.
    pub steps: &'a [Turn],
    /// TemplateParts of the prompt's turn besides its text.
    pub prompt_extras: &'a Extras,
    /// TemplateParts of the answer besides its text.
    pub response_extras: &'a Extras,
    /// The tools that the assistant may call.
    pub tools: Option<&'a Json>,
}

impl Default for RowContent<'_> {
    fn default() -> Self {
        Self {
            history: &[],
            prompt: "",
            response: "",
            steps: &[],
            prompt_extras: &NOTHING,
            response_extras: &NOTHING,
            tools: None,
        }
    }
}

impl<'a> RowContent<'a> {
    /// Earlier turns of role and text alone are hashed as such already.
    fn parts(&self) -> TemplateParts<'a> {
        TemplateParts {
            prompt: self.prompt_extras,
            response: self.response_extras,
            history: if self.history.iter().all(Turn::is_plain) { &[] } else { self.history },
            steps: self.steps,
            tools: self.tools,
        }
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

/// Text that is no row id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a row id has 32 hexadecimal digits, this is `{found}`")]
pub struct RowIdError {
    /// The text.
    pub found: String,
}

impl FromStr for RowId {
    type Err = RowIdError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let bad = || RowIdError { found: s.to_owned() };
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
