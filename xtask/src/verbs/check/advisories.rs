//! Security advisories of locked crates, from a list in this repository.
//!
//! The list is made from a copy of the RustSec database by `advisories.py`, so that the check
//! runs without a network. It names the crates that were looked up: a new dependency asks for
//! a new list.

use std::collections::BTreeSet;

use anyhow::Context as _;
use semver::{Version, VersionReq};
use serde::Deserialize;

use super::metadata::Locked;

const LIST: &str = include_str!("advisories.json");

/// The list as it is stored, beside the commit of the database.
#[derive(Debug, Deserialize)]
struct AdvisoryList {
    /// Crates that were looked up.
    crates: BTreeSet<String>,
    advisories: Vec<Advisory>,
    accepted: Vec<Accepted>,
}

/// An advisory; a version that is in neither list is affected.
#[derive(Debug, Deserialize)]
struct Advisory {
    id: String,
    #[serde(rename = "crate")]
    name: String,
    patched: Vec<String>,
    unaffected: Vec<String>,
}

/// An advisory that is known and left, with its reason.
#[derive(Debug, Deserialize)]
struct Accepted {
    id: String,
    reason: String,
}

/// Advisories that hold for the locked crates, one sentence each.
///
/// # Errors
/// A list or a version that does not parse.
pub(super) fn violations(locked: &[Locked]) -> anyhow::Result<Vec<String>> {
    let list: AdvisoryList = serde_json::from_str(LIST).context("advisories.json")?;
    of(&list, locked)
}

fn of(list: &AdvisoryList, locked: &[Locked]) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let unknown: BTreeSet<&str> = locked
        .iter()
        .map(|l| l.name.as_str())
        .filter(|name| !list.crates.contains(*name))
        .collect();
    if !unknown.is_empty() {
        let names = Vec::from_iter(unknown).join(", ");
        found.push(format!(
            "not looked up in the list of advisories: {names}; make the list again with \
             advisories.py"
        ));
    }
    for advisory in &list.advisories {
        for crate_ in locked.iter().filter(|l| l.name == advisory.name) {
            let version = Version::parse(&crate_.version)
                .with_context(|| format!("{} {}", crate_.name, crate_.version))?;
            if !safe(advisory, &version)? && list.accepted.iter().all(|a| a.id != advisory.id) {
                found.push(format!("{} {version}: {}", crate_.name, advisory.id));
            }
        }
    }
    for accepted in &list.accepted {
        let advisory = list.advisories.iter().find(|a| a.id == accepted.id);
        let names = |l: &&Locked| advisory.is_some_and(|a| a.name == l.name);
        if accepted.reason.is_empty() || locked.iter().find(names).is_none() {
            found
                .push(format!("{}: accepted without a reason, or of no locked crate", accepted.id));
        }
    }
    Ok(found)
}

fn safe(advisory: &Advisory, version: &Version) -> anyhow::Result<bool> {
    for range in advisory.patched.iter().chain(&advisory.unaffected) {
        if VersionReq::parse(range).with_context(|| advisory.id.clone())?.matches(version) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> AdvisoryList {
        serde_json::from_str(
            r#"{"crates": ["a", "b"],
                "advisories": [{"id": "R-1", "crate": "a", "patched": [">= 1.2, < 2", ">= 2.1"],
                                "unaffected": ["< 1"]},
                               {"id": "R-2", "crate": "b", "patched": [], "unaffected": []}],
                "accepted": [{"id": "R-2", "reason": "unmaintained, and small"}]}"#,
        )
        .unwrap()
    }

    fn locked(pairs: &[(&str, &str)]) -> Vec<Locked> {
        let one = |(name, version): &(&str, &str)| Locked {
            name: (*name).to_owned(),
            version: (*version).to_owned(),
        };
        pairs.iter().map(one).collect()
    }

    #[test]
    fn patched_and_unaffected_versions_pass() {
        let all = locked(&[("a", "1.2.5"), ("a", "0.9.0"), ("a", "2.1.0"), ("b", "3.0.0")]);
        assert!(of(&list(), &all).unwrap().is_empty());
    }

    #[test]
    fn affected_versions_are_named() {
        let all = locked(&[("a", "1.1.0"), ("a", "2.0.9"), ("b", "1.0.0")]);
        assert_eq!(of(&list(), &all).unwrap(), ["a 1.1.0: R-1", "a 2.0.9: R-1"]);
    }

    #[test]
    fn a_crate_that_nobody_looked_up_is_named() {
        let all = locked(&[("a", "2.1.0"), ("b", "1.0.0"), ("new", "1.0.0")]);
        let found = of(&list(), &all).unwrap();
        assert!(found[0].starts_with("not looked up in the list of advisories: new;"), "{found:?}");
    }

    #[test]
    fn the_stored_list_is_sound_and_knows_the_locked_crates() {
        let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
        let locked = super::super::metadata::locked(std::path::Path::new(lock)).unwrap();
        assert_eq!(violations(&locked).unwrap(), [""; 0]);
    }
}
