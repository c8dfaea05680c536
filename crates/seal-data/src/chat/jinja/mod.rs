//! Jinja as `transformers` renders it, with bounds on what a template may cost.
//!
//! Templates are programs of strangers. The engine that was used before counts
//! most of its work, but not comparing, hashing, printing or freeing values that
//! share their parts, and its parser recurses over chains: a short template could
//! end the program, fill the memory or run for hours. Here every step and every
//! byte is counted before it is spent ([`budget`]), a container knows how much a
//! walk through it costs ([`value`]), and nothing recurses deeper than a fixed
//! bound. It also follows Python where that engine follows Rust: how values are
//! printed, `%` and `format`, slices, the methods of strings.
//!
//! Golden tests compare with `transformers`. What is not supported is refused by name.

mod args;
mod ast;
mod budget;
mod call;
mod error;
mod eval;
mod filter;
mod format;
mod json;
mod lexer;
mod literal;
mod look_up;
mod method;
mod object;
mod ops;
mod parser;
mod raise;
mod run;
mod scope;
mod show;
mod test;
pub(super) mod text;
mod token;
mod value;

pub(crate) use error::{Error, Reason};
pub(crate) use json::from_json;
pub(crate) use run::RenderSettings;
pub(crate) use value::Value;

use std::sync::Arc;

use ast::Body;
use error::Result;

/// A template, read.
#[derive(Debug)]
pub(crate) struct JinjaTemplate {
    body: Body,
    /// The texts that stand in its tags.
    literals: Vec<Arc<str>>,
    /// Whether it has `{% generation %}` blocks.
    pub marks_answers: bool,
}

impl JinjaTemplate {
    /// Reads a template.
    pub fn parse(source: &str) -> Result<Self> {
        parser::parse(source)
    }

    /// Writes the text.
    pub fn render(&self, setting: RenderSettings<'_>) -> Result<String> {
        run::render(&self.body, &self.literals, setting)
    }
}
