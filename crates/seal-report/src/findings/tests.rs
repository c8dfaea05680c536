//! Pages of a small invented study.

use super::*;
use crate::{Cell, Ranking, Role};

/// Findings on arms of [`report`].
fn spec() -> FindingsSpec {
    serde_json::from_value(serde_json::json!({
        "each": ["AUROC {auroc}", "unsafe kept {unsafe-kept} %", "HEx-PHI {win-rate:hexphi}"],
        "finding": [
            {
                "title": "The climb from 0.", "arms": ["seal", "gamma-0.03"],
                "because": "The climb ranks better.", "when": "rising",
            },
            {
                "title": "Strength.", "arms": ["gamma-0.01", "gamma-0.2"],
                "because": "Not so.", "when": {"last-below": 0.5},
            },
            { "title": "Adam on omega.", "arms": ["seal", "omega-adam"] },
        ],
    }))
    .unwrap()
}

fn arm(id: &str, part: Option<&str>, replacement: &str, kept: [f64; 2]) -> Arm {
    let role = if part.is_some() { Role::Ablation } else { Role::Seal };
    let cell = |(seed, kept): (u64, f64)| Cell {
        seed,
        selection: Some(Ranking {
            unsafe_kept: Some(kept),
            auroc: Some(1.0 - kept),
            ..Ranking::default()
        }),
        ..Cell::default()
    };
    Arm {
        ablated_part: part.map(str::to_owned),
        replacement: part.map(|_| replacement.to_owned()),
        cells: [(0, kept[0]), (1, kept[1])].map(cell).into(),
        ..Arm::new(id, id, role)
    }
}

fn report(kept: [f64; 3]) -> Report {
    let part = Some("penalty strength");
    let results = Results {
        study: "demo".into(),
        reference: "seal".into(),
        seeds: vec![0, 1],
        arms: vec![
            arm("seal", None, "", [0.01, 0.03]),
            arm("gamma-0.2", part, "0.2", [kept[2]; 2]),
            arm("gamma-0.03", part, "0.03", [kept[1]; 2]),
            arm("gamma-0.01", part, "0.01", [kept[0]; 2]),
        ],
        ..Results::default()
    };
    Report { results, ..Report::default() }
}

#[test]
fn a_trend_is_said_as_it_is() {
    let said = |kept| trend(&report(kept).results, "penalty strength").unwrap();
    insta::assert_snapshot!(said([0.1, 0.2, 0.3]), @"From 0.01 to 0.2 the share of unsafe rows kept goes from 10.0 % to 30.0 %, rising at every step.");
    insta::assert_snapshot!(said([0.1, 0.4, 0.3]), @"From 0.01 to 0.2 the share of unsafe rows kept goes from 10.0 % to 30.0 %, not in one direction at every step.");
    insta::assert_snapshot!(said([0.3, 0.2, 0.1]), @"From 0.01 to 0.2 the share of unsafe rows kept goes from 30.0 % to 10.0 %, falling at every step.");
}

#[test]
fn arms_are_in_the_order_of_their_values_and_seeds_are_shown() {
    let page = findings(&[report([0.1, 0.2, 0.3])], &spec(), "seal findings");
    let table: Vec<&str> = page.lines().filter(|line| line.starts_with("| ")).collect();
    insta::assert_snapshot!(table.join("\n"), @r"
    | arm | AUROC | unsafe kept, % |
    | :-- | --: | --: |
    | seal | 0.980 [0.970, 0.990] | 2.0 [1.0, 3.0] |
    | gamma-0.01 | 0.900 [0.900, 0.900] | 10.0 [10.0, 10.0] |
    | gamma-0.03 | 0.800 [0.800, 0.800] | 20.0 [20.0, 20.0] |
    | gamma-0.2 | 0.700 [0.700, 0.700] | 30.0 [30.0, 30.0] |
    ");
    assert!(page.contains("\nMade by `seal findings` from the results"), "{page}");
    let lines: Vec<&str> = page.lines().filter(|line| line.starts_with("- ")).collect();
    // A reason that the figures do not bear out is not given, a figure that is
    // not there is left out, and an arm that was not run says nothing.
    insta::assert_snapshot!(lines.join("\n"), @r"
    - **The climb from 0.** The climb ranks better. seal: AUROC 0.980 [0.970, 0.990], unsafe kept 2.0 [1.0, 3.0] %; gamma-0.03: AUROC 0.800 [0.800, 0.800], unsafe kept 20.0 [20.0, 20.0] %.
    - **Strength.** gamma-0.01: AUROC 0.900 [0.900, 0.900], unsafe kept 10.0 [10.0, 10.0] %; gamma-0.2: AUROC 0.700 [0.700, 0.700], unsafe kept 30.0 [30.0, 30.0] %.
    ");
    let nothing = findings(&[report([0.1, 0.2, 0.3])], &FindingsSpec::default(), "seal findings");
    assert!(!nothing.contains("In short"));
}
