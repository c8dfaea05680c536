//! A compiled template and its rendering.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind};

use super::generation::{FILTER, Marks, rewrite};
use super::{ChatError, Date, Message, python};

/// Instructions of one rendering: far more than a long conversation needs, few
/// enough that a template that never ends is stopped within seconds.
const FUEL: u64 = 5_000_000;
/// The template inside its engine.
const NAME: &str = "chat";

/// A chat template, compiled.
#[derive(Clone)]
pub struct ChatTemplate {
    engine: Environment<'static>,
    source: String,
    name: String,
    marks_answers: bool,
}

/// A conversation as one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The text, special tokens included.
    pub text: String,
    /// Bytes that `{% generation %}` blocks wrote, in order.
    pub generation: Vec<Range<usize>>,
}

/// Marks an error as the template's own words.
#[derive(Debug)]
struct Raised(String);

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Raised {}

/// Marks an error as a missing setting.
#[derive(Debug)]
struct DateNeeded;

impl fmt::Display for DateNeeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no date is set")
    }
}

impl std::error::Error for DateNeeded {}

fn raise(message: String) -> Result<Value, Error> {
    let error = Error::new(ErrorKind::InvalidOperation, message.clone());
    Err(error.with_source(Raised(message)))
}

fn strftime_now(date: Option<Date>, format: &str) -> Result<String, Error> {
    let Some(date) = date else {
        return Err(Error::new(ErrorKind::InvalidOperation, "no date").with_source(DateNeeded));
    };
    date.format(format).map_err(|e| Error::new(ErrorKind::InvalidOperation, e))
}

impl ChatTemplate {
    /// Compiles `source`; `name` is what errors call it. `date` is what
    /// `strftime_now` writes.
    ///
    /// # Errors
    /// [`ChatError::Syntax`].
    pub fn new(name: &str, source: &str, date: Option<Date>) -> Result<Self, ChatError> {
        let bad =
            |e: &dyn fmt::Display| ChatError::Syntax { name: name.into(), reason: e.to_string() };
        let (rewritten, marks_answers) = rewrite(&source.replace("\r\n", "\n").replace('\r', "\n"));
        let mut engine = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        engine.set_syntax(syntax.map_err(|e| bad(&e))?);
        engine.set_auto_escape_callback(|_| AutoEscape::None);
        engine.set_fuel(Some(FUEL));
        engine.set_formatter(python::print);
        engine.set_unknown_method_callback(python::method);
        engine.add_filter("tojson", |value: Value, kwargs: Kwargs| python::tojson(&value, kwargs));
        engine
            .add_filter("trim", |value: Value, chars: Option<String>| python::trim(&value, chars));
        engine.add_function("raise_exception", raise);
        engine.add_function("strftime_now", move |format: &str| strftime_now(date, format));
        engine.add_template_owned(NAME, rewritten).map_err(|e| bad(&e))?;
        Ok(Self { engine, source: source.to_owned(), name: name.to_owned(), marks_answers })
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
        self.marks_answers
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
        let texts = messages.iter().flat_map(|m| [m.role.as_str(), m.content.as_str()]);
        let texts = texts.chain([self.source.as_str()]).chain(named.values().map(String::as_str));
        let marks = Marks::absent_from(texts).ok_or(ChatError::NoMark)?;
        let turns = messages.iter().map(|m| {
            Value::from_pairs([
                ("role", Value::from(&*m.role)),
                ("content", Value::from(&*m.content)),
            ])
        });
        let mut context: BTreeMap<&str, Value> = named
            .iter()
            .map(|(name, token)| (name.as_str(), Value::from(token.as_str())))
            .collect();
        context.insert("messages", turns.collect());
        context.insert("tools", Value::from(()));
        context.insert("documents", Value::from(()));
        context.insert("add_generation_prompt", add_generation_prompt.into());
        let mut engine = self.engine.clone();
        engine.add_filter(FILTER, move |body: &str| format!("{}{body}{}", marks.open, marks.close));
        let template = engine.get_template(NAME).map_err(|e| self.failed(&e))?;
        let text = template.render(context).map_err(|e| self.failed(&e))?;
        let (text, generation) = marks.cut(&text);
        Ok(Rendered { text, generation })
    }

    fn failed(&self, error: &Error) -> ChatError {
        let name = self.name.clone();
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(e) = cause {
            if let Some(Raised(reason)) = e.downcast_ref() {
                return ChatError::Raised { name, reason: reason.clone() };
            }
            if e.is::<DateNeeded>() {
                return ChatError::NoDate { name };
            }
            cause = e.source();
        }
        ChatError::Failed { name, reason: error.to_string() }
    }
}

impl fmt::Debug for ChatTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChatTemplate({})", self.name)
    }
}

impl PartialEq for ChatTemplate {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.source) == (&other.name, &other.source)
    }
}
