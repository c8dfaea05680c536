//! Runs the statements of a template.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use super::args::Given;
use super::ast::{Body, Expr, For, Node, Step, Stmt};
use super::budget::{Budget, RUN_DEPTH};
use super::error::{Error, Reason, Result, fail};
use super::object::{Loop, Object, Scope};
use super::value::{Dict, Value};
use crate::chat::Date;

/// What a rendering reads.
pub(crate) struct RenderSettings<'s> {
    /// The names that the template finds.
    pub globals: BTreeMap<&'s str, Value>,
    /// Bytes of the conversation: longer ones may cost more.
    pub input: usize,
    /// What `strftime_now` writes.
    pub date: Option<Date>,
    /// Characters around the text of `generation` blocks.
    pub marks: (char, char),
}

/// One rendering.
pub(super) struct Run<'t> {
    pub globals: BTreeMap<&'t str, Value>,
    pub budget: Budget,
    /// Texts being written, the innermost last.
    pub out: Vec<String>,
    pub scopes: Vec<Scope<'t>>,
    /// The number of the scope of this place.
    pub scope: usize,
    pub objects: Vec<Object<'t>>,
    depth: usize,
    date: Option<Date>,
    marks: (char, char),
    /// The texts that stand in the template's tags.
    pub literals: &'t [Arc<str>],
}

/// How a statement ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break,
    Continue,
}

pub(super) fn render<'t>(
    body: &'t Body,
    literals: &'t [Arc<str>],
    setting: RenderSettings<'t>,
) -> Result<String> {
    let RenderSettings { globals, input, date, marks } = setting;
    let root = Scope { names: Vec::new(), parent: 0, kept: true };
    let mut run = Run {
        globals,
        budget: Budget::new(input),
        out: vec![String::new()],
        scopes: vec![root],
        scope: 0,
        objects: Vec::new(),
        depth: 0,
        date,
        marks,
        literals,
    };
    run.body(body)?;
    Ok(run.out.pop().unwrap_or_default())
}

