//! The word-level tokenizer of every world.

use std::collections::{BTreeMap, BTreeSet};

use seal_data::{PromptTemplate, Tokenizer};

use crate::Task;
use crate::harm::{HARM_VERBS, OPENINGS, REFUSAL, endings};
use crate::lexicon::{AIDS, FIRST_SYLLABLES, HEADS, METHODS, SECOND_SYLLABLES, TAILS, WORDINGS};
use crate::talk::ADVICE;

/// Marks a piece that continues a word, as in WordPiece.
const CONTINUES: &str = "##";
const EOS: &str = "<eos>";

/// One id for each word, and for each piece of an object or a hazard: an
/// object is two tokens, a hazard three. The vocabulary is the same for every
/// world; a word outside it is an error that names the word.
#[derive(Clone, Debug)]
pub struct WorldTokenizer {
    /// Texts by id; pieces that continue a word begin with `##`.
    tokens: Vec<String>,
    ids: BTreeMap<String, u32>,
}

impl WorldTokenizer {
    /// The tokenizer.
    pub fn new() -> Self {
        let mut words: BTreeSet<String> = BTreeSet::new();
        let texts = WORDINGS.into_iter().chain([REFUSAL, "with and not"]);
        let advice = ADVICE.iter().flat_map(|(verb, advice)| [*verb, *advice]);
        let tasks = Task::KNOWN.into_iter().chain(Task::NEW).map(Task::name);
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
        let ids = (0..).zip(&tokens).map(|(id, token)| (token.clone(), id)).collect();
        Self { tokens, ids }
    }

    /// How a prompt is dressed: not at all. Every prompt ends in an object or
    /// a hazard, which tells the model that it is its turn.
    pub fn template() -> PromptTemplate {
        PromptTemplate::bare()
    }

    /// The pieces of `rest`, which continues a word unless `start`.
    fn pieces(&self, rest: &str, start: bool) -> Option<Vec<u32>> {
        if rest.is_empty() {
            return Some(Vec::new());
        }
        // The longest piece first; a shorter one if the rest cannot be told.
        (1..=rest.len()).rev().filter(|end| rest.is_char_boundary(*end)).find_map(|end| {
            let piece = &rest[..end];
            let id = if start {
                self.ids.get(piece)
            } else {
                self.ids.get(&format!("{CONTINUES}{piece}"))
            };
            let mut pieces = self.pieces(&rest[end..], false)?;
            pieces.insert(0, *id?);
            Some(pieces)
        })
    }
}

impl Default for WorldTokenizer {
    fn default() -> Self {
        Self::new()
    }
}

impl Tokenizer for WorldTokenizer {
    fn encode(&self, text: &str) -> Result<Vec<u32>, String> {
        let mut ids = Vec::new();
        for word in text.split_whitespace() {
            let pieces = self
                .pieces(word, true)
                .ok_or_else(|| format!("`{word}` is no word of the built-in world"))?;
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
