//! Tests: what follows `is`.

use super::args::{Given, needed};
use super::error::{Result, fail};
use super::method::TESTS;
use super::run::Run;
use super::value::{Kind, Value};

impl<'t> Run<'t> {
    /// A test that the template itself names.
    pub fn named_test(&mut self, name: &str, value: &Value, args: Given) -> Result<bool> {
        if !TESTS.contains(&name) {
            return fail(format!("there is no test `{name}`"));
        }
        self.test(name, value, args)
    }

    pub fn test(&mut self, name: &str, value: &Value, args: Given) -> Result<bool> {
        self.budget.steps(1)?;
        let op = match name {
            "eq" | "==" | "equalto" => "==",
            "ne" | "!=" => "!=",
            "lt" | "<" | "lessthan" => "<",
            "le" | "<=" => "<=",
            "gt" | ">" | "greaterthan" => ">",
            "ge" | ">=" => ">=",
            "in" => "in",
            _ => "",
        };
        if !op.is_empty() {
            let [other] = args.take(name, ["other"])?;
            let other = needed(other, name, "other")?;
            return self.holds(op, value, &other);
        }
        match name {
            "divisibleby" => {
                let [by] = args.take(name, ["num"])?;
                let rest = self.binary("%", value.clone(), needed(by, name, "num")?)?;
                return Ok(rest.equals(&Value::Int(0)));
            }
            "odd" | "even" => {
                args.none(name)?;
                let rest = self.binary("%", value.clone(), Value::Int(2))?;
                return Ok(rest.equals(&Value::Int(i128::from(name == "odd"))));
            }
            "sameas" => {
                let [other] = args.take(name, ["other"])?;
                let other = needed(other, name, "other")?;
                return Ok(match (value, &other) {
                    (Value::List(a), Value::List(b)) => std::sync::Arc::ptr_eq(a, b),
                    (Value::Dict(a), Value::Dict(b)) => std::sync::Arc::ptr_eq(a, b),
                    (a, b) => a.kind() == b.kind() && self.equal(a, b)?,
                });
            }
            _ => args.none(name)?,
        }
        Ok(match name {
            "defined" => !value.is_undefined(),
            "undefined" => value.is_undefined(),
            "none" => matches!(value, Value::None),
            "true" => matches!(value, Value::Bool(true)),
            "false" => matches!(value, Value::Bool(false)),
            "boolean" => matches!(value, Value::Bool(_)),
            "integer" => matches!(value, Value::Int(_)),
            "float" => matches!(value, Value::Float(_)),
            "number" => matches!(value, Value::Bool(_) | Value::Int(_) | Value::Float(_)),
            "string" => value.as_str().is_some(),
            "mapping" => matches!(value, Value::Dict(_)),
            "sequence" => match value {
                Value::List(list) => list.kind != Kind::Generator,
                Value::Undefined(_) | Value::Dict(_) | Value::Range(_) => true,
                other => other.as_str().is_some(),
            },
            "iterable" => match value {
                Value::Undefined(_) | Value::List(_) | Value::Dict(_) | Value::Range(_) => true,
                Value::Object(_, kind) => *kind == "LoopContext",
                other => other.as_str().is_some(),
            },
            "callable" => match value {
                Value::Function(_) | Value::Method(_) | Value::Undefined(_) => true,
                Value::Object(_, kind) => *kind != "Namespace" && *kind != "Cycler",
                _ => false,
            },
            "escaped" => matches!(value, Value::Markup(_)),
            "lower" | "upper" => {
                let text = self.show(value)?;
                let method = if name == "lower" { "islower" } else { "isupper" };
                self.method(&Value::str(text), method, Given::default())?.is_true()
            }
            "filter" => value.as_str().is_some_and(Self::knows_filter),
            "test" => value.as_str().is_some_and(|name| TESTS.contains(&name)),
            _ => return fail("there is no test of a name that is computed"),
        })
    }
}
