//! The word-level tokenizer of every world.

use std::collections::{BTreeMap, BTreeSet};

use seal_rows::{EncodeError, Tokenizer};

use crate::WordTask;
use crate::harm::{HARM_VERBS, OPENINGS, REFUSAL, endings};
use crate::lexicon::{AIDS, FIRST_SYLLABLES, HEADS, METHODS, SECOND_SYLLABLES, TAILS, WORDINGS};
use crate::talk::ADVICE;

/// Marks a piece that continues a word, as in WordPiece.
const CONTINUES: &str = "##";
const EOS: &str = "<eos>";
/// Whose words they are, in errors.
const VOCABULARY: &str = "the built-in world";

/// The tokenizer of prompts without any template: every prompt ends in an object or a
/// hazard, which tells the model that it is its turn.
///
/// One id for each word, and for each piece of an object or a hazard: an
/// object is two tokens, a hazard three. The vocabulary is the same for every
/// world; a word outside it is an error that names the word.
#[derive(Clone, Debug)]
pub struct WorldTokenizer {
    /// Texts by id; pieces that continue a word begin with `##`.
    tokens: Vec<String>,
    ids: BTreeMap<String, u32>,
    /// Ids of the pieces that continue a word, by their texts without `##`.
    continuing: BTreeMap<String, u32>,
    /// Bytes of the longest text.
    longest: usize,
}

impl WorldTokenizer {
    /// The tokenizer.
    pub fn new() -> Self {
        let mut words: BTreeSet<String> = BTreeSet::new();
        let texts = WORDINGS.into_iter().chain([REFUSAL, "with and not"]);
        let advice = ADVICE.iter().flat_map(|(verb, advice)| [*verb, *advice]);
        let tasks = WordTask::KNOWN.into_iter().chain(WordTask::NEW).map(WordTask::name);
        for text in texts.chain(advice).chain(tasks) {
            words.extend(text.split(' ').filter(|w| !matches!(*w, "V" | "X")).map(str::to_owned));
        }
        for list in
            [&HARM_VERBS[..], OPENINGS.as_flattened(), &METHODS, &AIDS, &HEADS, &FIRST_SYLLABLES]
        {
            words.extend(list.iter().map(|w| (*w).to_owned()));
        }
        for list in [&TAILS[..], &SECOND_SYLLABLES] {
            words.extend(list.iter().map(|w| format!("{CONTINUES}{w}")));
        }
        words.extend(endings().map(|w| format!("{CONTINUES}{w}")));

        let tokens: Vec<String> = std::iter::once(EOS.to_owned()).chain(words).collect();
        let ids: BTreeMap<String, u32> =
            (0..).zip(&tokens).map(|(id, token)| (token.clone(), id)).collect();
        let continuing = ids.iter().filter_map(|(t, id)| Some((t.strip_prefix(CONTINUES)?, *id)));
        let continuing = continuing.map(|(piece, id)| (piece.to_owned(), id)).collect();
        let longest = tokens.iter().map(String::len).max().unwrap_or(0);
        Self { tokens, ids, continuing, longest }
    }

    /// The pieces of a word: at each place the longest with which the rest can be
    /// told too. From the end, so that each place is looked at once.
    fn pieces(&self, word: &str) -> Option<Vec<u32>> {
        // For each place the first piece from there on, where the rest can be told.
        let mut first: Vec<Option<(u32, usize)>> = vec![None; word.len() + 1];
        for start in (0..word.len()).rev().filter(|at| word.is_char_boundary(*at)) {
            let ids = if start == 0 { &self.ids } else { &self.continuing };
            let longest = word.len().min(start + self.longest);
            let mut ends = (start + 1..=longest).rev().filter(|at| word.is_char_boundary(*at));
            first[start] = ends.find_map(|end| {
                let told = end == word.len() || first[end].is_some();
                Some((*ids.get(&word[start..end]).filter(|_| told)?, end))
            });
        }
        let (mut pieces, mut at) = (Vec::new(), 0);
        while at < word.len() {
            let (id, end) = first[at]?;
            pieces.push(id);
            at = end;
        }
        Some(pieces)
    }
}

impl Default for WorldTokenizer {
    fn default() -> Self {
        Self::new()
    }
}

impl Tokenizer for WorldTokenizer {
    fn encode(&self, text: &str) -> Result<Vec<u32>, EncodeError> {
        let mut ids = Vec::new();
        for word in text.split_whitespace() {
            let pieces = self.pieces(word).ok_or_else(|| EncodeError::UnknownWord {
                word: word.to_owned(),
                vocabulary: VOCABULARY,
            })?;
            ids.extend(pieces);
        }
        Ok(ids)
    }

    fn decode(&self, tokens: &[u32]) -> String {
        let mut text = String::new();
        for &id in tokens {
            match self.tokens.get(id as usize).map(String::as_str) {
                Some(EOS) | None => {}
                Some(token) => match token.strip_prefix(CONTINUES) {
                    Some(piece) => text.push_str(piece),
                    None => {
                        if !text.is_empty() {
                            text.push(' ');
                        }
                        text.push_str(token);
                    }
                },
            }
        }
        text
    }

    fn vocab_size(&self) -> usize {
        self.tokens.len()
    }

    fn bos(&self) -> Option<u32> {
        None
    }

    fn eos(&self) -> u32 {
        self.ids[EOS]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The pieces by their definition: the longest piece first, a shorter one if the
    /// rest cannot be told. 2^n steps for n bytes.
    fn defined(of: &WorldTokenizer, rest: &str, start: bool) -> Option<Vec<u32>> {
        if rest.is_empty() {
            return Some(Vec::new());
        }
        (1..=rest.len()).rev().filter(|end| rest.is_char_boundary(*end)).find_map(|end| {
            let piece = if start { rest[..end].to_owned() } else { format!("##{}", &rest[..end]) };
            let id = of.ids.get(&piece)?;
            let mut pieces = defined(of, &rest[end..], false)?;
            pieces.insert(0, *id);
            Some(pieces)
        })
    }

    proptest! {
        #[test]
        fn pieces_are_those_of_the_definition(
            parts in prop::collection::vec(any::<prop::sample::Index>(), 1..4), other in "[a-z#é]{0,4}",
        ) {
            let of = WorldTokenizer::new();
            let parts = parts.iter().map(|i| i.get(&of.tokens).trim_start_matches(CONTINUES));
            let word = parts.collect::<String>() + &other;
            prop_assert_eq!(of.pieces(&word), defined(&of, &word, true));
            prop_assert_eq!(of.pieces(&other), defined(&of, &other, true));
        }
    }

    #[test]
    fn a_long_word_that_is_unknown_takes_a_moment() {
        let of = WorldTokenizer::new();
        // Once 2^n steps: 64 bytes would have taken longer than there is time.
        let piece = of.tokens.iter().find_map(|t| t.strip_prefix(CONTINUES)).unwrap();
        for word in ["x".repeat(100_000), piece.repeat(20_000), "é".repeat(50_000)] {
            assert!(of.encode(&word).is_err());
        }
    }
}
