//! Filters that put elements in order.

use std::cmp::Ordering;

use crate::chat::jinja::args::{Given, needed, some, text, truth};
use crate::chat::jinja::error::{Result, fail};
use crate::chat::jinja::run::Run;
use crate::chat::jinja::value::{Kind, Value};

impl<'t> Run<'t> {
    pub(super) fn order_filter(&mut self, name: &str, value: Value, args: Given) -> Result<Value> {
        match name {
            "sort" => {
                let names = ["reverse", "case_sensitive", "attribute"];
                let [reverse, case, attribute] = args.take(name, names)?;
                let items = self.walk(&value)?;
                let keyed =
                    self.keyed(items, some(attribute).as_ref(), truth(case, false), None)?;
                let sorted = self.sorted(keyed, truth(reverse, false))?;
                self.list(sorted.into_iter().map(|(_, item)| item).collect())
            }
            "unique" => {
                let [case, attribute] = args.take(name, ["case_sensitive", "attribute"])?;
                let items = self.walk(&value)?;
                let keyed =
                    self.keyed(items, some(attribute).as_ref(), truth(case, false), None)?;
                let mut kept: Vec<(Vec<Value>, Value)> = Vec::new();
                for (key, item) in keyed {
                    let mut seen = false;
                    for (other, _) in &kept {
                        seen = seen || self.equal(&key[0], &other[0])?;
                    }
                    if !seen {
                        kept.push((key, item));
                    }
                }
                self.generator(kept.into_iter().map(|(_, item)| item).collect())
            }
            "min" | "max" => {
                let [case, attribute] = args.take(name, ["case_sensitive", "attribute"])?;
                let items = self.walk(&value)?;
                let keyed =
                    self.keyed(items, some(attribute).as_ref(), truth(case, false), None)?;
                let mut best: Option<(Vec<Value>, Value)> = None;
                for (key, item) in keyed {
                    let better = match &best {
                        None => true,
                        Some((other, _)) if name == "min" => {
                            self.order(&key[0], &other[0], "<")? == Some(Ordering::Less)
                        }
                        Some((other, _)) => {
                            self.order(&key[0], &other[0], ">")? == Some(Ordering::Greater)
                        }
                    };
                    if better {
                        best = Some((key, item));
                    }
                }
                let words = || format!("`{name}` of an empty sequence");
                Ok(best.map_or_else(|| Value::Undefined(Some(words().into())), |(_, item)| item))
            }
            "dictsort" => self.dictsort(&value, args),
            _ => self.groupby(&value, args),
        }
    }

