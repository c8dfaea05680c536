//! The schema takes what the program takes, and refuses what it refuses.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::config::{ConfigSource, load_config};

/// What of `value` a schema of the forms that this module writes does not take.
fn faults(schema: &Value, value: &Value, place: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/definitions/").unwrap();
        return faults(&config_schema()["definitions"][name], value, place);
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let all: Vec<Vec<String>> = any.iter().map(|one| faults(one, value, place)).collect();
        return match all.iter().any(Vec::is_empty) {
            true => Vec::new(),
            // The nearest form says most.
            false => all.into_iter().min_by_key(Vec::len).unwrap_or_default(),
        };
    }
    let fault = |what: &str| vec![format!("{place}: {what}: {value}")];
    if let Some(words) = schema["enum"].as_array() {
        return if words.contains(value) { Vec::new() } else { fault("none of the words") };
    }
    if let Some(word) = schema.get("const") {
        return if word == value { Vec::new() } else { fault("not the word") };
    }
    let is_right = match schema["type"].as_str() {
        None => return Vec::new(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => {
            value.is_i64() && (schema["minimum"] != json!(0) || value.as_i64() >= Some(0))
        }
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some(other) => panic!("{other}"),
    };
    if !is_right {
        return fault("another type");
    }
    let mut found = Vec::new();
    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
        found.extend(faults(&schema["items"], item, &format!("{place}.{i}")));
    }
    let object = value.as_object();
    for key in schema["required"].as_array().into_iter().flatten() {
        if object.is_some_and(|object| !object.contains_key(key.as_str().unwrap())) {
            found.push(format!("{place}: {key} is missing"));
        }
    }
    for (key, inside) in object.into_iter().flatten() {
        let (at, properties) = (format!("{place}.{key}"), &schema["properties"]);
        match (properties.get(key), &schema["additionalProperties"]) {
            (Some(schema), _) => found.extend(faults(schema, inside, &at)),
            (None, Value::Bool(false)) => found.push(format!("{at}: no such key")),
            (None, schema) => found.extend(faults(schema, inside, &at)),
        }
    }
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn table(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    let table: toml::Table = toml::from_str(&text).unwrap();
    serde_json::to_value(table).unwrap()
}

fn toml_files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.extension().is_some_and(|kind| kind == "toml"));
    all.sort();
    all
}

#[test]
fn every_config_of_the_repository_is_taken() {
    let schema = config_schema();
    let mut studies = 0;
    for path in toml_files("configs") {
        let config = table(&path);
        // Settings of verbs on one model are no study.
        if config.get("study").is_none() {
            continue;
        }
        studies += 1;
        let found = faults(&schema, &config, "");
        assert!(found.is_empty(), "{}: {found:#?}", path.display());
    }
    assert!(studies >= 7, "{studies}");
}

#[test]
fn every_judges_table_is_taken_in_the_place_of_a_judge() {
    let schema = config_schema();
    let judge = &schema["properties"]["judge"]["additionalProperties"];
    for path in toml_files("configs/judges") {
        let found = faults(judge, &table(&path), "judge");
        assert!(found.is_empty(), "{}: {found:#?}", path.display());
        let named = json!({ "table": path.display().to_string(), "seed": 3 });
        assert!(faults(judge, &named, "judge").is_empty());
    }
    let also = json!({ "kind": "majority", "also": { "a": { "table": "a.toml" } } });
    assert!(faults(judge, &also, "judge").is_empty());
    for wrong in [json!({ "kind": "majority", "seed": 1 }), json!({ "tabel": "a.toml" })] {
        assert!(!faults(judge, &wrong, "judge").is_empty(), "{wrong}");
    }
}

#[test]
fn a_plans_lines_are_taken_and_others_are_not() {
    let schema = plan_schema();
    for plan in ["paper", "reviewers", "dose-response", "missing-ablations"] {
        let text = fs::read_to_string(root().join(format!("plans/{plan}.jsonl"))).unwrap();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(faults(&schema, &line, ""), Vec::<String>::new());
        }
    }
    let line = json!({ "name": "n", "ablated_part": "p", "action": "REMOVE", "metrics": [] });
    assert_eq!(faults(&schema, &line, ""), [".action: not the word: \"REMOVE\""]);
    assert_eq!(faults(&schema, &json!({ "nam": "n" }), "").len(), 5);
}

