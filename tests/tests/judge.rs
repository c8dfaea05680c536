//! `judge`: figures of preferences that are there.

#![allow(clippy::print_stdout, reason = "skipped tests are counted by what they print")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};
use whole_program::Sandbox;

fn sandbox() -> Sandbox {
    Sandbox::empty(env!("CARGO_BIN_EXE_program"))
}

/// One annotation, of models that all annotations here are of.
fn pair(prompt: &str, lengths: (usize, usize), preference: Value) -> Value {
    json!({
        "instruction": prompt, "output_1": "a".repeat(lengths.0), "output_2": "b".repeat(lengths.1),
        "generator_1": "old", "generator_2": "new", "annotator": "tiny", "preference": preference,
    })
}

/// The figures that were printed, each line `name figure`, and their names in order.
fn figures(stdout: &str) -> (Vec<String>, BTreeMap<String, f64>) {
    let parsed: Vec<(String, f64)> = stdout
        .lines()
        .map(|line| {
            let (name, figure) = line.split_once(' ').expect("a name and a figure");
            (name.to_owned(), figure.parse().expect("a number"))
        })
        .collect();
    (parsed.iter().map(|(name, _)| name.clone()).collect(), parsed.into_iter().collect())
}

#[test]
fn figures_are_printed_one_a_line() {
    let sandbox = sandbox();
    let preferences =
        [json!(2), json!(1), json!(1.5), json!(0), json!(1.75), json!(1.25), json!(null)];
    let rows: Vec<Value> = std::iter::zip(0.., preferences)
        .map(|(n, preference)| pair(&format!("p{n}"), (9, n * 7 % 5 + 7), preference))
        .collect();
    sandbox.write("a.json", &Value::from(rows.clone()).to_string());
    let finished = sandbox.run(&["judge", "--annotations", "a.json"]);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    let (names, found) = figures(&finished.stdout);
    assert_eq!(
        names,
        [
            "win_rate",
            "standard_error",
            "discrete_win_rate",
            "length_controlled_minimal",
            "n_wins",
            "n_wins_base",
            "n_draws",
            "n_total",
            "missing",
            "odd_rows",
            "avg_length",
            "win_rate_lo",
            "win_rate_hi",
            "length_controlled_lo",
            "length_controlled_hi",
        ]
    );
    assert!((found["win_rate"] - 50.0).abs() < 1e-9);
    assert!((found["discrete_win_rate"] - 50.0).abs() < 1e-9);
    let counts =
        ["n_wins", "n_wins_base", "n_draws", "n_total", "missing", "odd_rows", "avg_length"];
    assert_eq!(counts.map(|name| found[name]), [2.0, 2.0, 2.0, 6.0, 1.0, 0.0, 8.0]);
    assert!(found["win_rate_lo"] < 50.0 && found["win_rate_hi"] > 50.0);
    // The same rows one a line, in another order: the same figures to the last digit.
    sandbox.write_rows("b.jsonl", rows.iter().rev());
    assert_eq!(sandbox.run(&["judge", "--annotations", "b.jsonl"]).stdout, finished.stdout);
}

#[test]
fn preferences_that_are_there_go_with_no_option_of_judging() {
    for option in ["--judge", "--reference", "--file", "--prompt", "--write-annotations"] {
        let finished = sandbox().run(&["judge", "--annotations", "a.json", option, "b.json"]);
        assert_eq!(finished.code, Some(2));
        let said = format!("'--annotations <FILE>' cannot be used with '{option} <FILE>'");
        assert!(finished.stderr.contains(&said), "{}", finished.stderr);
    }
}

#[test]
fn options_of_another_way_of_judging_are_refused() {
    let of_answers = ["judge", "--answers", "a.json", "--judge", "j.toml", "--file", "v.jsonl"];
    let of_pairs = ["judge", "--candidate", "a.json", "--reference", "b.json", "--judge", "j.toml"];
    let of_pairs = [&of_pairs[..], &["--file", "v.jsonl"]].concat();
    let foreign: [(&[&str], &[&[&str]]); 2] = [
        (
            &of_answers,
            &[
                &["--common"],
                &["--write-annotations", "w.json"],
                &["--test", "hh"],
                &["--store", "s"],
            ],
        ),
        (&of_pairs, &[&["--test", "hh"], &["--store", "s"]]),
    ];
    for (way, options) in foreign {
        for option in options {
            let finished = sandbox().run(&[way, option].concat());
            assert_eq!(finished.code, Some(2), "{option:?}");
            assert!(finished.stderr.contains("cannot be used with"), "{}", finished.stderr);
        }
    }
}

