//! The units of a text that are counted: words, or characters where the script has no spaces.

use std::collections::BTreeMap;

/// A longer word is a loop or a code without spaces. It is taken apart into characters, unless it has
/// no letter and no digit: then it is a ruler.
const LONGEST_WORD: usize = 40;

/// The units of a text as numbers: equal units have equal numbers.
pub(super) struct Units {
    pub numbers: Vec<u32>,
    /// Whether each unit has a letter or a digit.
    pub wordy: Vec<bool>,
    /// Units as long as four words: the length of an n-gram.
    pub gram: usize,
}

/// How a script separates its words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WritingSystem {
    /// By spaces.
    Spaced,
    /// Not at all; a word has about two characters: Chinese and Japanese.
    Dense,
    /// Not at all; a word has about four letters: Thai, Lao, Tibetan, Burmese, Khmer, Javanese.
    Unspaced,
}

impl WritingSystem {
    fn of(c: char) -> Self {
        match u32::from(c) {
            0x2e80..=0x2fdf
            | 0x3005..=0x3007
            | 0x3040..=0x312f
            | 0x31f0..=0x31ff
            | 0x3400..=0x4dbf
            | 0x4e00..=0x9fff
            | 0xf900..=0xfaff
            | 0x2_0000..=0x3_ffff => Self::Dense,
            0x0e00..=0x109f | 0x1780..=0x17ff | 0xa980..=0xa9df | 0xaa60..=0xaa7f => Self::Unspaced,
            _ => Self::Spaced,
        }
    }

    /// The script of most letters.
    fn of_most(text: &str) -> Self {
        let mut letters = [0_usize; 3];
        for c in text.chars().filter(|c| c.is_alphabetic()) {
            letters[Self::of(c) as usize] += 1;
        }
        let [spaced, dense, unspaced] = letters;
        match () {
            () if dense > spaced && dense >= unspaced => Self::Dense,
            () if unspaced > spaced => Self::Unspaced,
            () => Self::Spaced,
        }
    }
}

impl Units {
    pub fn of(text: &str) -> Self {
        let script = WritingSystem::of_most(text);
        let mut units: Vec<&str> = Vec::new();
        for word in text.split_whitespace() {
            let is_whole = word.chars().nth(LONGEST_WORD).is_none() || !is_wordy(word);
            match script == WritingSystem::Spaced && is_whole {
                true => units.push(word),
                false => units.extend(characters(word)),
            }
        }
        let mut known: BTreeMap<&str, u32> = BTreeMap::new();
        let numbers = units
            .iter()
            .map(|unit| {
                let next = known.len() as u32;
                *known.entry(unit).or_insert(next)
            })
            .collect();
        Self {
            numbers,
            wordy: units.iter().map(|unit| is_wordy(unit)).collect(),
            gram: match script {
                WritingSystem::Spaced => 4,
                WritingSystem::Dense => 8,
                WritingSystem::Unspaced => 16,
            },
        }
    }
}

/// Whether a unit has a letter or a digit.
fn is_wordy(unit: &str) -> bool {
    unit.contains(char::is_alphanumeric)
}

/// Each character of a word.
fn characters(word: &str) -> impl Iterator<Item = &str> {
    word.char_indices().map(|(at, c)| &word[at..at + c.len_utf8()])
}
