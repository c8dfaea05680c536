//! How rows become tokens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use seal_data::{
    Example, ExampleError, Row, Template, TemplateSetting, TextTokenizer, Tokenizer, check_length,
    prepare,
};
use seal_lm::Lm;
use seal_world::WorldTokenizer;

use crate::{Defect, ModelError, ModelSettings, TokenizedSet, TokenizerKind, TokenizerSettings};

/// File of a trained tokenizer.
const TOKENIZER_FILE: &str = "tokenizer.json";

/// Tokenizer, template and context of a model: all that the tokens of a row depend on.
pub struct Encoder {
    tokenizer: Vocabulary,
    prompt_template: Box<dyn Template>,
    pub(crate) template: TemplateSetting,
    context: usize,
    pub(crate) origin: TokenizerOrigin,
}

enum Vocabulary {
    World(WorldTokenizer),
    Text(Box<TextTokenizer>),
}

/// Where a tokenizer comes from.
pub(crate) enum TokenizerOrigin {
    /// The built-in world.
    World,
    /// A `tokenizer.json` that was trained.
    Trained(PathBuf),
    /// A model folder.
    Folder(PathBuf),
}

impl Encoder {
    /// Trains a tokenizer on `rows` and writes it to `dir`, where [`Encoder::read`] finds it.
    ///
    /// # Errors
    /// Rows that no such tokenizer can be trained on; a file that cannot be written.
    pub fn train(vocab_size: usize, rows: &[Row], dir: &Path) -> Result<(), ModelError> {
        let failed = |source| ModelError::TokenizerTraining { vocab_size, source };
        let trained = TextTokenizer::train_bpe(rows, vocab_size).map_err(failed)?;
        let path = dir.join(TOKENIZER_FILE);
        std::fs::write(&path, trained.to_json().map_err(failed)?).map_err(ModelError::io(&path))
    }

    /// The encoder of a base. `dir` is where its trained tokenizer lies; one of the world or
    /// of a model folder reads nothing there.
    ///
    /// # Errors
    /// A tokenizer or template that cannot be had; a damaged folder.
    pub fn read(
        model: &ModelSettings,
        tokenizer: &TokenizerSettings,
        dir: &Path,
    ) -> Result<Self, ModelError> {
        let (template, context) = (&tokenizer.template, model.context()?);
        match (tokenizer.kind, model.folder()) {
            (TokenizerKind::World, _) => {
                let words = Vocabulary::World(WorldTokenizer::new());
                Self::with(words, template, context, TokenizerOrigin::World)
            }
            (TokenizerKind::Model, Some(folder)) => {
                Self::of_folder(&folder.found()?.dir, template, context)
            }
            (TokenizerKind::Model, None) => Err(Defect::NoFolder.into()),
            (TokenizerKind::Bpe, _) => {
                let path = dir.join(TOKENIZER_FILE);
                let bytes = std::fs::read(&path).map_err(ModelError::io(&path))?;
                let end = seal_data::tokenize::END_OF_TEXT;
                let trained = TextTokenizer::from_bytes(&bytes, None, end)
                    .map_err(|source| ModelError::TokenizerFile { path: path.clone(), source })?;
                let trained = Vocabulary::Text(Box::new(trained));
                Self::with(trained, template, context, TokenizerOrigin::Trained(path))
            }
        }
    }

    /// That of a model folder.
    ///
    /// # Errors
    /// As [`Encoder::read`].
    pub fn of_folder(
        dir: &Path,
        template: &TemplateSetting,
        context: usize,
    ) -> Result<Self, ModelError> {
        Self::of_folders(dir, dir, template, context)
    }

    /// That of the model in the folder `model` with the tokenizer of another folder.
    ///
    /// # Errors
    /// As [`Encoder::read`]; a tokenizer with tokens that the model does not have.
    pub fn of_folders(
        tokenizer: &Path,
        model: &Path,
        template: &TemplateSetting,
        context: usize,
    ) -> Result<Self, ModelError> {
        let origin = TokenizerOrigin::Folder(tokenizer.to_owned());
        let tokenizer = Vocabulary::Text(Box::new(TextTokenizer::for_model(tokenizer, model)?));
        Self::with(tokenizer, template, context, origin)
    }

