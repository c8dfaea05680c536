//! Which crate may depend on which: the table of `ARCHITECTURE.md` as code.

use std::collections::{BTreeMap, BTreeSet};

use super::metadata::Crate;

/// What a crate may depend on.
struct Rule {
    name: &'static str,
    /// Whether Burn may be among its direct and indirect dependencies.
    burn: bool,
    knows: Knows,
}

/// Which crates above it in [`TABLE`] a crate may depend on.
enum Knows {
    /// These alone.
    Only(&'static [&'static str]),
    /// Every crate but these.
    AllBut(&'static [&'static str]),
}

use Knows::{AllBut, Only};

const fn rule(name: &'static str, burn: bool, knows: Knows) -> Rule {
    Rule { name, burn, knows }
}

/// From the bottom up: a crate depends only on crates before it.
const TABLE: &[Rule] = &[
    // Text in, text out.
    rule("seal-text", false, Only(&[])),
    // What HTTP clients share; opens no connection.
    rule("seal-net", false, Only(&["seal-text"])),
    // Bytes and names; knows nothing of rows, models or studies.
    rule("seal-files", false, Only(&[])),
    // Stages are names, keys and work; knows nothing of SEAL.
    rule("seal-store", false, Only(&["seal-files"])),
    // Stages are keys and a command; knows nothing of SEAL, and starts what others make.
    rule("seal-launch", false, Only(&["seal-files", "seal-store"])),
    // Numbers in, numbers out.
    rule("seal-stats", false, Only(&[])),
    // Plain data: a handful of dependencies.
    rule("seal-rows", false, Only(&[])),
    // Local paths out; knows nothing of rows.
    rule("seal-hub", false, Only(&["seal-files", "seal-text", "seal-net"])),
    // Messages in, a reply out; knows nothing of judges.
    rule("seal-endpoint", false, Only(&["seal-text", "seal-net"])),
    rule("seal-data", false, AllBut(&["seal-stats", "seal-hub", "seal-net", "seal-endpoint"])),
    // No tokenizer library and no template: whoever imports it, imports rows alone.
    rule("seal-world", false, Only(&["seal-rows"])),
    // Texts and numbers in, verdicts out: no model and no IO.
    rule("seal-judge", false, Only(&["seal-rows", "seal-world"])),
    // Pairs or answers in, outcomes out, by whoever replies; knows no model and no study.
    rule("seal-judging", false, Only(&["seal-text", "seal-stats", "seal-judge", "seal-endpoint"])),
    // Losses in, weights out.
    rule("seal-select", false, Only(&["seal-text", "seal-rows", "seal-stats"])),
    rule("seal-device", true, Only(&[])),
    // Knows nothing of SEAL.
    rule("seal-lm", true, AllBut(&["seal-select", "seal-world", "seal-judge", "seal-judging"])),
    rule("seal-bilevel", true, AllBut(&["seal-judge", "seal-judging"])),
    // One model and a few files: knows no study.
    rule("seal-model", true, AllBut(&[])),
    // Models and their training on two devices: no file, no config.
    rule(
        "seal-parity",
        true,
        Only(&["seal-data", "seal-select", "seal-device", "seal-lm", "seal-bilevel"]),
    ),
    // Work on drawn models, timed: no config, no store.
    rule(
        "seal-bench",
        true,
        Only(&["seal-data", "seal-select", "seal-device", "seal-lm", "seal-bilevel"]),
    ),
    // Steps that try a device; knows no config and no store.
    rule(
        "seal-contact",
        true,
        Only(&["seal-text", "seal-device", "seal-lm", "seal-bilevel", "seal-parity", "seal-bench"]),
    ),
    // Reads stored results only.
    rule("seal-report", false, Only(&["seal-text", "seal-files"])),
    // Stored results out to a tracking server.
    rule("seal-track", false, Only(&["seal-text", "seal-files", "seal-net", "seal-report"])),
    // Evidence in, figures out; knows no config, no plan and no model.
    rule(
        "seal-eval",
        false,
        Only(&["seal-rows", "seal-stats", "seal-select", "seal-judge", "seal-report"]),
    ),
    rule("seal-study", true, AllBut(&[])),
    // The only crate that words a flag or a command.
    rule("seal-cli", true, AllBut(&[])),
    rule("xtask", true, AllBut(&[])),
    rule("whole-program", true, AllBut(&[])),
];

