//! Reads the golden values that `tests/reference/stats.py` wrote.

use serde_json::Value;

const GOLDEN: &str = include_str!("../tests/golden/stats.json");

pub(crate) fn cases(name: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(GOLDEN).unwrap();
    let cases = all[name].as_array().unwrap_or_else(|| panic!("no golden values named {name}"));
    assert!(!cases.is_empty(), "no golden values named {name}");
    cases.clone()
}

pub(crate) fn number(case: &Value, key: &str) -> f64 {
    case[key].as_f64().unwrap_or_else(|| panic!("golden {key} is no number"))
}

pub(crate) fn list(case: &Value, key: &str) -> Vec<f64> {
    let values = case[key].as_array().unwrap_or_else(|| panic!("golden {key} is no list"));
    values.iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Cells with null for a missing verdict.
pub(crate) fn cells(case: &Value, key: &str) -> Vec<Option<f64>> {
    case[key].as_array().unwrap().iter().map(Value::as_f64).collect()
}

pub(crate) fn size(case: &Value, key: &str) -> usize {
    case[key].as_u64().unwrap() as usize
}

pub(crate) fn close(got: f64, want: f64, tolerance: f64) {
    assert!((got - want).abs() <= tolerance, "got {got}, want {want} within {tolerance}");
}
