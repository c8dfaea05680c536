//! Text of others in every rendering: it shows as it is, and does nothing.

#[path = "../common/mod.rs"]
mod common;
mod latex;
mod markdown;

use proptest::prelude::*;
use seal_report::{FindingsSpec, Report, findings};
use serde_json::json;

use latex::{escaped_label, unescaped, unset};
use markdown::markdown;

/// Pieces that mean something somewhere.
fn text() -> impl Strategy<Value = String> {
    const PIECES: [&str; 60] = [
        "=cmd|'/C calc'!A0",
        "+1",
        "-1",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\u{1b}[2J",
        "\u{7}",
        "\u{9b}",
        "\u{202e}",
        "\u{2028}",
        "\u{2066}",
        "\u{feff}",
        "\u{85}",
        "\0",
        "<script>alert(1)</script>",
        "<!--",
        "&lt;",
        "&#60;",
        "&copy;",
        "|",
        "`",
        "```",
        "*a*",
        "**",
        "_",
        "__init__",
        "~~x~~",
        "$x$",
        "[a](http://e.vil)",
        "![a](b)",
        "[a]: http://e.vil",
        "[a]",
        "[^1]",
        "http://e.vil",
        "www.e.vil",
        "a@e.vil",
        "# h",
        "#",
        "> q",
        "- l",
        "1. l",
        "===",
        "---",
        "\\",
        "\\\\",
        "\\input{x}",
        "%",
        "^^5c",
        "{",
        "}",
        "\\end{document}",
        "\n",
        "\n\n",
        "\r\n",
        "    code",
        "γ = 0.1",
        "ü",
        "\"",
        "' onload=x",
    ];
    prop::collection::vec(
        prop_oneof![
            prop::sample::select(&PIECES[..]).prop_map(str::to_owned),
            any::<char>().prop_map(String::from),
            "[ -~]{0,4}",
        ],
        0..6,
    )
    .prop_map(|parts| parts.concat())
}

/// A report in which every name is `text`, and names that must differ end in digits.
fn with(text: &str) -> Report {
    let mut report = common::report(common::missing());
    let results = &mut report.results;
    results.study = text.to_owned();
    for arm in &mut results.arms {
        arm.label = text.to_owned();
        arm.ablated_part = arm.ablated_part.as_ref().map(|_| text.to_owned());
        arm.replacement = arm.replacement.as_ref().map(|_| text.to_owned());
        for categories in arm.by_category.values_mut() {
            let named = std::mem::take(categories).into_values().enumerate();
            *categories = named.map(|(i, rates)| (format!("{text}{i}"), rates)).collect();
        }
    }
    for judge in results.judge.values_mut() {
        *judge = text.to_owned();
    }
    for row in report.figures.iter_mut().flat_map(|f| &mut f.rows) {
        (row.id, row.prompt, row.split) = (text.to_owned(), Some(text.to_owned()), text.to_owned());
    }
    if let Some(provenance) = &mut report.provenance {
        provenance.command = text.to_owned();
        provenance.settings_toml = text.to_owned();
        provenance.environment.insert(text.to_owned(), text.to_owned());
    }
    report
}

/// As a reader sees it: what steers is shown by its number, line ends are spaces.
fn seen(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
                | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}')
    };
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => " ".to_owned(),
            c if steers(c) => format!("‹U+{:04X}›", u32::from(c)),
            c => c.to_string(),
        })
        .collect()
}

/// Spaces are folded by every reader.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn quiet(text: &str) {
    let bad = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{200e}' | '\u{200f}')
    };
    assert!(!text.contains(bad), "{:?}", text.chars().filter(|c| bad(*c)).collect::<String>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn markdown_shows_text_as_it_is(text in text()) {
        let report = with(&text);
        let page = report.markdown();
        quiet(&page);
        let (headings, cells, more) = markdown(&page);
        prop_assert!(more.is_empty(), "{more:?}\n{page}");
        let title = folded(&format!("SEAL ablation: {}", seen(&text)));
        prop_assert_eq!(folded(&headings[0]), title, "{}", page);
        let label = folded(&seen(&text));
        let same = |cell: &&String| folded(cell) == label;
        prop_assert!(cells.iter().filter(same).count() >= report.results.arms.len(), "{label:?}\n{page}");
    }

    #[test]
    fn findings_show_text_as_it_is(text in text()) {
        let spec = json!({
            "each": ["AUROC {auroc}"],
            "finding": [{
                "title": text, "arms": ["seal", "gamma-0.2"], "because": text, "when": "rising",
            }],
        });
        let spec: FindingsSpec = serde_json::from_value(spec).unwrap();
        let report = with(&text);
        let page = findings(std::slice::from_ref(&report), &spec, &text);
        quiet(&page);
        let (_, cells, more) = markdown(&page);
        prop_assert!(more.is_empty(), "{more:?}\n{page}");
        if report.results.arms.iter().any(|arm| arm.ablated_part.is_some()) {
            let label = folded(&seen(&text));
            prop_assert!(cells.iter().any(|cell| folded(cell) == label), "{label:?}\n{page}");
        }
    }

    #[test]
    fn html_holds_no_markup_of_others(text in text()) {
        let page = with(&text).html();
        quiet(&page);
        // With a plain name the page has as many tags.
        let tags = |page: &str| page.matches('<').count();
        let plain = with("plain name").html();
        prop_assert!(!page.contains("<script") && !page.contains("<!--"));
        let empty = text.trim().is_empty();
        prop_assert!(empty || tags(&page) == tags(&plain), "{} {}", tags(&page), tags(&plain));
    }

    #[test]
    fn pictures_hold_no_markup_of_others(text in text()) {
        let Some(picture) = with(&text).picture() else { return Ok(()) };
        quiet(&picture);
        let tags = |page: &str| page.matches('<').count();
        let plain = with("plain name").picture().unwrap();
        prop_assert!(!picture.contains("<script") && !picture.contains("<!--"));
        prop_assert_eq!(tags(&picture), tags(&plain));
        // XML has no other entities.
        let known = ["amp;", "lt;", "gt;", "quot;"];
        let entity = |after: &str| known.iter().any(|name| after.starts_with(name));
        prop_assert!(picture.split('&').skip(1).all(entity));
    }

    #[test]
    fn spreadsheets_get_no_formula(text in text()) {
        let table = with(&text).csv().unwrap();
        quiet(&table);
        let mut reader = csv::Reader::from_reader(table.as_bytes());
        let label = seen(&text).replace('\u{0}', "");
        for record in reader.records() {
            let record = record.unwrap();
            for field in &record {
                let number = field.parse::<f64>().is_ok_and(f64::is_finite);
                prop_assert!(number || !field.trim_start().starts_with(['=', '+', '-', '@']), "{field:?}");
            }
            let shown = record.get(1).unwrap();
            if !text.contains(['\n', '\r', '\t']) {
                prop_assert_eq!(shown.strip_prefix('\'').filter(|_| !label.starts_with('\'')).unwrap_or(shown), label.as_str());
            }
        }
    }

    #[test]
    fn latex_reads_back(text in text()) {
        let report = with(&text);
        let tables = report.latex();
        quiet(&tables);
        // No line but the first is a comment, and every brace and sign is paired.
        prop_assert!(tables.lines().skip(2).all(|line| !unescaped(line, '%')));
        let label = folded(&unset(&escaped_label(&tables)));
        let wanted: String = seen(&text).replace('‹', "<").replace('›', ">");
        prop_assert_eq!(label, folded(&wanted), "{}", tables);
    }
}
