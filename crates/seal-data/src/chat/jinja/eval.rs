//! Evaluates expressions.

use super::args::Given;
use super::ast::{Args, Expr, Step};
use super::error::{Result, fail};
use super::ops;
use super::run::Run;
use super::value::{Kind, Value};

impl<'t> Run<'t> {
    pub fn eval(&mut self, expr: &'t Expr) -> Result<Value> {
        self.budget.steps(1)?;
        match expr {
            Expr::Const(value) => Ok(value.clone()),
            Expr::Name(name) => self.look_up(name),
            _ => self.deeper(|run| run.compound(expr)),
        }
    }

    fn compound(&mut self, expr: &'t Expr) -> Result<Value> {
        match expr {
            Expr::Const(_) | Expr::Name(_) => self.eval(expr),
            Expr::List(items) => self.sequence(Kind::List, items),
            Expr::Tuple(items) => self.sequence(Kind::Tuple, items),
            Expr::Dict(pairs) => self.mapping(pairs),
            Expr::Chain(first, rest) => self.chain(first, rest),
            Expr::And(parts) => self.first_of(parts, false),
            Expr::Or(parts) => self.first_of(parts, true),
            Expr::Concat(parts) => self.concat(parts),
            Expr::Compare(first, rest) => self.compare(first, rest),
            Expr::Unary(signs, value) => self.signed(signs, value),
            Expr::Cond(arms, otherwise) => self.conditional(arms, otherwise.as_deref()),
            Expr::Postfix(value, steps) => self.postfix(value, steps),
        }
    }

    #[inline(never)]
    fn sequence(&mut self, kind: Kind, items: &'t [Expr]) -> Result<Value> {
        let items = items.iter().map(|item| self.eval(item)).collect::<Result<Vec<_>>>()?;
        Value::list(kind, items, &mut self.budget)
    }

    #[inline(never)]
    fn mapping(&mut self, pairs: &'t [(Expr, Expr)]) -> Result<Value> {
        let pair = |(key, value): &'t (Expr, Expr)| Ok((self.eval(key)?, self.eval(value)?));
        let pairs = pairs.iter().map(pair).collect::<Result<Vec<_>>>()?;
        self.dict(pairs)
    }

    #[inline(never)]
    fn chain(&mut self, first: &'t Expr, rest: &'t [(&'static str, Expr)]) -> Result<Value> {
        let mut value = self.eval(first)?;
        for (op, operand) in rest {
            let operand = self.eval(operand)?;
            value = self.binary(op, value, operand)?;
        }
        Ok(value)
    }

    /// The first part that is true (or false), or the last one.
    #[inline(never)]
    fn first_of(&mut self, parts: &'t [Expr], wanted: bool) -> Result<Value> {
        let mut value = Value::None;
        for part in parts {
            value = self.eval(part)?;
            if value.is_true() == wanted {
                break;
            }
        }
        Ok(value)
    }

    #[inline(never)]
    fn concat(&mut self, parts: &'t [Expr]) -> Result<Value> {
        let parts = parts.iter().map(|part| self.eval(part)).collect::<Result<Vec<_>>>()?;
        let mut text = String::new();
        for part in &parts {
            self.show_into(part, &mut text)?;
        }
        Ok(Value::str(text))
    }

    #[inline(never)]
    fn compare(&mut self, first: &'t Expr, rest: &'t [(&'static str, Expr)]) -> Result<Value> {
        let mut left = self.eval(first)?;
        for (op, right) in rest {
            let right = self.eval(right)?;
            if !self.holds(op, &left, &right)? {
                return Ok(Value::Bool(false));
            }
            left = right;
        }
        Ok(Value::Bool(true))
    }

    #[inline(never)]
    fn signed(&mut self, signs: &'t [&'static str], value: &'t Expr) -> Result<Value> {
        let mut value = self.eval(value)?;
        for sign in signs.iter().rev() {
            self.budget.steps(1)?;
            value = match *sign {
                "not" => Value::Bool(!value.is_true()),
                sign => ops::sign(sign, &value)?,
            };
        }
        Ok(value)
    }

    #[inline(never)]
    fn conditional(
        &mut self,
        arms: &'t [(Expr, Expr)],
        otherwise: Option<&'t Expr>,
    ) -> Result<Value> {
        for (value, condition) in arms {
            if self.eval(condition)?.is_true() {
                return self.eval(value);
            }
        }
        let words = "an `if` without `else` has no value where its condition is false";
        otherwise.map_or_else(|| Ok(Value::Undefined(Some(words.into()))), |value| self.eval(value))
    }

    #[inline(never)]
    fn postfix(&mut self, value: &'t Expr, steps: &'t [Step]) -> Result<Value> {
        let mut value = self.eval(value)?;
        for step in steps {
            value = self.step(value, step)?;
        }
        Ok(value)
    }

    /// Applies what follows an operand.
    pub fn step(&mut self, value: Value, step: &'t Step) -> Result<Value> {
        self.budget.steps(1)?;
        match step {
            Step::Attr(name) => self.named_attribute(&value, name),
            Step::Item(key) => {
                let key = self.eval(key)?;
                self.item(&value, &key)
            }
            Step::Slice(parts) => self.slice_step(&value, parts),
            Step::Call(args) => self.call_step(&value, args),
            Step::Filter(name, args) => self.filter_step(name, value, args),
            Step::Test { name, args, negated } => self.test_step(name, &value, args, *negated),
        }
    }

    #[inline(never)]
    fn slice_step(&mut self, value: &Value, parts: &'t [Option<Expr>; 3]) -> Result<Value> {
        let mut bounds = [None; 3];
        for (bound, part) in bounds.iter_mut().zip(parts) {
            let Some(part) = part else { continue };
            let part = self.eval(part)?;
            *bound = match (&part, part.as_int()) {
                (Value::None, _) => None,
                (_, Some(n)) => Some(n),
                _ => return fail("a slice takes whole numbers"),
            };
        }
        self.slice(value, bounds)
    }

    #[inline(never)]
    fn call_step(&mut self, value: &Value, args: &'t Args) -> Result<Value> {
        let given = self.given(args)?;
        match value {
            Value::Function("raise_exception") => self.raise_written(args, given),
            _ => self.call(value, given),
        }
    }

    #[inline(never)]
    fn filter_step(&mut self, name: &str, value: Value, args: &'t Args) -> Result<Value> {
        let args = self.given(args)?;
        self.named_filter(name, value, args)
    }

    #[inline(never)]
    fn test_step(
        &mut self,
        name: &str,
        value: &Value,
        args: &'t Args,
        negated: bool,
    ) -> Result<Value> {
        let args = self.given(args)?;
        Ok(Value::Bool(self.named_test(name, value, args)? != negated))
    }

    pub fn given(&mut self, args: &'t Args) -> Result<Given> {
        let mut given = Given::default();
        for value in &args.positional {
            given.positional.push(self.eval(value)?);
        }
        if let Some(more) = &args.more {
            let more = self.eval(more)?;
            given.positional.extend(self.walk(&more)?);
        }
        for (name, value) in &args.named {
            given.named.push((name.as_str().into(), self.eval(value)?));
        }
        if let Some(more) = &args.more_named {
            match self.eval(more)? {
                Value::Dict(dict) => {
                    self.budget.bytes(64 * dict.entries().len() as u64)?;
                    for (key, value) in dict.entries() {
                        let Some(key) = key.as_str() else {
                            return fail("the names of arguments are texts");
                        };
                        given.named.push((key.into(), value.clone()));
                    }
                }
                _ => return fail("`**` takes a dictionary"),
            }
        }
        Ok(given)
    }
}
