//! Plans in the AblationBench form: one JSON object a line,
//! `{"name", "ablated_part", "action", "replacement", "metrics"}`.

use std::collections::BTreeSet;

use seal_model::overrides::{TableError, scalar};
use serde::Deserialize;
use serde_json::Value;

use crate::config::{Binding, Config};
use crate::error::{PlanError, PlanFault};

/// The two ablations that the paper lacks.
pub const MISSING_ABLATIONS: &str = include_str!("../../../plans/missing-ablations.jsonl");

/// One value of one ablated part.
#[derive(Clone, Debug, PartialEq)]
pub struct Replacement {
    /// Name of the ablation, as in the plan.
    pub ablation: String,
    /// The part, spelt as its binding is.
    pub ablated_part: String,
    /// Key of the config that it names.
    pub key: String,
    /// The value as a string, as in the plan.
    pub text: String,
    /// The value for the config.
    pub value: toml::Value,
    /// Further keys to set.
    pub set: std::collections::BTreeMap<String, toml::Value>,
    /// Id of its arm.
    pub id: String,
    /// Label of its arm.
    pub label: String,
}

/// A line as it stands in a plan.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanLine {
    name: String,
    ablated_part: String,
    action: String,
    #[serde(default)]
    replacement: Value,
    metrics: Vec<String>,
}

/// Reads the plan that `study.plan` of `config` names.
///
/// # Errors
/// A file that cannot be read; a line that is no ablation; an unknown part,
/// action or metric, with the known ones.
pub fn read_plan(config: &Config) -> Result<Vec<Replacement>, PlanError> {
    match config.study.plan.as_str() {
        "none" => Ok(Vec::new()),
        "builtin:missing-ablations" => parse(MISSING_ABLATIONS, "missing-ablations", config, true),
        path => {
            let text = std::fs::read_to_string(path)
                .map_err(|source| PlanError::Unreadable { path: path.into(), source })?;
            parse(&text, path, config, false)
        }
    }
}

/// Reads the lines of a plan. `is_built_in` is of the paper's tests: a study on other tests
/// runs its ablations and is judged by its own.
fn parse(
    text: &str,
    name: &str,
    config: &Config,
    is_built_in: bool,
) -> Result<Vec<Replacement>, PlanError> {
    let mut out: Vec<Replacement> = Vec::new();
    let mut ids = BTreeSet::new();
    for (i, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let bad = |fault| PlanError::Line { plan: name.to_owned(), line: i + 1, fault };
        for new in parse_line(line, config, is_built_in).map_err(bad)? {
            if !ids.insert(new.id.clone()) {
                return Err(bad(PlanFault::Twice { text: new.text, id: new.id }));
            }
            out.push(new);
        }
    }
    match out.is_empty() {
        true => Err(PlanError::Empty { plan: name.to_owned() }),
        false => Ok(out),
    }
}

fn parse_line(
    line: &str,
    config: &Config,
    is_built_in: bool,
) -> Result<Vec<Replacement>, PlanFault> {
    let line: PlanLine = serde_json::from_str(line).map_err(|e| TableError::of(&e.to_string()))?;
    if line.action != "REPLACE" {
        return Err(PlanFault::Action { action: line.action });
    }
    let (part, binding) = find_part(&line.ablated_part, config)?;
    for metric in line.metrics.iter().filter(|_| !is_built_in) {
        check_metric(metric, config)?;
    }
    let values = match line.replacement {
        Value::Array(values) => values,
        Value::Null => return Err(PlanFault::NoReplacement),
        value => vec![value],
    };
    values.iter().map(|value| replacement(&line.name, part, binding, value)).collect()
}

fn replacement(
    name: &str,
    part: &str,
    binding: &Binding,
    value: &Value,
) -> Result<Replacement, PlanFault> {
    let text = match value {
        Value::String(s) => s.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        other => other.to_string(),
    };
    let toml = match value {
        Value::String(s) => scalar(s),
        other => toml::Value::try_from(other)
            .map_err(|source| PlanFault::Value { value: other.to_string(), source })?,
    };
    let slug: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '-' })
        .collect();
    Ok(Replacement {
        ablation: name.to_owned(),
        ablated_part: part.to_owned(),
        key: binding.key.clone(),
        id: binding.id.replace("{}", &slug),
        label: binding.label.replace("{}", &text),
        text,
        value: toml,
        set: binding.set.clone(),
    })
}

fn find_part<'a>(part: &str, config: &'a Config) -> Result<(&'a str, &'a Binding), PlanFault> {
    let wanted = plain(part);
    let found = config.bindings.iter().find(|(name, binding)| {
        plain(name) == wanted || binding.also.iter().any(|other| plain(other) == wanted)
    });
    found.map(|(name, binding)| (name.as_str(), binding)).ok_or_else(|| PlanFault::Part {
        part: part.to_owned(),
        known: config.bindings.keys().cloned().collect(),
    })
}

