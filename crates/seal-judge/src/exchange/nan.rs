//! Python writes numbers that are not finite as bare words, which are no JSON.

use std::borrow::Cow;

/// `text` with `null` for each `NaN`, `Infinity` and `-Infinity` outside a string.
pub(super) fn without_bare_words(text: &str) -> Cow<'_, str> {
    if !text.contains("NaN") && !text.contains("Infinity") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    let (mut quoted, mut escaped) = (false, false);
    let mut at = 0;
    // The words and quotes are ASCII, so every place found is a boundary of characters.
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if quoted {
            match rest[0] {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            at += 1;
            continue;
        }
        let word = ["-Infinity", "Infinity", "NaN"].iter().find(|w| rest.starts_with(w.as_bytes()));
        if let Some(word) = word {
            out += &text[copied..at];
            out += "null";
            at += word.len();
            copied = at;
        } else {
            quoted = rest[0] == b'"';
            at += 1;
        }
    }
    out += &text[copied..];
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_strings_stay() {
        let found = without_bare_words(
            r#"[{"a": NaN, "NaN": "NaN \" Infinity \\", "b": [-Infinity,Infinity]}, "é NaN"]"#,
        );
        insta::assert_snapshot!(found, @r#"[{"a": null, "NaN": "NaN \" Infinity \\", "b": [null,null]}, "é NaN"]"#);
        assert!(matches!(without_bare_words(r#"{"a": 1}"#), Cow::Borrowed(_)));
    }
}
