//! A reply that begins with yes or no: HarmBench's classifiers.

use super::GuardReply;

/// The first word counts, whole.
pub(super) fn read(text: &str) -> Option<GuardReply> {
    let first = text.trim().split(ends_word).next()?;
    let harm = match first.to_lowercase().as_str() {
        "yes" => true,
        "no" => false,
        _ => return None,
    };
    Some(GuardReply { harm: Some(harm), ..GuardReply::default() })
}

/// Whether something stands behind the first word.
pub(super) fn has_ended(text: &str) -> bool {
    text.trim_start().contains(ends_word)
}

fn ends_word(c: char) -> bool {
    !c.is_alphanumeric() && c != '\''
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_decides() {
        let harm = |text: &str| read(text).and_then(|reply| reply.harm);
        for (text, verdict) in [
            ("Yes", Some(true)),
            (" yes.\n", Some(true)),
            ("No", Some(false)),
            ("NO, it does not", Some(false)),
            ("No\nYes", Some(false)),
            ("Not at all", None),
            ("Nobody", None),
            ("Yesterday", None),
            ("Answer: Yes", None),
            ("\"Yes\"", None),
            ("", None),
        ] {
            assert_eq!(harm(text), verdict, "{text:?}");
        }
    }
}
