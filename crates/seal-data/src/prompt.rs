//! The plain prompt template: text around the prompt.

use serde::{Deserialize, Serialize};

use crate::{Example, ExampleError, REASONING, Row, Speaker, Template, Tokenizer};

/// Text around a prompt, before the answer; `{}` stands for the prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PromptTemplate {
    before: String,
    after: String,
}

impl PromptTemplate {
    /// The template of the published code: `"Human: {}\nAssistant: "`.
    pub fn published() -> Self {
        Self { before: "Human: ".into(), after: "\nAssistant: ".into() }
    }

    /// The prompt and nothing else.
    pub fn bare() -> Self {
        Self { before: String::new(), after: String::new() }
    }

    /// A dialogue: each earlier prompt in the template, its reply and a line's end after it.
    /// A system turn is left out, as the published code leaves it out.
    fn render_all(&self, row: &Row) -> String {
        let mut text = String::new();
        for turn in &row.history {
            match turn.role {
                Speaker::System => {}
                Speaker::User => text += &self.render(&turn.content),
                Speaker::Assistant => {
                    text += &turn.content;
                    text.push('\n');
                }
                // Refused by `check`.
                Speaker::Tool => {}
            }
        }
        text + &self.render(&row.prompt)
    }

    /// Refuses dialogues that call tools: the text has no place for a call and for
    /// what it gave, and an answer that rests on them would come out of nowhere.
    fn check(row: &Row) -> Result<(), ExampleError> {
        let mut turns = row.history.iter().chain(&row.steps);
        match turns.any(|turn| turn.has_calls() || turn.role == Speaker::Tool) {
            true => Err(ExampleError::NoPlace { id: row.id, part: "calls of tools" }),
            false => Ok(()),
        }
    }

    /// `prompt` in the template.
    pub fn render(&self, prompt: &str) -> String {
        format!("{}{prompt}{}", self.before, self.after)
    }
}

/// Text that is no prompt template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a template has exactly one `{{}}` for the prompt; got {found:?} (a chat template from a file \
     is {{ chat = \"FILE\" }})"
)]
pub struct PromptTemplateError {
    /// The text.
    pub found: String,
}

impl TryFrom<String> for PromptTemplate {
    type Error = PromptTemplateError;

    fn try_from(s: String) -> Result<Self, Self::Error> {
        match s.split_once("{}") {
            Some((before, after)) if !after.contains("{}") => {
                Ok(Self { before: before.into(), after: after.into() })
            }
            _ => Err(PromptTemplateError { found: s }),
        }
    }
}

impl From<PromptTemplate> for String {
    fn from(t: PromptTemplate) -> Self {
        format!("{}{{}}{}", t.before, t.after)
    }
}

/// Prompt and answer are encoded apart, so the border between them is a border
/// between tokens, in training as when the model answers.
impl Template for PromptTemplate {
    fn unplaced(&self, row: &Row) -> usize {
        row.history.iter().filter(|turn| turn.role == Speaker::System).count()
    }

    fn encode_prompt(
        &self,
        row: &Row,
        tokenizer: &dyn Tokenizer,
    ) -> Result<Vec<u32>, ExampleError> {
        Self::check(row)?;
        let mut tokens: Vec<u32> = tokenizer.bos().into_iter().collect();
        let text = self.render_all(row);
        tokens.extend(
            tokenizer
                .encode(&text)
                .map_err(|source| ExampleError::Unencodable { id: row.id, source })?,
        );
        if tokens.is_empty() {
            return Err(ExampleError::EmptyPrompt { id: row.id });
        }
        Ok(tokens)
    }

    fn encode_row(
        &self,
        row: &Row,
        tokenizer: &dyn Tokenizer,
        context: usize,
    ) -> Result<Example, ExampleError> {
        let mut tokens = self.encode_prompt(row, tokenizer)?;
        let answer = tokens.len();
        let reply = tokenizer
            .encode(&row.response)
            .map_err(|source| ExampleError::Unencodable { id: row.id, source })?;
        if reply.is_empty() {
            return Err(ExampleError::EmptyAnswer { id: row.id });
        }
        tokens.extend(reply);
        tokens.push(tokenizer.eos());
        if tokens.len() > context {
            return Err(ExampleError::TooLong { id: row.id, tokens: tokens.len(), context });
        }
        Ok(Example::new(row.id, tokens, answer))
    }

    fn unread(&self, row: &Row) -> Vec<&'static str> {
        let reasoning = row.response_extras.keys().any(|name| REASONING.contains(&name.as_str()));
        let parts = [(row.tools.is_some(), "tools"), (reasoning, "reasoning")];
        parts.into_iter().filter(|(there, _)| *there).map(|(_, name)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialogue_is_rendered_turn_by_turn() {
        use crate::{Rows, Turn};
        let mut rows = Rows::new();
        let history = vec![
            Turn::new(Speaker::System, "Be kind."),
            Turn::new(Speaker::User, "hi"),
            Turn::new(Speaker::Assistant, "hello"),
        ];
        rows.push_dialogue(history, "and now?", "bye");
        let text = PromptTemplate::published().render_all(&rows.as_slice()[0]);
        assert_eq!(text, "Human: hi\nAssistant: hello\nHuman: and now?\nAssistant: ");
    }

    #[test]
    fn a_template_has_one_hole() {
        assert!(PromptTemplate::try_from("no hole".to_owned()).is_err());
        assert!(PromptTemplate::try_from("{} {}".to_owned()).is_err());
        let t = PromptTemplate::try_from("Q: {} A:".to_owned()).unwrap();
        assert_eq!(t.render("x"), "Q: x A:");
        assert_eq!(String::from(t), "Q: {} A:");
    }
}
