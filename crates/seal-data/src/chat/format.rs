//! Rows and conversations, dressed by a chat template.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::spans::{find, generated, merged, tokens_of};
use super::{ChatError, ChatTemplate, Conversation, Message};
use crate::example::{Dress, Example, ExampleError};
use crate::{Row, RowId, Tokenizer};

/// Which answers of a conversation a loss is taken on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trained {
    /// The last one: a row is a prompt, earlier turns included, and its answer.
    #[default]
    Last,
    /// Every one.
    All,
}

/// A chat template and what is trained of the conversations it writes.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatFormat {
    /// The template.
    pub template: ChatTemplate,
    /// Which answers a loss is taken on.
    pub trained: Trained,
}

impl ChatFormat {
    /// Renders and encodes `messages`, whose last one is an answer.
    ///
    /// # Errors
    /// [`ExampleError::Chat`], [`ExampleError::Unencodable`],
    /// [`ExampleError::EmptyAnswer`].
    pub fn encode(
        &self,
        id: RowId,
        messages: &[Message],
        tokenizer: &dyn Tokenizer,
    ) -> Result<Conversation, ExampleError> {
        let chat = |source| ExampleError::Chat { id, source };
        let answers = || messages.iter().enumerate().filter(|(_, m)| m.is_answer()).map(|(i, _)| i);
        let last = match messages.last() {
            Some(m) if m.is_answer() => messages.len() - 1,
            _ => return Err(chat(ChatError::NoAnswer)),
        };
        if messages[last].content.trim().is_empty() {
            return Err(ExampleError::EmptyAnswer { id });
        }
        let named = tokenizer.named_tokens();
        let template = &self.template;
        let rendered = template.render(messages, &named, false).map_err(chat)?;
        let tokens = tokenizer
            .encode_spans(&rendered.text)
            .map_err(|reason| ExampleError::Unencodable { id, reason })?;
        let only = (self.trained == Trained::Last).then_some(last);
        let ranges = if template.marks_answers() {
            generated(template, messages, &named, &rendered, only).map_err(chat)?
        } else {
            let turns = answers().filter(|i| only.is_none_or(|only| only == *i));
            let range = |turn| {
                let answer = find(template, messages, &named, &rendered.text, turn)?;
                answer.range(&tokens, tokenizer, template.name())
            };
            turns.map(range).collect::<Result<_, _>>().map_err(chat)?
        };
        let border_inside_token = ranges.first().is_some_and(|r: &Range<usize>| {
            tokens.iter().any(|(_, at)| at.start < r.start && at.end > r.start)
        });
        let trained = merged(ranges.iter().filter_map(|r| tokens_of(&tokens, r)));
        Ok(Conversation { text: rendered.text, tokens, trained, border_inside_token })
    }

    /// A conversation as an example. Tokens after the last trained one are
    /// left out: a causal model's loss does not depend on them.
    ///
    /// # Errors
    /// As [`Self::encode`], and [`ExampleError::TooLong`],
    /// [`ExampleError::EmptyPrompt`].
    pub fn example(
        &self,
        id: RowId,
        messages: &[Message],
        tokenizer: &dyn Tokenizer,
        context: usize,
    ) -> Result<Example, ExampleError> {
        let conversation = self.encode(id, messages, tokenizer)?;
        let (Some(first), Some(last)) = (conversation.trained.first(), conversation.trained.last())
        else {
            return Err(ExampleError::EmptyAnswer { id });
        };
        if first.start == 0 {
            return Err(ExampleError::EmptyPrompt { id });
        }
        let gaps = conversation.trained.windows(2).map(|w| w[0].end..w[1].start);
        let tokens: Vec<u32> = conversation.tokens[..last.end].iter().map(|(id, _)| *id).collect();
        if tokens.len() > context {
            return Err(ExampleError::TooLong { id, tokens: tokens.len(), context });
        }
        Ok(Example { id, tokens, answer: first.start, skip: gaps.collect() })
    }

    /// The tokens of `messages` with the generation prompt, for an answer to follow.
    ///
    /// # Errors
    /// [`ExampleError::Chat`], [`ExampleError::Unencodable`],
    /// [`ExampleError::EmptyPrompt`].
    pub fn prompt(
        &self,
        id: RowId,
        messages: &[Message],
        tokenizer: &dyn Tokenizer,
    ) -> Result<Vec<u32>, ExampleError> {
        let rendered = self
            .template
            .render(messages, &tokenizer.named_tokens(), true)
            .map_err(|source| ExampleError::Chat { id, source })?;
        let tokens = tokenizer
            .encode(&rendered.text)
            .map_err(|reason| ExampleError::Unencodable { id, reason })?;
        if tokens.is_empty() { Err(ExampleError::EmptyPrompt { id }) } else { Ok(tokens) }
    }

    /// The token that ends an answer, as the model will learn to write it:
    /// generation has to stop there. `None` where an answer ends in plain text.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn end_of_turn(&self, tokenizer: &dyn Tokenizer) -> Result<Option<u32>, ExampleError> {
        let probe = [Message::user("Hello"), Message::assistant("Hello")];
        let id = RowId::of("Hello", "Hello", 0);
        let conversation = self.encode(id, &probe, tokenizer)?;
        let trained = conversation.trained.iter().flat_map(|r| &conversation.tokens[r.clone()]);
        Ok(trained.map(|(id, _)| *id).find(|id| tokenizer.is_special(*id)))
    }
}

impl Dress for ChatFormat {
    fn encode_prompt(
        &self,
        row: &Row,
        tokenizer: &dyn Tokenizer,
    ) -> Result<Vec<u32>, ExampleError> {
        self.prompt(row.id, &Message::prompt_of(row), tokenizer)
    }

    fn encode_row(
        &self,
        row: &Row,
        tokenizer: &dyn Tokenizer,
        context: usize,
    ) -> Result<Example, ExampleError> {
        let mut messages = Message::prompt_of(row);
        messages.push(Message::assistant(&row.response));
        self.example(row.id, &messages, tokenizer, context)
    }
    fn stops(&self, tokenizer: &dyn Tokenizer) -> Result<Vec<u32>, ExampleError> {
        let mut stops = tokenizer.stops();
        stops.extend(self.end_of_turn(tokenizer)?.filter(|end| !stops.contains(end)));
        Ok(stops)
    }
}
