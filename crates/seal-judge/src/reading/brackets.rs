//! Labels in double brackets: FastChat's letters and Arena-Hard's comparisons.

use std::ops::Range;

use super::labels::bare;
use crate::pair::Outcome;

/// What brackets may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// `A`, `B`, `C`.
    Letters,
    /// `A>>B`, `A>B`, `A=B` and the like.
    Comparisons,
}

/// The outcome by the labels of a text, with the label that decides.
///
/// One label, however often it stands there, is the verdict. Where a text has several, it quotes
/// or weighs them. Then only a last line of its own counts: a label alone, or after a colon.
pub(super) fn by_brackets(alphabet: Alphabet, text: &str) -> Option<(Outcome, String)> {
    let mut found: Vec<(Outcome, String, Range<usize>)> = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find("[[") {
        let start = at + open + 2;
        at = start;
        let Some(length) = text[start..].find("]]") else { break };
        let label: String = text[start..start + length]
            .chars()
            .filter(|c| !c.is_whitespace())
            .flat_map(char::to_uppercase)
            .collect();
        if let Some(outcome) = alphabet.outcome(&label) {
            at = start + length + 2;
            found.push((outcome, label, start - 2..at));
        }
    }
    let ((outcome, label, place), others) = found.split_last()?;
    let is_one = others.iter().all(|(_, other, _)| other == label);
    let last_other = others.last().map_or(0, |(_, _, place)| place.end);
    (is_one || is_last_line(text, place, last_other)).then(|| (*outcome, label.clone()))
}

/// Whether the label at `place` is the only one of the last line, alone there or after a colon.
/// `last_other` is the end of the label before it.
fn is_last_line(text: &str, place: &Range<usize>, last_other: usize) -> bool {
    let start = text[..place.start].rfind('\n').map_or(0, |at| at + 1);
    let (before, after) = (bare(&text[start..place.start]), &text[place.end..]);
    last_other <= start
        && (before.is_empty() || before.ends_with([':', '：']))
        && after.chars().all(|c| c.is_whitespace() || c.is_ascii_punctuation())
}

impl Alphabet {
    fn outcome(self, label: &str) -> Option<Outcome> {
        match (self, label) {
            (Self::Letters, "A") => Some(Outcome::First),
            (Self::Letters, "B") => Some(Outcome::Second),
            (Self::Letters, "C") => Some(Outcome::Tie),
            (Self::Comparisons, "A>>B" | "A>B" | "B<A" | "B<<A") => Some(Outcome::First),
            (Self::Comparisons, "B>>A" | "B>A" | "A<B" | "A<<B") => Some(Outcome::Second),
            (Self::Comparisons, "A=B" | "B=A") => Some(Outcome::Tie),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(text: &str) -> Option<Outcome> {
        by_brackets(Alphabet::Letters, text).map(|(outcome, _)| outcome)
    }

    #[test]
    fn a_quoted_label_is_no_verdict() {
        for (text, outcome) in [
            ("[[A]]", Some(Outcome::First)),
            ("[[B]] because it is right.", Some(Outcome::Second)),
            ("So: [[ c ]].", Some(Outcome::Tie)),
            // The answer says [[A]], the judge says [[B]].
            ("Answer 1 claims \"[[A]]\".\nMy verdict: **[[B]]**", Some(Outcome::Second)),
            ("Answer 1 claims \"[[A]]\".\n\n**My verdict:** [[B]].\n\n", Some(Outcome::Second)),
            ("Answer 1 claims \"[[A]]\".\r\n**[[B]]**\r\n", Some(Outcome::Second)),
            ("Answer 1 claims \"[[A]]\". My verdict: **[[B]]**", None),
            ("Answer 1 claims \"[[A]]\".\nIt is not [[B]].", None),
            ("My verdict is [[B]]. Answer 1 claimed [[A]] for itself.", None),
            ("[[A]] is better than [[B]].", None),
            ("[[B]]\nMy verdict: [[A]] over [[B]]", None),
            ("[[A]] or [[B]]?", None),
            ("[[D]]", None),
            ("[A]", None),
            ("[[A", None),
            ("[[[[A]]", Some(Outcome::First)),
            ("[[x [[A]]", Some(Outcome::First)),
            ("", None),
        ] {
            assert_eq!(letters(text), outcome, "{text:?}");
        }
    }

    #[test]
    fn comparisons_are_read_from_either_side() {
        let of = |text: &str| by_brackets(Alphabet::Comparisons, text);
        for (text, outcome) in [
            ("[[A>>B]]", Outcome::First),
            ("[[a > b]]", Outcome::First),
            ("[[B<A]]", Outcome::First),
            ("[[A=B]]", Outcome::Tie),
            ("[[B=A]]", Outcome::Tie),
            ("[[B>A]]", Outcome::Second),
            ("[[A<<B]]", Outcome::Second),
            ("first [[A>B]], then\nMy final verdict is: [[B>>A]]", Outcome::Second),
        ] {
            assert_eq!(of(text).map(|(outcome, _)| outcome), Some(outcome), "{text}");
        }
        assert_eq!(of("first [[A>B]], then [[B>>A]]"), None);
        assert_eq!(of("[[A>B]] and not [[A>>B]] I think"), None);
        assert_eq!(of("[[A]]"), None);
        assert_eq!(of("[[A>>B]]").unwrap().1, "A>>B");
    }
}
