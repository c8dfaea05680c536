//! A text with slots.

use std::ops::Range;

/// A text in which named slots were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SlotTemplate(Vec<Piece>);

/// A text whose slots were filled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// The whole text.
    pub text: String,
    /// The bytes that came from outside: what stands there was written by strangers.
    pub slots: Vec<Range<usize>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// By its number in the list of names.
    Slot(usize),
}

impl SlotTemplate {
    /// Finds `{NAME}` of each of `names` in `text`. Other braces are text.
    pub(super) fn of(text: &str, names: &[&str]) -> Self {
        let (mut pieces, mut rest, mut plain) = (Vec::new(), text, String::new());
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at(at);
            plain.push_str(before);
            let slot = names.iter().enumerate().find_map(|(i, name)| {
                let after = from.strip_prefix('{')?.strip_prefix(name)?.strip_prefix('}')?;
                Some((i, after))
            });
            match slot {
                Some((i, after)) => {
                    pieces.extend([Piece::Text(std::mem::take(&mut plain)), Piece::Slot(i)]);
                    rest = after;
                }
                None => {
                    plain.push('{');
                    rest = &from[1..];
                }
            }
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        Self(pieces)
    }

    /// Whether a slot occurs, by its number.
    pub(super) fn has(&self, slot: usize) -> bool {
        self.0.contains(&Piece::Slot(slot))
    }

    /// The text with `values` in the slots, in one pass.
    pub(super) fn fill(&self, values: &[&str]) -> String {
        self.fill_marked(values).text
    }

    /// As [`SlotTemplate::fill`], with the bytes of each value.
    pub(super) fn fill_marked(&self, values: &[&str]) -> Filled {
        let mut filled = Filled::default();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.text.push_str(text),
                Piece::Slot(slot) => {
                    let from = filled.text.len();
                    filled.text.push_str(values.get(*slot).copied().unwrap_or_default());
                    filled.slots.push(from..filled.text.len());
                }
            }
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn slots_are_filled_in_one_pass() {
        let template = SlotTemplate::of("{a}-{b}-{a}{{b}}{c}{", &["a", "b"]);
        assert_eq!(template.fill(&["{b}", "{a}"]), "{b}-{a}-{b}{{a}}{c}{");
        assert!(template.has(0) && template.has(1) && !template.has(2));
        assert!(!SlotTemplate::of("{ab}", &["a", "b"]).has(0));
        let filled = SlotTemplate::of("<{a}|{b}>", &["a", "b"]).fill_marked(&["one", ""]);
        assert_eq!((filled.text.as_str(), filled.slots), ("<one|>", vec![1..4, 5..5]));
    }

    proptest! {
        #[test]
        fn a_text_without_slots_stays_and_values_stand_where_they_belong(
            text in "[{}a-c]{0,12}", first in "[{}ab]{0,6}", second in "[{}ab]{0,6}",
        ) {
            prop_assert_eq!(SlotTemplate::of(&text, &["longer"]).fill(&[]), text);
            let filled = SlotTemplate::of("<{a}|{b}>", &["a", "b"]).fill(&[&first, &second]);
            prop_assert_eq!(filled, format!("<{first}|{second}>"));
        }
    }
}
