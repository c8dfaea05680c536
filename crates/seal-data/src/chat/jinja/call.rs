//! Calls: functions, methods, macros, loops that call themselves.

use std::sync::Arc;

use super::args::Given;
use super::ast::{Expr, Macro};
use super::error::{Result, fail};
use super::object::Object;
use super::run::Run;
use super::value::{Kind, Value, undefined};

impl<'t> Run<'t> {
    pub fn call(&mut self, callee: &Value, args: Given) -> Result<Value> {
        match callee {
            Value::Undefined(words) => undefined(words.as_ref()),
            Value::Function(name) => self.call_function(name, args),
            Value::Method(method) => match &method.0 {
                Value::Object(at, _) => self.object_method(*at, method.1, args),
                value => self.method(value, method.1, args),
            },
            Value::Object(at, kind) => match &mut self.objects[*at] {
                Object::Macro { node, scope } => {
                    let (node, scope) = (*node, *scope);
                    self.deeper(|run| run.call_macro(node, scope, args))
                }
                Object::Loop(state) => {
                    let Some((node, scope)) = state.recursive else {
                        return fail("`loop` is called in a loop that is not `recursive`");
                    };
                    let depth = state.depth + 1;
                    let [items] = args.take("loop", ["iterable"])?;
                    let items = super::args::needed(items, "loop", "iterable")?;
                    self.deeper(|run| {
                        let text = run.capture(|run| {
                            run.repeat(node, &items, scope, depth)?;
                            Ok(super::run::Flow::Next)
                        })?;
                        Ok(Value::str(text))
                    })
                }
                Object::Joiner { between, used } => {
                    let first = !std::mem::replace(used, true);
                    let text = if first { Value::str("") } else { between.clone() };
                    args.none("joiner")?;
                    Ok(text)
                }
                _ => fail(format!("a value of type '{kind}' cannot be called")),
            },
            other => fail(format!("a value of type '{}' cannot be called", other.kind())),
        }
    }

    fn object_method(&mut self, at: usize, name: &str, args: Given) -> Result<Value> {
        match &mut self.objects[at] {
            Object::Cycler { items, at } => {
                let current = items[*at].clone();
                *at = if name == "reset" { 0 } else { (*at + 1) % items.len() };
                Ok(if name == "reset" { Value::None } else { current })
            }
            Object::Loop(state) if name == "cycle" => {
                if args.positional.is_empty() {
                    return fail("`loop.cycle` takes one value at least");
                }
                Ok(args.positional[state.at % args.positional.len()].clone())
            }
            Object::Loop(state) => {
                let last = state.last_seen.replace(args.positional.clone());
                let Some(last) = last else { return Ok(Value::Bool(true)) };
                let mut same = last.len() == args.positional.len();
                for (a, b) in last.iter().zip(&args.positional) {
                    same = same && self.equal(a, b)?;
                }
                Ok(Value::Bool(!same))
            }
            _ => fail("this cannot be called"),
        }
    }

    fn call_macro(&mut self, node: &'t Macro, scope: usize, args: Given) -> Result<Value> {
        let Given { mut positional, mut named } = args;
        let name = &node.name;
        let looked_through = node.params.len() as u64 * named.len() as u64;
        self.budget.steps(looked_through / super::scope::NAMES_PER_STEP)?;
        let more = positional.split_off(positional.len().min(node.params.len()));
        if !more.is_empty() && !node.uses.varargs {
            return fail(format!("macro `{name}` takes {} arguments at most", node.params.len()));
        }
        let text = self.scoped(scope, |run| {
            let mut positional = positional.into_iter();
            for (param, default) in &node.params {
                let given = named.iter().position(|(n, _)| **n == **param);
                let value = match (positional.next(), given) {
                    (Some(_), Some(_)) => {
                        return fail(format!("macro `{name}` is given `{param}` twice"));
                    }
                    (Some(value), None) => value,
                    (None, Some(at)) => named.remove(at).1,
                    (None, None) => match default {
                        Some(default) => run.eval(default)?,
                        None => {
                            let words = format!("the argument `{param}` of `{name}` is not given");
                            Value::Undefined(Some(words.into()))
                        }
                    },
                };
                run.set(param, value)?;
            }
            if node.uses.varargs {
                let more = Value::list(Kind::Tuple, more, &mut run.budget)?;
                run.set("varargs", more)?;
            }
            if node.uses.caller {
                let at = named.iter().position(|(n, _)| &**n == "caller");
                let missing = || Value::Undefined(Some("no caller is defined".into()));
                let caller = at.map_or_else(missing, |at| named.remove(at).1);
                run.set("caller", caller)?;
            }
            if node.uses.kwargs {
                let pairs = std::mem::take(&mut named);
                let pairs = pairs.into_iter().map(|(name, value)| (Value::Str(name), value));
                let more = run.dict(pairs.collect())?;
                run.set("kwargs", more)?;
            } else if !named.is_empty() {
                return fail(format!("macro `{name}` is given an argument that it lacks"));
            }
            run.capture(|run| run.body(&node.body))
        })?;
        Ok(Value::str(text))
    }

    /// A `call` block: its body is a macro that the called one may call.
    pub fn call_block(&mut self, caller: &'t Macro, call: &'t Expr) -> Result<()> {
        let made = self.make_macro(caller)?;
        let Expr::Postfix(value, steps) = call else { return fail("a call block calls nothing") };
        let Some((super::ast::Step::Call(args), before)) = steps.split_last() else {
            return fail("a call block calls nothing");
        };
        let mut callee = self.eval(value)?;
        for step in before {
            callee = self.step(callee, step)?;
        }
        let mut args = self.given(args)?;
        args.named.push((Arc::from("caller"), made));
        let value = self.call(&callee, args)?;
        let text = self.show(&value)?;
        self.write(&text)
    }
}
