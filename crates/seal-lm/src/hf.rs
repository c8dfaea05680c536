//! `config.json` of Hugging Face model folders.

use std::path::Path;

use serde_json::{Value, json};

use crate::families::{self, Fields, OutputHead};
use crate::text;
use crate::text_part::TextPart;
use crate::{LmConfig, LmError};

/// Name of the file.
pub(crate) const CONFIG: &str = "config.json";

impl LmConfig {
    /// The shape that `text`, a `config.json` of transformers, describes;
    /// `path` is for messages.
    ///
    /// # Errors
    /// [`LmError::Format`] where it is no such file, [`LmError::Setting`] for a
    /// setting that is malformed or not supported, by name and value.
    pub fn from_hf(text: &str, path: &Path) -> Result<Self, LmError> {
        parse(&text::json(text, path)?, path)
    }
}

/// Shape and settings of `dir/config.json`; those of the text part, where there are others.
pub(crate) fn read(dir: &Path) -> Result<(LmConfig, Value), LmError> {
    let path = dir.join(CONFIG);
    let json = text::read_json(&path)?;
    let config = parse(&json, &path)?;
    Ok((config, TextPart::of(&json).settings.into_owned()))
}

fn parse(json: &Value, path: &Path) -> Result<LmConfig, LmError> {
    let part = TextPart::of(json);
    let fields = Fields::within(&part.settings, part.at, path)?;
    let config = families::parse(&fields, OutputHead::Vocabulary)?;
    config.validate().map_err(|e| LmError::format(path, e))?;
    Ok(config)
}

/// The settings of a model whose weights are stored as f32. `source` is the
/// file that the model was read with: it also names what is not ours to know.
pub(crate) fn config_json(c: &LmConfig, source: Option<&Value>) -> Value {
    let Some(Value::Object(source)) = source else { return families::write(c) };
    let mut out = source.clone();
    for key in ["dtype", "torch_dtype"] {
        if out.contains_key(key) {
            out.insert(key.into(), json!("float32"));
        }
    }
    // A folder that says otherwise than its tensors is read by them.
    const TIED: &str = "tie_word_embeddings";
    let usual = families::of(c.architecture.model_type).is_tied();
    if out.get(TIED).and_then(Value::as_bool).unwrap_or(usual) != c.tie_word_embeddings {
        out.insert(TIED.into(), json!(c.tie_word_embeddings));
    }
    // Names files of code that are not written here and not needed.
    out.remove("auto_map");
    out.remove("_name_or_path");
    Value::Object(out)
}
