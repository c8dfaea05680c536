//! Filters: those of Jinja2, with `tojson` as `transformers` defines it.

mod items;
mod number;
mod order;
mod words;

use super::args::{Given, some};
use super::error::{Result, fail};
use super::json::{Style, dumps};
use super::look_up::length;
use super::run::Run;
use super::value::{Kind, Value};

/// Filters of Jinja2 that write HTML, depend on chance or on a width of a screen.
const REFUSED: [&str; 9] = [
    "filesizeformat",
    "pprint",
    "random",
    "striptags",
    "urlencode",
    "urlize",
    "wordwrap",
    "xmlattr",
    "forceescape",
];

impl<'t> Run<'t> {
    pub fn filter(&mut self, name: &str, value: Value, args: Given) -> Result<Value> {
        self.budget.steps(1)?;
        match name {
            "default" | "d" => {
                let [other, always] = args.take(name, ["default_value", "boolean"])?;
                let always = super::args::truth(always, false);
                let missing = value.is_undefined() || always && !value.is_true();
                Ok(if missing { other.unwrap_or_else(|| Value::str("")) } else { value })
            }
            "length" | "count" => {
                args.none(name)?;
                self.budget.steps(value.as_str().map_or(0, |text| text.len() as u64 / 64))?;
                Ok(Value::Int(length(&value)? as i128))
            }
            "attr" => {
                let [key] = args.take(name, ["name"])?;
                let key = super::args::text(key, name, "name")?;
                match value {
                    Value::Dict(_) => self.attribute(&Value::None, &key),
                    value => self.attribute(&value, &key),
                }
            }
            "tojson" => self.tojson(&value, args),
            "items" => {
                args.none(name)?;
                match value {
                    Value::Undefined(_) => self.generator(Vec::new()),
                    Value::Dict(_) => {
                        let pairs = self.method(&value, "items", Given::default())?;
                        let pairs = self.walk(&pairs)?;
                        self.generator(pairs)
                    }
                    other => fail(format!("`items` of a value of type '{}'", other.kind())),
                }
            }
            "int" | "float" | "abs" | "round" | "sum" => self.number_filter(name, value, args),
            "upper" | "lower" | "capitalize" | "title" | "trim" | "replace" | "string"
            | "escape" | "e" | "safe" | "wordcount" | "center" | "indent" | "truncate"
            | "format" | "join" => self.word_filter(name, value, args),
            "sort" | "unique" | "min" | "max" | "groupby" | "dictsort" => {
                self.order_filter(name, value, args)
            }
            "first" | "last" | "list" | "reverse" | "map" | "select" | "reject" | "selectattr"
            | "rejectattr" | "batch" | "slice" => self.item_filter(name, value, args),
            name if REFUSED.contains(&name) => {
                fail(format!("the filter `{name}` is not supported"))
            }
            _ => fail("there is no filter of a name that is computed"),
        }
    }

    /// A filter that the template itself names.
    pub fn named_filter(&mut self, name: &str, value: Value, args: Given) -> Result<Value> {
        if !Self::knows_filter(name) && !REFUSED.contains(&name) {
            return fail(format!("there is no filter `{name}`"));
        }
        self.filter(name, value, args)
    }

    /// Whether a filter of this name may be used.
    pub fn knows_filter(name: &str) -> bool {
        const KNOWN: &str = " default d length count attr tojson items int float abs round sum \
            upper lower capitalize title trim replace string escape e safe wordcount center indent \
            truncate format join sort unique min max groupby dictsort first last list reverse map \
            select reject selectattr rejectattr batch slice ";
        KNOWN.split_whitespace().any(|known| known == name)
    }

    pub fn generator(&mut self, items: Vec<Value>) -> Result<Value> {
        Value::list(Kind::Generator, items, &mut self.budget)
    }

    fn tojson(&mut self, value: &Value, args: Given) -> Result<Value> {
        let names = ["ensure_ascii", "indent", "separators", "sort_keys"];
        let [ascii, indent, separators, sorted] = args.take("tojson", names)?;
        let indent = match some(indent) {
            None => None,
            Some(Value::Str(text)) => Some(text.to_string()),
            Some(value) => {
                let n = super::args::int(Some(value), 0, "tojson", "indent")?;
                let n = u64::try_from(n.max(0)).unwrap_or(u64::MAX);
                self.budget.bytes(n)?;
                Some(" ".repeat(n as usize))
            }
        };
        let separators = match some(separators) {
            None => (if indent.is_some() { "," } else { ", " }.to_owned(), ": ".to_owned()),
            Some(pair) => match &self.walk(&pair)?[..] {
                [Value::Str(item), Value::Str(pair)] => (item.to_string(), pair.to_string()),
                _ => return fail("`tojson`: `separators` are two texts"),
            },
        };
        let (ascii, sorted) = (super::args::truth(ascii, false), super::args::truth(sorted, false));
        let style = Style { ascii, indent, separators, sorted };
        dumps(value, &style, &mut self.budget).map(Value::str)
    }
}
