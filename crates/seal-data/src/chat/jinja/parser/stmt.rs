//! Statements.

use super::Parser;
use crate::chat::jinja::ast::{Body, Expr, For, Macro, Node, Step, Stmt, Target, Uses};
use crate::chat::jinja::error::{Result, fail};
use crate::chat::jinja::token::Token;

/// Statements that need other templates, or that no template of `transformers` can use.
const REFUSED: [&str; 8] =
    ["extends", "include", "import", "from", "block", "autoescape", "do", "trans"];
/// Names that a template may not set.
const RESERVED: [&str; 6] = ["true", "false", "none", "True", "False", "None"];

impl Parser {
    /// Statements up to a tag that begins with one of `ends`, which stays the next
    /// token; without `ends`, to the end of the template.
    pub(super) fn body(&mut self, ends: &[&str]) -> Result<Body> {
        let mut body = Body::new();
        loop {
            let line = self.line();
            let stmt = match self.next() {
                None if ends.is_empty() => return Ok(body),
                None => return fail(format!("the template ends where `{}` is due", ends[0])),
                Some(Token::Text(text)) => Stmt::Text(text),
                Some(Token::PrintStart) => {
                    let value = self.tuple(true, &[])?;
                    self.expect(&Token::PrintEnd, "`}}`")?;
                    Stmt::Print(value)
                }
                Some(Token::BlockStart) => {
                    if ends.iter().any(|end| self.is_name(end)) {
                        return Ok(body);
                    }
                    self.deeper(Self::statement)?
                }
                Some(_) => return self.unexpected("text"),
            };
            body.push(Node { line, stmt });
        }
    }

    /// A body, and the end of the tag that ends it.
    fn block(&mut self, end: &str) -> Result<Body> {
        self.expect(&Token::BlockEnd, "`%}`")?;
        let body = self.body(&[end])?;
        self.at += 1;
        self.expect(&Token::BlockEnd, "`%}`")?;
        Ok(body)
    }

    fn statement(&mut self) -> Result<Stmt> {
        let word = self.name()?;
        match word.as_str() {
            "if" => self.if_statement(),
            "for" => self.for_statement(),
            "set" => self.set_statement(),
            "with" => self.with_statement(),
            "macro" => {
                let name = self.name()?;
                let params = self.params()?;
                Ok(Stmt::Macro(Box::new(self.macro_body(name, params, "endmacro")?)))
            }
            "call" => {
                let params = if self.is_op("(") { self.params()? } else { Vec::new() };
                let call = self.expression()?;
                match &call {
                    Expr::Postfix(_, steps) if matches!(steps.last(), Some(Step::Call(_))) => {}
                    _ => return self.unexpected("a call"),
                }
                let caller = self.macro_body("caller".to_owned(), params, "endcall")?;
                Ok(Stmt::Call { caller: Box::new(caller), call })
            }
            "filter" => {
                let filters = self.filters()?;
                Ok(Stmt::Filter { filters, body: self.block("endfilter")? })
            }
            "generation" => {
                self.marks_answers = true;
                Ok(Stmt::Generation(self.block("endgeneration")?))
            }
            "break" | "continue" => {
                if self.loops == 0 {
                    return fail(format!("`{word}` stands outside of a loop"));
                }
                self.expect(&Token::BlockEnd, "`%}`")?;
                Ok(if word == "break" { Stmt::Break } else { Stmt::Continue })
            }
            word if REFUSED.contains(&word) => {
                fail(format!("the statement `{word}` is not supported"))
            }
            word => fail(format!("syntax error: there is no statement `{word}`")),
        }
    }

    fn if_statement(&mut self) -> Result<Stmt> {
        let (mut branches, mut otherwise) = (Vec::new(), Body::new());
        loop {
            let condition = self.tuple(false, &[])?;
            self.expect(&Token::BlockEnd, "`%}`")?;
            branches.push((condition, self.body(&["endif", "elif", "else"])?));
            if self.skip_name("elif") {
                continue;
            }
            if self.skip_name("else") {
                otherwise = self.block("endif")?;
            } else {
                self.at += 1;
                self.expect(&Token::BlockEnd, "`%}`")?;
            }
            return Ok(Stmt::If { branches, otherwise });
        }
    }