fn check_metric(metric: &str, config: &Config) -> Result<(), PlanFault> {
    let wanted = plain(metric);
    // Any test's win rate has the test's own name; [metrics] gives it others.
    let mut tests = config.tests();
    tests.sort_unstable();
    let of_test = |test: &&str| format!("{test} win rate");
    let named = |test: &&str| config.metrics.get(*test).and_then(|names| names.first()).cloned();
    let own = tests.iter().any(|test| plain(&of_test(test)) == wanted);
    if own || config.metrics.values().flatten().any(|known| plain(known) == wanted) {
        return Ok(());
    }
    let known = tests.iter().map(|test| named(test).unwrap_or_else(|| of_test(test))).collect();
    Err(PlanFault::Metric { metric: metric.to_owned(), known })
}

/// Letters and digits in lower case, so that spellings compare.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigSource, load_config};

    fn config() -> Config {
        load_config(&ConfigSource::default()).unwrap()
    }

    #[test]
    fn the_missing_ablations() {
        let plan = read_plan(&config()).unwrap();
        let found: Vec<_> = plan
            .iter()
            .map(|r| (r.ablated_part.as_str(), r.text.as_str(), r.id.as_str(), r.key.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("penalty strength", "0.01", "gamma-0.01", "bilevel.gamma"),
                ("penalty strength", "0.05", "gamma-0.05", "bilevel.gamma"),
                ("penalty strength", "0.1", "gamma-0.1", "bilevel.gamma"),
                ("penalty strength", "0.2", "gamma-0.2", "bilevel.gamma"),
                ("selector function", "sigmoid", "sigmoid", "bilevel.selector"),
                ("selector function", "tanh", "tanh", "bilevel.selector"),
                ("selector function", "relu", "relu", "bilevel.selector"),
            ]
        );
    }

    #[test]
    fn other_spellings_and_numbers() {
        let line = r#"{"name": "n", "ablated_part": "Penalty-strength gamma", "action": "REPLACE", "replacement": [0.3], "metrics": ["hh win rate"]}"#;
        let plan = parse(line, "p", &config(), false).unwrap();
        assert_eq!((plan[0].id.as_str(), &plan[0].value), ("gamma-0.3", &toml::Value::Float(0.3)));
    }

    /// A study with tests of its own, whose metrics the built-in config does not have.
    #[test]
    fn metrics_are_those_of_the_studys_tests() {
        let mut own = config();
        let tests = ["helpful", "hh"].map(|name| (name.to_owned(), Vec::new())).into();
        own.world = None;
        own.data = Some(seal_data::DataSpec { test: tests, ..spec() });
        own.metrics.retain(|test, _| test == "hh");
        let found = |metric: &str| check_metric(metric, &own).map_err(|e| e.to_string());
        assert_eq!(found("helpful win rate"), Ok(()));
        assert_eq!(found("Anthropic HH win rate"), Ok(()));
        assert_eq!(
            found("SlimOrca win rate").unwrap_err(),
            "unknown metric `SlimOrca win rate`; known metrics: helpful win rate, HH win rate"
        );
    }

    fn spec() -> seal_data::DataSpec {
        toml::from_str("fine_tuning = []\nsafe = []").unwrap()
    }

    #[test]
    fn what_is_unknown_lists_what_is_known() {
        let error = |part: &str, action: &str, metric: &str| {
            let line = serde_json::json!({"name": "n", "ablated_part": part, "action": action,
                "replacement": ["0.1"], "metrics": [metric]});
            parse(&line.to_string(), "plan.jsonl", &config(), false).unwrap_err().to_string()
        };
        insta::assert_snapshot!(error("dropout", "REPLACE", "HH win rate"), @"plan.jsonl:1: unknown ablated_part `dropout`; known parts: algorithm, depth of the selector's model, dose of unsafe rows, kappa, keep fraction, mean-normalised selector function, normalisation, penalty increment per epoch, penalty strength, penalty strength under Algorithm 1, rows beside SEAL's, rows beside all, selection method, selector function, selector optimiser, share of low-quality rows, share of unsafe rows, vocabulary of the selector's model, width of the selector's model");
        let removed = r#"{"name": "n", "ablated_part": "penalty strength", "action": "REMOVE", "metrics": []}"#;
        let removed = parse(removed, "p", &config(), false).unwrap_err().to_string();
        assert_eq!(removed, "p:1: action `REMOVE` cannot be run; known actions: REPLACE");
        let misspelt = r#"{"name": "n", "ablated_part": "p", "acton": "REPLACE", "metrics": []}"#;
        let misspelt = parse(misspelt, "p", &config(), false).unwrap_err().to_string();
        assert!(misspelt.contains("did you mean `action`?"), "{misspelt}");
        insta::assert_snapshot!(error("penalty strength", "REMOVE", "HH win rate"), @"plan.jsonl:1: action `REMOVE` cannot be run; known actions: REPLACE");
        insta::assert_snapshot!(error("penalty strength", "REPLACE", "BLEU"), @"plan.jsonl:1: unknown metric `BLEU`; known metrics: HEx-PHI win rate, HH win rate, SlimOrca win rate");
    }
}
