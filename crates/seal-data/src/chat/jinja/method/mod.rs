//! Methods of Python's texts, lists and dictionaries.

mod pick;
mod predicate;
mod word;

use super::args::{Given, needed};
use super::error::{Result, fail};
use super::run::Run;
use super::value::{Kind, Value};

pub(super) use pick::lines;

const STR: [&str; 49] = [
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "maketrans",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "translate",
    "upper",
    "zfill",
    "__len__",
    "__str__",
];
/// Methods of texts that no template needs.
const STR_REFUSED: [&str; 6] =
    ["encode", "format_map", "maketrans", "translate", "__len__", "__str__"];
const LIST: [&str; 11] = [
    "append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse",
    "sort",
];
const TUPLE: [&str; 2] = ["count", "index"];
const DICT: [&str; 11] = [
    "clear",
    "copy",
    "fromkeys",
    "get",
    "items",
    "keys",
    "pop",
    "popitem",
    "setdefault",
    "update",
    "values",
];
/// The tests that `is test` knows.
pub(super) const TESTS: [&str; 39] = [
    "!=",
    "<",
    "<=",
    "==",
    ">",
    ">=",
    "boolean",
    "callable",
    "defined",
    "divisibleby",
    "eq",
    "equalto",
    "escaped",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sameas",
    "sequence",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

/// The method of `value` called `name`.
pub(super) fn find(value: &Value, name: &str) -> Option<&'static str> {
    let methods: &[&'static str] = match value {
        Value::Str(_) | Value::Markup(_) => &STR,
        Value::List(list) if list.kind == Kind::List => &LIST,
        Value::List(list) if list.kind == Kind::Tuple => &TUPLE,
        Value::Dict(_) => &DICT,
        _ => &[],
    };
    methods.iter().find(|method| **method == name).copied()
}

impl<'t> Run<'t> {
    pub fn method(&mut self, value: &Value, name: &str, args: Given) -> Result<Value> {
        match value {
            Value::Str(text) | Value::Markup(text) => {
                if STR_REFUSED.contains(&name) {
                    return fail(format!("the method `{name}` of texts is not supported"));
                }
                self.budget.scan(text.len())?;
                if name.starts_with("is") {
                    args.none(name)?;
                    return Ok(Value::Bool(predicate::holds(text, name)));
                }
                match name {
                    "format" => self.str_format(text, args),
                    "count" | "endswith" | "find" | "index" | "partition" | "removeprefix"
                    | "removesuffix" | "rfind" | "rindex" | "rpartition" | "rsplit" | "split"
                    | "splitlines" | "startswith" => self.pick_method(text, name, args),
                    _ => self.word_method(text, name, args),
                }
            }
            Value::List(list) => match name {
                "count" | "index" => {
                    let [wanted] = args.take(name, ["value"])?;
                    let wanted = needed(wanted, name, "value")?;
                    let mut count = 0;
                    for (at, item) in list.items.iter().enumerate() {
                        if self.equal(item, &wanted)? {
                            if name == "index" {
                                return Ok(Value::Int(at as i128));
                            }
                            count += 1;
                        }
                    }
                    if name == "count" {
                        Ok(Value::Int(count))
                    } else {
                        fail("`index` finds nothing")
                    }
                }
                "copy" => args.none(name).map(|()| value.clone()),
                _ => unsafe_method("list", name),
            },
            Value::Dict(dict) => match name {
                "get" => {
                    let [key, default] = args.take(name, ["key", "default"])?;
                    let key = needed(key, name, "key")?;
                    self.budget.steps(key.size())?;
                    Ok(dict.get(&key).cloned().or(default).unwrap_or(Value::None))
                }
                "items" | "keys" | "values" => {
                    args.none(name)?;
                    let mut out = Vec::with_capacity(dict.entries().len());
                    for (key, value) in dict.entries() {
                        out.push(match name {
                            "keys" => key.clone(),
                            "values" => value.clone(),
                            _ => {
                                let pair = vec![key.clone(), value.clone()];
                                Value::list(Kind::Tuple, pair, &mut self.budget)?
                            }
                        });
                    }
                    self.list(out)
                }
                "copy" => args.none(name).map(|()| value.clone()),
                "fromkeys" => fail("the method `fromkeys` of dictionaries is not supported"),
                _ => unsafe_method("dict", name),
            },
            other => fail(format!("a value of type '{}' has no method `{name}`", other.kind())),
        }
    }
}

fn unsafe_method<T>(kind: &str, name: &str) -> Result<T> {
    fail(format!("`{name}` would change a {kind}, which transformers forbids templates"))
}
