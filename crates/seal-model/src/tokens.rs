//! The tokens of a set of rows.

use std::collections::BTreeMap;

use seal_data::{Example, Prepared, RowId, RowWarnings};

use crate::{LeftOutRow, ModelError};

/// A set of rows as one model reads it. Every row is in exactly one of `examples` and
/// `left_out`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenizedSet {
    /// Rows that can be trained on, in the order of the rows.
    pub examples: Vec<Example>,
    /// Rows that cannot, in the order of the rows.
    pub left_out: Vec<LeftOutRow>,
    /// Examples whose own text holds special tokens, each with how many.
    pub special_in_text: Vec<(RowId, usize)>,
    /// Examples with turns that the template has no place for, each with how many.
    pub unplaced: Vec<(RowId, usize)>,
    /// Parts of examples' rows that the template does not write, by name, with the number
    /// of such rows.
    pub unread: BTreeMap<String, usize>,
}

impl TokenizedSet {
    /// Number of rows, those that are left out included.
    pub fn rows(&self) -> usize {
        self.examples.len() + self.left_out.len()
    }

    /// Number of tokens of all examples.
    pub fn tokens(&self) -> usize {
        self.examples.iter().map(|example| example.tokens.len()).sum()
    }

    /// Number of tokens that a loss is taken on.
    pub fn answer_tokens(&self) -> usize {
        self.examples.iter().map(Example::answer_len).sum()
    }

    /// Ids of the rows to train on, in order: a selector is a table over these.
    pub fn ids(&self) -> Vec<RowId> {
        self.examples.iter().map(|example| example.id).collect()
    }

    /// Writes into the log what the tokens do not show of their rows, as
    /// [`Encoder::encode`](crate::Encoder::encode) does: for tokens that were read.
    pub fn warn(&self) {
        RowWarnings {
            rows: self.rows(),
            left_out: self.left_out.len(),
            first_left_out: self.left_out.first().map(|row| row as _),
            special_in_text: &self.special_in_text,
            unplaced: &self.unplaced,
            unread: self.unread.iter().map(|(part, n)| (part.as_str(), *n)).collect(),
        }
        .warn();
    }

    /// The tokens, if there is an example among them; `set` is the name of the rows.
    ///
    /// # Errors
    /// [`ModelError::NoUsableRow`].
    pub fn usable(self, set: &str) -> Result<Self, ModelError> {
        match self.examples.is_empty() {
            true => Err(ModelError::NoUsableRow {
                set: set.to_owned(),
                first: self.left_out.into_iter().next(),
            }),
            false => Ok(self),
        }
    }
}

impl From<Prepared> for TokenizedSet {
    fn from(prepared: Prepared) -> Self {
        Self {
            examples: prepared.examples,
            left_out: prepared.left_out.iter().map(LeftOutRow::from).collect(),
            special_in_text: prepared.special_in_text,
            unplaced: prepared.unplaced,
            unread: prepared.unread.into_iter().map(|(part, n)| (part.to_owned(), n)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use seal_data::ExampleError;

    use super::*;
    use crate::LeftOutKind;

    #[test]
    fn a_set_without_an_example_is_refused_with_its_first_reason() {
        let id = RowId::of("p", "", 0);
        let row = LeftOutRow::from(&ExampleError::EmptyAnswer { id });
        assert_eq!((row.kind, row.to_string()), (LeftOutKind::EmptyAnswer, row.reason.clone()));
        let tokens = TokenizedSet { left_out: vec![row], ..TokenizedSet::default() };
        assert_eq!((tokens.rows(), tokens.tokens()), (1, 0));
        let said = tokens.usable("safe").unwrap_err().to_string();
        let expected = format!(
            "no row of the safe set can be used; the first: row {id}: the answer has no tokens"
        );
        assert_eq!(said, expected);
        let none = TokenizedSet::default().usable("safe").unwrap_err().to_string();
        assert!(none.ends_with("the first: there is none"), "{none}");
        let one = Example::new(id, vec![1, 2, 3], 1);
        let tokens = TokenizedSet { examples: vec![one], ..TokenizedSet::default() };
        assert_eq!((tokens.tokens(), tokens.answer_tokens(), tokens.ids()), (3, 2, vec![id]));
        assert!(tokens.usable("safe").is_ok());
    }
}
