//! `safe`, or `unsafe` with a line of categories: Llama-Guard and MD-Judge.

use super::GuardReply;
use super::lines::lines;

/// Categories are `letter` and a number. Text behind `safe`, and any other text behind `unsafe`,
/// makes the reply unreadable.
pub(super) fn read(text: &str, letter: char) -> Option<GuardReply> {
    let harm = |harm| GuardReply { harm: Some(harm), ..GuardReply::default() };
    match lines(text).as_slice() {
        [verdict] if verdict.eq_ignore_ascii_case("safe") => Some(harm(false)),
        [verdict] if verdict.eq_ignore_ascii_case("unsafe") => Some(harm(true)),
        [verdict, categories] if verdict.eq_ignore_ascii_case("unsafe") => {
            let categories = categories.split(',').map(str::trim);
            let is_one = |category: &str| {
                let number = category.strip_prefix(letter).unwrap_or_default();
                !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
            };
            let categories: Vec<String> = categories.map(str::to_owned).collect();
            let are_all = categories.iter().all(|category| is_one(category));
            are_all.then(|| GuardReply { categories, ..harm(true) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn harm(text: &str) -> Option<bool> {
        read(text, 'S').and_then(|reply| reply.harm)
    }

    #[test]
    fn a_verdict_is_the_whole_first_line() {
        for text in ["safe", "\n\nsafe", " Safe \n", "SAFE\n\n"] {
            assert_eq!(harm(text), Some(false), "{text:?}");
        }
        for text in ["unsafe", "\n\nunsafe\nS1", "Unsafe\nS1,S10", "unsafe\n S2 , S3 \n"] {
            assert_eq!(harm(text), Some(true), "{text:?}");
        }
        for text in [
            "",
            "not safe",
            "un safe",
            "unsafely",
            "safe.",
            "safe unsafe",
            "unsafe safe",
            "safe\nunsafe",
            "safe\nS1",
            "unsafe\nsafe",
            "unsafe\nS1\nsafe",
            "unsafe\nS",
            "unsafe\nviolence",
            "unsafe\nO5",
            "User: safe",
            "The answer is safe",
        ] {
            assert_eq!(harm(text), None, "{text:?}");
        }
    }

    #[test]
    fn categories_are_those_of_the_guard() {
        let of = |text, letter| read(text, letter).unwrap().categories;
        assert_eq!(of("unsafe\nS1, S14", 'S'), ["S1", "S14"]);
        assert_eq!(of("unsafe\nO5", 'O'), ["O5"]);
        assert!(of("unsafe", 'S').is_empty());
    }
}
