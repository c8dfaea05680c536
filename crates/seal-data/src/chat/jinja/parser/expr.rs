//! Expressions: operators and what they join.

use super::Parser;
use super::operand::wrap;
use crate::chat::jinja::ast::{Expr, Step};
use crate::chat::jinja::error::Result;
use crate::chat::jinja::token::Token;

/// Operators from the loosest to the tightest.
const LEVELS: [&[&str]; 4] = [&["+", "-"], &["~"], &["*", "/", "//", "%"], &["**"]];
const COMPARISONS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];

impl Parser {
    pub(super) fn expression(&mut self) -> Result<Expr> {
        self.deeper(Self::conditional)
    }

    fn conditional(&mut self) -> Result<Expr> {
        let mut value = self.or()?;
        let mut arms = Vec::new();
        while self.skip_name("if") {
            let condition = self.or()?;
            arms.push((value, condition));
            if !self.skip_name("else") {
                if self.is_name("if") {
                    return self.unexpected("`else`");
                }
                return Ok(Expr::Cond(arms, None));
            }
            value = self.or()?;
        }
        Ok(if arms.is_empty() { value } else { Expr::Cond(arms, Some(Box::new(value))) })
    }

    pub(super) fn or(&mut self) -> Result<Expr> {
        let mut parts = vec![self.and()?];
        while self.skip_name("or") {
            parts.push(self.and()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::Or(parts) })
    }

    fn and(&mut self) -> Result<Expr> {
        let mut parts = vec![self.not()?];
        while self.skip_name("and") {
            parts.push(self.not()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::And(parts) })
    }

    fn not(&mut self) -> Result<Expr> {
        let mut signs = Vec::new();
        while self.skip_name("not") {
            signs.push("not");
        }
        let value = self.comparison()?;
        Ok(if signs.is_empty() { value } else { Expr::Unary(signs, Box::new(value)) })
    }

    fn comparison(&mut self) -> Result<Expr> {
        let first = self.level(0)?;
        let mut rest = Vec::new();
        loop {
            let found = match self.peek() {
                Some(Token::Op(op)) => COMPARISONS.iter().find(|c| *c == op).copied(),
                Some(Token::Name(name)) if name == "in" => Some("in"),
                Some(Token::Name(name)) if name == "not" => {
                    let next = self.tokens.get(self.at + 1).map(|(token, _)| token);
                    let not_in = matches!(next, Some(Token::Name(name)) if name == "in");
                    self.at += usize::from(not_in);
                    not_in.then_some("not in")
                }
                _ => None,
            };
            let Some(op) = found else { break };
            self.at += 1;
            rest.push((op, self.level(0)?));
        }
        Ok(if rest.is_empty() { first } else { Expr::Compare(Box::new(first), rest) })
    }

    fn level(&mut self, at: usize) -> Result<Expr> {
        let Some(operators) = LEVELS.get(at) else { return self.unary() };
        let first = self.level(at + 1)?;
        let mut rest = Vec::new();
        while let Some(Token::Op(op)) = self.peek() {
            let Some(op) = operators.iter().find(|o| *o == op).copied() else { break };
            self.at += 1;
            rest.push((op, self.level(at + 1)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        if at == 1 {
            let parts = std::iter::once(first).chain(rest.into_iter().map(|(_, part)| part));
            return Ok(Expr::Concat(parts.collect()));
        }
        Ok(Expr::Chain(Box::new(first), rest))
    }

    /// An operand with its signs, and the filters and tests that apply to all of it.
    fn unary(&mut self) -> Result<Expr> {
        let mut signs = Vec::new();
        loop {
            match self.peek() {
                Some(Token::Op("-")) => signs.push("-"),
                Some(Token::Op("+")) => signs.push("+"),
                _ => break,
            }
            self.at += 1;
        }
        let primary = self.primary()?;
        let mut steps = Vec::new();
        while self.postfix(&mut steps)? {}
        let mut value = wrap(primary, steps);
        if !signs.is_empty() {
            value = Expr::Unary(signs, Box::new(value));
        }
        let mut steps = Vec::new();
        loop {
            if self.skip_op("|") {
                steps.push(self.filter()?);
            } else if self.skip_name("is") {
                steps.push(self.test()?);
            } else if self.is_op("(") {
                steps.push(Step::Call(self.args()?));
            } else {
                return Ok(wrap(value, steps));
            }
        }
    }
}
