//! From tokens to a template, by the grammar of Jinja2 3.1 with its loop
//! controls and the `generation` block of `transformers`.

mod expr;
mod operand;
mod stmt;

use std::sync::Arc;

use super::JinjaTemplate;
use super::ast::Uses;
use super::budget::{SOURCE, SOURCE_DEPTH};
use super::error::{Result, fail};
use super::lexer::lex;
use super::token::Token;

pub(super) struct Parser {
    tokens: Vec<(Token, u32)>,
    at: usize,
    depth: usize,
    /// Loops around the current place, inside the innermost macro.
    loops: usize,
    /// The names that each macro around the current place mentions.
    uses: Vec<Uses>,
    literals: Vec<Arc<str>>,
    marks_answers: bool,
}

/// Reads a template.
pub(super) fn parse(source: &str) -> Result<JinjaTemplate> {
    if source.len() > SOURCE {
        return fail(format!("the template has {} bytes; {SOURCE} may be read", source.len()));
    }
    let tokens = lex(source)?;
    let (uses, literals, marks_answers) = (Vec::new(), Vec::new(), false);
    let mut parser = Parser { tokens, at: 0, depth: 0, loops: 0, uses, literals, marks_answers };
    let body = parser.body(&[]);
    let body = body.map_err(|e| e.at(parser.line()))?;
    let Parser { literals, marks_answers, .. } = parser;
    Ok(JinjaTemplate { body, literals, marks_answers })
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn line(&self) -> u32 {
        let last = self.tokens.get(self.at).or(self.tokens.last());
        last.map_or(1, |(_, line)| *line)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += 1;
        token
    }

    fn is_op(&self, op: &str) -> bool {
        matches!(self.peek(), Some(Token::Op(found)) if *found == op)
    }

    fn is_name(&self, name: &str) -> bool {
        matches!(self.peek(), Some(Token::Name(found)) if found == name)
    }

    fn skip_op(&mut self, op: &str) -> bool {
        let found = self.is_op(op);
        self.at += usize::from(found);
        found
    }

    fn skip_name(&mut self, name: &str) -> bool {
        let found = self.is_name(name);
        self.at += usize::from(found);
        found
    }

    fn expect_op(&mut self, op: &str) -> Result<()> {
        if self.skip_op(op) { Ok(()) } else { self.unexpected(&format!("`{op}`")) }
    }

    fn expect(&mut self, token: &Token, what: &str) -> Result<()> {
        if self.peek() == Some(token) {
            self.at += 1;
            return Ok(());
        }
        self.unexpected(what)
    }

    fn name(&mut self) -> Result<String> {
        match self.peek() {
            Some(Token::Name(name)) => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            _ => self.unexpected("a name"),
        }
    }

    fn unexpected<T>(&self, expected: &str) -> Result<T> {
        let found = match self.peek() {
            None => "the end of the template".to_owned(),
            Some(Token::Text(_) | Token::PrintStart | Token::BlockStart) => "text".to_owned(),
            Some(Token::BlockEnd | Token::PrintEnd) => "the end of the tag".to_owned(),
            Some(Token::Name(name)) => format!("`{name}`"),
            Some(Token::Str(_)) => "a string".to_owned(),
            Some(Token::Int(_) | Token::Float(_)) => "a number".to_owned(),
            Some(Token::Op(op)) => format!("`{op}`"),
        };
        fail(format!("syntax error: {found} stands where {expected} is due"))
    }

    /// `read`, one level deeper.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > SOURCE_DEPTH {
            return fail(format!("brackets and blocks nest deeper than {SOURCE_DEPTH}"));
        }
        let value = read(self);
        self.depth -= 1;
        value
    }
}
