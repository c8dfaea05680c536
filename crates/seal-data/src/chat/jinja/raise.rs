//! The words of `raise_exception`, as far as the template itself wrote them.
//!
//! A template can put any part of a row into its words: cut, escaped, in capitals. No search
//! for the texts of the row would find them all. So an error shows only literals of the
//! template's source, and [`COMPUTED`] stands for everything that is computed.

use std::sync::Arc;

use super::args::Given;
use super::ast::{Args, Expr, Step};
use super::error::{Error, Reason, Result};
use super::run::Run;
use super::value::Value;

/// Stands for words that are computed.
const COMPUTED: &str = "…";

impl<'t> Run<'t> {
    /// `raise_exception(..)` as it stands in the template; `given` are its arguments.
    pub fn raise_written(&mut self, args: &'t Args, given: Given) -> Result<Value> {
        let named = || args.named.iter().find(|(name, _)| name == "message").map(|(_, e)| e);
        let written = args.positional.first().or_else(named);
        self.raise_with(given, written)
    }

    /// `raise_exception` that is called in another way: its words are shown if they are one
    /// literal.
    pub fn raise(&mut self, given: Given) -> Result<Value> {
        self.raise_with(given, None)
    }

    fn raise_with(&mut self, given: Given, written: Option<&'t Expr>) -> Result<Value> {
        let [message] = given.take("raise_exception", ["message"])?;
        let words = match (message, written) {
            (None, _) => String::new(),
            (Some(Value::Str(text)), _) if self.is_literal(&text) => text.to_string(),
            (Some(_), Some(expr)) => self.written(expr)?,
            (Some(_), None) => COMPUTED.to_owned(),
        };
        Err(Error { reason: Reason::Raised(words), line: 0 })
    }

    /// Whether `text` is a literal of the template, and not only equal to one. It stays
    /// one where a name, an argument or a dictionary holds it.
    fn is_literal(&self, text: &Arc<str>) -> bool {
        self.literals.iter().any(|literal| Arc::ptr_eq(literal, text))
    }

    fn written(&mut self, expr: &'t Expr) -> Result<String> {
        let Expr::Cond(arms, otherwise) = expr else { return Ok(literals_of(expr)) };
        for (value, condition) in arms {
            if self.eval(condition)?.is_true() {
                return self.deeper(|run| run.written(value));
            }
        }
        let otherwise = otherwise.as_deref();
        otherwise.map_or_else(|| Ok(String::new()), |value| self.deeper(|run| run.written(value)))
    }
}

/// The literals that `expr` joins. Of a format it is the format as it stands there.
fn literals_of(expr: &Expr) -> String {
    let joined = |parts: &mut dyn Iterator<Item = &Expr>| {
        let mut words = String::new();
        for part in parts {
            let part = literals_of(part);
            if !(part == COMPUTED && words.ends_with(COMPUTED)) {
                words.push_str(&part);
            }
        }
        words
    };
    match expr {
        Expr::Const(Value::Str(text)) => text.to_string(),
        Expr::Const(Value::Int(n)) => n.to_string(),
        Expr::Concat(parts) => joined(&mut parts.iter()),
        Expr::Chain(first, rest) if rest.iter().all(|(op, _)| *op == "+") => {
            joined(&mut std::iter::once(&**first).chain(rest.iter().map(|(_, part)| part)))
        }
        Expr::Chain(format, rest) if matches!(rest[..], [("%", _)]) => literal_of(format),
        Expr::Postfix(format, steps) => match &steps[..] {
            [Step::Attr(name), Step::Call(_)] | [Step::Filter(name, _)] if name == "format" => {
                literal_of(format)
            }
            _ => COMPUTED.to_owned(),
        },
        _ => COMPUTED.to_owned(),
    }
}

fn literal_of(expr: &Expr) -> String {
    match expr {
        Expr::Const(Value::Str(text)) => text.to_string(),
        _ => COMPUTED.to_owned(),
    }
}
