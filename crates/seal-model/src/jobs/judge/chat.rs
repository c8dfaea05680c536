//! A model on this machine that is asked as a chat endpoint is.

use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::module::Module as _;
use seal_data::chat::ChatTemplate;
use seal_data::{PromptTemplate, RowId, Template as _, TemplateSetting, Tokenizer as _};
use seal_endpoint::{
    Ask, ChatRole, EndpointError, Finish, Logprobs, Message, Reply, TokenChoice, TokenPosition,
    Usage, Watch,
};
use seal_judging::{Dtype, LocalIdentity, LocalModel, LocalTemplate, Responder};
use seal_lm::{
    Finish as End, GenerateSettings, Generated, Generator, Lm, Prompt, WeightFormat, load_model_as,
    next_token_log_probabilities,
};
use serde_json::json;

use super::found::FoundJudge;
use super::open::{JudgeRequest, chat_template};
use super::rendering::{Speaker, turns};
use super::sequence::{ControlTokens, tokens_of};
use crate::device::open_device;
use crate::digest::folder_digest;
use crate::encoder::Encoder;
use crate::jobs::Notice;
use crate::pretrained::FoundModel;
use crate::{Defect, LeftOutKind, ModelError, ModelFolder};

/// Of what a reply depends on beside the settings.
// 2: products of generation are summed in another order.
const VERSION: u32 = 2;

/// Places whose log-probabilities are given at most: a verdict stands in the first one with a visible
/// character.
const PLACES: usize = 4;

/// A chat model with its tokenizer and template, before its weights are read.
pub struct FoundChat {
    settings: LocalModel,
    found: FoundJudge,
    device: String,
    encoder: Encoder,
    template: ChatTemplate,
    stops: Vec<u32>,
    /// Whether the template ends a turn of the model with a token.
    ends_turns: bool,
    context: usize,
    identity: LocalIdentity,
}

/// A chat model, ready to answer. It takes one question at a time.
pub struct ChatModel {
    chat: FoundChat,
    generator: Mutex<Generator>,
    /// Gives log-probabilities, where some are asked for.
    scorer: Option<Lm>,
    notices: Vec<Notice>,
}

impl FoundChat {
    /// Looks at the model of a judge's table, and takes the digest of its files.
    ///
    /// # Errors
    /// A folder, tokenizer or template that cannot be used; a context that is longer than the
    /// model's, or has no room for a reply; an unknown device.
    pub fn find(settings: &LocalModel, request: &JudgeRequest) -> Result<Self, ModelError> {
        let folder = folder_of(settings);
        let (dir, shape) = FoundModel::shape_within(&folder.path, request.reach)?;
        let context = folder.context_of(shape.max_position_embeddings)?;
        let encoder = Encoder::of_folder(&dir, &PromptTemplate::bare().into(), context)?;
        encoder.fits_vocabulary(shape.vocab_size)?;
        let setting = match (TemplateSetting::chat(), &settings.template) {
            (
                TemplateSetting::Chat { name, date, trained, kwargs, .. },
                LocalTemplate::File(file),
            ) => TemplateSetting::Chat { chat: Some(file.clone()), name, date, trained, kwargs },
            (own, _) => own,
        };
        let (format, hash) = chat_template(&setting, &encoder, &request.folder, &dir, None)?;
        let tokenizer = encoder.text_tokenizer().ok_or(Defect::NoFolder)?;
        let stops = format.stops(tokenizer).map_err(ModelError::Stops)?;
        let ends_turns = format.end_of_turn(tokenizer).map_err(ModelError::Stops)?.is_some();
        let digest = folder_digest(&dir, request.digest_files)?;
        let identity = json!([
            "chat",
            VERSION,
            request.device_name()?,
            digest,
            folder.dtype,
            context,
            hash,
            stops,
        ]);
        let found = FoundJudge { dir, shape, digest, prompt: Some(hash), identity };
        let (settings, device) = (settings.clone(), request.device.clone());
        let (template, identity) = (format.template, found.local_identity());
        Ok(Self {
            settings,
            found,
            device,
            encoder,
            template,
            stops,
            ends_turns,
            context,
            identity,
        })
    }

