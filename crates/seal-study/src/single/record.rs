//! What fine-tuning leaves beside the weights that it writes.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use seal_bilevel::SftSettings;
use seal_data::TemplateSetting;
use seal_lm::WeightFormat;
use serde::{Deserialize, Serialize};

use crate::StudyError;

/// Name of the record's file.
const FILE: &str = "seal-training.json";

/// How an adapter or a model was made: neither PEFT's files nor those of a model say how
/// rows were dressed, and under another dress the weights are not what was trained.
#[derive(Serialize)]
pub(super) struct TrainingRecord<'a> {
    /// 1.
    pub(super) format_version: u32,
    /// The model that was trained.
    pub(super) base: &'a str,
    /// The adapter on it at the start.
    pub(super) adapter: Option<&'a Path>,
    pub(super) dtype: WeightFormat,
    pub(super) template: &'a TemplateSetting,
    /// Of the template's text, wherever it lies.
    pub(super) template_hash: &'a str,
    /// Longest row in tokens.
    pub(super) context: usize,
    /// Rows trained on.
    pub(super) rows: usize,
    pub(super) seed: u64,
    pub(super) sft: &'a SftSettings,
    /// Mean training loss by epoch, in nats a token.
    pub(super) losses: &'a [f64],
    /// Of the program.
    pub(super) version: &'a str,
}

impl TrainingRecord<'_> {
    /// Writes it into `folder`.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn write(&self, folder: &Path) -> Result<(), StudyError> {
        let path = folder.join(FILE);
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| StudyError::Defect(format!("{}: {e}", path.display())))?;
        fs::write(&path, text + "\n").map_err(StudyError::io(&path))
    }
}

/// What is read back of it, which later versions keep.
#[derive(Deserialize)]
struct Told {
    template: TemplateSetting,
    template_hash: String,
}

/// What to tell who works with the weights of `folders`, the first of which that has a
/// record counts, and dresses rows by the template that hashes to `template_hash`.
pub(super) fn notice(folders: &[&Path], template_hash: &str) -> Option<String> {
    let folder = folders.iter().find(|folder| folder.join(FILE).is_file())?;
    let path = folder.join(FILE);
    let told: Result<Told, String> = fs::read(&path)
        .map_err(|e| e.to_string())
        .and_then(|text| serde_json::from_slice(&text).map_err(|e| e.to_string()));
    match told {
        Err(reason) => Some(format!(
            "{}: {reason}; it would say with which template this was fine-tuned",
            path.display()
        )),
        Ok(told) if told.template_hash == template_hash => None,
        Ok(told) => Some(format!(
            "{} was fine-tuned with another template: --template {}",
            folder.display(),
            on_the_command_line(&told.template)
        )),
    }
}

/// Adds to a model card how prompts were dressed, for those who use the adapter elsewhere.
///
/// # Errors
/// A card that cannot be written.
pub(super) fn say_on_card(card: &Path, template: &TemplateSetting) -> Result<(), StudyError> {
    let dress = match template {
        TemplateSetting::Prompt(_) => {
            format!(
                "Prompts were dressed as {}, with \\n a line break",
                on_the_command_line(template)
            )
        }
        TemplateSetting::Chat { .. } => "Prompts were dressed by a chat template".to_owned(),
    };
    let text = format!("\n{dress}; settings and losses are in `{FILE}`.\n");
    let mut file = fs::OpenOptions::new().append(true).open(card).map_err(StudyError::io(card))?;
    file.write_all(text.as_bytes()).map_err(StudyError::io(card))
}

/// A template as one types it.
fn on_the_command_line(template: &TemplateSetting) -> String {
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
            assert_eq!(on_the_command_line(&template), typed);
        }
    }
}
