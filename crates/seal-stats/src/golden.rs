//! Reads the golden values that `tests/reference/stats.py` and `tests/reference/judges.py` wrote.

use serde_json::Value;

const GOLDEN: [&str; 2] =
    [include_str!("../tests/golden/stats.json"), include_str!("../tests/golden/judges.json")];

pub(crate) fn cases(name: &str) -> Vec<Value> {
    let all = GOLDEN.map(|text| serde_json::from_str::<Value>(text).unwrap());
    let cases: Vec<Value> =
        all.iter().filter_map(|file| file[name].as_array()).flatten().cloned().collect();
    assert!(!cases.is_empty(), "no golden values named {name}");
    cases
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
