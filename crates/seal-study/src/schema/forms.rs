//! Forms of values whose types look at the data before they decide.

use seal_judge::JudgeSettings;
use seal_judging::JudgeTable;
use seal_judging::rubric::RubricTable;
use seal_lm::LmConfig;
use seal_model::{GuardTable, ModelFolder, RewardTable};
use serde_json::{Map, Value, json};

use super::comments::Comments;
use super::{object, schema_of};
use crate::config::MajoritySettings;

/// The schema of the value at a dotted place, where its type does not say it.
pub(super) fn of(comments: &Comments, place: &[String]) -> Option<Value> {
    let parts: Vec<&str> = place.iter().map(String::as_str).collect();
    Some(match parts.as_slice() {
        ["model"] | ["proxy", "model"] => {
            let place = &mut place.to_vec();
            json!({ "anyOf": [
                schema_of::<LmConfig>(comments, place),
                schema_of::<ModelFolder>(comments, place),
            ] })
        }
        ["judge", "*"] => judge(comments, place, Some(&json!({ "$ref": OTHER_JUDGE_REF }))),
        ["bilevel", "gamma"] => json!({ "anyOf": [
            { "type": "number" },
            object(Map::from_iter([
                ("start".to_owned(), json!({ "type": "number" })),
                ("increment".to_owned(), json!({ "type": "number" })),
                ("per".to_owned(), json!({ "enum": ["epoch", "step"] })),
            ])),
        ] }),
        // Of guards and reward models, the template stands beside the model.
        [.., "tokenizer", "template"] | ["judge", "*", "template"] => json!({ "anyOf": [
            { "type": "string" },
            object(Map::from_iter([
                ("chat".to_owned(), json!({ "type": "string" })),
                ("name".to_owned(), json!({ "type": "string" })),
                ("date".to_owned(), json!({ "type": "string" })),
                ("trained".to_owned(), json!({ "enum": ["last", "all"] })),
                ("kwargs".to_owned(), json!({ "type": "object" })),
            ])),
        ] }),
        // The template of a judge's model.
        ["judge", .., "model", "template"] => json!({ "anyOf": [
            { "const": "chat" },
            object(Map::from_iter([("chat".to_owned(), json!({ "type": "string" }))])),
        ] }),
        ["device"] | [.., "lora", "target_modules"] => json!({ "anyOf": [
            { "type": "string" },
            { "type": "array", "items": { "type": "string" } },
        ] }),
        _ => return None,
    })
}

/// Name of the definition of a further judge of a test. It stands in many places, and is large.
pub(super) const OTHER_JUDGE: &str = "other_judge";
const OTHER_JUDGE_REF: &str = "#/definitions/other_judge";

/// The schema of a further judge of a test.
pub(super) fn other_judge(comments: &Comments) -> Value {
    judge(comments, &["judge".to_owned(), "*".to_owned()], None)
}

/// A judge of a test: one of the kinds, or the name of a table with keys that replace those of the
/// table. `other` is the schema of further judges, where they may stand beside it.
fn judge(comments: &Comments, place: &[String], other: Option<&Value>) -> Value {
    let inside = &mut place.to_vec();
    let mut kinds = vec![
        schema_of::<JudgeSettings>(comments, inside),
        schema_of::<JudgeTable>(comments, inside),
        schema_of::<RubricTable>(comments, inside),
        schema_of::<GuardTable>(comments, inside),
        schema_of::<RewardTable>(comments, inside),
        schema_of::<MajoritySettings>(comments, inside),
    ];
    let mut all = Map::from_iter([("table".to_owned(), json!({ "type": "string" }))]);
    for kind in &kinds {
        for (key, value) in kind["properties"].as_object().into_iter().flatten() {
            match all.get_mut(key) {
                None => drop(all.insert(key.clone(), json!({ "anyOf": [value] }))),
                Some(known) => {
                    if let Some(any) =
                        known["anyOf"].as_array_mut().filter(|any| !any.contains(value))
                    {
                        any.push(value.clone());
                    }
                }
            }
        }
    }
    let mut named = object(all);
    named["required"] = json!(["table"]);
    for kind in &mut kinds {
        kind["required"] = json!(["kind"]);
    }
    kinds.push(named);
    if let Some(other) = other {
        let also = json!({ "type": "object", "additionalProperties": other });
        for kind in &mut kinds {
            kind["properties"]["also"] = also.clone();
        }
    }
    json!({ "anyOf": kinds })
}