    fn for_statement(&mut self) -> Result<Stmt> {
        let target = self.target(false)?;
        if !self.skip_name("in") {
            return self.unexpected("`in`");
        }
        let iter = self.tuple(false, &["recursive"])?;
        let test = if self.skip_name("if") { Some(self.expression()?) } else { None };
        let recursive = self.skip_name("recursive");
        self.expect(&Token::BlockEnd, "`%}`")?;
        self.loops += 1;
        let body = self.body(&["endfor", "else"])?;
        self.loops -= 1;
        let otherwise = if self.skip_name("else") {
            self.block("endfor")?
        } else {
            self.at += 1;
            self.expect(&Token::BlockEnd, "`%}`")?;
            Body::new()
        };
        Ok(Stmt::For(Box::new(For { target, iter, test, recursive, body, otherwise })))
    }

    fn set_statement(&mut self) -> Result<Stmt> {
        let target = self.target(true)?;
        if self.skip_op("=") {
            let value = self.tuple(true, &[])?;
            self.expect(&Token::BlockEnd, "`%}`")?;
            return Ok(Stmt::Set(target, value));
        }
        let filters = if self.skip_op("|") { self.filters()? } else { Vec::new() };
        Ok(Stmt::SetBlock { target, filters, body: self.block("endset")? })
    }

    fn with_statement(&mut self) -> Result<Stmt> {
        let mut bindings = Vec::new();
        while self.peek() != Some(&Token::BlockEnd) {
            if !bindings.is_empty() {
                self.expect_op(",")?;
            }
            let target = self.target(false)?;
            self.expect_op("=")?;
            bindings.push((target, self.expression()?));
        }
        Ok(Stmt::With { bindings, body: self.block("endwith")? })
    }

    fn params(&mut self) -> Result<Vec<(String, Option<Expr>)>> {
        let mut params: Vec<(String, Option<Expr>)> = Vec::new();
        self.expect_op("(")?;
        while !self.skip_op(")") {
            if !params.is_empty() {
                self.expect_op(",")?;
            }
            let name = self.name()?;
            let default = if self.skip_op("=") { Some(self.expression()?) } else { None };
            if default.is_none() && params.last().is_some_and(|(_, default)| default.is_some()) {
                return fail("a parameter without a default follows one that has one");
            }
            params.push((name, default));
        }
        Ok(params)
    }

    fn macro_body(
        &mut self,
        name: String,
        params: Vec<(String, Option<Expr>)>,
        end: &str,
    ) -> Result<Macro> {
        self.uses.push(Uses::default());
        let loops = std::mem::take(&mut self.loops);
        let body = self.block(end);
        self.loops = loops;
        let uses = self.uses.pop().unwrap_or_default();
        Ok(Macro { name, params, body: body?, uses })
    }

    /// Filters joined by `|`, the first without one before it.
    fn filters(&mut self) -> Result<Vec<Step>> {
        let mut filters = vec![self.filter()?];
        while self.skip_op("|") {
            filters.push(self.filter()?);
        }
        Ok(filters)
    }

    fn target(&mut self, attributes: bool) -> Result<Target> {
        let mut parts = vec![self.one_target(attributes)?];
        let mut tuple = false;
        while self.skip_op(",") {
            tuple = true;
            if self.is_op("=") || self.is_name("in") || self.peek() == Some(&Token::BlockEnd) {
                break;
            }
            parts.push(self.one_target(attributes)?);
        }
        Ok(if tuple { Target::Tuple(parts) } else { parts.remove(0) })
    }

    fn one_target(&mut self, attributes: bool) -> Result<Target> {
        for (open, close) in [("(", ")"), ("[", "]")] {
            if self.skip_op(open) {
                let inner = self.deeper(|p| p.target(attributes))?;
                self.expect_op(close)?;
                return Ok(inner);
            }
        }
        let name = self.name()?;
        if RESERVED.contains(&name.as_str()) {
            return fail(format!("`{name}` cannot be set"));
        }
        if attributes && self.skip_op(".") {
            return Ok(Target::Attr(name, self.name()?));
        }
        Ok(Target::Name(name))
    }
}
