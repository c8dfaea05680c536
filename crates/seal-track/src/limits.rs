//! What MLflow takes as a name and a value.

/// Longest name of a param, a metric or a tag, in bytes.
const NAME: usize = 250;
/// Longest value of a param in characters: what every store of MLflow 2 and later takes.
pub(crate) const VALUE: usize = 6000;
/// Longest value of a tag in characters.
pub(crate) const TAG: usize = 5000;

/// Most metrics, and most params, in one call.
pub(crate) const METRICS: usize = 1000;
/// Most params in one call.
pub(crate) const PARAMS: usize = 100;

/// `name` with its other characters than ASCII letters, digits, `_`, `-`, `.`, `/` and spaces written
/// as `_uHEX_`, so that different names stay different. One that is too long ends with the length of
/// the whole.
pub(crate) fn name(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            c if c.is_ascii_alphanumeric() || "_-./ ".contains(c) => text.push(c),
            c => text.push_str(&format!("_u{:x}_", u32::from(c))),
        }
    }
    if text.len() > NAME {
        let end = format!("..{}", text.len());
        text.truncate(NAME - end.len());
        text += &end;
    }
    text
}

/// The start of `value` where it is longer than `most` characters, with its whole length after it.
pub(crate) fn value(value: &str, most: usize) -> String {
    let length = value.chars().count();
    if length <= most {
        return value.to_owned();
    }
    let end = format!(" [cut: {length} characters]");
    value.chars().take(most - end.len()).chain(end.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_fit() {
        assert_eq!(name("win_rate/hh"), "win_rate/hh");
        assert_eq!(name("a=ж"), "a_u3d__u436_");
        assert_eq!(name(&"x".repeat(300)).len(), 250);
        assert!(name(&"x".repeat(300)).ends_with("..300"));
        assert_eq!(value("short", 5), "short");
        let cut = value(&"é".repeat(7000), VALUE);
        assert_eq!(cut.chars().count(), VALUE);
        assert!(cut.ends_with("[cut: 7000 characters]"));
    }
}
