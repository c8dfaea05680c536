//! JSON Schema of a config and of a line of a plan, for editors.
//!
//! Names of keys, words and kinds of values are those that the program's own types ask for
//! ([`probe`]). Few types look at the data before they decide: their forms are in [`forms`]. The
//! comments of the built-in config are the descriptions.
//!
//! The schema says which keys there are, and of what kind their values are. It does not say that all
//! keys are there: a setting, the plan or the built-in config may give the others. It says no range.

mod comments;
mod forms;
mod probe;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::comments::Comments;
use self::forms::OTHER_JUDGE;
use self::probe::{Form, SchemaStep, form_at};
use crate::config::{BUILT_IN, Config};
use crate::plan::PlanLine;

const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// The schema of a study's config.
pub fn config_schema() -> Value {
    let comments = Comments::of(BUILT_IN);
    let builder = SchemaBuilder { comments: &comments, form: form_at::<Config> };
    let mut schema = builder.below(&mut Vec::new(), &mut Vec::new());
    if let Some(root) = schema.as_object_mut() {
        root.insert("$schema".to_owned(), DRAFT.into());
        root.insert("title".to_owned(), "Config of a study".into());
        let judge = Map::from_iter([(OTHER_JUDGE.to_owned(), forms::other_judge(&comments))]);
        root.insert("definitions".to_owned(), judge.into());
    }
    schema
}

/// The schema of one line of a plan.
pub fn plan_schema() -> Value {
    let comments = Comments::default();
    let builder = SchemaBuilder { comments: &comments, form: form_at::<PlanLine> };
    let mut schema = builder.below(&mut Vec::new(), &mut Vec::new());
    if let Some(root) = schema.as_object_mut() {
        root.insert("$schema".to_owned(), DRAFT.into());
        root.insert("title".to_owned(), "A line of a plan".into());
        root.insert("required".to_owned(), json!(["name", "ablated_part", "action", "metrics"]));
    }
    schema["properties"]["action"] = json!({ "const": "REPLACE" });
    schema
}

/// The schema of `T` alone, as it stands at the dotted place of `comments`.
fn schema_of<T: for<'de> Deserialize<'de>>(comments: &Comments, place: &mut Vec<String>) -> Value {
    SchemaBuilder { comments, form: form_at::<T> }.asked(place, &mut Vec::new())
}

/// Makes the schema of a type, place by place.
struct SchemaBuilder<'a> {
    comments: &'a Comments,
    form: fn(&[SchemaStep]) -> Option<Form>,
}

impl SchemaBuilder<'_> {
    /// The schema of the place that `path` leads to; `place` is its dotted key.
    fn below(&self, place: &mut Vec<String>, path: &mut Vec<SchemaStep>) -> Value {
        let mut schema = match forms::of(self.comments, place) {
            Some(known) => known,
            None => self.asked(place, path),
        };
        if let (Some(text), Some(object)) = (self.comments.at(place), schema.as_object_mut()) {
            object.insert("description".to_owned(), text.into());
        }
        schema
    }

    fn asked(&self, place: &mut Vec<String>, path: &mut Vec<SchemaStep>) -> Value {
        match (self.form)(path) {
            None | Some(Form::Any) => json!({}),
            Some(Form::Bool) => json!({ "type": "boolean" }),
            Some(Form::Integer { is_signed: true }) => json!({ "type": "integer" }),
            Some(Form::Integer { is_signed: false }) => json!({ "type": "integer", "minimum": 0 }),
            Some(Form::Number) => json!({ "type": "number" }),
            Some(Form::Text) => json!({ "type": "string" }),
            Some(Form::Unit) => json!({ "type": "object", "additionalProperties": false }),
            Some(Form::List) => {
                json!({ "type": "array", "items": self.inside(SchemaStep::Item, Some("*"), place, path) })
            }
            Some(Form::Tuple(n)) => {
                let items = self.inside(SchemaStep::Item, Some("*"), place, path);
                json!({ "type": "array", "items": items, "minItems": n, "maxItems": n })
            }
            Some(Form::Map) => {
                let any = self.inside(SchemaStep::Entry, Some("*"), place, path);
                json!({ "type": "object", "additionalProperties": any })
            }
            Some(Form::Struct(fields)) => {
                let mut properties = Map::new();
                for field in fields {
                    let step = SchemaStep::Key((*field).to_owned());
                    let value = self.inside(step, Some(field), place, path);
                    properties.insert((*field).to_owned(), value);
                }
                object(properties)
            }
            Some(Form::Enum(variants)) => self.variants(variants, place, path),
        }
    }

    /// One of the words, or a table with a variant that holds something.
    fn variants(
        &self,
        variants: &'static [&'static str],
        place: &mut Vec<String>,
        path: &mut Vec<SchemaStep>,
    ) -> Value {
        let (mut words, mut others) = (Vec::new(), Vec::new());
        for variant in variants {
            path.push(SchemaStep::Variant(variant));
            let form = (self.form)(path);
            path.pop();
            match form {
                None | Some(Form::Unit) => words.push(Value::from(*variant)),
                Some(_) => {
                    let inside =
                        self.inside(SchemaStep::Variant(variant), Some(variant), place, path);
                    others.push(object(Map::from_iter([((*variant).to_owned(), inside)])));
                }
            }
        }
        match (words.is_empty(), others.is_empty()) {
            (_, true) => json!({ "enum": words }),
            (true, false) => json!({ "anyOf": others }),
            (false, false) => {
                others.insert(0, json!({ "enum": words }));
                json!({ "anyOf": others })
            }
        }
    }

    fn inside(
        &self,
        step: SchemaStep,
        key: Option<&str>,
        place: &mut Vec<String>,
        path: &mut Vec<SchemaStep>,
    ) -> Value {
        path.push(step);
        place.extend(key.map(str::to_owned));
        let schema = self.below(place, path);
        path.pop();
        if key.is_some() {
            place.pop();
        }
        schema
    }
}

/// A table with these keys and no other.
fn object(properties: Map<String, Value>) -> Value {
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod judge_tests;
#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
