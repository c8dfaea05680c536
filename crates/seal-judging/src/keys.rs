//! The keys of a set's questions.

use std::collections::BTreeMap;

/// The key of each question, by its number. Two questions may have one key; it is asked once.
#[derive(Clone, Debug, Default)]
pub struct QuestionKeys {
    first: BTreeMap<String, usize>,
    all: Vec<String>,
}

impl QuestionKeys {
    /// Adds the key of the next question.
    pub(crate) fn push(&mut self, key: String) {
        self.first.entry(key.clone()).or_insert(self.all.len());
        self.all.push(key);
    }

    /// The key of a question.
    pub fn of(&self, number: usize) -> &str {
        &self.all[number]
    }

    /// Number of the first question with a key.
    pub fn with(&self, key: &str) -> Option<usize> {
        self.first.get(key).copied()
    }

    /// Number of different keys.
    pub fn different(&self) -> usize {
        self.first.len()
    }

    /// The number of the first question with each key, in the order of the questions.
    pub fn first_of_each(&self) -> Vec<usize> {
        (0..self.all.len()).filter(|number| self.with(self.of(*number)) == Some(*number)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_comes_twice_is_that_of_the_first_question() {
        let mut keys = QuestionKeys::default();
        ["b", "a", "b", "c"].into_iter().for_each(|key| keys.push(key.to_owned()));
        assert_eq!(keys.first_of_each(), [0, 1, 3]);
        assert_eq!((keys.with("b"), keys.with("d"), keys.different()), (Some(0), None, 3));
        assert_eq!(keys.of(2), "b");
    }
}
