//! Lines of the form `Name: value`.

/// The lines of a reply that are not blank, without white space around them.
pub(super) fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

/// The value of a line that begins with `name` and a colon, whatever the case of the name.
pub(super) fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (found, value) = line.split_once(':')?;
    found.trim().eq_ignore_ascii_case(name).then(|| value.trim())
}
