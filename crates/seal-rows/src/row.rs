//! Rows, and lists of rows with distinct ids.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Extras, Json, RowContent, RowId, Speaker, Turn};

/// One prompt with its answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Stable id, see [`RowId`].
    pub id: RowId,
    /// What the user says last, without any template.
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
    /// What was said before the prompt, first turn first: a system turn where
    /// there is one, then user and assistant in turn. Part of the id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Turn>,
    /// What was said between the prompt and the answer: calls of tools and what
    /// they gave. Part of the id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Turn>,
    /// What the prompt's turn has besides its text. Part of the id.
    #[serde(default, skip_serializing_if = "Extras::is_empty")]
    pub prompt_extras: Extras,
    /// What the answer has besides its text, such as the reasoning before it. Part
    /// of the id.
    #[serde(default, skip_serializing_if = "Extras::is_empty")]
    pub response_extras: Extras,
    /// The tools that the assistant may call, a list of descriptions. Part of the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Json>,
}

impl Row {
    /// The whole dialogue as a chat template takes it, without the answer: the
    /// earlier turns, the prompt as a user turn, calls of tools and their results.
    pub fn messages(&self) -> Vec<Turn> {
        let mut turns = self.history.clone();
        turns.push(Turn {
            extras: self.prompt_extras.clone(),
            ..Turn::new(Speaker::User, self.prompt.as_str())
        });
        turns.extend(self.steps.iter().cloned());
        turns
    }

    /// The answer as a turn.
    pub fn answer(&self) -> Turn {
        Turn {
            extras: self.response_extras.clone(),
            ..Turn::new(Speaker::Assistant, self.response.as_str())
        }
    }

    /// All that is said, the answer last, each turn on a line of its own: what
    /// measures of a text read, such as DSIR.
    pub fn text(&self) -> String {
        let history = self.history.iter().map(|turn| turn.content.as_str());
        let steps = self.steps.iter().map(|turn| turn.content.as_str());
        let said = history.chain([self.prompt.as_str()]).chain(steps);
        said.chain([self.response.as_str()]).collect::<Vec<_>>().join("\n")
    }
}

impl RowId {
    /// Id of the `occurrence`-th (from 0) row with the content of `row`, whose own
    /// id plays no part.
    pub fn of_row(row: &Row, occurrence: u32) -> Self {
        let content = RowContent {
            history: &row.history,
            prompt: &row.prompt,
            response: &row.response,
            steps: &row.steps,
            prompt_extras: &row.prompt_extras,
            response_extras: &row.response_extras,
            tools: row.tools.as_ref(),
        };
        Self::of_content(&content, occurrence)
    }
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
        self.push_dialogue(Vec::new(), prompt, response)
    }

    /// As [`Self::push`], for a row with earlier turns.
    pub fn push_dialogue(
        &mut self,
        history: Vec<Turn>,
        prompt: impl Into<String>,
        response: impl Into<String>,
    ) -> &mut Row {
        let (prompt, response) = (prompt.into(), response.into());
        self.push_row(Row { prompt, response, history, ..Row::default() })
    }

    /// Adds a row with all its fields; its id is given anew, so that repeats
    /// across sources stay distinct.
    pub fn push_row(&mut self, mut row: Row) -> &mut Row {
        let first = RowId::of_row(&row, 0);
        let occurrence = self.seen.entry(first).and_modify(|n| *n += 1).or_insert(0);
        row.id = match *occurrence {
            0 => first,
            n => RowId::of_row(&row, n),
        };
        self.rows.push(row);
        self.rows.last_mut().expect("just pushed")
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

    /// Number of rows that repeat an earlier one, whether or not they were left
    /// out since: same earlier turns, prompt and answer.
    pub fn repeated(&self) -> usize {
        self.seen.values().map(|n| *n as usize).sum()
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
    fn whatever_a_template_reads_counts() {
        let text = |t: &str| Json::Text(t.into());
        let extra = |name: &str, t: &str| Extras::from([(name.to_owned(), text(t))]);
        let row = |change: &dyn Fn(&mut Row)| {
            let mut row = Row { prompt: "p".into(), response: "r".into(), ..Row::default() };
            change(&mut row);
            RowId::of_row(&row, 0)
        };
        let said = || Turn::new(Speaker::Assistant, "b");
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
    fn a_row_without_history_is_written_as_before() {
        let mut rows = Rows::new();
        rows.push("p", "r");
        rows.push_dialogue(vec![Turn::new(Speaker::System, "s")], "p", "r");
        rows.push("p", "r");
        assert_eq!(rows.repeated(), 1);
        let shown: Vec<String> =
            rows.as_slice().iter().map(|r| serde_json::to_string(r).unwrap()).collect();
        insta::assert_snapshot!(shown[..2].join("\n"), @r#"
        {"id":"ca18b11c9f0a8f74cef3cc960c6d4228","prompt":"p","response":"r"}
        {"id":"a2e6798c5b2d49edf25a263ea6b99eb7","prompt":"p","response":"r","history":[{"role":"system","content":"s"}]}
        "#);
        let messages = rows.as_slice()[1].messages();
        let named: Vec<(&str, &str)> =
            messages.iter().map(|t| (t.role.name(), t.content.as_str())).collect();
        assert_eq!(named, [("system", "s"), ("user", "p")]);
        let read: Row = serde_json::from_str(&shown[1]).unwrap();
        assert_eq!(read, rows.as_slice()[1]);
    }
}
