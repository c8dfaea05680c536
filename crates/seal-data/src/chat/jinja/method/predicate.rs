//! Methods that ask what a text is made of.

use crate::chat::jinja::text::{
    is_alpha, is_cased, is_decimal, is_digit, is_numeric, is_printable, is_space,
};
use crate::unicode::TITLE_CASE;

/// Whether the question `name` is answered by yes.
pub(super) fn holds(text: &str, name: &str) -> bool {
    let all = |test: fn(char) -> bool| !text.is_empty() && text.chars().all(test);
    match name {
        "isalnum" => all(|c| is_alpha(c) || is_decimal(c) || is_digit(c) || is_numeric(c)),
        "isalpha" => all(is_alpha),
        "isascii" => text.is_ascii(),
        "isdecimal" => all(is_decimal),
        "isdigit" => all(is_digit),
        "isnumeric" => all(is_numeric),
        "isprintable" => text.chars().all(is_printable),
        "isspace" => all(is_space),
        "isidentifier" => {
            let mut chars = text.chars();
            chars.next().is_some_and(|c| c == '_' || is_alpha(c))
                && chars.all(|c| c == '_' || is_alpha(c) || is_decimal(c))
        }
        "islower" => {
            text.chars().any(char::is_lowercase)
                && !text.chars().any(|c| c.is_uppercase() || TITLE_CASE.has(c))
        }
        "isupper" => {
            text.chars().any(char::is_uppercase)
                && !text.chars().any(|c| c.is_lowercase() || TITLE_CASE.has(c))
        }
        // istitle
        _ => {
            let (mut inside, mut any) = (false, false);
            for c in text.chars() {
                let big = c.is_uppercase() || TITLE_CASE.has(c);
                if is_cased(c) {
                    if big == inside {
                        return false;
                    }
                    any = true;
                }
                inside = is_cased(c);
            }
            any
        }
    }
}
