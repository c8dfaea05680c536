//! How names are looked up and set, and the functions of every template.

use super::args::Given;
use super::ast::{Macro, Target};
use super::error::{Result, fail};
use super::object::{Object, Scope};
use super::run::Run;
use super::value::{Kind, Value, range_len, undefined};

/// Functions of every template.
pub(super) const FUNCTIONS: [&str; 7] =
    ["range", "dict", "namespace", "cycler", "joiner", "raise_exception", "strftime_now"];
/// Names that are looked through in one step.
pub(super) const NAMES_PER_STEP: u64 = 8;
/// The longest range, as in the sandbox of Jinja2.
const MAX_RANGE: i128 = 100_000;

impl<'t> Run<'t> {
    pub fn object(&mut self, object: Object<'t>, kind: &'static str) -> Result<Value> {
        self.budget.bytes(128)?;
        self.objects.push(object);
        Ok(Value::Object(self.objects.len() - 1, kind))
    }

    /// What `name` stands for here.
    pub fn look_up(&mut self, name: &str) -> Result<Value> {
        let mut at = self.scope;
        loop {
            let scope = &self.scopes[at];
            self.budget.steps(scope.names.len() as u64 / NAMES_PER_STEP)?;
            if let Some((_, value)) = scope.names.iter().rev().find(|(n, _)| *n == name) {
                return Ok(value.clone());
            }
            if at == 0 {
                break;
            }
            at = scope.parent;
        }
        if let Some(value) = self.globals.get(name) {
            return Ok(value.clone());
        }
        Ok(match FUNCTIONS.iter().find(|f| **f == name) {
            Some(function) => Value::Function(function),
            None => Value::Undefined(Some(format!("`{name}` is undefined").into())),
        })
    }

