//! The keys of judges, and the forms that are written by hand, are those of their types.

use seal_bilevel::{Gamma, GammaUnit};
use seal_data::TemplateSetting;
use seal_judge::JudgeSettings;
use seal_judging::rubric::RubricTable;
use seal_judging::{JudgeTable, LocalTemplate};
use seal_model::{GuardTable, RewardTable};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::config::MajoritySettings;

/// The program's words for the table of a judge; empty if it takes it.
fn said<T: DeserializeOwned>(keys: &str, value: toml::Value) -> String {
    let value = keys.rsplit('.').fold(value, |value, key| {
        toml::Value::Table(toml::Table::from_iter([(key.to_owned(), value)]))
    });
    T::deserialize(value).err().map_or_else(String::new, |error| error.to_string())
}

/// Tables of a schema by dotted keys, and the keys of each. A form of several is left out.
fn tables(schema: &Value, place: &str, found: &mut Vec<(String, Vec<String>)>) {
    let Some(properties) = schema["properties"].as_object() else { return };
    if schema["additionalProperties"] == json!(false) {
        found.push((place.to_owned(), properties.keys().cloned().collect()));
    }
    for (key, inside) in properties {
        let at = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
        tables(inside, &at, found);
    }
}

/// Every key of the schema of `T` is known to `T`, and `T` refuses others in each of its tables.
/// Returns the number of keys.
fn held_against<T: DeserializeOwned>() -> usize {
    let place = &mut vec!["judge".to_owned(), "*".to_owned()];
    let schema = schema_of::<T>(&Comments::of(BUILT_IN), place);
    let mut all = Vec::new();
    tables(&schema, "", &mut all);
    let name = std::any::type_name::<T>();
    let mut count = 0;
    for (table, keys) in &all {
        let at =
            |key: &str| if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") };
        for key in keys {
            // A value of a kind that no key takes: a key that is known is refused for it.
            let nested = toml::Value::Array(vec![toml::Value::Array(Vec::new())]);
            let said = said::<T>(&at(key), nested);
            assert!(!said.contains("unknown field"), "{name}: {}: {said}", at(key));
            count += 1;
        }
        let said = said::<T>(&at("misspelt"), toml::Value::Boolean(true));
        assert!(said.contains("unknown field `misspelt`"), "{name}: {}: {said}", at("misspelt"));
    }
    count
}

#[test]
fn each_kind_of_judge_has_the_keys_of_its_table() {
    let counts = [
        held_against::<JudgeSettings>(),
        held_against::<JudgeTable>(),
        held_against::<RubricTable>(),
        held_against::<GuardTable>(),
        held_against::<RewardTable>(),
        held_against::<MajoritySettings>(),
    ];
    assert!(counts[1..5].iter().all(|count| *count > 10), "{counts:?}");
}

/// The keys of the table that `value` is written as.
fn keys_of(value: impl Serialize) -> Vec<String> {
    let table = toml::Table::try_from(value).unwrap();
    let mut keys: Vec<String> = table.keys().cloned().collect();
    keys.sort();
    keys
}

/// The keys of the table among the forms of a place.
fn keys_at(place: &[&str]) -> Vec<String> {
    let place: Vec<String> = place.iter().map(|part| (*part).to_owned()).collect();
    let schema = forms::of(&Comments::default(), &place).unwrap();
    let forms = schema["anyOf"].as_array().unwrap();
    let mut all = forms.iter().filter_map(|form| form["properties"].as_object());
    let mut keys: Vec<String> = all.next().unwrap().keys().cloned().collect();
    assert!(all.next().is_none());
    keys.sort();
    keys
}

/// A new field of one of these types does not compile here, or is missed here.
#[test]
fn forms_written_by_hand_have_the_keys_of_their_types() {
    let gamma = Gamma::Growing { start: 0.0, increment: 0.1, per: GammaUnit::Step };
    assert_eq!(keys_at(&["bilevel", "gamma"]), keys_of(gamma));
    let template = TemplateSetting::Chat {
        chat: Some("a.jinja".into()),
        name: Some("default".to_owned()),
        date: Some(serde_json::from_value(json!("2026-01-02")).unwrap()),
        trained: serde_json::from_value(json!("all")).unwrap(),
        kwargs: [("tools".to_owned(), json!(true))].into(),
    };
    let keys = keys_of(template);
    assert_eq!(keys_at(&["tokenizer", "template"]), keys);
    assert_eq!(keys_at(&["proxy", "tokenizer", "template"]), keys);
    assert_eq!(keys_at(&["judge", "*", "template"]), keys);
    let keys = keys_of(LocalTemplate::File("a.jinja".into()));
    assert_eq!(keys_at(&["judge", "*", "model", "template"]), keys);
}
