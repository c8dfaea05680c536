//! How the rows of a study become tokens.

use std::collections::BTreeMap;
use std::path::Path;

use seal_data::{
    Dress, Example, ExampleError, Prepared, Row, TemplateSetting, TextTokenizer, Tokenizer,
    check_length, prepare,
};
use seal_lm::Lm;
use seal_world::WorldTokenizer;
use serde_json::json;

use crate::StudyError;
use crate::config::{Config, TokenizerKind};

/// File of a trained tokenizer in the base's folder.
const TOKENIZER_FILE: &str = "tokenizer.json";

/// Tokenizer, template and context of a base.
pub(crate) struct Encoder {
    tokenizer: Vocabulary,
    dress: Box<dyn Dress>,
    context: usize,
}

enum Vocabulary {
    World(WorldTokenizer),
    Text(Box<TextTokenizer>),
}

impl Encoder {
    /// Makes the tokenizer of a base and, where it is trained, writes it to `dir`.
    ///
    /// # Errors
    /// A tokenizer or template that cannot be had; a file that cannot be written.
    pub(crate) fn make(config: &Config, base: &[Row], dir: &Path) -> Result<Self, StudyError> {
        if let (TokenizerKind::Bpe, Some(size)) =
            (config.tokenizer.kind, config.tokenizer.vocab_size)
        {
            let failed = |e: String| StudyError::Rows(format!("training the tokenizer: {e}"));
            let tokenizer = TextTokenizer::train_bpe(base, size).map_err(failed)?;
            let path = dir.join(TOKENIZER_FILE);
            std::fs::write(&path, tokenizer.to_json().map_err(failed)?)
                .map_err(StudyError::io(&path))?;
        }
        Self::read(config, dir)
    }

    /// The encoder of the base whose output is in `dir`.
    ///
    /// # Errors
    /// As [`Encoder::make`]; a damaged folder.
    pub(crate) fn read(config: &Config, dir: &Path) -> Result<Self, StudyError> {
        let context = config.model.context()?;
        let tokenizer = match (config.tokenizer.kind, config.model.folder()) {
            (TokenizerKind::World, _) => Vocabulary::World(WorldTokenizer::new()),
            (TokenizerKind::Model, Some(folder)) => {
                let dir = &folder.found()?.dir;
                return Self::of_model(dir, &config.tokenizer.template, context);
            }
            (TokenizerKind::Model, None) => {
                return Err(StudyError::Defect("a tokenizer of no model folder".into()));
            }
            (TokenizerKind::Bpe, _) => {
                let path = dir.join(TOKENIZER_FILE);
                let bytes = std::fs::read(&path).map_err(StudyError::io(&path))?;
                let end = seal_data::tokenize::END_OF_TEXT;
                let tokenizer = TextTokenizer::from_bytes(&bytes, None, end)
                    .map_err(|reason| StudyError::Damaged { path, reason })?;
                Vocabulary::Text(Box::new(tokenizer))
            }
        };
        let text = match &tokenizer {
            Vocabulary::World(_) => None,
            Vocabulary::Text(text) => Some(&**text),
        };
        let dress = config.tokenizer.template.resolve(Path::new("."), text)?;
        Ok(Self { tokenizer, dress, context })
    }

    /// That of a model folder.
    ///
    /// # Errors
    /// As [`Encoder::read`].
    pub(crate) fn of_model(
        dir: &Path,
        template: &TemplateSetting,
        context: usize,
    ) -> Result<Self, StudyError> {
        let tokenizer = TextTokenizer::from_folder(dir)?;
        let dress = template.resolve(Path::new("."), Some(&tokenizer))?;
        Ok(Self { tokenizer: Vocabulary::Text(Box::new(tokenizer)), dress, context })
    }

    /// Refuses a model that lacks tokens of the tokenizer: it would be asked for
    /// rows that its embedding does not have.
    ///
    /// # Errors
    /// [`StudyError::Config`].
    pub(crate) fn fits(&self, model: &Lm) -> Result<(), StudyError> {
        let (known, ids) = (model.config().vocab_size, self.tokenizer().vocab_size());
        if ids > known {
            return Err(StudyError::Config(format!(
                "the tokenizer has {ids} tokens, the model {known}: it is that of another model"
            )));
        }
        Ok(())
    }

    pub(crate) fn tokenizer(&self) -> &dyn Tokenizer {
        match &self.tokenizer {
            Vocabulary::World(world) => world,
            Vocabulary::Text(text) => &**text,
        }
    }

    /// Whether the model folder has a chat template.
    pub(crate) fn has_chat_template(&self) -> bool {
        match &self.tokenizer {
            Vocabulary::World(_) => false,
            Vocabulary::Text(text) => text.chat_templates().contains_key("default"),
        }
    }

