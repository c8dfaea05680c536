//! Settings as a flat list of keys and texts.

use std::collections::BTreeMap;

use serde_json::Value;

/// The values of a config by their dotted keys (`sft.epochs`), each as text. An element of a list has
/// its place in the list as a key, from 0. An empty table or list is a value of its own; null is none.
pub fn flat_settings(settings: &Value) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    add(&mut flat, String::new(), settings);
    flat
}

fn add(flat: &mut BTreeMap<String, String>, key: String, value: &Value) {
    let below = |part: &str| if key.is_empty() { part.to_owned() } else { format!("{key}.{part}") };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(name, value)| add(flat, below(name), value));
        }
        // A list of plain values is one setting.
        Value::Array(values) if values.iter().any(|v| v.is_object() || v.is_array()) => {
            values
                .iter()
                .enumerate()
                .for_each(|(i, value)| add(flat, below(&i.to_string()), value));
        }
        Value::Null => {}
        Value::String(text) => {
            flat.insert(key, text.clone());
        }
        value => {
            flat.insert(key, value.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_those_of_the_config() {
        let settings = json!({
            "sft": {"epochs": 3, "lora": {"r": 8}}, "device": "flex", "gone": null,
            "study": {"seeds": [0, 1]}, "data": {"safety": [{"path": "a"}, {"path": "b"}]},
            "judge": {},
        });
        let flat: Vec<String> =
            flat_settings(&settings).iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            flat,
            [
                "data.safety.0.path=a",
                "data.safety.1.path=b",
                "device=flex",
                "judge={}",
                "sft.epochs=3",
                "sft.lora.r=8",
                "study.seeds=[0,1]"
            ]
        );
    }
}
