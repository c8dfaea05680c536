//! A label that is the whole reply, or stands in its last line.

use super::settings::VerdictSettings;
use crate::pair::Outcome;

/// Marks that set a word apart and say nothing.
const MARKS: [char; 12] = ['*', '_', '`', '#', '>', '"', '\'', '(', ')', '[', ']', '.'];

/// The outcome of a text by its labels; `None` where there is none in its place.
pub(super) fn by_label(settings: &VerdictSettings, text: &str) -> Option<Outcome> {
    if let Some(found) = outcome(settings, text) {
        return Some(found);
    }
    let last = text.lines().rev().find(|line| !line.trim().is_empty())?;
    let (lead, label) = bare(last).split_once(':')?;
    let lead = bare(lead).to_lowercase();
    if !matches!(lead.as_str(), "verdict" | "final verdict" | "answer" | "final answer") {
        return None;
    }
    outcome(settings, label)
}

/// The outcome of a text that is a label and nothing else.
fn outcome(settings: &VerdictSettings, text: &str) -> Option<Outcome> {
    let text = bare(text);
    let is_one = |labels: &[String]| labels.iter().any(|label| settings.same(label, text));
    if is_one(&settings.first) {
        Some(Outcome::First)
    } else if is_one(&settings.second) {
        Some(Outcome::Second)
    } else if is_one(&settings.tie) {
        Some(Outcome::Tie)
    } else {
        None
    }
}

/// A text without blanks and marks around it.
pub(super) fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || MARKS.contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Outcome> {
        let settings = VerdictSettings { tie: vec!["tie".into()], ..VerdictSettings::default() };
        by_label(&settings, text)
    }

    #[test]
    fn a_label_counts_in_its_place_only() {
        for (text, outcome) in [
            ("A", Some(Outcome::First)),
            (" b.\n", Some(Outcome::Second)),
            ("**B**", Some(Outcome::Second)),
            ("Verdict: A", Some(Outcome::First)),
            ("A is longer. B is right.\n\n**Verdict:** B", Some(Outcome::Second)),
            ("reasons\nFinal verdict: tie\n\n", Some(Outcome::Tie)),
            ("Answer: [B]", Some(Outcome::Second)),
            ("Verdict: A\nbut B is close", None),
            ("A is better", None),
            ("The verdict: A", None),
            ("Verdict: AB", None),
            ("Verdict: A or B", None),
            ("Verdict:", None),
            ("", None),
        ] {
            assert_eq!(read(text), outcome, "{text:?}");
        }
    }

    #[test]
    fn a_label_inside_another_word_is_none() {
        let settings = VerdictSettings {
            first: vec!["CORRECT".into()],
            second: vec!["INCORRECT".into()],
            ..VerdictSettings::default()
        };
        assert_eq!(by_label(&settings, "INCORRECT"), Some(Outcome::Second));
        assert_eq!(by_label(&settings, "correct"), Some(Outcome::First));
        assert_eq!(by_label(&settings, "Verdict: not correct"), None);
        assert_eq!(by_label(&settings, "SO CORRECT"), None);
    }

    #[test]
    fn case_counts_where_it_is_all_that_tells_labels_apart() {
        let settings = VerdictSettings {
            first: vec!["m".into()],
            second: vec!["M".into()],
            exact: true,
            ..VerdictSettings::default()
        };
        assert_eq!(by_label(&settings, " m\n"), Some(Outcome::First));
        assert_eq!(by_label(&settings, "M."), Some(Outcome::Second));
        assert_eq!(by_label(&settings, "model m"), None);
    }
}