/// The one crate that names backends.
const DEVICE: &str = "seal-device";

/// Features of `burn` that choose a backend.
const BACKENDS: [&str; 11] = [
    "flex", "cuda", "tch", "wgpu", "cpu", "ndarray", "rocm", "vulkan", "metal", "webgpu", "remote",
];

/// Whether a crate is one that Burn may not be a dependency of.
pub(super) fn is_without_burn(name: &str) -> bool {
    TABLE.iter().any(|rule| rule.name == name && !rule.burn)
}

/// Every breach of the rules, one sentence each.
pub(super) fn violations(crates: &[Crate]) -> Vec<String> {
    let place: BTreeMap<&str, usize> =
        TABLE.iter().enumerate().map(|(i, rule)| (rule.name, i)).collect();
    let mut found = Vec::new();
    for of in crates {
        let Some(&at) = place.get(of.name.as_str()) else {
            found.push(format!("{} is not in the table of rules: add it there", of.name));
            continue;
        };
        found.extend(order(of, at, &place));
        found.extend(backends(of));
        if !TABLE[at].burn
            && let Some(path) = way_to_burn(&of.name, crates)
        {
            found.push(format!("{} must stay free of Burn: {path}", of.name));
        }
    }
    let names: BTreeSet<&str> = crates.iter().map(|c| c.name.as_str()).collect();
    for rule in TABLE.iter().filter(|rule| !names.contains(rule.name)) {
        found.push(format!("{} is in the table of rules and not in the workspace", rule.name));
    }
    found
}

/// Dependencies on crates at or below `of`, or on crates it must not know.
/// Tests may use any crate above.
fn order(of: &Crate, at: usize, place: &BTreeMap<&str, usize>) -> Vec<String> {
    let mut found = Vec::new();
    for dependency in &of.dependencies {
        let Some(&other) = place.get(dependency.name.as_str()) else { continue };
        let (name, on) = (&of.name, &dependency.name);
        if other >= at {
            found.push(format!("{name} depends on {on}, which is not above it"));
            continue;
        }
        let allowed = match TABLE[at].knows {
            Only(some) => some.contains(&on.as_str()),
            AllBut(some) => !some.contains(&on.as_str()),
        };
        let test = dependency.kind.as_deref() == Some("dev");
        if !test && !allowed {
            found.push(format!("{name} must not depend on {on}"));
        }
    }
    found
}

/// Backends named outside the crate for devices.
fn backends(of: &Crate) -> Vec<String> {
    if of.name == DEVICE {
        return Vec::new();
    }
    let mut found = Vec::new();
    for dependency in &of.dependencies {
        let backend = dependency.name.strip_prefix("burn-");
        if backend.is_some_and(|b| BACKENDS.contains(&b)) {
            found.push(format!("{} names {}: only {DEVICE} may", of.name, dependency.name));
        }
        if dependency.name == "burn" {
            for feature in dependency.features.iter().filter(|f| BACKENDS.contains(&f.as_str())) {
                found.push(format!("{} turns on burn/{feature}: only {DEVICE} may", of.name));
            }
        }
    }
    found
}

/// The shortest way from a crate to Burn through the workspace, tests apart:
/// `seal-a -> seal-b -> burn`.
fn way_to_burn(from: &str, crates: &[Crate]) -> Option<String> {
    let mut ways: Vec<Vec<&str>> = vec![vec![from]];
    let mut seen = BTreeSet::from([from]);
    let mut next = 0;
    while next < ways.len() {
        let way = ways[next].clone();
        next += 1;
        let last = way.last()?;
        let Some(of) = crates.iter().find(|c| c.name == *last) else { continue };
        for dependency in of.dependencies.iter().filter(|d| d.kind.as_deref() != Some("dev")) {
            let name = dependency.name.as_str();
            if !seen.insert(name) {
                continue;
            }
            let longer: Vec<&str> = way.iter().copied().chain([name]).collect();
            if name == "burn" || name.starts_with("burn-") {
                return Some(longer.join(" -> "));
            }
            ways.push(longer);
        }
    }
    None
}

#[cfg(test)]
mod tests;