impl<'t> Run<'t> {
    pub fn body(&mut self, body: &'t Body) -> Result<Flow> {
        for node in body {
            self.budget.steps(1).map_err(|e| e.at(node.line))?;
            let flow = self.statement(node).map_err(|e| e.at(node.line))?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    /// `run`, one level deeper.
    pub fn deeper<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > RUN_DEPTH {
            return fail(format!("the template calls itself deeper than {RUN_DEPTH} levels"));
        }
        let value = run(self);
        self.depth -= 1;
        value
    }

    pub fn write(&mut self, text: &str) -> Result<()> {
        self.budget.bytes(text.len() as u64)?;
        if let Some(out) = self.out.last_mut() {
            out.push_str(text);
        }
        Ok(())
    }

    /// What `block` writes.
    pub fn capture(&mut self, block: impl FnOnce(&mut Self) -> Result<Flow>) -> Result<String> {
        self.out.push(String::new());
        let flow = block(self);
        let text = self.out.pop().unwrap_or_default();
        flow.map(|_| text)
    }

    fn statement(&mut self, node: &'t Node) -> Result<Flow> {
        match &node.stmt {
            Stmt::Text(text) => self.write(text)?,
            Stmt::Print(value) => self.print(value)?,
            Stmt::If { branches, otherwise } => return self.branch(branches, otherwise),
            Stmt::For(node) => self.for_loop(node)?,
            Stmt::Set(target, value) => {
                let value = self.eval(value)?;
                self.assign(target, value)?;
            }
            Stmt::SetBlock { target, filters, body } => {
                let text = self.captured(body, filters)?;
                self.assign(target, text)?;
            }
            Stmt::With { bindings, body } => {
                let values = bindings
                    .iter()
                    .map(|(_, value)| self.eval(value))
                    .collect::<Result<Vec<_>>>()?;
                return self.deeper(|run| {
                    run.scoped(run.scope, |run| {
                        for ((target, _), value) in bindings.iter().zip(values) {
                            run.assign(target, value)?;
                        }
                        run.body(body)
                    })
                });
            }
            Stmt::Macro(node) => {
                let made = self.make_macro(node)?;
                self.set(&node.name, made)?;
            }
            Stmt::Call { caller, call } => self.call_block(caller, call)?,
            Stmt::Filter { filters, body } => {
                let text = self.captured(body, filters)?;
                self.print_value(&text)?;
            }
            Stmt::Generation(body) => {
                let (open, close) = self.marks;
                self.write(open.encode_utf8(&mut [0; 4]))?;
                self.deeper(|run| run.scoped(run.scope, |run| run.body(body)))?;
                self.write(close.encode_utf8(&mut [0; 4]))?;
            }
            Stmt::Break => return Ok(Flow::Break),
            Stmt::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    #[inline(never)]
    fn print(&mut self, value: &'t Expr) -> Result<()> {
        let value = self.eval(value)?;
        self.print_value(&value)
    }

    fn print_value(&mut self, value: &Value) -> Result<()> {
        match value {
            Value::Str(text) | Value::Markup(text) => self.write(text),
            other => {
                let text = self.show(other)?;
                self.write(&text)
            }
        }
    }

    #[inline(never)]
    fn branch(&mut self, branches: &'t [(Expr, Body)], otherwise: &'t Body) -> Result<Flow> {
        for (condition, body) in branches {
            self.budget.steps(1)?;
            if self.eval(condition)?.is_true() {
                return self.deeper(|run| run.body(body));
            }
        }
        self.deeper(|run| run.body(otherwise))
    }

    /// The text of a block with names of its own, through `filters`.
    #[inline(never)]
    fn captured(&mut self, body: &'t Body, filters: &'t [Step]) -> Result<Value> {
        let text =
            self.deeper(|run| run.capture(|run| run.scoped(run.scope, |run| run.body(body))))?;
        let mut value = Value::str(text);
        for step in filters {
            value = self.step(value, step)?;
        }
        Ok(value)
    }

    #[inline(never)]
    fn for_loop(&mut self, node: &'t For) -> Result<()> {
        let items = self.eval(&node.iter)?;
        let scope = self.scope;
        self.deeper(|run| run.repeat(node, &items, scope, 0))
    }

    /// Runs a loop over `items`; `depth` counts how often it called itself.
    pub fn repeat(
        &mut self,
        node: &'t For,
        items: &Value,
        scope: usize,
        depth: usize,
    ) -> Result<()> {
        let mut items = self.walk(items)?;
        if let Some(test) = &node.test {
            let mut kept = Vec::new();
            for item in items {
                let keep = self.scoped(scope, |run| {
                    run.assign(&node.target, item.clone())?;
                    Ok(run.eval(test)?.is_true())
                })?;
                if keep {
                    kept.push(item);
                }
            }
            items = kept;
        }
        if items.is_empty() {
            return self.scoped(scope, |run| run.body(&node.otherwise)).map(|_| ());
        }
        let len = items.len();
        let recursive = node.recursive.then_some((node, scope));
        let state = Loop { items, at: 0, len, depth, recursive, last_seen: None };
        let object = self.object(Object::Loop(state), "LoopContext")?;
        let Value::Object(number, _) = object else { return fail("a loop has no number") };
        for at in 0..len {
            let Object::Loop(state) = &mut self.objects[number] else { break };
            state.at = at;
            let item = state.items[at].clone();
            let flow = self.scoped(scope, |run| {
                run.set("loop", object.clone())?;
                run.assign(&node.target, item)?;
                run.body(&node.body)
            })?;
            if flow == Flow::Break {
                break;
            }
        }
        Ok(())
    }

    pub fn dict(&mut self, pairs: Vec<(Value, Value)>) -> Result<Value> {
        Ok(Value::Dict(Dict::new(pairs, &mut self.budget)?.into()))
    }

    pub fn strftime_now(&mut self, args: Given) -> Result<Value> {
        let [format] = args.take("strftime_now", ["format"])?;
        let format = super::args::text(format, "strftime_now", "format")?;
        let Some(date) = self.date else { return Err(Error { reason: Reason::NoDate, line: 0 }) };
        // A directive writes nine letters at most.
        self.budget.bytes(8 * format.len() as u64)?;
        // Its own error names the directive, which may be computed.
        let unknown = |_| fail("`strftime_now` is given a directive that is not supported");
        date.format(&format).map(Value::str).or_else(unknown)
    }

    /// `str()` of a value.
    pub fn show(&mut self, value: &Value) -> Result<String> {
        let text = super::show::show(value, &self.objects, &mut self.budget)?;
        Ok(text)
    }

    /// `str()` of a value, added to `out`.
    pub fn show_into(&mut self, value: &Value, out: &mut String) -> Result<()> {
        match value {
            Value::Str(text) | Value::Markup(text) => {
                self.budget.bytes(text.len() as u64)?;
                out.push_str(text);
            }
            other => {
                let text = self.show(other)?;
                let _ = out.write_str(&text);
            }
        }
        Ok(())
    }
}
