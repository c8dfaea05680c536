//! Patterns of words.

use super::sentence::Sentence;

/// A step of a pattern. A phrase is one or more words with a space between.
#[derive(Clone, Copy, Debug)]
pub(super) enum PatternStep {
    /// One of these phrases.
    One(&'static [&'static str]),
    /// Any number of these words.
    Any(&'static [&'static str]),
    /// At most so many words, whichever they are.
    UpTo(usize),
}

/// Whether the pattern stands anywhere in the sentence.
pub(super) fn found_in(pattern: &[PatternStep], sentence: &Sentence) -> bool {
    (0..sentence.len()).any(|at| fits(pattern, &sentence[at..]))
}

/// Whether the sentence starts with the pattern.
pub(super) fn starts(pattern: &[PatternStep], sentence: &Sentence) -> bool {
    fits(pattern, sentence)
}

fn fits(pattern: &[PatternStep], words: &[String]) -> bool {
    let Some((step, rest)) = pattern.split_first() else { return true };
    match *step {
        PatternStep::One(phrases) => {
            phrases.iter().any(|phrase| after(phrase, words).is_some_and(|words| fits(rest, words)))
        }
        PatternStep::Any(fillers) => {
            let fillers = words.iter().take_while(|word| fillers.contains(&word.as_str())).count();
            (0..=fillers).any(|skipped| fits(rest, &words[skipped..]))
        }
        PatternStep::UpTo(most) => {
            (0..=most.min(words.len())).any(|skipped| fits(rest, &words[skipped..]))
        }
    }
}

/// The words after `phrase`, if it stands at their start.
fn after<'a>(phrase: &str, words: &'a [String]) -> Option<&'a [String]> {
    let mut left = words;
    for wanted in phrase.split(' ') {
        let (word, rest) = left.split_first()?;
        if word != wanted {
            return None;
        }
        left = rest;
    }
    Some(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_may_be_taken_in_more_ways_than_one() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Sentence>();
        let pattern = [
            PatternStep::One(&["i", "i am"]),
            PatternStep::Any(&["very"]),
            PatternStep::UpTo(1),
            PatternStep::One(&["very"]),
        ];
        for fitting in ["i very", "i am very", "so i am very very", "i very much very"] {
            assert!(found_in(&pattern, &words(fitting)), "{fitting}");
        }
        assert!(starts(&pattern, &words("i very very")) && !starts(&pattern, &words("so i very")));
        for other in ["i", "very i", "i do not say very"] {
            assert!(!found_in(&pattern, &words(other)), "{other}");
        }
    }
}