    /// Each item with what it is sorted by: the values at `attribute` (several with commas),
    /// in small letters unless `case` counts.
    fn keyed(
        &mut self,
        items: Vec<Value>,
        attribute: Option<&Value>,
        case: bool,
        default: Option<&Value>,
    ) -> Result<Vec<(Vec<Value>, Value)>> {
        let paths: Vec<Value> = match attribute {
            None => Vec::new(),
            Some(Value::Str(text)) => text.split(',').map(Value::str).collect(),
            Some(other) => vec![other.clone()],
        };
        self.budget.bytes(128 * items.len() as u64)?;
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            let mut key = Vec::new();
            if paths.is_empty() {
                key.push(self.folded(item.clone(), case)?);
            }
            for path in &paths {
                let mut value = self.path(&item, path)?;
                if let (true, Some(default)) = (value.is_undefined(), default) {
                    value = default.clone();
                }
                key.push(self.folded(value, case)?);
            }
            out.push((key, item));
        }
        Ok(out)
    }

    fn folded(&mut self, value: Value, case: bool) -> Result<Value> {
        match value.as_str() {
            Some(text) if !case => {
                let text = text.to_lowercase();
                Value::text(text, &mut self.budget)
            }
            _ => Ok(value),
        }
    }

    fn sorted(
        &mut self,
        keyed: Vec<(Vec<Value>, Value)>,
        reverse: bool,
    ) -> Result<Vec<(Vec<Value>, Value)>> {
        // The library's sort may panic where values have no total order, as with NaN, and
        // cannot stop at a failure. This one is stable, and asks for pairs only.
        let mut runs: Vec<Vec<(Vec<Value>, Value)>> = keyed.into_iter().map(|k| vec![k]).collect();
        while runs.len() > 1 {
            let mut merged = Vec::with_capacity(runs.len().div_ceil(2));
            let mut pairs = runs.into_iter();
            while let Some(left) = pairs.next() {
                merged.push(match pairs.next() {
                    Some(right) => self.merged(left, right, reverse)?,
                    None => left,
                });
            }
            runs = merged;
        }
        Ok(runs.pop().unwrap_or_default())
    }

    /// Two sorted runs as one; of equal items those of `left` come first.
    fn merged(
        &mut self,
        left: Vec<(Vec<Value>, Value)>,
        right: Vec<(Vec<Value>, Value)>,
        reverse: bool,
    ) -> Result<Vec<(Vec<Value>, Value)>> {
        let mut out = Vec::with_capacity(left.len() + right.len());
        let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
        while let (Some((a, _)), Some((b, _))) = (left.peek(), right.peek()) {
            let order = self.keys_order(a, b)?;
            let order = if reverse { order.reverse() } else { order };
            out.extend(if order == Ordering::Greater { right.next() } else { left.next() });
        }
        out.extend(left);
        out.extend(right);
        Ok(out)
    }

    fn keys_order(&mut self, a: &[Value], b: &[Value]) -> Result<Ordering> {
        for (x, y) in a.iter().zip(b) {
            if self.equal(x, y)? {
                continue;
            }
            match self.order(x, y, "<")? {
                None | Some(Ordering::Equal) => {}
                Some(order) => return Ok(order),
            }
        }
        Ok(Ordering::Equal)
    }

    fn dictsort(&mut self, value: &Value, args: Given) -> Result<Value> {
        let [case, by, reverse] = args.take("dictsort", ["case_sensitive", "by", "reverse"])?;
        let by = by.map_or(Ok("key".into()), |by| text(Some(by), "dictsort", "by"))?;
        let Value::Dict(dict) = value else {
            return fail(format!("`dictsort` of a value of type '{}'", value.kind()));
        };
        let at = match &*by {
            "key" => 0,
            "value" => 1,
            _ => return fail("`dictsort`: `by` is key or value"),
        };
        let mut pairs = Vec::new();
        for (key, value) in dict.entries() {
            let pair = vec![key.clone(), value.clone()];
            pairs.push(Value::list(Kind::Tuple, pair, &mut self.budget)?);
        }
        let keyed = self.keyed(pairs, Some(&Value::Int(at)), truth(case, false), None)?;
        let sorted = self.sorted(keyed, truth(reverse, false))?;
        self.list(sorted.into_iter().map(|(_, pair)| pair).collect())
    }

    fn groupby(&mut self, value: &Value, args: Given) -> Result<Value> {
        let names = ["attribute", "default", "case_sensitive"];
        let [attribute, default, case] = args.take("groupby", names)?;
        let attribute = needed(attribute, "groupby", "attribute")?;
        let default = some(default);
        let items = self.walk(value)?;
        let case = truth(case, false);
        let keyed = self.keyed(items, Some(&attribute), case, default.as_ref())?;
        let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
        for (mut key, item) in self.sorted(keyed, false)? {
            let key = key.remove(0);
            match groups.last_mut() {
                Some((last, members)) if last.equals(&key) => members.push(item),
                _ => groups.push((key, vec![item])),
            }
        }
        let mut out = Vec::new();
        for (key, members) in groups {
            // A group is called as its first member is, whatever the case.
            let first = self.path(&members[0], &attribute)?;
            let name = if case || first.is_undefined() { key } else { first };
            let members = self.list(members)?;
            out.push(Value::list(Kind::Tuple, vec![name, members], &mut self.budget)?);
        }
        self.list(out)
    }
}
