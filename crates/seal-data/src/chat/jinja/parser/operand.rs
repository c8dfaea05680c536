//! Operands: values, and what follows them.

use std::sync::Arc;

use super::Parser;
use crate::chat::jinja::ast::{Args, Expr, Step};
use crate::chat::jinja::error::{Result, fail};
use crate::chat::jinja::token::Token;
use crate::chat::jinja::value::Value;

impl Parser {
    pub(super) fn primary(&mut self) -> Result<Expr> {
        let constant = |value| Ok(Expr::Const(value));
        match self.next() {
            Some(Token::Name(name)) => match name.as_str() {
                "true" | "True" => constant(Value::Bool(true)),
                "false" | "False" => constant(Value::Bool(false)),
                "none" | "None" => constant(Value::None),
                _ => {
                    if let Some(uses) = self.uses.last_mut() {
                        uses.varargs |= name == "varargs";
                        uses.kwargs |= name == "kwargs";
                        uses.caller |= name == "caller";
                    }
                    Ok(Expr::Name(name))
                }
            },
            Some(Token::Str(mut text)) => {
                while let Some(Token::Str(more)) = self.peek() {
                    text.push_str(more);
                    self.at += 1;
                }
                let text: Arc<str> = text.into();
                self.literals.push(Arc::clone(&text));
                constant(Value::Str(text))
            }
            Some(Token::Int(n)) => constant(Value::Int(n)),
            Some(Token::Float(x)) => constant(Value::Float(x)),
            Some(Token::Op("(")) => {
                if self.skip_op(")") {
                    return Ok(Expr::Tuple(Vec::new()));
                }
                let value = self.deeper(|p| p.tuple(true, &[]))?;
                self.expect_op(")")?;
                Ok(value)
            }
            Some(Token::Op("[")) => {
                let items = self.items("]", Self::expression)?;
                Ok(Expr::List(items))
            }
            Some(Token::Op("{")) => {
                let pair = |p: &mut Self| {
                    let key = p.expression()?;
                    p.expect_op(":")?;
                    Ok((key, p.expression()?))
                };
                Ok(Expr::Dict(self.items("}", pair)?))
            }
            _ => {
                self.at -= 1;
                self.unexpected("a value")
            }
        }
    }

    /// Items with commas between them, and `close`.
    fn items<T>(&mut self, close: &str, read: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = Vec::new();
        while !self.skip_op(close) {
            if !items.is_empty() {
                self.expect_op(",")?;
                if self.skip_op(close) {
                    break;
                }
            }
            items.push(read(self)?);
        }
        Ok(items)
    }

    /// Values with commas between them are a tuple; it ends with its tag, with `)`
    /// or before a word of `ends`. Without `conditions`, `if` is no part of a value.
    pub(super) fn tuple(&mut self, conditions: bool, ends: &[&str]) -> Result<Expr> {
        let mut parts = Vec::new();
        let mut is_tuple = false;
        loop {
            let over = matches!(self.peek(), Some(Token::PrintEnd | Token::BlockEnd) | None)
                || self.is_op(")")
                || ends.iter().any(|end| self.is_name(end));
            if over {
                break;
            }
            parts.push(if conditions { self.expression()? } else { self.deeper(Self::or)? });
            if !self.skip_op(",") {
                break;
            }
            is_tuple = true;
        }
        match (is_tuple, parts.pop()) {
            (false, Some(one)) => Ok(one),
            (true, Some(last)) => {
                parts.push(last);
                Ok(Expr::Tuple(parts))
            }
            (_, None) => self.unexpected("a value"),
        }
    }

