//! Stable ids of rows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Extras, Json, Row, Turn};

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
        Self::of_said(&Said { history, prompt, response, ..Said::default() }, occurrence)
    }

    /// Id of the `occurrence`-th (from 0) row with the content of `row`, whose own
    /// id plays no part.
    pub fn of_row(row: &Row, occurrence: u32) -> Self {
        let said = Said {
            history: &row.history,
            prompt: &row.prompt,
            response: &row.response,
            steps: &row.steps,
            prompt_extras: &row.prompt_extras,
            response_extras: &row.response_extras,
            tools: row.tools.as_ref(),
        };
        Self::of_said(&said, occurrence)
    }

    pub(crate) fn of_said(said: &Said<'_>, occurrence: u32) -> Self {
        let Said { history, prompt, response, .. } = *said;
        let parts = said.parts();
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
        if parts != Parts::default() {
            h.update(b"parts");
            text(&mut h, &serde_json::to_string(&parts).expect("texts and numbers are JSON"));
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

static NOTHING: Extras = Extras::new();

/// What of a row is hashed as JSON. Stored with the ids: a change is one of format.
#[derive(PartialEq, Serialize)]
struct Parts<'a> {
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

impl Default for Parts<'_> {
    fn default() -> Self {
        Self { prompt: &NOTHING, response: &NOTHING, history: &[], steps: &[], tools: None }
    }
}

/// What a row says: the content that its id is a hash of.
pub(crate) struct Said<'a> {
    pub history: &'a [Turn],
    pub prompt: &'a str,
    pub response: &'a str,
    pub steps: &'a [Turn],
    pub prompt_extras: &'a Extras,
    pub response_extras: &'a Extras,
    pub tools: Option<&'a Json>,
}

impl Default for Said<'_> {
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

impl<'a> Said<'a> {
    /// Earlier turns of role and text alone are hashed as such already.
    fn parts(&self) -> Parts<'a> {
        Parts {
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
    fn whatever_a_template_reads_counts() {
        let text = |t: &str| Json::Text(t.into());
        let extra = |name: &str, t: &str| Extras::from([(name.to_owned(), text(t))]);
        let row = |change: &dyn Fn(&mut Row)| {
            let mut row = Row { prompt: "p".into(), response: "r".into(), ..Row::default() };
            change(&mut row);
            RowId::of_row(&row, 0)
        };
        let said = || Turn::new(Assistant, "b");
        let all = [
            row(&|_| {}),
            row(&|r| r.response_extras = extra("reasoning_content", "é")),
            row(&|r| r.response_extras = extra("thinking", "é")),
            row(&|r| r.prompt_extras = extra("name", "é")),
            row(&|r| r.tools = Json::parse("[{\"b\":1,\"a\":1.0}]")),
            row(&|r| r.tools = Json::parse("[{\"a\":1.0,\"b\":1}]")),
            row(&|r| r.steps = vec![said()]),
            row(&|r| r.history = vec![said()]),
            row(&|r| r.history = vec![Turn { trained: false, ..said() }]),
            row(&|r| r.is_unsafe = Some(true)),
        ];
        for (i, a) in all[..9].iter().enumerate() {
            assert!(all[..i].iter().all(|b| a != b), "{i}");
        }
        assert_eq!((all[0], all[9]), (RowId::of("p", "r", 0), all[0]), "labels do not count");
        assert_eq!(all[7], RowId::of_dialogue(&[said()], "p", "r", 0));
        // Golden: `tests/reference/ids.py`.
        insta::assert_snapshot!(format!("{}\n{}\n{}", all[1], all[4], all[8]), @"
        430be1efeaf6a49139c734cf1dcbd5e4
        5311b3cff82b36a150a5977085edac7b
        59c07da7c47a134bf53fb7d6775fddb5
        ");
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
