//! Text as it is compared, against Python's Unicode data.

use seal_data::normalise;

/// `reference/normalise.py` makes the file: a text and its form, in pairs.
#[test]
fn forms_are_those_of_python() {
    let golden: Vec<(String, String)> =
        serde_json::from_str(include_str!("reference/normalise.json")).unwrap();
    let escaped = |text: &str| text.escape_unicode().to_string();
    let wrong: Vec<String> = golden
        .iter()
        .filter(|(text, form)| normalise(text) != *form)
        .map(|(text, form)| {
            let own = normalise(text);
            format!("{}: {} for {}", escaped(text), escaped(&own), escaped(form))
        })
        .collect();
    assert!(golden.len() > 600 && wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}
