//! A model as settings name it: a shape to train from scratch, or a folder.

use std::path::{Path, PathBuf};

use seal_lm::{LmConfig, WeightFormat};
use serde::{Deserialize, Deserializer, Serialize};

use crate::digest::DigestFiles;
use crate::pretrained::FoundModel;
use crate::shape_error::can_be_held;
use crate::{Defect, Expected, FolderError, ModelError, ShapeError};

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
    /// Sizes that the folder must hold: a guard against another model, and the sizes that
    /// an estimate reckons with where the model is not here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expected>,
    /// Filled in by [`ModelSettings::find`].
    #[serde(skip)]
    pub found: Option<Box<FoundModel>>,
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
    pub fn dtype(&self) -> WeightFormat {
        self.folder().map_or_else(WeightFormat::default, |folder| folder.dtype)
    }

    /// Says what is wrong, if anything.
    ///
    /// # Errors
    /// As [`LmConfig::validate`]; a context of 0; heads that no model has.
    pub fn validate(&self) -> Result<(), ShapeError> {
        match self {
            Self::Shape(shape) => {
                shape.validate()?;
                can_be_held(shape)
            }
            Self::Folder(ModelFolder { context: Some(0), .. }) => Err(ShapeError::NoContext),
            Self::Folder(folder) => folder.expect.as_ref().map_or(Ok(()), |expect| {
                expect.validate().and_then(|()| can_be_held(&expect.shape()))
            }),
        }
    }

    /// The shape, of a folder once it was found.
    ///
    /// # Errors
    /// [`Defect::NotLookedFor`] before that.
    pub fn shape(&self) -> Result<&LmConfig, ModelError> {
        match self {
            Self::Shape(shape) => Ok(shape),
            Self::Folder(folder) => folder.found().map(|found| &found.shape),
        }
    }

    /// Longest row in tokens.
    ///
    /// # Errors
    /// As [`ModelSettings::shape`].
    pub fn context(&self) -> Result<usize, ModelError> {
        let most = self.shape()?.max_position_embeddings;
        Ok(match self {
            Self::Folder(ModelFolder { context: Some(context), .. }) => *context,
            _ => most,
        })
    }

    /// Looks for the folder, reads its shape and takes its digest by `digest_files`.
    ///
    /// # Errors
    /// A folder that is missing, incomplete or of no known family; a context
    /// that is longer than the model's.
    pub fn find(&mut self, digest_files: DigestFiles) -> Result<(), ModelError> {
        let Self::Folder(folder) = self else { return Ok(()) };
        let found = FoundModel::find(&folder.path, digest_files)?;
        let path = || folder.path.clone();
        folder.expects(&found.shape)?;
        let most = found.shape.max_position_embeddings;
        if let Some(context) = folder.context.filter(|context| *context > most) {
            return Err(FolderError::Context { path: path(), context, most }.into());
        }
        folder.found = Some(Box::new(found));
        Ok(())
    }
}

impl ModelFolder {
    /// What was found at `path`.
    ///
    /// # Errors
    /// [`Defect::NotLookedFor`] where nothing has looked yet.
    pub fn found(&self) -> Result<&FoundModel, ModelError> {
        self.found.as_deref().ok_or(ModelError::Defect(Defect::NotLookedFor))
    }

    /// Refuses a model of other sizes than those that are expected.
    ///
    /// # Errors
    /// [`FolderError::Unexpected`].
    pub(crate) fn expects(&self, shape: &LmConfig) -> Result<(), FolderError> {
        match self.expect.as_ref().and_then(|expect| expect.differs_from(shape)) {
            None => Ok(()),
            Some(difference) => {
                Err(FolderError::Unexpected { path: self.path.clone(), difference })
            }
        }
    }

    /// Longest row in tokens of a model that was made for `most`.
    ///
    /// # Errors
    /// [`ModelError::Context`].
    pub(crate) fn context_of(&self, most: usize) -> Result<usize, ModelError> {
        let context = self.context.unwrap_or(most);
        match (1..=most).contains(&context) {
            true => Ok(context),
            false => Err(ModelError::Context { context, most }),
        }
    }

    /// The name under which an adapter records its base.
    pub fn name(&self) -> String {
        let path: &Path = &self.path;
        let text = path.display().to_string();
        let repository = text.strip_prefix("hf://").map(|t| t.split('@').next().unwrap_or(t));
        repository.map_or_else(|| text.clone(), str::to_owned)
    }
}