    pub fn set(&mut self, name: &'t str, value: Value) -> Result<()> {
        let names = &mut self.scopes[self.scope].names;
        self.budget.steps(names.len() as u64 / NAMES_PER_STEP)?;
        match names.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old = value,
            None => names.push((name, value)),
        }
        Ok(())
    }

    pub fn assign(&mut self, target: &'t Target, value: Value) -> Result<()> {
        match target {
            Target::Name(name) => self.set(name, value),
            Target::Attr(name, attribute) => {
                if let Value::Object(at, _) = self.look_up(name)?
                    && let Object::Namespace(fields) = &mut self.objects[at]
                {
                    self.budget.steps(fields.len() as u64 / NAMES_PER_STEP)?;
                    match fields.iter_mut().find(|(n, _)| n == attribute) {
                        Some((_, old)) => *old = value,
                        None => fields.push((attribute.clone(), value)),
                    }
                    return Ok(());
                }
                fail(format!("`{name}` is no namespace, so `{name}.{attribute}` cannot be set"))
            }
            Target::Tuple(targets) => {
                let items = self.walk(&value)?;
                if items.len() != targets.len() {
                    let names = targets.len();
                    return fail(format!("more or fewer than {names} values for {names} names"));
                }
                targets.iter().zip(items).try_for_each(|(target, item)| self.assign(target, item))
            }
        }
    }

    /// Runs `block` with names of its own, below `parent`.
    pub fn scoped<T>(
        &mut self,
        parent: usize,
        block: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.budget.steps(1)?;
        let (outer, own) = (self.scope, self.scopes.len());
        self.scopes.push(Scope { names: Vec::new(), parent, kept: false });
        self.scope = own;
        let value = block(self);
        self.scope = outer;
        if own + 1 == self.scopes.len() && !self.scopes[own].kept {
            self.scopes.pop();
        } else {
            self.budget.bytes(64)?;
        }
        value
    }

    /// A macro that reads the names of this place.
    pub fn make_macro(&mut self, node: &'t Macro) -> Result<Value> {
        let mut at = self.scope;
        while !self.scopes[at].kept {
            self.scopes[at].kept = true;
            at = self.scopes[at].parent;
        }
        self.object(Object::Macro { node, scope: self.scope }, "Macro")
    }

    /// The elements of a value, one after another.
    pub fn walk(&mut self, value: &Value) -> Result<Vec<Value>> {
        let items: Vec<Value> = match value {
            Value::Undefined(_) => Vec::new(),
            Value::List(list) => {
                self.budget.bytes(32 * list.items.len() as u64)?;
                list.items.clone()
            }
            Value::Dict(dict) => {
                self.budget.bytes(32 * dict.entries().len() as u64)?;
                dict.entries().iter().map(|(key, _)| key.clone()).collect()
            }
            Value::Str(text) | Value::Markup(text) => {
                self.budget.bytes(64 * text.len() as u64)?;
                let mut buffer = [0; 4];
                text.chars().map(|c| Value::str(&*c.encode_utf8(&mut buffer))).collect()
            }
            Value::Range(range) => {
                let len = range_len(range);
                self.budget.bytes(32 * len as u64)?;
                (0..len).map(|i| Value::Int(range[0] + i * range[2])).collect()
            }
            Value::Object(at, _) => match &self.objects[*at] {
                Object::Loop(state) => state.items.clone(),
                _ => return fail(format!("a value of type '{}' cannot be walked", value.kind())),
            },
            _ => return fail(format!("a value of type '{}' cannot be walked", value.kind())),
        };
        self.budget.steps(items.len() as u64)?;
        Ok(items)
    }

    pub fn call_function(&mut self, name: &'static str, args: Given) -> Result<Value> {
        match name {
            "range" => range(args),
            "dict" => {
                let mut pairs = Vec::new();
                let Given { positional, named } = args;
                for value in positional {
                    pairs.extend(self.pairs(&value)?);
                }
                pairs.extend(named.into_iter().map(|(name, value)| (Value::Str(name), value)));
                self.dict(pairs)
            }
            "namespace" => {
                let Given { positional, named } = args;
                let mut fields: Vec<(String, Value)> = Vec::new();
                for value in positional {
                    for (key, value) in self.pairs(&value)? {
                        fields.extend(key.as_str().map(|key| (key.to_owned(), value)));
                    }
                }
                fields.extend(named.into_iter().map(|(name, value)| (name.to_string(), value)));
                self.object(Object::Namespace(fields), "Namespace")
            }
            "cycler" => {
                if args.positional.is_empty() || !args.named.is_empty() {
                    return fail("`cycler` takes one value at least, and no names");
                }
                self.object(Object::Cycler { items: args.positional, at: 0 }, "Cycler")
            }
            "joiner" => {
                let [between] = args.take(name, ["sep"])?;
                let between = between.unwrap_or_else(|| Value::str(", "));
                self.object(Object::Joiner { between, used: false }, "Joiner")
            }
            "strftime_now" => self.strftime_now(args),
            _ => self.raise(args),
        }
    }

    /// The pairs of a dictionary, or of a sequence of pairs.
    fn pairs(&mut self, value: &Value) -> Result<Vec<(Value, Value)>> {
        if let Value::Dict(dict) = value {
            return Ok(dict.entries().to_vec());
        }
        if let Value::Object(at, _) = value
            && let Object::Namespace(fields) = &self.objects[*at]
        {
            let pair = |(k, v): &(String, Value)| (Value::str(k.as_str()), v.clone());
            return Ok(fields.iter().map(pair).collect());
        }
        let mut pairs = Vec::new();
        for item in self.walk(value)? {
            let parts = self.walk(&item)?;
            let [key, value] = &parts[..] else {
                return fail("a dictionary is made of pairs");
            };
            pairs.push((key.clone(), value.clone()));
        }
        Ok(pairs)
    }

    pub fn list(&mut self, items: Vec<Value>) -> Result<Value> {
        Value::list(Kind::List, items, &mut self.budget)
    }
}

fn range(args: Given) -> Result<Value> {
    let mut numbers = Vec::new();
    for value in &args.positional {
        match value {
            Value::Undefined(words) => return undefined(words.as_ref()),
            value => match value.as_int().filter(|n| n.unsigned_abs() < 1 << 62) {
                Some(n) => numbers.push(n),
                None => return fail("`range` takes whole numbers"),
            },
        }
    }
    let range = match (&numbers[..], args.named.is_empty()) {
        ([stop], true) => [0, *stop, 1],
        ([start, stop], true) => [*start, *stop, 1],
        ([start, stop, step], true) if *step != 0 => [*start, *stop, *step],
        _ => {
            return fail(
                "`range` takes a stop; a start and a stop; or these and a step other than 0",
            );
        }
    };
    if range_len(&range) > MAX_RANGE {
        return fail(format!("a range may have {MAX_RANGE} numbers"));
    }
    Ok(Value::Range(range.into()))
}
