//! The text model within a folder of several parts: Gemma 3 with its eyes.

use std::borrow::Cow;

use serde_json::{Value, json};

/// Settings of a text model.
pub(crate) struct TextPart<'a> {
    pub(crate) settings: Cow<'a, Value>,
    /// Name of their table within the file, with a dot; empty for the whole.
    pub(crate) at: &'static str,
}

/// Settings that the whole says for its parts.
const OF_THE_WHOLE: [&str; 9] = [
    "bos_token_id",
    "dtype",
    "eos_token_id",
    "id2label",
    "num_labels",
    "pad_token_id",
    "quantization_config",
    "torch_dtype",
    "transformers_version",
];

/// Classes of the whole with those of the text part.
const CLASSES: [(&str, &str); 2] = [
    ("Gemma3ForConditionalGeneration", "Gemma3ForCausalLM"),
    ("Gemma3ForSequenceClassification", "Gemma3TextForSequenceClassification"),
];

impl<'a> TextPart<'a> {
    /// That of a `config.json`; the whole where it describes a text model and nothing else.
    pub(crate) fn of(json: &'a Value) -> Self {
        let whole = || Self { settings: Cow::Borrowed(json), at: "" };
        if json.get("model_type").and_then(Value::as_str) != Some("gemma3") {
            return whole();
        }
        let Some(Value::Object(text)) = json.get("text_config") else { return whole() };
        let mut text = text.clone();
        text.insert("model_type".to_owned(), json!("gemma3_text"));
        let listed = json.get("architectures").and_then(Value::as_array);
        let class = |name: &Value| {
            let found = CLASSES.iter().find(|(whole, _)| name.as_str() == Some(*whole));
            found.map_or(name.clone(), |(_, part)| json!(part))
        };
        if let Some(listed) = listed {
            let listed: Vec<Value> = listed.iter().map(class).collect();
            text.insert("architectures".to_owned(), json!(listed));
        }
        for key in OF_THE_WHOLE {
            if let Some(value) = json.get(key)
                && text.get(key).is_none_or(Value::is_null)
            {
                text.insert(key.to_owned(), value.clone());
            }
        }
        Self { settings: Cow::Owned(Value::Object(text)), at: "text_config." }
    }
}
