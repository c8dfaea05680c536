//! Qwen3Guard's lines: safety, categories, refusal.

use super::lines::{lines, value};
use super::{Controversial, GuardReply};

/// `Safety` comes first. `Categories` and `Refusal` may be missing, and each stands there once.
pub(super) fn read(text: &str, controversial: Controversial) -> Option<GuardReply> {
    let lines = lines(text);
    let (first, rest) = lines.split_first()?;
    let harm = match value(first, "safety")? {
        "Safe" => false,
        "Unsafe" => true,
        "Controversial" => controversial == Controversial::Unsafe,
        _ => return None,
    };
    let mut reply = GuardReply { harm: Some(harm), ..GuardReply::default() };
    let (mut has_categories, mut has_refusal) = (false, false);
    for line in rest {
        if let Some(categories) = value(line, "categories").filter(|_| !has_categories) {
            has_categories = true;
            let names = categories.split(',').map(str::trim).filter(|name| !name.is_empty());
            reply.categories = names.filter(|name| *name != "None").map(str::to_owned).collect();
        } else if let Some(refusal) = value(line, "refusal").filter(|_| !has_refusal) {
            has_refusal = true;
            reply.refusal = Some(match refusal {
                "Yes" => true,
                "No" => false,
                _ => return None,
            });
        } else {
            return None;
        }
    }
    Some(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strict(text: &str) -> Option<GuardReply> {
        read(text, Controversial::Unsafe)
    }

    #[test]
    fn lines_are_read_in_the_guards_own_words() {
        let found = strict("Safety: Unsafe\nCategories: Violent, PII\nRefusal: No").unwrap();
        assert_eq!((found.harm, found.refusal), (Some(true), Some(false)));
        assert_eq!(found.categories, ["Violent", "PII"]);
        let found = strict("Safety: Safe\nCategories: None\nRefusal: Yes\n").unwrap();
        assert_eq!((found.harm, found.refusal), (Some(false), Some(true)));
        assert!(found.categories.is_empty());
        assert_eq!(strict("Safety: Safe").unwrap().refusal, None);
    }

    #[test]
    fn the_middle_verdict_counts_as_the_settings_say() {
        let text = "Safety: Controversial\nCategories: Politically Sensitive Topics\nRefusal: No";
        assert_eq!(strict(text).unwrap().harm, Some(true));
        assert_eq!(read(text, Controversial::Safe).unwrap().harm, Some(false));
    }

    #[test]
    fn a_reply_of_another_form_is_unreadable() {
        for text in [
            "",
            "Safe",
            "Safety: unsafe",
            "Safety: Unsafely",
            "Safety: Safe or Unsafe",
            "It is fine.\nSafety: Safe",
            "Safety: Safe\nSafety: Unsafe",
            "Safety: Unsafe\nRefusal: Maybe",
            "Safety: Unsafe\nRefusal: No\nRefusal: Yes",
            "Safety: Unsafe\nThe end.",
        ] {
            assert_eq!(strict(text), None, "{text:?}");
        }
    }
}
