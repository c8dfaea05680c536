//! `config.json` of models with a head of scores.

use std::path::Path;

use serde_json::Value;

use crate::families::{self, Fields, OutputHead};
use crate::text_part::TextPart;
use crate::{LmConfig, LmError, text};

/// Path of the head in files, whatever the family.
pub(crate) const SCORE: &str = "score";

/// The shape of a model with a head of scores, as the classes `...ForSequenceClassification` of
/// transformers are.
#[derive(Clone, Debug, PartialEq)]
pub struct ScorerConfig {
    /// The shape of the trunk.
    pub shape: LmConfig,
    /// Number of scores of a row, k.
    pub labels: usize,
    /// The token by which transformers finds the end of a row. See
    /// [`crate::Scorer::differs_in_transformers`].
    pub pad_token: Option<u32>,
}

impl ScorerConfig {
    /// What `text`, a `config.json` of transformers, describes; `path` is for messages.
    ///
    /// The number of scores is `num_labels`, or else that of the entries of `id2label`, or else 2:
    /// transformers writes neither for 2.
    ///
    /// # Errors
    /// As [`LmConfig::from_hf`]; a model without a head of scores.
    pub fn from_hf(text: &str, path: &Path) -> Result<Self, LmError> {
        Self::parse(&text::json(text, path)?, path)
    }

    /// As [`ScorerConfig::from_hf`], of the folder `dir`.
    pub(crate) fn read(dir: &Path) -> Result<Self, LmError> {
        let path = dir.join(crate::hf::CONFIG);
        Self::parse(&text::read_json(&path)?, &path)
    }

    fn parse(json: &Value, path: &Path) -> Result<Self, LmError> {
        let part = TextPart::of(json);
        let fields = Fields::within(&part.settings, part.at, path)?;
        let shape = families::parse(&fields, OutputHead::Scores)?;
        shape.validate().map_err(|e| LmError::format(path, e))?;
        let named = fields.get("id2label").and_then(Value::as_object).map(|names| names.len());
        let labels = match (fields.size("num_labels")?, named) {
            (Some(labels), _) => labels,
            (None, Some(0)) => return Err(fields.refuse("id2label", "it names no score")),
            (None, Some(labels)) => labels,
            (None, None) => 2,
        };
        let pad_token = match fields.get("pad_token_id") {
            None => None,
            // transformers takes -1 for none.
            Some(id) if id.as_i64() == Some(-1) => None,
            Some(id) => Some(
                id.as_u64()
                    .and_then(|id| u32::try_from(id).ok())
                    .ok_or_else(|| fields.refuse("pad_token_id", "a token id is wanted"))?,
            ),
        };
        Ok(Self { shape, labels, pad_token })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(more: Value) -> Result<ScorerConfig, String> {
        let mut config = json!({
            "architectures": ["LlamaForSequenceClassification"], "model_type": "llama",
            "vocab_size": 8, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
            "intermediate_size": 8,
        });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ScorerConfig::from_hf(&config.to_string(), Path::new("config.json"))
            .map_err(|e| e.to_string())
    }

    #[test]
    fn scores_are_counted_as_transformers_counts_them() {
        let labels = |more| of(more).unwrap().labels;
        assert_eq!(labels(json!({"num_labels": 3, "id2label": {"0": "a"}})), 3);
        assert_eq!(labels(json!({"id2label": {"0": "LABEL_0"}})), 1);
        assert_eq!(labels(json!({})), 2);
    }

    #[test]
    fn a_pad_token_may_be_missing() {
        let pad = |more| of(more).unwrap().pad_token;
        assert_eq!(pad(json!({"pad_token_id": 7})), Some(7));
        assert_eq!(pad(json!({"pad_token_id": -1})), None);
        assert_eq!(pad(json!({"pad_token_id": null})), None);
    }

    #[test]
    fn other_models_are_refused_with_what_they_are() {
        let error = |more| of(more).unwrap_err();
        insta::assert_snapshot!(error(json!({"architectures": ["LlamaForCausalLM"]})), @r#"config.json: architectures = ["LlamaForCausalLM"]: this model writes text and has no head of scores: it is no reward model; a model that ends in ForSequenceClassification is wanted here"#);
        insta::assert_snapshot!(error(json!({"architectures": ["LlamaModel"]})), @r#"config.json: architectures = ["LlamaModel"]: only models that end in ForSequenceClassification have a head of scores"#);
        insta::assert_snapshot!(error(json!({"id2label": {}})), @"config.json: id2label = {}: it names no score");
        insta::assert_snapshot!(error(json!({"pad_token_id": "x"})), @r#"config.json: pad_token_id = "x": a token id is wanted"#);
        let causal = json!({
            "architectures": ["LlamaForSequenceClassification"], "model_type": "llama",
        });
        let error = LmConfig::from_hf(&causal.to_string(), Path::new("config.json")).unwrap_err();
        insta::assert_snapshot!(error, @r#"config.json: architectures = ["LlamaForSequenceClassification"]: this model has a head of scores and writes no text: it can be a reward model only; a model that ends in ForCausalLM is wanted here"#);
    }
}
