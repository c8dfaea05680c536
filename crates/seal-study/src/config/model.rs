//! The `[model]` of a config: a shape to train from scratch, or a folder.

use std::path::{Path, PathBuf};

use seal_lm::{LmConfig, LoraConfig, WeightFormat};
use serde::{Deserialize, Deserializer, Serialize};

use crate::StudyError;
use crate::pretrained::FoundModel;

/// Where the model comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ModelSettings {
    /// Trained from scratch by the study.
    Shape(LmConfig),
    /// A pretrained one.
    Folder(ModelFolder),
}

/// A model folder as Hugging Face programs write it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFolder {
    /// The folder, or `hf://owner/name@revision`.
    pub path: PathBuf,
    /// Longest row in tokens; left out, what the model was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<usize>,
    /// Number format of the weights. In bf16 adapters only can be trained.
    #[serde(default, skip_serializing_if = "WeightFormat::is_f32")]
    pub dtype: WeightFormat,
    /// What the folder must hold: a guard against another model, and what
    /// `--dry-run` reckons with where the model is not here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expected>,
    /// Filled in when the study is loaded.
    #[serde(skip)]
    pub(crate) found: Option<Box<FoundModel>>,
}

/// Sizes of a model, as its `config.json` names them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Number of weights; not compared with anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Number of query heads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_attention_heads: Option<usize>,
    /// Number of key and value heads. Heads that are left out are not compared, and count as
    /// if there were one of each, as wide as the residual stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_key_value_heads: Option<usize>,
    /// Width of the feed-forward block.
    pub intermediate_size: usize,
    /// Number of token ids.
    pub vocab_size: usize,
    /// Longest sequence.
    pub max_position_embeddings: usize,
}

impl Expected {
    /// A shape of these sizes, for estimates only.
    pub(crate) fn shape(&self) -> LmConfig {
        let heads = self.num_attention_heads.unwrap_or(1);
        LmConfig {
            vocab_size: self.vocab_size,
            hidden_size: self.hidden_size,
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: heads,
            num_key_value_heads: self.num_key_value_heads.unwrap_or(heads),
            intermediate_size: self.intermediate_size,
            max_position_embeddings: self.max_position_embeddings,
            rope_theta: 1e4,
            rms_norm_eps: 1e-5,
            tie_word_embeddings: false,
            initializer_range: 0.02,
            architecture: Default::default(),
        }
    }

    /// Says what is wrong, if anything.
    fn validate(&self) -> Result<(), String> {
        let said = |why: &str| Err(format!("expect: {why}"));
        let divides = |part: usize, whole: usize| part > 0 && whole.is_multiple_of(part);
        match (self.num_attention_heads, self.num_key_value_heads) {
            (None, Some(_)) => said("num_key_value_heads goes with num_attention_heads"),
            (Some(heads), kv) if !divides(kv.unwrap_or(heads), heads) => {
                said("num_attention_heads must be a multiple of num_key_value_heads")
            }
            _ => Ok(()),
        }
    }

    /// The first size that another model has.
    fn differs_from(&self, shape: &LmConfig) -> Option<String> {
        let (heads, kv) = (self.num_attention_heads, self.num_key_value_heads);
        let sizes = [
            ("hidden_size", Some(self.hidden_size), shape.hidden_size),
            ("num_hidden_layers", Some(self.num_hidden_layers), shape.num_hidden_layers),
            ("num_attention_heads", heads, shape.num_attention_heads),
            ("num_key_value_heads", kv, shape.num_key_value_heads),
            ("intermediate_size", Some(self.intermediate_size), shape.intermediate_size),
            ("vocab_size", Some(self.vocab_size), shape.vocab_size),
        ];
        sizes.into_iter().find_map(|(name, expected, found)| {
            let expected = expected.filter(|expected| *expected != found)?;
            Some(format!("{name} is {found}, expected is {expected}"))
        })
    }
}

impl<'de> Deserialize<'de> for ModelSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        // Not left to `untagged`, whose error would name neither form's field.
        let table = toml::Table::deserialize(deserializer)?;
        if table.contains_key("path") {
            ModelFolder::deserialize(table).map(Self::Folder).map_err(D::Error::custom)
        } else {
            LmConfig::deserialize(table).map(Self::Shape).map_err(D::Error::custom)
        }
    }
}

impl ModelSettings {
    /// The folder, where it is one.
    pub fn folder(&self) -> Option<&ModelFolder> {
        match self {
            Self::Shape(_) => None,
            Self::Folder(folder) => Some(folder),
        }
    }

    /// Number format of the weights.
    pub(crate) fn dtype(&self) -> WeightFormat {
        self.folder().map_or_else(WeightFormat::default, |folder| folder.dtype)
    }

    /// Says what is wrong, if anything.
    ///
    /// # Errors
    /// As [`LmConfig::validate`]; a context of 0; heads that no model has.
    pub fn validate(&self) -> Result<(), String> {
        match self {
            Self::Shape(shape) => shape.validate().and_then(|()| can_be_held(shape)),
            Self::Folder(ModelFolder { context: Some(0), .. }) => {
                Err("context must be at least 1".to_owned())
            }
            Self::Folder(folder) => folder.expect.as_ref().map_or(Ok(()), |expect| {
                expect.validate().and_then(|()| can_be_held(&expect.shape()))
            }),
        }
    }

