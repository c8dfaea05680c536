//! A template and its rendering.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use super::conversation::{engine_value, json_text, text_value};
use super::generation::Marks;
use super::jinja::{Error, JinjaTemplate, Reason, RenderSettings, Value, from_json};
use super::{ChatError, Date, Message};
use crate::{Json, escape};

/// The longest part of a template's own words that an error shows, in characters.
const WORDS: usize = 300;
/// Names that the rendering itself gives a template.
pub(super) const OWN_NAMES: [&str; 4] = ["messages", "tools", "documents", "add_generation_prompt"];

/// A chat template, read.
#[derive(Clone)]
pub struct ChatTemplate {
    template: Arc<JinjaTemplate>,
    source: String,
    name: String,
    date: Option<Date>,
    kwargs: Vec<(String, Value)>,
    tool_use: Option<Box<ChatTemplate>>,
    tools: Option<Json>,
    pub(super) takes_parts: bool,
}

/// A conversation as one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The text, special tokens included.
    pub text: String,
    /// Bytes that `{% generation %}` blocks wrote, in order.
    pub generation: Vec<Range<usize>>,
}

/// What a template is given of a conversation.
#[derive(Clone, Debug)]
pub(super) struct TemplateInput {
    turns: Vec<Value>,
    tools: Value,
    /// Bytes of all texts.
    len: usize,
    /// Texts of turns.
    texts: Vec<String>,
    /// The tools as JSON.
    tool_text: String,
    /// Whether a text is a list of parts.
    takes_parts: bool,
}

impl TemplateInput {
    /// The same conversation with another text of turn `turn`.
    pub fn with_content(&self, turn: usize, content: &str) -> Result<Self, Error> {
        let mut dialogue = self.clone();
        let text = text_value(self.takes_parts, content)?;
        dialogue.turns[turn] = dialogue.turns[turn].with_entry("content", text)?;
        dialogue.len += content.len();
        // The marks of the rendering are none of its characters.
        dialogue.texts.push(content.to_owned());
        Ok(dialogue)
    }
}

/// What a template sees of anything that can be written as JSON, its fields in order.
fn of_serde(value: &impl Serialize) -> Result<Value, Error> {
    let text = serde_json::to_string(value).map_err(|e| Error::new(e.to_string()))?;
    from_json(&text)
}

impl ChatTemplate {
    /// Reads `source`; `name` is what errors call it. `date` is what
    /// `strftime_now` writes.
    ///
    /// # Errors
    /// [`ChatError::Syntax`].
    pub fn new(name: &str, source: &str, date: Option<Date>) -> Result<Self, ChatError> {
        let template = JinjaTemplate::parse(source).map_err(|e| ChatError::Syntax {
            name: name.into(),
            reason: escape(&e.to_string()).into_owned(),
        })?;
        Ok(Self {
            template: Arc::new(template),
            source: source.to_owned(),
            name: name.to_owned(),
            date,
            kwargs: Vec::new(),
            tool_use: None,
            tools: None,
            takes_parts: false,
        })
    }

    /// The same template, given the text of a turn as a list of parts.
    #[must_use]
    pub(super) fn with_parts(&self) -> Self {
        Self { takes_parts: true, ..self.clone() }
    }

    /// The same template with another one for conversations with tools.
    #[must_use]
    pub fn with_tool_use(mut self, template: Self) -> Self {
        self.tool_use = Some(Box::new(template));
        self
    }

    /// The template for conversations with these tools.
    #[must_use]
    pub fn with_tools(&self, tools: Option<&Json>) -> Self {
        Self { tools: tools.cloned(), ..self.clone() }
    }

    /// Whether `name` is a word of the template.
    pub(super) fn reads(&self, name: &str) -> bool {
        let inside = |c: char| c.is_alphanumeric() || c == '_';
        let own = self.source.match_indices(name).any(|(at, _)| {
            let (before, after) = (&self.source[..at], &self.source[at + name.len()..]);
            !before.ends_with(inside) && !after.starts_with(inside)
        });
        own || self.tool_use.as_ref().is_some_and(|template| template.reads(name))
    }

    /// The template that writes `dialogue`.
    pub(super) fn writing(&self, dialogue: &TemplateInput) -> &Self {
        let tools = !matches!(dialogue.tools, Value::None);
        self.tool_use.as_deref().filter(|_| tools).unwrap_or(self)
    }

    /// The same template with further variables, as `apply_chat_template` takes
    /// them: `enable_thinking`, for instance.
    ///
    /// # Errors
    /// [`ChatError::Kwarg`] for a name that the rendering itself sets.
    pub fn with_kwargs<'a>(
        mut self,
        kwargs: impl IntoIterator<Item = (&'a str, serde_json::Value)>,
    ) -> Result<Self, ChatError> {
        for (key, value) in kwargs {
            let value = of_serde(&value).ok().filter(|_| !OWN_NAMES.contains(&key));
            let Some(value) = value else {
                return Err(ChatError::Kwarg { name: self.name, key: key.to_owned() });
            };
            self.kwargs.push((key.to_owned(), value));
        }
        Ok(self)
    }

    /// What errors call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The template as it was given.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it has `{% generation %}` blocks.
    pub fn marks_answers(&self) -> bool {
        self.template.marks_answers
    }

