//! Templates as words.

use seal_data::TemplateSetting;

/// A template as one types it: `chat`, or text or a table in quotes.
pub fn template_text(template: &TemplateSetting) -> String {
    match toml::Value::try_from(template) {
        Ok(toml::Value::String(word)) if !word.contains("{}") => word,
        Ok(toml::Value::String(text)) => format!("'{}'", text.replace('\n', "\\n")),
        Ok(table) => format!("'{table}'"),
        // What JSON held is text or a table of text, and TOML has both.
        Err(_) => "of its seal-training.json".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;

    use super::*;

    #[test]
    fn templates_are_shown_as_they_are_typed() {
        for (toml, typed) in [
            (r#""Q: {}\nA: ""#, r"'Q: {}\nA: '"),
            (r#""chat""#, "chat"),
            (r#"{ chat = "a.jinja" }"#, r#"'{ chat = "a.jinja" }'"#),
        ] {
            let table: toml::Table = toml::from_str(&format!("v = {toml}")).unwrap();
            let template = TemplateSetting::deserialize(table["v"].clone()).unwrap();
            assert_eq!(template_text(&template), typed);
        }
    }
}
