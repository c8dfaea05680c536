//! What tells the tokens of one encoder from those of another.

use std::path::Path;
use std::sync::OnceLock;

use seal_data::{TemplateSetting, Tokenizer as _};
use seal_files::Digest;
use seal_world::WorldTokenizer;
use serde_json::json;

use crate::ModelError;
use crate::digest::{combined, digest_files};
use crate::encoder::{Encoder, TokenizerOrigin};

/// Raised when the same rows, tokenizer, template and context give other tokens.
const ENCODING: u32 = 1;

impl Encoder {
    /// Digest of all that the tokens of a row depend on beside the row: tokenizer, template and
    /// context. 32 hexadecimal digits, the same wherever the files lie.
    ///
    /// # Errors
    /// A file of the tokenizer or template that cannot be read.
    pub fn encoding_digest(&self) -> Result<String, ModelError> {
        let tokenizer = match &self.origin {
            TokenizerOrigin::World => json!(["world", world_vocabulary_digest()]),
            TokenizerOrigin::Trained(path) => {
                let of_file = digest_files(std::slice::from_ref(path))?;
                json!(["bpe", of_file.first().map(|digest| digest.short())])
            }
            TokenizerOrigin::Folder(dir) => {
                let mut names = seal_files::tokenizer_files(dir).map_err(ModelError::io(dir))?;
                names.retain(|name| seal_files::tokens_depend_on(name));
                json!(["folder", combined(dir, &names, digest_files)?])
            }
        };
        let template = self.template_text_hash(&self.template)?;
        let parts = json!([ENCODING, tokenizer, template, self.context()]);
        Ok(Digest::of(parts.to_string()).short())
    }

    /// What tells the text of `template` from that of another, wherever it lies.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(crate) fn template_text_hash(
        &self,
        template: &TemplateSetting,
    ) -> Result<String, ModelError> {
        let sources = template.texts(Path::new("."), self.text_tokenizer())?;
        let what = match template {
            TemplateSetting::Prompt(prompt) => json!(prompt),
            TemplateSetting::Chat { trained, date: None, kwargs, .. }
                if kwargs.is_empty() && sources.len() == 1 =>
            {
                json!([sources[0], trained])
            }
            TemplateSetting::Chat { trained, date, kwargs, .. } => {
                json!([sources, trained, date, kwargs])
            }
        };
        Ok(Digest::of(what.to_string()).short())
    }
}

/// What identifies the vocabulary of the built-in world, which is part of the program.
pub fn world_vocabulary_digest() -> &'static str {
    static WORDS: OnceLock<String> = OnceLock::new();
    WORDS.get_or_init(|| {
        let words = WorldTokenizer::new();
        let all: Vec<String> =
            (0..words.vocab_size() as u32).map(|id| words.decode(&[id])).collect();
        Digest::of(json!(all).to_string()).short()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::PathBuf;

    use seal_data::{Rows, TextTokenizer};

    use super::*;
    use crate::{ModelSettings, TokenizerKind, TokenizerSettings};

    fn shape(context: usize) -> ModelSettings {
        let text = format!(
            "hidden_size = 8\nnum_hidden_layers = 1\nnum_attention_heads = 1\n\
             num_key_value_heads = 1\nintermediate_size = 8\nmax_position_embeddings = {context}"
        );
        toml::from_str(&text).unwrap()
    }

    fn settings(kind: TokenizerKind, template: TemplateSetting) -> TokenizerSettings {
        TokenizerSettings { kind, vocab_size: None, template }
    }

    fn prompt(text: &str) -> TemplateSetting {
        TemplateSetting::Prompt(seal_data::PromptTemplate::try_from(text.to_owned()).unwrap())
    }

    /// A folder with a tokenizer of bytes, trained on nothing.
    fn folder(dir: &Path) {
        let tokenizer = TextTokenizer::train_bpe(Rows::new().as_slice(), 300).unwrap();
        fs::write(dir.join("tokenizer.json"), tokenizer.to_json().unwrap()).unwrap();
        let config = json!({"eos_token": seal_data::tokenize::END_OF_TEXT});
        fs::write(dir.join("tokenizer_config.json"), config.to_string()).unwrap();
    }

    #[test]
    fn each_part_of_an_encoding_is_in_its_digest() {
        let dir = tempfile::tempdir().unwrap();
        folder(dir.path());
        let none = Path::new("");
        let world = |template, context| {
            let settings = settings(TokenizerKind::World, template);
            Encoder::read(&shape(context), &settings, none).unwrap().encoding_digest().unwrap()
        };
        let bpe = |context| {
            let settings = settings(TokenizerKind::Bpe, prompt("{} "));
            Encoder::read(&shape(context), &settings, dir.path()).unwrap().encoding_digest()
        };
        let of_folder = || {
            let encoder = Encoder::of_folder(dir.path(), &prompt("{} "), 8).unwrap();
            encoder.encoding_digest().unwrap()
        };
        let first = of_folder();
        let mut all = vec![
            world(prompt("{} "), 8),
            world(prompt("{} "), 9),
            world(prompt("Q: {} "), 8),
            bpe(8).unwrap(),
            first.clone(),
        ];
        assert_eq!(all[0], world(prompt("{} "), 8));
        // Nobody's tokens depend on these files.
        for name in ["README.md", "config.json", "model.safetensors"] {
            fs::write(dir.path().join(name), "{}").unwrap();
            assert_eq!(of_folder(), first, "{name}");
        }
        fs::write(dir.path().join("generation_config.json"), "{}").unwrap();
        all.push(of_folder());
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "{all:?}");
        assert!(all.iter().all(|digest| digest.len() == 32));
    }

    #[test]
    fn a_template_counts_by_its_text_and_not_by_its_place() {
        let dir = tempfile::tempdir().unwrap();
        folder(dir.path());
        let digest = |name: &str, text: &str| {
            let path: PathBuf = dir.path().join(name);
            fs::write(&path, text).unwrap();
            let chat = format!("v = {{ chat = {:?} }}", path.display().to_string());
            let mut table: std::collections::BTreeMap<String, TemplateSetting> =
                toml::from_str(&chat).unwrap();
            let template = table.remove("v").unwrap();
            let encoder = Encoder::of_folder(dir.path(), &template, 8).unwrap();
            encoder.encoding_digest().unwrap()
        };
        let text = "{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}";
        assert_eq!(digest("a.jinja", text), digest("b.jinja", text));
        assert_ne!(digest("a.jinja", text), digest("b.jinja", &format!("Q {text}")));
    }
}