    fn with(
        tokenizer: Vocabulary,
        template: &TemplateSetting,
        context: usize,
        origin: TokenizerOrigin,
    ) -> Result<Self, ModelError> {
        let text = match &tokenizer {
            Vocabulary::World(_) => None,
            Vocabulary::Text(text) => Some(&**text),
        };
        let prompt_template = template.resolve(Path::new("."), text)?;
        Ok(Self { tokenizer, prompt_template, template: template.clone(), context, origin })
    }

    /// Refuses a model that lacks tokens of the tokenizer: it would be asked for
    /// rows that its embedding does not have.
    ///
    /// # Errors
    /// [`ModelError::Vocabulary`].
    pub fn fits(&self, model: &Lm) -> Result<(), ModelError> {
        self.fits_vocabulary(model.config().vocab_size)
    }

    /// As [`Encoder::fits`], of a model with `known` tokens.
    pub(crate) fn fits_vocabulary(&self, known: usize) -> Result<(), ModelError> {
        let ids = self.tokenizer().vocab_size();
        match ids > known {
            true => Err(ModelError::Vocabulary { tokenizer: ids, model: known }),
            false => Ok(()),
        }
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &dyn Tokenizer {
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
        self.prompt_template.unplaced(row)
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

    /// The tokenizer, where it is one of text.
    pub(crate) fn text_tokenizer(&self) -> Option<&TextTokenizer> {
        match &self.tokenizer {
            Vocabulary::World(_) => None,
            Vocabulary::Text(text) => Some(text),
        }
    }

    /// Longest row in tokens.
    pub fn context(&self) -> usize {
        self.context
    }

    /// The tokens of `rows`. A row that cannot be trained on is listed with its reason.
    pub fn encode(&self, rows: &[Row]) -> TokenizedSet {
        prepare(rows, &*self.prompt_template, self.tokenizer(), self.context).into()
    }

    /// The examples of the set `name`, of which at least one row can be trained on.
    ///
    /// # Errors
    /// [`ModelError::NoUsableRow`].
    pub fn examples(&self, rows: &[Row], name: &str) -> Result<Vec<Example>, ModelError> {
        Ok(self.encode(rows).usable(name)?.examples)
    }

    /// Tokens of a row's prompt.
    ///
    /// # Errors
    /// A prompt that cannot be encoded or that the template does not take.
    pub fn prompt(&self, row: &Row) -> Result<Vec<u32>, ExampleError> {
        check_length(row, "", self.tokenizer(), self.context)?;
        self.prompt_template.encode_prompt(row, self.tokenizer())
    }

    /// The row with another answer, whole.
    ///
    /// # Errors
    /// As [`Encoder::prompt`]; a row that the context does not hold.
    pub fn answered(&self, row: &Row, answer: &str) -> Result<Example, ExampleError> {
        let row = Row { response: answer.to_owned(), ..row.clone() };
        check_length(&row, answer, self.tokenizer(), self.context)?;
        self.prompt_template.encode_row(&row, self.tokenizer(), self.context)
    }

    /// The row's prompt with the beginning of an answer.
    ///
    /// # Errors
    /// As [`Encoder::answered`].
    pub fn opened(&self, row: &Row, opening: &str) -> Result<Example, ExampleError> {
        let mut tokens = self.prompt(row)?;
        let answer = tokens.len();
        let reply = self.tokenizer().encode(opening);
        tokens.extend(reply.map_err(|source| ExampleError::Unencodable { id: row.id, source })?);
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
    ///
    /// # Errors
    /// [`ModelError::Stops`].
    pub fn stops(&self) -> Result<Vec<u32>, ModelError> {
        self.prompt_template.stops(self.tokenizer()).map_err(ModelError::Stops)
    }
}
