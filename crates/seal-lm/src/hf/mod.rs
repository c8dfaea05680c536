//! `config.json` of Hugging Face model folders, read as transformers reads it.
//!
//! A setting that changes the mathematics and is not followed here is an error
//! that names it; what transformers ignores for a family is ignored. Read are
//! both the layout of version 5 (`rope_parameters`) and the older one
//! (`rope_scaling`, `rope_theta`, `rotary_pct`). Defaults are those of
//! transformers 5.23 (`configuration_llama.py` and its neighbours).

mod fields;
mod parse;
mod rope;
mod write;

use std::path::Path;

use serde_json::Value;

use crate::text::{json, read_json};
use crate::{LmConfig, LmError};
use fields::Fields;

pub(crate) use write::config_json;

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
        parse::config(&Fields::of(&json(text, path)?, path)?)
    }
}

/// Shape and text of `dir/config.json`.
pub(crate) fn read(dir: &Path) -> Result<(LmConfig, Value), LmError> {
    let path = dir.join(CONFIG);
    let json = read_json(&path)?;
    let config = parse::config(&Fields::of(&json, &path)?)?;
    Ok((config, json))
}
