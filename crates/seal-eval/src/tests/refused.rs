//! Facts that do not fit each other.

use super::*;

#[test]
fn facts_that_do_not_fit_are_refused() {
    let error = |change: fn(&mut StudyFacts)| {
        let mut facts = by_hand_study();
        change(&mut facts);
        results_of(&facts).unwrap_err().to_string()
    };
    insta::assert_snapshot!(error(|f| f.reference = "sft".into()), @"reference `sft`: no arm has this id; the arms are gamma-0.05, no-unsafe, relu, seal, standard-sft");
    insta::assert_snapshot!(error(|f| f.arms[2].id = "seal".into()), @"arm `seal`: is there twice; arm ids are unique");
    insta::assert_snapshot!(error(|f| f.arms[2].role = Role::Seal), @"arm `gamma-0.05`: is a second SEAL arm; keep one");
    insta::assert_snapshot!(error(|f| f.arms[2].role = Role::Ceiling), @"arm `no-unsafe`: is a second ceiling arm; keep one");
    insta::assert_snapshot!(error(|f| f.seeds = vec![5]), @"arm `standard-sft`, seed 9: the seed is not among the study's seeds");
    insta::assert_snapshot!(error(|f| f.seeds = vec![5, 9, 5]), @"seed 5: is there twice; list each seed once");
    insta::assert_snapshot!(error(|f| f.arms[1].cells[1].seed = 5), @"arm `seal`, seed 5: the cell is there twice; keep one");
    insta::assert_snapshot!(error(|f| { f.tests.remove("slimorca"); }), @"arm `standard-sft`, seed 5: `slimorca` is not among the study's tests");
    let twice = error(|f| {
        let rows = &mut f.arms[1].cells[0].selection.as_mut().unwrap().rows;
        rows.push(rows[0]);
    });
    assert!(
        twice.starts_with("arm `seal`, seed 5: row ") && twice.ends_with("selected from twice")
    );
    let stray = error(|f| assessments(&mut f.arms[1].cells[0], "hexphi")[0].id = id("s0"));
    assert!(
        stray.starts_with("arm `seal`, seed 5, test `hexphi`: an assessment of row"),
        "{stray}"
    );
}
