//! Words and punctuation: NLTK's `WordPunctTokenizer` on lower-cased text.
//!
//! A token is a longest run of word characters, or a longest run of characters
//! that are neither word characters nor white space. A text is lower-cased
//! first, by Unicode's full mapping with its rule for a final sigma, as
//! Python's `str.lower` does it.
//!
//! What a word character is depends on the regex engine under NLTK, and
//! NLTK changed engines; [`WordRule`] has both. Each rule agrees with its
//! Python engine on every character that both know: a character of a script
//! added to Unicode after the Python in use was released can differ, since
//! tables here are those of the crate `regex-syntax` and, for lower case, of
//! the standard library.

use std::sync::LazyLock;

use regex_syntax::hir::{self, HirKind};
use serde::{Deserialize, Serialize};

/// Which characters make words.
///
/// The two rules agree on ASCII (except that `Alphanumeric` counts the
/// separators U+001C to U+001F as white space), and on letters and decimal
/// digits of every script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WordRule {
    /// Letters, marks, decimal digits, connectors such as `_`, and joiners:
    /// `\w` of Unicode's Technical Standard 18, of Python's package `regex`
    /// and so of NLTK from 3.10.3. A Hindi word with vowel signs is one token;
    /// `½` and `²` are punctuation.
    #[default]
    Unicode,
    /// Letters, numbers of every kind and `_`: `\w` of Python's `re`, and so
    /// of NLTK before 3.10.3. A vowel sign or a combining accent breaks a word
    /// in two; `½` and `²` belong to words.
    Alphanumeric,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CharClass {
    Space,
    Word,
    Other,
}

/// The class of every code point, by number. A megabyte, of which a text in
/// one script touches a few kilobytes.
struct Classes(Vec<CharClass>);

impl Classes {
    fn new(word: &str, space: &str) -> Self {
        let mut classes = vec![CharClass::Other; char::MAX as usize + 1];
        for (pattern, class) in [(word, CharClass::Word), (space, CharClass::Space)] {
            let parsed = regex_syntax::parse(pattern).expect("a constant pattern");
            let HirKind::Class(hir::Class::Unicode(set)) = parsed.kind() else {
                unreachable!("`{pattern}` is a class of characters");
            };
            for range in set.ranges() {
                classes[range.start() as usize..=range.end() as usize].fill(class);
            }
        }
        Self(classes)
    }

    fn of(&self, c: char) -> CharClass {
        self.0[c as usize]
    }
}

impl WordRule {
    fn classes(self) -> &'static Classes {
        static UNICODE: LazyLock<Classes> = LazyLock::new(|| Classes::new(r"\w", r"\s"));
        static ALPHANUMERIC: LazyLock<Classes> =
            LazyLock::new(|| Classes::new(r"[\p{L}\p{N}_]", r"[\s\x1C-\x1F]"));
        match self {
            Self::Unicode => &UNICODE,
            Self::Alphanumeric => &ALPHANUMERIC,
        }
    }
}

/// The tokens of one text. Reading another text reuses the memory.
#[derive(Default)]
pub(super) struct WordTokens {
    lower: String,
    /// Tokens with one space after each, so that every n-gram, which the
    /// package spells with single spaces, is a slice.
    spelt: String,
    /// Where each token starts in `spelt`, and at last the length of `spelt`.
    starts: Vec<usize>,
}

impl WordTokens {
    pub(super) fn read(&mut self, text: &str, rule: WordRule) {
        // A mapping of the whole text, since a final sigma depends on what
        // surrounds it.
        self.lower.clear();
        if text.is_ascii() {
            self.lower.push_str(text);
            self.lower.make_ascii_lowercase();
        } else {
            self.lower.push_str(&text.to_lowercase());
        }
        self.spelt.clear();
        self.starts.clear();
        let classes = rule.classes();
        let mut run = CharClass::Space;
        let mut run_start = 0;
        for (at, c) in self.lower.char_indices() {
            let class = classes.of(c);
            if class != run {
                if run != CharClass::Space {
                    self.starts.push(self.spelt.len());
                    self.spelt.push_str(&self.lower[run_start..at]);
                    self.spelt.push(' ');
                }
                (run, run_start) = (class, at);
            }
        }
        if run != CharClass::Space {
            self.starts.push(self.spelt.len());
            self.spelt.push_str(&self.lower[run_start..]);
            self.spelt.push(' ');
        }
        self.starts.push(self.spelt.len());
    }

