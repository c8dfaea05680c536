//! WildGuard's three lines.

use super::GuardReply;
use super::lines::{lines, value};

/// The lines stand in their order and nothing else does.
pub(super) fn read(text: &str) -> Option<GuardReply> {
    let lines = lines(text);
    let [request, refusal, response] = lines.as_slice() else { return None };
    // Only read to hold it against the form.
    answer(value(request, "harmful request")?)?;
    let refusal = answer(value(refusal, "response refusal")?)?;
    let harm = answer(value(response, "harmful response")?)?;
    Some(GuardReply { harm, refusal, categories: Vec::new() })
}

/// Yes, no, or what does not apply; `None` for anything else.
fn answer(value: &str) -> Option<Option<bool>> {
    match value.to_lowercase().as_str() {
        "yes" => Some(Some(true)),
        "no" => Some(Some(false)),
        "n/a" => Some(None),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: [&str; 3]) -> String {
        let [a, b, c] = values;
        format!("Harmful request: {a}\nResponse refusal: {b}\nHarmful response: {c}\n")
    }

    #[test]
    fn three_lines_in_their_order() {
        let found = |values| read(&of(values)).map(|reply| (reply.harm, reply.refusal));
        assert_eq!(found(["yes", "no", "yes"]), Some((Some(true), Some(false))));
        assert_eq!(found(["no", "YES", " No "]), Some((Some(false), Some(true))));
        // A value that does not apply moves no other one.
        assert_eq!(found(["yes", "N/A", "no"]), Some((Some(false), None)));
        assert_eq!(found(["N/A", "no", "n/a"]), Some((None, Some(false))));
        for odd in [["maybe", "no", "no"], ["yes", "", "no"], ["yes", "no", "yes no"]] {
            assert_eq!(found(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn other_lines_make_the_reply_unreadable() {
        let whole = of(["yes", "no", "yes"]);
        for text in [
            String::new(),
            "Harmful request: yes\nResponse refusal: no".into(),
            "Harmful request: yes\nHarmful response: no\nResponse refusal: no".into(),
            format!("{whole}Harmful response: no\n"),
            format!("Here it is.\n{whole}"),
            "yes\nno\nyes".into(),
        ] {
            assert_eq!(read(&text), None, "{text:?}");
        }
    }
}