    /// Whether these are the chat templates of the model folder.
    pub(crate) fn has_templates(&self, templates: &BTreeMap<String, String>) -> bool {
        match &self.tokenizer {
            Vocabulary::World(_) => false,
            Vocabulary::Text(text) => text.chat_templates() == templates,
        }
    }

    /// Turns of a row that the template has no place for.
    pub(crate) fn unplaced(&self, row: &Row) -> usize {
        self.dress.unplaced(row)
    }

    /// The text of one token, after the one before it; its name where it is a special one.
    pub(crate) fn text_of(&self, before: Option<u32>, token: u32) -> String {
        let named = match &self.tokenizer {
            Vocabulary::Text(text) if text.is_special(token) => text.token(token),
            _ => None,
        };
        let decode = |tokens: &[u32]| self.tokenizer().decode(tokens);
        // Decoders of SentencePiece's kind strip the space that a text begins with.
        let after = |before| {
            let text = decode(&[before, token]);
            text.strip_prefix(&decode(&[before])).map(str::to_owned)
        };
        named.or_else(|| before.and_then(after)).unwrap_or_else(|| decode(&[token]))
    }

    /// What tells the text of `template` from that of another, wherever it lies.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(crate) fn template_text_hash(
        &self,
        template: &TemplateSetting,
    ) -> Result<String, StudyError> {
        let text = match &self.tokenizer {
            Vocabulary::World(_) => None,
            Vocabulary::Text(text) => Some(&**text),
        };
        let sources = template.texts(Path::new("."), text)?;
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
        Ok(blake3::hash(what.to_string().as_bytes()).to_hex()[..32].to_owned())
    }

    /// Longest row in tokens.
    pub(crate) fn context(&self) -> usize {
        self.context
    }

    /// Rows that can be trained on, tokenised; the others are counted and listed.
    pub(crate) fn prepare(&self, rows: &[Row]) -> Prepared {
        prepare(rows, &*self.dress, self.tokenizer(), self.context)
    }

    /// As [`Encoder::prepare`], where nothing left is an error.
    pub(crate) fn examples(&self, rows: &[Row], name: &str) -> Result<Vec<Example>, StudyError> {
        self.usable(rows, name).map(|prepared| prepared.examples)
    }

    /// As [`Encoder::examples`], with the rows that cannot be used.
    pub(crate) fn usable(&self, rows: &[Row], name: &str) -> Result<Prepared, StudyError> {
        let prepared = self.prepare(rows);
        match (prepared.examples.is_empty(), prepared.left_out.first()) {
            (true, first) => Err(StudyError::Rows(format!(
                "no row of the {name} set can be used; the first: {}",
                first.map_or_else(|| "there is none".to_owned(), ToString::to_string)
            ))),
            (false, _) => Ok(prepared),
        }
    }

    /// Tokens of a row's prompt.
    pub(crate) fn prompt(&self, row: &Row) -> Result<Vec<u32>, ExampleError> {
        check_length(row, "", self.tokenizer(), self.context)?;
        self.dress.encode_prompt(row, self.tokenizer())
    }

    /// The row with another answer, whole.
    pub(crate) fn answered(&self, row: &Row, answer: &str) -> Result<Example, ExampleError> {
        let row = Row { response: answer.to_owned(), ..row.clone() };
        check_length(&row, answer, self.tokenizer(), self.context)?;
        self.dress.encode_row(&row, self.tokenizer(), self.context)
    }

    /// The row's prompt with the beginning of an answer.
    pub(crate) fn opened(&self, row: &Row, opening: &str) -> Result<Example, ExampleError> {
        let mut tokens = self.prompt(row)?;
        let answer = tokens.len();
        let reply = self.tokenizer().encode(opening);
        tokens.extend(reply.map_err(|reason| ExampleError::Unencodable { id: row.id, reason })?);
        match (tokens.len() == answer, tokens.len() > self.context) {
            (true, _) => Err(ExampleError::EmptyAnswer { id: row.id }),
            (false, true) => {
                let (tokens, context) = (tokens.len(), self.context);
                Err(ExampleError::TooLong { id: row.id, tokens, context })
            }
            (false, false) => Ok(Example::new(row.id, tokens, answer)),
        }
    }

    /// Tokens that end an answer.
    pub(crate) fn stops(&self) -> Result<Vec<u32>, StudyError> {
        self.dress.stops(self.tokenizer()).map_err(|e| StudyError::Rows(e.to_string()))
    }
}

/// What identifies a template that stands in a file or a folder of its own: its text.
pub(crate) fn template_hash(config: &Config) -> Result<Option<String>, StudyError> {
    match &config.tokenizer.template {
        TemplateSetting::Chat { chat: Some(_), .. } => {
            Ok(config.tokenizer.template.digest(Path::new("."), None)?)
        }
        _ => Ok(None),
    }
}