/// Dotted keys of the schema with a value that it takes.
fn keys(schema: &Value, place: &str, found: &mut Vec<(String, Value)>) {
    for any in schema["anyOf"].as_array().into_iter().flatten() {
        keys(any, place, found);
    }
    for (key, inside) in schema["properties"].as_object().into_iter().flatten() {
        let at = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
        keys(inside, &at, found);
        found.push((at, inside.clone()));
    }
}

/// The words of the program's error for a setting; empty if it takes it.
fn said(set: &str) -> String {
    let source = ConfigSource { set: vec![set.to_owned()], ..ConfigSource::default() };
    load_config(&source).err().map_or_else(String::new, |error| error.to_string())
}

/// Also those that stand in no config of the repository: no key of the schema is unknown to the
/// program.
#[test]
fn the_program_knows_every_key_of_the_schema() {
    let mut all = Vec::new();
    keys(&config_schema(), "", &mut all);
    // A model is a shape or a folder: a key of the one is unknown to the other.
    all.retain(|(key, _)| !key.starts_with("model.") && !key.starts_with("proxy.model."));
    assert!(all.len() > 100, "{}", all.len());
    // A value of the wrong kind, so that known keys are refused for their values.
    let unknown = all.iter().map(|(key, _)| said(&format!("{key}=[[[]]]")));
    let unknown: Vec<String> = unknown.filter(|said| said.contains("unknown field")).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}

/// And no key that the schema lacks is known: one that is misspelt is refused by both.
#[test]
fn what_the_schema_refuses_the_program_refuses_too() {
    let mut all = Vec::new();
    let schema = config_schema();
    keys(&schema, "", &mut all);
    let is_closed = |schema: &Value| schema["additionalProperties"] == json!(false);
    let mut sections = 0;
    for (key, schema) in all.iter().filter(|(_, schema)| is_closed(schema)) {
        if ["proxy", "data", "trade_off"].iter().any(|absent| key.starts_with(absent)) {
            // A section that the built-in config lacks needs its other keys first.
            continue;
        }
        sections += 1;
        let said = said(&format!("{key}.misspelt=1"));
        assert!(said.contains("misspelt"), "{key}: {said}");
        assert!(schema["properties"].get("misspelt").is_none());
    }
    assert!(sections >= 10, "{sections}");
}

#[test]
fn kinds_of_values_and_descriptions_are_those_of_the_program() {
    let schema = config_schema();
    let at = |path: &[&str]| path.iter().fold(&schema, |at, key| &at["properties"][key]);
    let device = &at(&["device"])["anyOf"];
    assert_eq!(
        (&device[0]["type"], &device[1]["items"]["type"]),
        (&json!("string"), &json!("string"))
    );
    assert_eq!(at(&["device_memory"])["type"], "number");
    assert_eq!(at(&["study", "seeds"])["items"], json!({ "type": "integer", "minimum": 0 }));
    assert_eq!(at(&["sft", "optim", "betas"])["minItems"], 2);
    let methods = at(&["selection", "method"])["enum"].as_array().unwrap();
    assert!(methods.contains(&json!("frozen-loss")), "{methods:?}");
    assert!(at(&["study", "seeds"])["description"].as_str().unwrap().contains("Every arm runs"));
    for (set, is_taken) in [
        ("bilevel.gamma=0.1", true),
        ("bilevel.gamma={ start = 0.0, increment = 0.1, per = \"step\" }", true),
        ("bilevel.gamma={ start = 0.0, increment = 0.1, misspelt = 1 }", false),
        ("bilevel.gamma=\"much\"", false),
        ("sft.lora={ r = 2, lora_alpha = 4, target_modules = \"all-linear\" }", true),
        ("sft.lora={ r = 2, lora_alpha = 4, target_modules = [\"q_proj\"] }", true),
        ("sft.epochs=\"many\"", false),
        ("selection.method=\"best\"", false),
    ] {
        let (key, value) = set.split_once('=').unwrap();
        let table: toml::Table = toml::from_str(&format!("v = {value}")).unwrap();
        let value = serde_json::to_value(&table["v"]).unwrap();
        let parts: Vec<&str> = key.split('.').collect();
        assert_eq!(faults(at(&parts), &value, key).is_empty(), is_taken, "{set}");
        assert_eq!(said(set).is_empty(), is_taken, "{set}: {}", said(set));
    }
}