    /// One `.name`, `[..]` or `(..)`; false where there is none.
    pub(super) fn postfix(&mut self, steps: &mut Vec<Step>) -> Result<bool> {
        if self.skip_op(".") {
            match self.next() {
                Some(Token::Name(name)) => steps.push(Step::Attr(name)),
                Some(Token::Int(n)) => steps.push(Step::Item(Expr::Const(Value::Int(n)))),
                _ => {
                    self.at -= 1;
                    return self.unexpected("a name");
                }
            }
        } else if self.skip_op("[") {
            steps.push(self.deeper(Self::subscript)?);
        } else if self.is_op("(") {
            let args = self.args()?;
            steps.push(Step::Call(args));
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn subscript(&mut self) -> Result<Step> {
        let mut parts: [Option<Expr>; 3] = [None, None, None];
        let mut colons = 0;
        loop {
            if self.skip_op("]") {
                break;
            } else if self.is_op(":") && colons < 2 {
                self.at += 1;
                colons += 1;
            } else if parts[colons].is_none() {
                parts[colons] = Some(self.expression()?);
            } else if self.is_op(",") && colons == 0 {
                return fail("a tuple as a subscript needs parentheses");
            } else {
                return self.unexpected("`]`");
            }
        }
        let [start, stop, step] = parts;
        match (colons, start) {
            (0, Some(key)) => Ok(Step::Item(key)),
            (0, None) => self.unexpected("a subscript"),
            (_, start) => Ok(Step::Slice([start, stop, step])),
        }
    }

    pub(super) fn filter(&mut self) -> Result<Step> {
        let name = self.dotted()?;
        let args = if self.is_op("(") { self.args()? } else { Args::default() };
        Ok(Step::Filter(name, args))
    }

    pub(super) fn test(&mut self) -> Result<Step> {
        let negated = self.skip_name("not");
        let name = self.dotted()?;
        if self.is_name("is") {
            return fail("tests cannot be chained by `is`");
        }
        let args = if self.is_op("(") {
            self.args()?
        } else {
            let takes = match self.peek() {
                Some(Token::Name(n)) => !matches!(n.as_str(), "else" | "or" | "and" | "is" | "if"),
                Some(Token::Str(_) | Token::Int(_) | Token::Float(_)) => true,
                Some(Token::Op(op)) => matches!(*op, "[" | "{"),
                _ => false,
            };
            let mut args = Args::default();
            if takes && !self.is_test_end() {
                let primary = self.deeper(Self::primary)?;
                let mut steps = Vec::new();
                while self.postfix(&mut steps)? {}
                args.positional.push(wrap(primary, steps));
            }
            args
        };
        Ok(Step::Test { name, args, negated })
    }

    /// A word after a test that belongs to what is around it.
    fn is_test_end(&self) -> bool {
        self.is_name("recursive") || self.is_name("in") || self.is_name("not")
    }

    fn dotted(&mut self) -> Result<String> {
        let mut name = self.name()?;
        while self.skip_op(".") {
            name = name + "." + &self.name()?;
        }
        Ok(name)
    }

    pub(super) fn args(&mut self) -> Result<Args> {
        self.expect_op("(")?;
        let mut args = Args::default();
        let mut first = true;
        while !self.skip_op(")") {
            if !first {
                self.expect_op(",")?;
                if self.skip_op(")") {
                    break;
                }
            }
            first = false;
            if self.skip_op("**") {
                args.more_named = Some(self.expression()?);
            } else if self.skip_op("*") {
                args.more = Some(self.expression()?);
            } else {
                let next = self.tokens.get(self.at + 1).map(|(token, _)| token);
                let named =
                    matches!(self.peek(), Some(Token::Name(_))) && next == Some(&Token::Op("="));
                if named {
                    let name = self.name()?;
                    self.at += 1;
                    args.named.push((name, self.expression()?));
                } else if args.named.is_empty() && args.more_named.is_none() {
                    args.positional.push(self.expression()?);
                } else {
                    return fail("a positional argument follows a named one");
                }
            }
        }
        Ok(args)
    }
}

pub(super) fn wrap(value: Expr, steps: Vec<Step>) -> Expr {
    if steps.is_empty() { value } else { Expr::Postfix(Box::new(value), steps) }
}
