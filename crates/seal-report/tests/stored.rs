//! The stored documents: round trips, versions, and what is refused.

mod common;

use std::fs;

use seal_report::{Document, Error, Figures, Provenance, Report, Results, RunCost};

/// A file written by an earlier program. Never regenerate it: a change that it
/// does not survive needs a new `format_version` and a new file.
const GOLDEN: &str = include_str!("golden/results-v1.json");

#[test]
fn golden_file_still_reads() {
    let results = Results::from_json(GOLDEN).unwrap();
    assert_eq!(results.arms.len(), 4);
    assert_eq!(results.arm("gamma-0.2").unwrap().win_rate["hexphi"].missing, 12);
    assert_eq!(results.data.splits["redorca"].unsafe_rows, Some(400));
    assert_eq!(results.to_json().unwrap(), GOLDEN);
}

#[test]
fn the_least_that_a_writer_may_leave_reads() {
    let text = r#"{"format_version": 1, "study": "s", "reference": "r", "seeds": [0],
        "judge": {"hh": "oracle"}, "later_field": 1,
        "data": {"redorca": {"rows": 1, "unsafe": null, "dropped": 0, "ids_hash": "x"}, "overlap": {}},
        "arms": [{"id": "r", "label": "r", "role": "reference", "ablated_part": null, "replacement": null,
            "win_rate": {"hh": {"mean": 50.0, "lo": null, "hi": null, "wins": 0, "losses": 0, "ties": 3, "missing": 0}},
            "accuracy": {"hh": 0.9}, "refusal": {}, "harm": {}, "selection": null,
            "cells": [{"seed": 0, "win_rate": {}, "accuracy": {}, "selection": null,
                "mean_p": 1.0, "gamma_eff": null, "clamped": null, "dead": null}]}],
        "comparisons": []}"#;
    let results = Results::from_json(text).unwrap();
    assert_eq!(results.data.splits.len(), 1);
    assert_eq!(results.arms[0].cells[0].weights.mean_p, Some(1.0));
}

#[test]
fn every_document_survives_a_round_trip() {
    fn check<D: Document + PartialEq + std::fmt::Debug>(value: &D) {
        let text = value.to_json().unwrap();
        let back = D::from_json(&text).unwrap();
        assert_eq!(&back, value);
        assert_eq!(back.to_json().unwrap(), text);
    }
    for results in [common::full(), common::one_seed(), common::missing(), common::unlabelled()] {
        check(&common::figures(&results));
        check(&common::cost(&results));
        check(&results);
    }
    check(&common::provenance());
    for text in [
        Figures::default().to_json(),
        RunCost::default().to_json(),
        Provenance::default().to_json(),
    ] {
        assert!(text.unwrap().ends_with("}\n"));
    }
}

#[test]
fn a_folder_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    let report = common::report(common::missing());
    let written = report.write(dir.path()).unwrap();
    assert_eq!(Report::read(dir.path()).unwrap(), report);
    let mut names: Vec<String> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut known = Report::FILES.to_vec();
    known.sort_unstable();
    assert_eq!(names, known);
    assert_eq!(names.len(), written.len(), "a temporary file stayed behind");
    assert_eq!(
        names.join(" "),
        "checksums.json cost.json figures.json provenance.json report.html report.md results.csv results.json table.tex"
    );
}

#[test]
fn a_folder_without_results_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let message = Report::read(dir.path()).unwrap_err().to_string();
    assert!(message.contains("results.json: cannot read: no results yet"), "{message}");
}

#[test]
fn another_version_is_refused_before_its_content_is_read() {
    let message = Results::from_json(r#"{"format_version": 2, "arms": "moved"}"#).unwrap_err();
    insta::assert_snapshot!(message, @"results.json: format_version is 2, this program reads 1; run the study again or use the program that wrote it");
    let results = Results { format_version: 0, ..common::missing() };
    assert!(matches!(results.to_json(), Err(Error::Version { found: 0, .. })));
}

#[test]
fn what_is_not_finite_changes_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut report = common::report(common::missing());
    report.results.arms[2].selection.as_mut().unwrap().ranking.auroc = Some(f64::NAN);
    let message = report.write(dir.path()).unwrap_err();
    insta::assert_snapshot!(message, @"results.json: arms[2].selection.auroc is NaN; a figure that does not apply must be null");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn contradictions_are_named() {
    let break_it = |change: fn(&mut Results)| {
        let mut results = common::missing();
        change(&mut results);
        results.to_json().unwrap_err().to_string()
    };
    insta::assert_snapshot!(break_it(|r| r.reference = "sft".into()), @"results.json: reference: no arm has the id `sft`; the arms are gamma-0.2, seal, sigmoid, standard-sft");
    insta::assert_snapshot!(break_it(|r| r.comparisons[1].against = "x".into()), @"results.json: comparisons[1].against: no arm has the id `x`; the arms are gamma-0.2, seal, sigmoid, standard-sft");
    insta::assert_snapshot!(break_it(|r| r.arms[1].id = "sigmoid".into()), @"results.json: arms[3].id: `sigmoid` is there twice");
    insta::assert_snapshot!(break_it(|r| r.arms[0].cells[0].seed = 9), @"results.json: arms[0].cells[0].seed: 9 is not among the study's seeds");
    insta::assert_snapshot!(break_it(|r| r.arms[1].win_rate.get_mut("hh").unwrap().lo = Some(99.0)), @"results.json: arms[1].win_rate.hh: the study interval is reversed");

    let mut figures = common::figures(&common::missing());
    figures.cells[1].histogram.as_mut().unwrap().safe.pop();
    insta::assert_snapshot!(figures.to_json().unwrap_err(), @"figures.json: cells[1].histogram: `safe` has 23 counts for 24 bins");
}
