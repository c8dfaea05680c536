//! Snapshots of every rendering.

mod common;

use seal_report::{Report, Results};

fn bare(results: Results) -> Report {
    Report { results, ..Report::default() }
}

/// The paragraph that sums up a study.
fn summary(results: Results) -> String {
    let text = bare(results).markdown();
    text.lines().find(|line| line.contains("arms, ")).unwrap().to_owned()
}

#[test]
fn summary_of_a_full_study() {
    insta::assert_snapshot!(summary(common::full()));
}

#[test]
fn summary_of_one_seed() {
    insta::assert_snapshot!(summary(common::one_seed()));
}

#[test]
fn summary_with_missing_verdicts() {
    insta::assert_snapshot!(summary(common::missing()));
}

#[test]
fn summary_without_labels() {
    insta::assert_snapshot!(summary(common::unlabelled()));
}

#[test]
fn no_difference_is_never_said_alone() {
    let mut results = common::full();
    for comparison in &mut results.comparisons {
        comparison.p_holm = Some(0.6);
    }
    let text = summary(results.clone());
    assert!(text.contains("Penalty strength: no difference from SEAL was detected in 12 comparisons; depending on arm and test, the study detects 4.4 to 5.6 points with 80 % power."), "{text}");
    for comparison in &mut results.comparisons {
        comparison.detectable = None;
    }
    assert!(
        summary(results).contains("the detectable difference is not known, so this says nothing")
    );
}

#[test]
fn markdown() {
    insta::assert_snapshot!("full.md", common::report(common::full()).markdown());
    insta::assert_snapshot!("one-seed.md", bare(common::one_seed()).markdown());
    insta::assert_snapshot!("missing.md", bare(common::missing()).markdown());
    insta::assert_snapshot!("unlabelled.md", bare(common::unlabelled()).markdown());
}

#[test]
fn latex() {
    insta::assert_snapshot!("full.tex", bare(common::full()).latex());
    insta::assert_snapshot!("unlabelled.tex", bare(common::unlabelled()).latex());
}

/// The name that a plan gives an ablation stands with its part, where it says more.
#[test]
fn the_name_of_an_ablation_is_shown() {
    let mut results = common::full();
    for arm in &mut results.arms {
        arm.ablation = match arm.ablated_part.as_deref() {
            Some("penalty strength") => Some("How | much <b>".to_owned()),
            Some(part) => Some(part.to_uppercase()),
            None => None,
        };
    }
    let report = bare(results.clone());
    assert!(
        report.markdown().contains("*How \\| much \\<b>: penalty strength*"),
        "{}",
        report.markdown()
    );
    assert!(report.html().contains("How | much &lt;b&gt;: penalty strength"));
    assert!(report.latex().contains("How \\textbar{} much $<$b$>$: penalty strength"));
    assert!(report.csv().unwrap().contains(",How | much <b>\n"));
    assert!(!report.markdown().contains("SELECTOR FUNCTION"), "{}", report.markdown());
    let spec = seal_report::FindingsSpec::default();
    let page = seal_report::findings(&[report], &spec, "seal findings");
    assert!(page.contains("### How \\| much \\<b>: penalty strength"), "{page}");
    // Files without it are those of before.
    results.arms.iter_mut().for_each(|arm| arm.ablation = None);
    assert!(!seal_report::Document::to_json(&results).unwrap().contains("\"ablation\":"));
}

#[test]
fn a_study_without_ablations_has_no_finding_and_says_so() {
    let mut results = common::full();
    for arm in &mut results.arms {
        arm.ablated_part = None;
    }
    let spec = seal_report::FindingsSpec::default();
    let page = seal_report::findings(&[bare(results.clone())], &spec, "seal findings");
    let heading = format!("\n## {}\n", results.study);
    assert!(page.contains(&heading) && page.contains("no ablation"), "{page}");
}

#[test]
fn csv() {
    insta::assert_snapshot!("missing.csv", bare(common::missing()).csv().unwrap());
    let text = bare(common::full()).csv().unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers().unwrap().len();
    let differences = reader
        .records()
        .map(Result::unwrap)
        .inspect(|record| assert_eq!(record.len(), columns))
        .filter(|record| record.get(8) == Some("difference"))
        .count();
    assert_eq!(differences, 21);
}

/// The page of four arms, one element a line, without the style sheet.
#[test]
fn html() {
    for (name, results) in
        [("missing.html", common::missing()), ("unlabelled.html", common::unlabelled())]
    {
        let page = common::report(results).html();
        let (before, rest) = page.split_once("<style>").unwrap();
        let (_, after) = rest.split_once("</style>").unwrap();
        insta::assert_snapshot!(name, format!("{before}{after}").replace("><", ">\n<"));
    }
}
