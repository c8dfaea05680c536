//! Keys of stages.

use std::fmt;

use seal_files::Digest;
use serde_json::Value;

/// BLAKE3 of a stage's name, its version and all that its output depends on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// The key of `stage`. Objects are hashed with sorted keys (the map type of
    /// `serde_json` here keeps them so), so the order of fields changes nothing.
    pub fn of(stage: &str, version: u32, inputs: &Value) -> Self {
        let whole = serde_json::json!({"stage": stage, "version": version, "inputs": inputs});
        Self(Digest::of(whole.to_string()).short())
    }

    /// 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_depends_on_stage_version_and_inputs_alone() {
        let key = Key::of("sft", 1, &json!({"a": 1, "b": [0.5, "x"]}));
        assert_eq!(key, Key::of("sft", 1, &json!({"b": [0.5, "x"], "a": 1})));
        assert_ne!(key, Key::of("sft", 2, &json!({"a": 1, "b": [0.5, "x"]})));
        assert_ne!(key, Key::of("base", 1, &json!({"a": 1, "b": [0.5, "x"]})));
        assert_ne!(key, Key::of("sft", 1, &json!({"a": 1, "b": [0.5, "y"]})));
        // Stored results are found by it: a change here is a change of format.
        insta::assert_snapshot!(key.as_str(), @"cb0bd415ec5532dc81bdaaf79f2ebc66");
    }
}