    /// Renders `messages`. `named` are the special tokens by name
    /// ([`crate::Tokenizer::named_tokens`]); with `add_generation_prompt` the
    /// text ends where the model is to go on.
    ///
    /// # Errors
    /// [`ChatError::Raised`], [`ChatError::NoDate`], [`ChatError::Failed`],
    /// [`ChatError::NoMark`].
    pub fn render(
        &self,
        messages: &[Message],
        named: &BTreeMap<String, String>,
        add_generation_prompt: bool,
    ) -> Result<Rendered, ChatError> {
        let dialogue = self.dialogue(messages)?;
        self.writing(&dialogue).render_dialogue(
            &dialogue,
            messages.len(),
            named,
            add_generation_prompt,
        )
    }

    /// As [`Self::render`] for turns and tools in JSON: what `transformers` takes as
    /// `messages` and `tools`. `null` stands for no tools.
    ///
    /// # Errors
    /// As [`Self::render`]; [`ChatError::Failed`] for JSON that is none, or no list of turns.
    pub fn render_json(
        &self,
        messages: &str,
        tools: &str,
        named: &BTreeMap<String, String>,
        add_generation_prompt: bool,
    ) -> Result<Rendered, ChatError> {
        let read = |text| from_json(text).map_err(|e| self.failed(e));
        let Some(turns) = read(messages)?.into_items() else {
            return Err(self.failed(Error::new("the messages are no list")));
        };
        let len = messages.len() + tools.len();
        let texts = vec![messages.to_owned()];
        let tool_text = tools.to_owned();
        let tools = read(tools)?;
        let dialogue = TemplateInput { turns, tools, len, texts, tool_text, takes_parts: false };
        self.writing(&dialogue).render_dialogue(
            &dialogue,
            dialogue.turns.len(),
            named,
            add_generation_prompt,
        )
    }

    /// What the template is given of `messages`.
    pub(super) fn dialogue(&self, messages: &[Message]) -> Result<TemplateInput, ChatError> {
        let failed = |e| self.failed(e);
        let turn = |message: &Message| match self.takes_parts {
            false => message.value(),
            true => message.value()?.with_entry("content", text_value(true, &message.content)?),
        };
        let turns = messages.iter().map(turn);
        let turns = turns.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let tools = self.tools.as_ref().map_or(Ok(Value::None), engine_value).map_err(failed)?;
        let mut texts = Vec::new();
        for message in messages {
            texts.push(message.content.clone());
            texts.extend(message.extras.values().map(extra_text));
        }
        let tool_text = self.tools.as_ref().map(json_text).unwrap_or_default();
        let len = texts.iter().map(String::len).sum::<usize>() + tool_text.len();
        Ok(TemplateInput { turns, tools, len, texts, tool_text, takes_parts: self.takes_parts })
    }

    /// Renders the first `turns` turns of `dialogue`.
    pub(super) fn render_dialogue(
        &self,
        dialogue: &TemplateInput,
        turns: usize,
        named: &BTreeMap<String, String>,
        add_generation_prompt: bool,
    ) -> Result<Rendered, ChatError> {
        let texts = dialogue.texts.iter().map(String::as_str);
        let texts = texts.chain([dialogue.tool_text.as_str(), self.source.as_str()]);
        let texts = texts.chain(named.values().map(String::as_str));
        let marks = Marks::absent_from(texts).ok_or(ChatError::NoMark)?;
        let failed = |e| self.failed(e);
        let mut globals: BTreeMap<&str, Value> =
            named.iter().map(|(name, token)| (name.as_str(), Value::str(token.as_str()))).collect();
        globals.extend(self.kwargs.iter().map(|(name, value)| (name.as_str(), value.clone())));
        let messages = Value::of_items(dialogue.turns[..turns].to_vec()).map_err(failed)?;
        globals.insert("messages", messages);
        globals.insert("tools", dialogue.tools.clone());
        globals.insert("documents", Value::None);
        globals.insert("add_generation_prompt", Value::Bool(add_generation_prompt));
        let input = dialogue.len + self.source.len();
        let marked = (marks.open, marks.close);
        let setting = RenderSettings { globals, input, date: self.date, marks: marked };
        let text = self.template.render(setting).map_err(failed)?;
        let (text, generation) = marks.cut(&text);
        Ok(Rendered { text, generation })
    }

    /// The error as a user sees it.
    fn failed(&self, error: Error) -> ChatError {
        let name = self.name.clone();
        match error.reason {
            Reason::Raised(words) => ChatError::Raised { name, reason: shortened(&words) },
            Reason::NoDate => ChatError::NoDate { name },
            Reason::Failed(_) => {
                ChatError::Failed { name, reason: escape(&error.to_string()).into_owned() }
            }
        }
    }
}

/// Words without those that a terminal would take for a command.
fn shortened(words: &str) -> String {
    let mut cut: String = words.chars().take(WORDS).collect();
    if cut.len() < words.len() {
        cut.push_str(" ...");
    }
    escape(&cut).into_owned()
}

/// What is said in a further field of a turn.
fn extra_text(extra: &Json) -> String {
    match extra {
        Json::Text(text) => text.clone(),
        other => json_text(other),
    }
}

impl fmt::Debug for ChatTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChatTemplate({})", self.name)
    }
}

impl PartialEq for ChatTemplate {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.source, self.date) == (&other.name, &other.source, other.date)
            && (&self.tool_use, &self.tools) == (&other.tool_use, &other.tools)
            && self.takes_parts == other.takes_parts
            && self.kwargs.len() == other.kwargs.len()
            && self.kwargs.iter().zip(&other.kwargs).all(|(a, b)| a.0 == b.0 && a.1.equals(&b.1))
    }
}
