//! A judge that is a model on this machine, as a table has it.
//!
//! Nothing here opens a model. Whoever opens it says what its replies depend on
//! ([`LocalIdentity`]), and answers as a [`Responder`](crate::Responder).

use std::path::{Path, PathBuf};

use seal_endpoint::{EndpointSettings, Price};
use serde::{Deserialize, Serialize};

/// Stands in the place of an address. No server has it.
const HERE: &str = "this machine";

/// A model folder that is asked as an endpoint is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalModel {
    /// The folder, or `hf://owner/name@revision`.
    pub path: PathBuf,
    /// Number format of the weights.
    #[serde(default)]
    pub dtype: Dtype,
    /// Longest prompt with its reply in tokens; left out, what the model was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<usize>,
    /// Number of weights, for estimates where the folder is not here; nothing is compared with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// The chat template, of the folder unless given.
    #[serde(default)]
    pub template: LocalTemplate,
    /// Longest reply in tokens.
    #[serde(default = "default_max_tokens")]
    pub max_tokens: u32,
    /// Tokens whose log-probabilities are given at a place, likeliest first; 0 for none.
    #[serde(default = "default_top_logprobs")]
    pub top_logprobs: u8,
}

/// Number format of a model's weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dtype {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits of the range of 32.
    Bf16,
}

/// Where the chat template of a judge's model is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Named", into = "Named")]
pub enum LocalTemplate {
    /// In the model's folder: `"chat"`.
    #[default]
    Folder,
    /// In a file: `{ chat = "FILE.jinja" }`, from the folder of the table.
    File(PathBuf),
}

/// A template as a table has it.
#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Named {
    Name(String),
    File { chat: PathBuf },
}

impl TryFrom<Named> for LocalTemplate {
    type Error = &'static str;

    fn try_from(named: Named) -> Result<Self, Self::Error> {
        match named {
            Named::Name(name) if name == "chat" => Ok(Self::Folder),
            Named::Name(_) => Err(
                "model.template is \"chat\", for the folder's own, or a table { chat = \"FILE.jinja\" }",
            ),
            Named::File { chat } => Ok(Self::File(chat)),
        }
    }
}

impl From<LocalTemplate> for Named {
    fn from(template: LocalTemplate) -> Self {
        match template {
            LocalTemplate::Folder => Self::Name("chat".to_owned()),
            LocalTemplate::File(chat) => Self::File { chat },
        }
    }
}

fn default_max_tokens() -> u32 {
    16
}

fn default_top_logprobs() -> u8 {
    20
}

/// What the replies of an opened model depend on, the question apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalIdentity {
    /// Hash of the folder's files, number format, device, context and template.
    pub digest: String,
}

impl LocalModel {
    /// What is wrong, if anything.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        if self.max_tokens == 0 {
            return Some("model.max_tokens is at least 1");
        }
        if self.top_logprobs > 100 {
            return Some("model.top_logprobs is at most 100");
        }
        None
    }

    /// The last part of the path: the name of a folder or of a repository, without a revision.
    pub fn name(&self) -> String {
        last_part(&self.path.display().to_string())
    }

    /// The settings by which a question to this model is written down and counted: the hash is its
    /// name, it costs nothing, and takes one question at a time.
    pub(crate) fn asked(&self, identity: &LocalIdentity) -> EndpointSettings {
        let mut asked = EndpointSettings::new(HERE, &identity.digest);
        asked.max_tokens = self.max_tokens;
        asked.top_logprobs = Some(self.top_logprobs);
        asked.temperature = Some(0.0);
        asked.limits.concurrency = 1;
        asked.price = Some(Price { input: 0.0, output: 0.0, batch: 1.0 });
        asked
    }
}

/// The last part of a path or of an address on a hub, without a revision.
pub(crate) fn last_part(text: &str) -> String {
    let text = text.trim();
    let text = match text.strip_prefix("hf://") {
        Some(address) => address.split('@').next().unwrap_or(address),
        None => text,
    };
    let last = Path::new(text).file_name().map(|name| name.to_string_lossy().into_owned());
    last.unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<LocalModel, String> {
        toml::from_str(text).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn a_model_has_defaults_and_faults_are_named() {
        let model = of("path = \"models/judge-1\"").unwrap();
        assert_eq!((model.max_tokens, model.top_logprobs, model.dtype), (16, 20, Dtype::F32));
        assert_eq!((model.name().as_str(), model.fault()), ("judge-1", None));
        let model = of("path = \"hf://owner/judge-2@main\"\ntop_logprobs = 101").unwrap();
        assert_eq!(model.name(), "judge-2");
        assert_eq!(model.fault(), Some("model.top_logprobs is at most 100"));
        assert!(of("path = \"m\"\nmax_tokens = 0").unwrap().fault().is_some());
        insta::assert_snapshot!(of("path = \"m\"\ntemplate = \"own\"").unwrap_err(), @r#"model.template is "chat", for the folder's own, or a table { chat = "FILE.jinja" }"#);
    }

    #[test]
    fn a_template_is_written_as_it_is_read() {
        for text in ["path = \"m\"", "path = \"m\"\ntemplate = { chat = \"t.jinja\" }"] {
            let model = of(text).unwrap();
            assert_eq!(of(&toml::to_string(&model).unwrap()).unwrap(), model);
        }
    }
}