    /// The model folder, and all that tells the model from another one.
    pub fn found(&self) -> &FoundJudge {
        &self.found
    }

    /// What its replies depend on, the question apart.
    pub fn identity(&self) -> &LocalIdentity {
        &self.identity
    }

    /// What is to be said of the files that were looked at.
    pub fn notices(&self) -> Vec<Notice> {
        let (folder, max_tokens) = (self.found.dir.clone(), self.settings.max_tokens as usize);
        (!self.ends_turns).then_some(Notice::NoEnd { folder, max_tokens }).into_iter().collect()
    }

    /// Reads the weights.
    ///
    /// # Errors
    /// A device that cannot be opened, and weights that cannot be read.
    pub fn open(self) -> Result<ChatModel, ModelError> {
        let dtype = folder_of(&self.settings).dtype;
        let device = open_device(&self.device, dtype)?;
        let (model, report) = load_model_as(&self.found.dir, &device, dtype)?;
        let weights = report.notices.into_iter().map(|text| Notice::Weights { text });
        let notices = self.notices().into_iter().chain(weights).collect();
        let valid = model.valid();
        // Nobody else may hold the weights of a generator that owns them.
        drop(model);
        let (scorer, generator) = match self.settings.top_logprobs {
            0 => (None, Generator::owning(valid)),
            _ => (Some(valid.clone()), Generator::of(&valid)),
        };
        Ok(ChatModel { chat: self, generator: Mutex::new(generator), scorer, notices })
    }

    /// The tokens of a question, up to where the model is to answer.
    fn tokens(&self, messages: &[Message]) -> Result<Vec<u32>, EndpointError> {
        let unfit = |why: String| EndpointError::Unfit { why };
        let Some(tokenizer) = self.encoder.text_tokenizer() else {
            return Err(unfit("the model has no tokenizer of its own".to_owned()));
        };
        let spoken: Vec<(Speaker, &str)> =
            messages.iter().map(|message| (speaker(message.role), &*message.content)).collect();
        let named = tokenizer.named_tokens();
        let rendered = turns(&self.template, &spoken, true, &named)
            .map_err(|error| unfit(error.to_string()))?;
        let texts: Vec<&str> = spoken.iter().map(|(_, text)| *text).collect();
        let id = id_of(messages);
        let tokens = tokens_of(tokenizer, ControlTokens::Plain, &rendered, &texts, id);
        let tokens = tokens.map_err(|row| unfit(why_not(row.kind).to_owned()))?;
        let (length, reply) = (tokens.len(), self.settings.max_tokens as usize);
        match length + reply > self.context {
            true => Err(unfit(format!(
                "{length} tokens with room for a reply of {reply} are more than its context of {}",
                self.context
            ))),
            false => Ok(tokens),
        }
    }
}

impl ChatModel {
    /// What is to be said of the files of the model.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// The tokens that the model reads of a question.
    ///
    /// # Errors
    /// [`EndpointError::Unfit`].
    pub fn prompt_tokens(&self, messages: &[Message]) -> Result<Vec<u32>, EndpointError> {
        self.chat.tokens(messages)
    }

    fn lock(&self) -> MutexGuard<'_, Generator> {
        // Nothing is written to a model.
        self.generator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Likeliest tokens at the first places of a reply, up to the first with a visible character.
    fn places(&self, prompt: &[u32], reply: &[u32]) -> Result<Logprobs, EndpointError> {
        let count = usize::from(self.chat.settings.top_logprobs);
        let Some(model) = &self.scorer else { return Ok(Logprobs::Absent) };
        let mut places = Vec::new();
        for (i, token) in reply.iter().take(PLACES).enumerate() {
            let before = [prompt, &reply[..i]].concat();
            let all = next_token_log_probabilities(model, &[&before])
                .map_err(|error| EndpointError::Model { why: error.to_string() })?;
            let text = |token: u32| self.chat.encoder.text_of(before.last().copied(), token);
            let choices = likeliest(&all[0], count);
            let choice = |(token, logprob)| TokenChoice { token: text(token), logprob };
            let choices = choices.into_iter().map(choice).collect();
            let token = text(*token);
            let is_visible = !token.trim().is_empty();
            places.push(TokenPosition { token, choices });
            if is_visible {
                break;
            }
        }
        Ok(Logprobs::Tokens(places))
    }
}

