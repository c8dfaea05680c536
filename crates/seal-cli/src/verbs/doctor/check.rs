//! One line of `seal doctor`.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CheckOutcome {
    Ok,
    /// A study runs, and may take longer, or lose work.
    Warning,
    /// A study does not run.
    Wrong,
}

/// What was looked at, how it is, and what to type where it is not well.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Check {
    pub(super) state: CheckOutcome,
    pub(super) name: String,
    pub(super) found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

impl Check {
    pub(super) fn ok(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self { state: CheckOutcome::Ok, name: name.into(), found: found.into(), remedy: None }
    }

    pub(super) fn warning(
        name: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let remedy = Some(remedy.into());
        Self { state: CheckOutcome::Warning, name: name.into(), found: found.into(), remedy }
    }

    pub(super) fn wrong(
        name: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let remedy = Some(remedy.into());
        Self { state: CheckOutcome::Wrong, name: name.into(), found: found.into(), remedy }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            CheckOutcome::Ok => "ok",
            CheckOutcome::Warning => "warning",
            CheckOutcome::Wrong => "wrong",
        };
        // One line a check, whatever the message of an error holds.
        let found = self.found.replace('\n', " ");
        write!(f, "{state:<8} {}: {found}", self.name)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {}", remedy.replace('\n', " ")),
            None => Ok(()),
        }
    }
}

/// A number with the word that goes with it.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// All checks as one object.
pub(super) fn as_json(checks: &[Check]) -> Value {
    let count = |state| checks.iter().filter(|check| check.state == state).count();
    json!({
        "checks": checks,
        "warnings": count(CheckOutcome::Warning),
        "wrong": count(CheckOutcome::Wrong),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_one_line_with_its_remedy() {
        let check = Check::wrong("store s", "it cannot\nbe written", "give another");
        assert_eq!(check.to_string(), "wrong    store s: it cannot be written; give another");
        assert_eq!(Check::ok("cores", "2").to_string(), "ok       cores: 2");
        let all = as_json(&[check, Check::ok("cores", "2")]);
        assert_eq!((&all["wrong"], &all["warnings"]), (&json!(1), &json!(0)));
        assert_eq!(all["checks"][0]["state"], "wrong");
        assert!(all["checks"][1].get("remedy").is_none());
        let said = [0, 1, 2].map(|number| count(number, "claim", "claims"));
        assert_eq!(said, ["0 claims", "1 claim", "2 claims"]);
    }
}
