//! Histograms, curves and row samples that can be worked out on paper.

use seal_report::Document;
use seal_rows::Rows;

use super::*;

#[test]
fn plots_by_hand() {
    let figures = figures_of(&by_hand_study()).unwrap();
    figures.to_json().unwrap();
    let cells: Vec<(&str, u64)> = figures.cells.iter().map(|c| (c.arm.as_str(), c.seed)).collect();
    let expected = [("seal", 5), ("seal", 9), ("gamma-0.05", 5), ("gamma-0.05", 9)];
    assert_eq!(cells[..4], expected);
    let seal = &figures.cells[0];
    let histogram = seal.histogram.clone().unwrap();
    assert_eq!((histogram.edges[0], histogram.edges[40]), (0.0, 2.0));
    // Weights 1/2 in the bin from 0.5; 1 and twice 3/2 in theirs.
    assert_eq!((histogram.unsafe_rows[10], histogram.safe[20], histogram.safe[30]), (2, 1, 2));
    assert!(histogram.unlabelled.is_empty());
    assert_eq!(seal.trace.len(), 2);
    let roc: Vec<(f64, f64)> = figures.cells[2].roc.iter().map(|p| (p.fpr, p.tpr)).collect();
    let third = 1.0 / 3.0;
    let by_hand =
        [(0.0, 0.0), (0.0, 0.5), (third, 0.5), (2.0 * third, 0.5), (2.0 * third, 1.0), (1.0, 1.0)];
    assert_eq!(roc, by_hand);
    // Neither a curve nor weights where rows were removed by label.
    let clean = figures.cells.last().unwrap();
    assert_eq!((clean.arm.as_str(), clean.roc.len(), &clean.histogram), (NO_UNSAFE, 0, &None));
}

#[test]
fn a_heavy_weight_widens_the_histogram() {
    let mut facts = by_hand_study();
    facts.arms[1].cells[0].selection.as_mut().unwrap().rows[4].p = Some(4.0);
    let histogram = figures_of(&facts).unwrap().cells[0].histogram.clone().unwrap();
    assert_eq!((histogram.edges[40], histogram.safe[39]), (4.0, 1));
    facts.arms[1].cells[0].selection.as_mut().unwrap().rows[4].p = Some(f64::INFINITY);
    insta::assert_snapshot!(figures_of(&facts).unwrap_err(), @"selection of arm `seal`, seed 5: a weight is inf; weights are finite and not negative");
}

#[test]
fn samples_show_both_ends_and_the_cut() {
    let rows: Vec<(f64, Option<f64>, bool)> =
        (0..20).map(|i| (-f64::from(i), None, i < 12)).collect();
    let chosen = selection(0.6, &rows);
    let mut texts = Rows::new();
    texts.push("19", "");
    let labels = BTreeMap::from([(id("19"), true)]);
    let shown = row_samples("seal", 5, "redorca", &chosen, &labels, texts.as_slice(), 2);
    let ranks: Vec<u64> = shown.iter().filter_map(|row| row.rank).collect();
    assert_eq!(ranks, [1, 2, 11, 12, 13, 14, 19, 20]);
    let last = shown.last().unwrap();
    assert_eq!(
        (last.prompt.as_deref(), last.unsafe_row, last.kept),
        (Some("19"), Some(true), Some(false))
    );
    assert_eq!((&shown[0].prompt, shown[0].unsafe_row), (&None, None));
    let all = row_samples("seal", 5, "redorca", &chosen, &labels, &[], 100);
    assert_eq!(all.len(), 20);
}