    /// The shape, of a folder once it was found.
    ///
    /// # Errors
    /// [`StudyError::Defect`] before that.
    pub(crate) fn shape(&self) -> Result<&LmConfig, StudyError> {
        match self {
            Self::Shape(shape) => Ok(shape),
            Self::Folder(folder) => folder.found().map(|found| &found.shape),
        }
    }

    /// Longest row in tokens.
    ///
    /// # Errors
    /// As [`ModelSettings::shape`].
    pub(crate) fn context(&self) -> Result<usize, StudyError> {
        let most = self.shape()?.max_position_embeddings;
        Ok(match self {
            Self::Folder(ModelFolder { context: Some(context), .. }) => *context,
            _ => most,
        })
    }

    /// Looks for the folder, reads its shape and takes its digest.
    ///
    /// # Errors
    /// A folder that is missing, incomplete or of no known family; a context
    /// that is longer than the model's.
    pub(crate) fn find(&mut self) -> Result<(), StudyError> {
        let Self::Folder(folder) = self else { return Ok(()) };
        let found = FoundModel::look(&folder.path)?;
        if let Some(difference) =
            folder.expect.as_ref().and_then(|expect| expect.differs_from(&found.shape))
        {
            return Err(StudyError::Config(format!(
                "model.expect: {}: {difference}; is it another model?",
                folder.path.display()
            )));
        }
        let most = found.shape.max_position_embeddings;
        if let Some(context) = folder.context.filter(|context| *context > most) {
            return Err(StudyError::Config(format!(
                "model.context = {context}: {} was made for {most} tokens; set that or less",
                folder.path.display()
            )));
        }
        folder.found = Some(Box::new(found));
        Ok(())
    }
}

impl ModelFolder {
    /// What was found at `path`.
    ///
    /// # Errors
    /// [`StudyError::Defect`] where nothing has looked yet.
    pub(crate) fn found(&self) -> Result<&FoundModel, StudyError> {
        self.found
            .as_deref()
            .ok_or_else(|| StudyError::Defect("the model was not looked for".into()))
    }

    /// The name under which an adapter records its base.
    pub(crate) fn name(&self) -> String {
        let path: &Path = &self.path;
        let text = path.display().to_string();
        let repository = text.strip_prefix("hf://").map(|t| t.split('@').next().unwrap_or(t));
        repository.map_or_else(|| text.clone(), str::to_owned)
    }
}

/// Refuses sizes that no machine holds, before anything is made of them.
fn can_be_held(shape: &LmConfig) -> Result<(), String> {
    const MOST_WEIGHTS: f64 = 1e13;
    const LONGEST: usize = 1 << 26;
    let [d, inner, layers, entries] =
        [shape.hidden_size, shape.intermediate_size, shape.num_hidden_layers, shape.vocab_size]
            .map(|n| n as f64);
    let weights = layers * (2.0 * d * d + 3.0 * d * inner) + entries * d;
    if weights > MOST_WEIGHTS {
        return Err(format!(
            "hidden_size, intermediate_size, num_hidden_layers and vocab_size make {weights:.0e} \
             weights; at most {MOST_WEIGHTS:.0e} can be asked for"
        ));
    }
    match shape.max_position_embeddings {
        longest if longest > LONGEST => {
            Err(format!("max_position_embeddings = {longest}: at most {LONGEST}"))
        }
        _ => Ok(()),
    }
}

/// Refuses an adapter that no machine holds.
pub(super) fn rank_fits(name: &str, lora: Option<&LoraConfig>) -> Result<(), String> {
    const LARGEST: usize = 1 << 16;
    match lora.filter(|lora| lora.r > LARGEST) {
        Some(lora) => Err(format!("{name}.r = {}: at most {LARGEST}", lora.r)),
        None => Ok(()),
    }
}

/// Refuses to train weights in half precision: `lora` are the adapters that the
/// section `name` may have.
///
/// # Errors
/// What to do about it.
pub(crate) fn adapters_only(
    dtype: WeightFormat,
    name: &str,
    lora: Option<&LoraConfig>,
) -> Result<(), String> {
    match (dtype, lora) {
        (WeightFormat::Bf16, None) => Err(format!(
            "bf16 is for weights that stay as they are: add {name}, or train the whole model in f32"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(heads: Option<usize>, kv: Option<usize>) -> Expected {
        Expected {
            parameters: None,
            hidden_size: 64,
            num_hidden_layers: 2,
            num_attention_heads: heads,
            num_key_value_heads: kv,
            intermediate_size: 128,
            vocab_size: 10,
            max_position_embeddings: 8,
        }
    }

    #[test]
    fn heads_that_no_model_has_are_refused() {
        for (heads, kv) in [(None, None), (Some(8), None), (Some(8), Some(2)), (Some(8), Some(8))] {
            assert_eq!(expected(heads, kv).validate(), Ok(()));
        }
        for (heads, kv) in
            [(None, Some(2)), (Some(8), Some(3)), (Some(8), Some(0)), (Some(0), None)]
        {
            assert!(expected(heads, kv).validate().is_err(), "{heads:?} {kv:?}");
        }
    }

    #[test]
    fn another_number_of_heads_is_another_model() {
        let shape = expected(Some(8), Some(2)).shape();
        let said = |e: Expected| e.differs_from(&shape);
        assert_eq!(said(expected(Some(8), Some(2))), None);
        assert_eq!(said(expected(None, None)), None);
        let other = said(expected(Some(8), Some(4)));
        assert_eq!(other.as_deref(), Some("num_key_value_heads is 2, expected is 4"));
    }
}
