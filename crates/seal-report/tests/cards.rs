//! Cards of exported models and rows.

mod common;

use seal_report::{Canaries, CardFacts, PairJudging, Standing};

fn facts() -> CardFacts {
    CardFacts {
        base: Some("hf://owner/Base-7B@main".into()),
        is_adapter: true,
        is_aligned: false,
        sources: vec![("fine_tuning".into(), vec!["a.jsonl".into(), "b|c.jsonl".into()])],
    }
}

#[test]
fn a_model_has_a_card() {
    let report = common::report(common::missing());
    insta::assert_snapshot!("model.md", report.model_card("gamma-0.2", 0, &facts()).unwrap());
    insta::assert_snapshot!("data.md", report.data_card("gamma-0.2", 0, &facts()).unwrap());
}

#[test]
fn a_card_marks_a_test_whose_judge_failed_canaries() {
    let mut report = common::report(common::full());
    let card = report.model_card("seal", 0, &facts()).unwrap();
    assert!(!card.contains('§'));
    let canaries = Canaries {
        kind: "empty".into(),
        won: 1,
        tied: 0,
        lost: 0,
        missing: 0,
        standing: Standing::Failed,
    };
    let judging = PairJudging { canaries: vec![canaries], ..PairJudging::default() };
    report.results.judging.insert("hh".into(), judging);
    let card = report.model_card("seal", 0, &facts()).unwrap();
    assert!(card.contains("| HH § |"), "{card}");
    assert!(card.contains("§: the judge of this test preferred answers that no judge may prefer"));
}

#[test]
fn a_card_is_of_a_cell_that_is_there() {
    let report = common::report(common::missing());
    assert!(report.model_card("gamma-0.2", 9, &facts()).is_none());
    assert!(report.model_card("none", 0, &facts()).is_none());
    // The reference keeps all rows.
    assert!(report.model_card("standard-sft", 0, &facts()).is_some());
    assert!(report.data_card("standard-sft", 0, &facts()).is_none());
}

#[test]
fn a_head_names_a_base_of_a_hub_only() {
    let report = common::report(common::full());
    let head = |base: Option<&str>, is_adapter| {
        let facts = CardFacts { base: base.map(str::to_owned), is_adapter, ..CardFacts::default() };
        let card = report.model_card("seal", 0, &facts).unwrap();
        card.split("---\n").nth(1).unwrap().to_owned()
    };
    assert!(head(Some("hf://o/n@v"), true).contains("base_model: \"o/n\"\nlibrary_name: peft\n"));
    assert!(!head(Some("models/own"), true).contains("base_model"));
    assert!(head(None, false).contains("library_name: transformers\n"));
    // What an adapter is on is on no hub, where the study aligned it.
    let aligned = |is_adapter| {
        let base = Some("hf://o/n@v".to_owned());
        let facts = CardFacts { base, is_adapter, is_aligned: true, ..CardFacts::default() };
        report.model_card("seal", 0, &facts).unwrap()
    };
    assert!(!aligned(true).contains("base_model"));
    let words = r"the aligned base of the study, which was fine-tuned first from hf\://o/n\@v";
    assert!(aligned(true).contains(&format!("It is an adapter on {words}.")), "{}", aligned(true));
    assert!(aligned(false).contains("base_model: \"o/n\""));
    // A name that tries to end its line stays on it.
    let hostile = head(Some("hf://o/n\nlicense: mit"), true);
    assert!(hostile.contains(r#"base_model: "o/n\nlicense: mit""#), "{hostile}");
    assert_eq!(hostile.lines().filter(|line| line.starts_with("license:")).count(), 1);
}
