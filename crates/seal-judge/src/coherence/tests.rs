use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{read_annotations, read_model_outputs};

/// Distinct words.
fn words(n: usize) -> String {
    (0..n).map(|i| format!("word{i}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn each_kind_of_broken_answer_is_told() {
    let of = |text: &str| degeneracy(text);
    for empty in ["", " \n\t", "\u{0}\u{7}"] {
        assert_eq!(of(empty), Some(Degeneracy::Empty), "{empty:?}");
    }
    for wordless in [".", "-- !? --", "\\,\\,\\,", "🙂🙂"] {
        assert_eq!(of(wordless), Some(Degeneracy::Wordless), "{wordless:?}");
    }
    let loops = [
        "the cat sat on the mat. ".repeat(20),
        format!("{} {}", words(60), "and so on ".repeat(12)),
        format!("Fine: {}", "ha".repeat(300)),
        "今天天气很好我们去公园".repeat(20),
        "วันนี้อากาศดีมาก".repeat(20),
    ];
    for text in &loops {
        assert_eq!(of(text), Some(Degeneracy::Repetitive), "{text}");
    }
}

#[test]
fn sound_answers_are_not_broken() {
    let table = "| name | size |\n| --- | --- |\n| a | 1 |\n| b | 2 |\n| c | 3 |";
    let ruler =
        format!("A title\n{}\nand then some text of ten words or more, all new", "=".repeat(300));
    let short = "no no no no no no";
    for text in [table, &ruler, short, "42", "はい。", "是的，我可以帮你。", &words(500)]
    {
        assert_eq!(degeneracy(text), None, "{text}");
    }
    // Eight lines with one refrain: half of the lines are the same, most 4-grams are not.
    let song: String = (0..8)
        .map(|i| if i % 2 == 0 { format!("{} ", words(9 + i)) } else { "sing with me now ".into() })
        .collect();
    assert_eq!(degeneracy(&song.replace("word", &"x".repeat(2))), Some(Degeneracy::Repetitive));
    // Words that make no sense and never repeat look like prose to a count.
    let salad = "lamp seven under glossy thrift of bleak onto marble yes wander fifth loud acorn \
                 paint mostly ever dune clasp";
    assert_eq!(degeneracy(salad), None);
}

#[test]
fn a_loop_is_measured() {
    let text = format!("{} {}", words(20), "x y z ".repeat(10));
    let found = Repetition::of(&text);
    assert_eq!((found.units, found.longest_run), (50, Some(RepeatedBlock { block: 3, units: 30 })));
    assert!((found.run_share() - 0.6).abs() < 1e-12);
    // A cut last block is part of the loop.
    assert_eq!(Repetition::of(&format!("{text}x y")).longest_run.map(|run| run.units), Some(32));
    assert_eq!(Repetition::of("x x x").longest_run, None);
    assert_eq!(Repetition::of("a b c").seq_rep_4, None);
}

#[test]
fn counts_add_up() {
    let looped = "again and again ".repeat(9);
    let found = Degenerate::of(["", "?", &looped, "fine", "fine too"]);
    assert_eq!(found, Degenerate { answers: 5, empty: 1, wordless: 1, repetitive: 1 });
    assert_eq!((found.broken(), found.share()), (3, Some(0.6)));
    assert_eq!(Degenerate::of([]).share(), None);
}

/// Values of `tests/reference/seq_rep.py`, which counts with Python's `collections.Counter`.
#[test]
fn repeated_grams_agree_with_python() {
    let golden: Vec<Value> =
        serde_json::from_str(include_str!("../../tests/reference/seq_rep.json")).unwrap();
    assert!(golden.len() > 40);
    for case in &golden {
        let text = case["text"].as_str().unwrap();
        let found = Repetition::of(text).seq_rep_4;
        let expected = case["seq_rep_4"].as_f64();
        let equal = match (found, expected) {
            (Some(found), Some(expected)) => (found - expected).abs() < 1e-12,
            (found, expected) => found == expected,
        };
        assert!(equal, "{text}: {found:?}, {expected:?}");
    }
}

/// Answers of four real models. `docs/judges.md` has these counts.
#[test]
fn few_answers_of_real_models_are_broken() {
    let Ok(data) = std::env::var("SEAL_DATA") else {
        eprintln!("skipped: SEAL_DATA is not set");
        return;
    };
    let file = |name: &str| {
        std::fs::read_to_string(PathBuf::from(&data).join("alpaca_eval").join(name)).unwrap()
    };
    let outputs = |name: &str| {
        let rows = read_model_outputs(&file(name)).unwrap().rows;
        Degenerate::of(rows.iter().map(|(_, row)| row.output.as_str()))
    };
    let alpaca = read_annotations(&file("alpaca-7b.alpaca_eval_gpt4.annotations.json")).unwrap();
    let alpaca = Degenerate::of(alpaca.rows.iter().map(|(_, row)| row.output_2.as_str()));
    let said = [
        ("merlinite-7B-AOT", outputs("merlinite-7B-AOT.model_outputs.json")),
        ("text_davinci_003", outputs("text_davinci_003.model_outputs.json")),
        ("vicuna-7b", outputs("vicuna-7b.model_outputs.json")),
        ("alpaca-7b", alpaca),
    ]
    .map(|(name, d)| {
        format!(
            "{name}: {} of {} ({} {} {})\n",
            d.broken(),
            d.answers,
            d.empty,
            d.wordless,
            d.repetitive
        )
    });
    insta::assert_snapshot!(said.concat(), @r"
    merlinite-7B-AOT: 2 of 805 (0 0 2)
    text_davinci_003: 12 of 805 (2 3 7)
    vicuna-7b: 7 of 805 (0 2 5)
    alpaca-7b: 4 of 805 (0 1 3)
    ");
}

proptest! {
    #[test]
    fn shares_are_shares(text in "[ab \\.中ก\n]{0,200}") {
        let found = Repetition::of(&text);
        prop_assert!(found.seq_rep_4.is_none_or(|share| (0.0..1.0).contains(&share)));
        prop_assert!((0.0..=1.0).contains(&found.run_share()));
    }

    #[test]
    fn white_space_does_not_count(text in "[a-d]{1,3}( [a-d]{1,3}){0,60}") {
        let spread = text.replace(' ', " \n\t ");
        prop_assert_eq!(Repetition::of(&spread), Repetition::of(&text));
    }

    /// A text said k times has at most as many different 4-grams as once, and those at the seams.
    #[test]
    fn a_repeated_text_repeats(n in 8_usize..40, k in 4_usize..12) {
        let text = format!("{} ", words(n)).repeat(k);
        let found = Repetition::of(&text);
        let all = (n * k - 3) as f64;
        prop_assert!((found.seq_rep_4.unwrap() - (1.0 - n as f64 / all)).abs() < 1e-12);
        prop_assert_eq!(found.longest_run, Some(RepeatedBlock { block: n, units: n * k }));
        prop_assert_eq!(degeneracy(&text), Some(Degeneracy::Repetitive));
    }

    /// No block of distinct words is found where none repeats, whatever the length.
    #[test]
    fn distinct_words_never_repeat(n in 4_usize..200) {
        let found = Repetition::of(&words(n));
        prop_assert_eq!((found.seq_rep_4, found.longest_run), (Some(0.0), None));
    }
}
