//! Rows and conversations, rendered by a chat template.

use std::borrow::Cow;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::spans::{Rendering, merged, tokens_of};
use super::{ChatError, ChatTemplate, Conversation, Message};
use crate::{Example, ExampleError, Extras, REASONING, Row, RowId, Template, Tokenizer, Turn};

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
        // Masked answers are no answers to train on.
        let trained = |m: &Message| m.is_answer() && m.trained;
        let answers = || messages.iter().enumerate().filter(|(_, m)| trained(m)).map(|(i, _)| i);
        let last = match messages.last() {
            Some(m) if m.is_answer() => messages.len() - 1,
            _ => return Err(chat(ChatError::NoAnswer)),
        };
        if messages[last].content.trim().is_empty() {
            return Err(ExampleError::EmptyAnswer { id });
        }
        let said = self.said(messages, tokenizer).map_err(chat)?;
        let template = said.template;
        let rendered = said.render().map_err(chat)?;
        let tokens = tokenizer
            .encode_spans(&rendered.text)
            .map_err(|source| ExampleError::Unencodable { id, source })?;
        let only = (self.trained == Trained::Last).then_some(last);
        let ranges = if template.marks_answers() {
            let all = said.generated(&rendered, only).map_err(chat)?;
            said.without_masked(&rendered.text, all).map_err(chat)?
        } else {
            let turns = answers().filter(|i| only.is_none_or(|only| only == *i));
            let range = |turn| {
                let answer = said.find(&rendered.text, turn)?;
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

    /// The format for conversations with the tools of `row`.
    pub fn for_row(&self, row: &Row) -> Cow<'_, Self> {
        match &row.tools {
            None => Cow::Borrowed(self),
            tools => Cow::Owned(Self {
                template: self.template.with_tools(tools.as_ref()),
                trained: self.trained,
            }),
        }
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
            .map_err(|source| ExampleError::Unencodable { id, source })?;
        if tokens.is_empty() { Err(ExampleError::EmptyPrompt { id }) } else { Ok(tokens) }
    }

    /// The token that ends an answer, as the model will learn to write it: the first
    /// special one after the answer's own words. Generation has to stop there. `None`
    /// where an answer ends in plain text.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn end_of_turn(&self, tokenizer: &dyn Tokenizer) -> Result<Option<u32>, ExampleError> {
        let probe = [Message::user("Hello"), Message::assistant("Hello")];
        let id = RowId::of("Hello", "Hello", 0);
        let chat = |source| ExampleError::Chat { id, source };
        let said = self.said(&probe, tokenizer).map_err(chat)?;
        let rendered = said.render().map_err(chat)?;
        let tokens = tokenizer
            .encode_spans(&rendered.text)
            .map_err(|source| ExampleError::Unencodable { id, source })?;
        let answer = said.find(&rendered.text, 1).map_err(chat)?;
        let end = answer.end_of_turn(&tokens, tokenizer).filter(|(_, at)| {
            // What the template keeps out of its marks is not the model's to write.
            let own = |r: &Range<usize>| r.start < at.end && at.start < r.end;
            !said.template.marks_answers() || rendered.generation.iter().any(own)
        });
        Ok(end.map(|(id, _)| *id))
    }

    fn said<'a>(
        &'a self,
        messages: &'a [Message],
        tokenizer: &dyn Tokenizer,
    ) -> Result<Rendering<'a>, ChatError> {
        let dialogue = self.template.dialogue(messages)?;
        let template = self.template.writing(&dialogue);
        Ok(Rendering { template, messages, dialogue, named: tokenizer.named_tokens() })
    }
}

impl Template for ChatFormat {
    fn encode_prompt(
        &self,
        row: &Row,
        tokenizer: &dyn Tokenizer,
    ) -> Result<Vec<u32>, ExampleError> {
        self.for_row(row).prompt(row.id, &Message::prompt_of(row), tokenizer)
    }

    fn encode_row(
        &self,
        row: &Row,
        tokenizer: &dyn Tokenizer,
        context: usize,
    ) -> Result<Example, ExampleError> {
        self.for_row(row).example(row.id, &Message::all_of(row), tokenizer, context)
    }

    fn unread(&self, row: &Row) -> Vec<&'static str> {
        let reads = |names: &[&str]| names.iter().any(|name| self.template.reads(name));
        let turns = || row.history.iter().chain(&row.steps);
        let thinks = |extras: &Extras| REASONING.iter().any(|name| extras.contains_key(*name));
        let reasoning = thinks(&row.response_extras) || turns().any(|turn| thinks(&turn.extras));
        let parts = [
            (row.tools.is_some() && !reads(&["tools"]), "tools"),
            (reasoning && !reads(&REASONING), "reasoning"),
            (turns().any(Turn::has_calls) && !reads(&["tool_calls"]), "tool_calls"),
        ];
        parts.into_iter().filter(|(lost, _)| *lost).map(|(_, name)| name).collect()
    }

    fn stops(&self, tokenizer: &dyn Tokenizer) -> Result<Vec<u32>, ExampleError> {
        let mut stops = tokenizer.stops();
        stops.extend(self.end_of_turn(tokenizer)?.filter(|end| !stops.contains(end)));
        Ok(stops)
    }
}
