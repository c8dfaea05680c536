//! Why a stage of a plan has another key now.

use seal_launch::StagePlan;
use serde_json::Value;

use crate::error::PlannedError;
use crate::exec::Node;
use crate::graph::Graph;

/// Differences that are told.
const TOLD: usize = 5;
/// Characters of a value that are told.
const SHOWN: usize = 60;

/// The first stage that differs among the stage `at` of `plan` and those that it rests on, and how.
pub(super) fn changed(plan: &StagePlan, at: usize, graph: &Graph<'_>) -> PlannedError {
    let mut below = vec![false; at + 1];
    below[at] = true;
    // Inputs come before those that read them.
    for i in (0..=at).rev() {
        if below[i] {
            plan.stages[i].deps.iter().for_each(|d| below[*d] = true);
        }
    }
    let mut stage = at;
    let mut differences = Vec::new();
    for i in (0..=at).filter(|i| below[*i]) {
        let planned = &plan.stages[i];
        let is_alike = |node: &&Node<'_>| {
            (node.stage, node.label.as_str()) == (planned.stage.as_str(), planned.label.as_str())
        };
        let Some(now) = graph.nodes.iter().find(is_alike) else {
            (stage, differences) = (i, vec!["the study has no such stage now".to_owned()]);
            break;
        };
        if now.key.as_str() == planned.key {
            continue;
        }
        compare("", &planned.inputs["own"], &now.inputs["own"], &mut differences);
        let count = |inputs: &Value| inputs["of"].as_array().map_or(0, Vec::len);
        if differences.is_empty() && count(&planned.inputs) != count(&now.inputs) {
            differences.push("it reads from other stages".to_owned());
        }
        if !differences.is_empty() {
            stage = i;
            break;
        }
    }
    if differences.is_empty() {
        differences.push(format!(
            "no setting differs, so a stage has another version in this program ({}; the plan is of \
             {})",
            env!("CARGO_PKG_VERSION"),
            plan.program
        ));
    }
    PlannedError::Changed {
        name: plan.stages[at].name(),
        stage: plan.stages[stage].name(),
        differences,
    }
}

/// Adds the places at which two values differ.
fn compare(place: &str, planned: &Value, now: &Value, found: &mut Vec<String>) {
    if planned == now || found.len() >= TOLD {
        return;
    }
    let (Value::Object(a), Value::Object(b)) = (planned, now) else {
        let place = if place.is_empty() { "its settings" } else { place };
        let (planned, now) = (shown(planned), shown(now));
        found.push(format!("{place} was {planned} and is {now}"));
        return;
    };
    let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
        let of = |fields: &serde_json::Map<String, Value>| {
            fields.get(name).cloned().unwrap_or(Value::Null)
        };
        compare(&place, &of(a), &of(b), found);
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_has_the_place_and_both_values() {
        let mut found = Vec::new();
        let planned = json!({"optim": {"lr": 0.1, "name": "adam"}, "rows": "x".repeat(100)});
        let now = json!({"optim": {"lr": 0.2, "name": "adam"}, "rows": "y", "more": [1]});
        compare("", &planned, &now, &mut found);
        assert_eq!(found.len(), 3);
        assert_eq!(found[0], "more was null and is [1]");
        assert_eq!(found[1], "optim.lr was 0.1 and is 0.2");
        assert!(found[2].starts_with("rows was \"xxx") && found[2].ends_with("... and is \"y\""));
    }
}