    /// Every n-gram of `n` tokens, in text order.
    pub(super) fn ngrams(&self, n: usize) -> impl Iterator<Item = &[u8]> {
        let spelt = self.spelt.as_bytes();
        // n + 1 starts bound n tokens; the last byte of each window is a space.
        self.starts.windows(n + 1).map(move |w| &spelt[w[0]..w[n] - 1])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;

    fn tokens(text: &str, rule: WordRule) -> Vec<String> {
        let mut tokens = WordTokens::default();
        tokens.read(text, rule);
        tokens.ngrams(1).map(|t| String::from_utf8(t.to_vec()).unwrap()).collect()
    }

    fn both(text: &str) -> Vec<String> {
        let ours = tokens(text, WordRule::Unicode);
        assert_eq!(tokens(text, WordRule::Alphanumeric), ours, "{text:?}");
        ours
    }

    #[test]
    fn words_and_punctuation() {
        assert_eq!(both("Don't pay $3.50!!"), ["don", "'", "t", "pay", "$", "3", ".", "50", "!!"]);
        assert_eq!(both("snake_case\u{a0}__\u{2028}x"), ["snake_case", "__", "x"]);
        assert_eq!(both("  \t\n "), [""; 0]);
        assert_eq!(both(""), [""; 0]);
        // No space between the scripts, and none within either.
        assert_eq!(both("数据abc中文。"), ["数据abc中文", "。"]);
        assert_eq!(both("٤٢ яблоки — да"), ["٤٢", "яблоки", "—", "да"]);
        assert_eq!(both("🎉🎉 ok👍"), ["🎉🎉", "ok", "👍"]);
    }

    #[test]
    fn lower_case_is_that_of_whole_words() {
        // Final sigma; a capital that becomes two characters.
        assert_eq!(both("ΟΔΟΣ ΣΑΣ."), ["οδος", "σας", "."]);
        assert_eq!(both("ÀÉ ẞ"), ["àé", "ß"]);
        assert_eq!(tokens("İz", WordRule::Unicode), ["i\u{307}z"]);
        assert_eq!(tokens("İz", WordRule::Alphanumeric), ["i", "\u{307}", "z"]);
    }

    #[test]
    fn the_rules_differ_on_marks_and_on_other_numbers() {
        assert_eq!(tokens("हिन्दी", WordRule::Unicode), ["हिन्दी"]);
        assert_eq!(
            tokens("हिन्दी", WordRule::Alphanumeric),
            ["ह", "\u{93f}", "न", "\u{94d}", "द", "\u{940}"]
        );
        assert_eq!(tokens("m² ½", WordRule::Unicode), ["m", "²", "½"]);
        assert_eq!(tokens("m² ½", WordRule::Alphanumeric), ["m²", "½"]);
        assert_eq!(tokens("a\u{1c}b", WordRule::Unicode), ["a", "\u{1c}", "b"]);
        assert_eq!(tokens("a\u{1c}b", WordRule::Alphanumeric), ["a", "b"]);
    }

    #[test]
    fn ngrams_are_spelt_with_single_spaces() {
        let mut read = WordTokens::default();
        read.read("A  b,\nc", WordRule::Unicode);
        let spell =
            |n| -> Vec<&str> { read.ngrams(n).map(|g| std::str::from_utf8(g).unwrap()).collect() };
        assert_eq!(spell(2), ["a b", "b ,", ", c"]);
        assert_eq!(spell(4), ["a b , c"]);
        assert_eq!(spell(5), [""; 0]);
    }

    /// A set of characters as lengths of runs, outside it and inside in turn.
    fn members<T: Copy>(runs: &serde_json::Value, of: &[T]) -> Vec<(T, bool)> {
        let lengths = runs.as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize);
        let flags = lengths.enumerate().flat_map(|(i, n)| std::iter::repeat_n(i % 2 == 1, n));
        let members: Vec<(T, bool)> = of.iter().copied().zip(flags).collect();
        assert_eq!(members.len(), of.len());
        members
    }

    /// Every character that Python 3.11 knows: `tests/reference/dsir.py`.
    #[test]
    fn characters_are_classed_and_lowered_as_in_python() {
        let golden = include_str!("../../tests/golden/dsir.json");
        let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
        let golden = &golden["characters"];
        let all: Vec<char> = (0..=char::MAX as u32).filter_map(char::from_u32).collect();
        let assigned: Vec<char> =
            members(&golden["assigned"], &all).into_iter().filter(|m| m.1).map(|m| m.0).collect();
        assert!(assigned.len() > 140_000);

        for (name, rule) in
            [("unicode", WordRule::Unicode), ("alphanumeric", WordRule::Alphanumeric)]
        {
            for (runs, class) in [("word", CharClass::Word), ("other", CharClass::Other)] {
                for (c, inside) in members(&golden[name][runs], &assigned) {
                    assert_eq!(rule.classes().of(c) == class, inside, "{name} {runs} {c:?}");
                }
            }
        }

        let lower: Vec<String> = assigned.iter().map(|c| c.to_string().to_lowercase()).collect();
        let digest = Sha256::digest(lower.join("\n"));
        let digest: String = digest.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(digest, golden["lower"].as_str().unwrap());
    }

    proptest! {
        #[test]
        fn tokens_are_the_text_without_its_spaces(text in any::<String>()) {
            for rule in [WordRule::Unicode, WordRule::Alphanumeric] {
                let classes = rule.classes();
                let kept: String =
                    text.to_lowercase().chars().filter(|c| classes.of(*c) != CharClass::Space).collect();
                let tokens = tokens(&text, rule);
                prop_assert_eq!(tokens.concat(), kept);
                for token in &tokens {
                    let first = classes.of(token.chars().next().unwrap());
                    prop_assert!(token.chars().all(|c| classes.of(c) == first));
                }
            }
        }
    }
}