#[test]
fn odd_rows_are_said_and_the_others_count() {
    let sandbox = sandbox();
    let rows = [
        pair("p", (3, 4), json!(2)),
        pair("p", (3, 4), json!(1)),
        pair("q", (3, 2), json!(7)),
        json!("not an object"),
        json!({"instruction": "r", "output_1": "a"}),
        pair("s", (5, 5), json!(1)),
        pair("t", (5, 5), json!("two")),
        pair("u", (5, 5), json!(-1)),
    ];
    sandbox.write("a.json", &Value::from(rows.to_vec()).to_string());
    let finished = sandbox.run(&["judge", "--annotations", "a.json"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    insta::assert_snapshot!(finished.stderr, @r"
    a.json: 6 rows are left out:
      row 2 is of the same prompt and models as row 1
      row 3 `preference` is 7; it is 1 to 2, 0 for a tie, or null
      row 4 is a text and no object
      row 5 has no `output_2`
      row 7 `preference` is a text and not a number
      and 1 more
    length alone tells wins from losses: the length-controlled win rate says little
    ");
    let (_, found) = figures(&finished.stdout);
    assert_eq!((found["win_rate"], found["n_total"], found["odd_rows"]), (50.0, 2.0, 6.0));
    let quiet = sandbox.run(&["judge", "--annotations", "a.json", "--quiet"]);
    assert_eq!((quiet.stdout, quiet.stderr.as_str()), (finished.stdout, ""));
}

#[test]
fn pythons_nan_is_missing_and_a_figure_that_is_undefined_is_nan() {
    let sandbox = sandbox();
    let text = Value::from(vec![pair("p", (3, 4), json!(2)), pair("q", (3, 4), json!("NAN"))])
        .to_string()
        .replace("\"NAN\"", "NaN");
    sandbox.write("a.json", &text);
    let finished = sandbox.run(&["judge", "--annotations", "a.json"]);
    let (_, found) = figures(&finished.stdout);
    assert_eq!((found["n_total"], found["missing"]), (1.0, 1.0));
    assert!(found["standard_error"].is_nan() && found["win_rate_lo"].is_nan());
    assert_eq!(found["length_controlled_minimal"], 100.0);
}

#[test]
fn files_without_figures_are_data_errors() {
    let sandbox = sandbox();
    let error = |text: Option<&str>| {
        if let Some(text) = text {
            sandbox.write("a.json", text);
        }
        let finished = sandbox.run(&["judge", "--annotations", "a.json"]);
        assert_eq!(finished.stdout, "");
        finished.error()
    };
    insta::assert_snapshot!(error(None), @r"
    exit 3
    error: a.json: cannot be read: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(error(Some("")), @r"
    exit 3
    error: a.json: is empty; a list of objects is needed, or one object a line
    ");
    insta::assert_snapshot!(error(Some("{\"instruction\":\n[]}")), @r"
    exit 3
    error: a.json: is an object; a list of objects is needed, or one object a line
    ");
    insta::assert_snapshot!(error(Some("[{\"instruction\":")), @r"
    exit 3
    error: a.json: is not JSON: EOF while parsing a value at line 1 column 16; a list of objects is needed, or one object a line
    ");
    insta::assert_snapshot!(error(Some("[]")), @r"
    exit 3
    error: a.json: has no annotation that can be used
    ");
    let rows = [pair("p", (1, 2), json!(null)), pair("q", (1, 2), json!(null))];
    insta::assert_snapshot!(error(Some(&Value::from(rows.to_vec()).to_string())), @r"
    exit 3
    error: a.json: none of its 2 annotations has a preference; judge them first
    ");
    let mut other = pair("q", (1, 2), json!(1));
    other["generator_2"] = json!("newer\u{1b}[2J");
    let rows = Value::from(vec![pair("p", (1, 2), json!(1)), other]).to_string();
    insta::assert_snapshot!(error(Some(&rows)), @r"
    exit 3
    error: a.json: its annotations are of 2 different pairs of models or judges, such as `new` beside `old` by `tiny` and `newer\u{1b}[2J` beside `old` by `tiny`; keep one pair and one judge in a file
    ");
    let usage = sandbox.run(&["judge"]);
    assert_eq!(usage.code, Some(2), "{}", usage.stderr);
}

#[test]
fn length_alone_is_said_to_say_little() {
    let sandbox = sandbox();
    let rows: Vec<Value> = (0..20)
        .map(|n| pair(&format!("p{n}"), (50, 40 + n), json!(if n < 8 { 1 } else { 2 })))
        .collect();
    sandbox.write("a.json", &Value::from(rows).to_string());
    let finished = sandbox.run(&["judge", "--annotations", "a.json"]);
    assert!(finished.stderr.contains("length alone tells wins from losses"), "{}", finished.stderr);
}

/// Annotations that AlpacaEval released. Win rate, standard error and discrete win rate are those of
/// its leaderboard; the length-controlled one is that of statsmodels' binomial GLM.
#[test]
fn released_annotations_give_the_released_figures() {
    let Some(data) = std::env::var_os("SEAL_DATA").map(PathBuf::from) else {
        println!("skipped: SEAL_DATA is not set");
        return;
    };
    let names = [
        "win_rate",
        "standard_error",
        "discrete_win_rate",
        "length_controlled_minimal",
        "n_wins",
        "n_wins_base",
        "n_draws",
        "n_total",
        "missing",
        "odd_rows",
        "avg_length",
    ];
    let alpaca = [
        26.459627329192543,
        1.535711469748,
        26.459627329192543,
        25.677863187699536,
        205.0,
        584.0,
        16.0,
        805.0,
        0.0,
        0.0,
        396.0,
    ];
    let file = "alpaca-7b.alpaca_eval_gpt4.annotations.json";
    let path = data.join("alpaca_eval").join(file);
    let finished = sandbox().run(&["judge", "--annotations", path.to_str().unwrap()]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let (_, found) = figures(&finished.stdout);
    for (name, wanted) in std::iter::zip(names, alpaca) {
        assert!((found[name] - wanted).abs() < 1e-7, "{name}: {} {wanted}", found[name]);
    }
    let length = found["length_controlled_minimal"];
    assert!(found["length_controlled_lo"] < length && length < found["length_controlled_hi"]);
}