impl Responder for ChatModel {
    fn respond(&self, ask: &Ask, watch: &dyn Watch) -> Result<Reply, EndpointError> {
        if watch.is_cancelled() {
            return Err(EndpointError::Cancelled);
        }
        let tokens = self.chat.tokens(&ask.messages)?;
        let settings = GenerateSettings::greedy(self.chat.settings.max_tokens as usize);
        let failed = |why: String| EndpointError::Model { why };
        let prompt = Prompt { id: id_of(&ask.messages), tokens };
        let generator = self.lock();
        let replies =
            generator.generate(std::slice::from_ref(&prompt), &settings, &self.chat.stops, 0);
        let mut replies = replies.map_err(|error| failed(error.to_string()))?;
        let Some(Generated { tokens, finish, .. }) = replies.pop() else {
            return Err(failed("it gave no reply".to_owned()));
        };
        let content = self.chat.encoder.tokenizer().decode(&tokens);
        Ok(Reply {
            content: Some(content),
            refusal: None,
            reasoning: None,
            finish: match finish {
                End::Stop => Finish::Stop,
                End::Length | End::Context => Finish::Length,
            },
            logprobs: self.places(&prompt.tokens, &tokens)?,
            usage: Some(Usage { input: prompt.tokens.len() as u64, output: tokens.len() as u64 }),
            model: None,
            fingerprint: None,
            id: None,
        })
    }
}

/// The folder as other jobs know one.
fn folder_of(settings: &LocalModel) -> ModelFolder {
    ModelFolder {
        path: settings.path.clone(),
        context: settings.context,
        dtype: match settings.dtype {
            Dtype::F32 => WeightFormat::F32,
            Dtype::Bf16 => WeightFormat::Bf16,
        },
        expect: None,
        found: None,
    }
}

/// The `count` likeliest tokens, likeliest first; of equal ones the lower id.
fn likeliest(all: &[f32], count: usize) -> Vec<(u32, f64)> {
    let mut order: Vec<u32> = (0..all.len() as u32).collect();
    let likelier =
        |one: &u32, two: &u32| all[*two as usize].total_cmp(&all[*one as usize]).then(one.cmp(two));
    let count = count.min(order.len());
    if count < order.len() {
        order.select_nth_unstable_by(count, likelier);
        order.truncate(count);
    }
    order.sort_unstable_by(likelier);
    order.into_iter().map(|token| (token, f64::from(all[token as usize]))).collect()
}

fn speaker(role: ChatRole) -> Speaker {
    match role {
        ChatRole::System => Speaker::System,
        ChatRole::User => Speaker::User,
        ChatRole::Assistant => Speaker::Assistant,
    }
}

/// The name of a question in messages of other parts. Nothing random depends on it.
fn id_of(messages: &[Message]) -> RowId {
    let texts: Vec<&str> = messages.iter().map(|message| &*message.content).collect();
    RowId::of(&texts.join("\n"), "", 0)
}

fn why_not(kind: LeftOutKind) -> &'static str {
    match kind {
        LeftOutKind::NoPlace => {
            "there are control tokens in it, and the chat template changes its texts, so that they \
             cannot be told from the template's own"
        }
        LeftOutKind::EmptyPrompt | LeftOutKind::EmptyAnswer => "it has no tokens",
        LeftOutKind::ChatTemplate => "the chat template does not take it",
        LeftOutKind::TooLong => "it is longer than the context",
        LeftOutKind::Unencodable => "the tokenizer cannot write it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_tokens_come_first_and_equal_ones_by_id() {
        let all = [-3.0, -0.5, -2.0, -0.5, -9.0];
        let tokens = |count| likeliest(&all, count).into_iter().map(|(token, _)| token);
        assert_eq!(tokens(3).collect::<Vec<u32>>(), [1, 3, 2]);
        assert_eq!(tokens(99).collect::<Vec<u32>>(), [1, 3, 2, 0, 4]);
        assert_eq!(likeliest(&all, 1), [(1, -0.5)]);
    }
}
