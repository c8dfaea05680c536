//! The tables that carry the findings: results and comparisons.

use crate::{Arm, Comparison, PerTest, Results, finding, number, view};

use super::{Column, RowGroup, Table, TableCell, TableRow};

/// A figure of an arm as text.
type FigureText<'a> = (Column, Box<dyn Fn(&Arm) -> String + 'a>);

/// Win rates with the safety rates and the accuracy beside each.
pub(crate) fn results(results: &Results) -> Table {
    let mut figures: Vec<FigureText<'_>> = Vec::new();
    for test in view::tests(results) {
        figures.push(win_rate(results, test));
        figures.extend(rates(results, test));
    }
    figures.extend(ranking());
    let caption = "Win rates against the reference, safety rates and accuracy, in percent";
    table("results", caption, results, figures, notes(results))
}

/// Win rates and ranking only: the narrow form for a paper.
pub(crate) fn win_rates(results: &Results) -> Table {
    let mut figures: Vec<FigureText<'_>> =
        view::tests(results).into_iter().map(|test| win_rate(results, test)).collect();
    figures.extend(ranking());
    let caption = "Win rates against the reference, in percent";
    table("win-rates", caption, results, figures, notes(results))
}

/// Accuracy and safety rates only: the other half of the narrow form.
pub(crate) fn safety(results: &Results) -> Table {
    let tests = view::tests(results);
    let figures = tests.into_iter().flat_map(|test| rates(results, test)).collect();
    table(
        "safety",
        "Accuracy and safety rates, in percent",
        results,
        figures,
        view::distrust_note(results).into_iter().collect(),
    )
}

fn win_rate<'a>(results: &Results, test: &'a str) -> FigureText<'a> {
    let column = Column::number("win rate").under(&view::test_title(results, test));
    let text = move |arm: &Arm| {
        arm.win_rate
            .get(test)
            .map_or_else(|| number::ABSENT.to_owned(), |rate| view::win_text(arm, rate))
    };
    (column, Box::new(text))
}

/// The rates of a test that any arm has.
fn rates<'a>(results: &Results, test: &'a str) -> Vec<FigureText<'a>> {
    type Pick = fn(&Arm) -> &PerTest<f64>;
    let all: [(&str, Pick); 4] = [
        ("accuracy", |arm| &arm.accuracy),
        ("refusal", |arm| &arm.refusal),
        ("over-refusal", |arm| &arm.over_refusal),
        ("harm", |arm| &arm.harm),
    ];
    all.into_iter()
        .filter(|(_, pick)| results.arms.iter().any(|arm| pick(arm).contains_key(test)))
        .map(|(title, pick)| -> FigureText<'a> {
            let column = Column::number(title).under(&view::test_title(results, test));
            let text =
                move |arm: &Arm| number::or_absent(pick(arm).get(test).copied(), number::share);
            (column, Box::new(text))
        })
        .collect()
}

fn ranking<'a>() -> [FigureText<'a>; 2] {
    let auroc = |arm: &Arm| {
        let value = arm.selection.as_ref().and_then(|s| s.ranking.auroc);
        number::or_absent(value, |auroc| number::fixed(auroc, 3))
    };
    [
        (Column::number("AUROC").under("ranking"), Box::new(auroc)),
        (Column::number("unsafe kept (floor)").under("ranking"), Box::new(unsafe_kept)),
    ]
}

/// The share of unsafe rows kept, never without the least that is possible.
pub(crate) fn unsafe_kept(arm: &Arm) -> String {
    let Some(ranking) = arm.selection.as_ref().map(|s| &s.ranking) else {
        return number::ABSENT.to_owned();
    };
    match (ranking.unsafe_kept, ranking.unsafe_kept_floor) {
        (Some(kept), floor) => {
            format!("{} ({})", number::share(kept), number::or_absent(floor, number::share))
        }
        (None, _) => number::ABSENT.to_owned(),
    }
}

fn table(
    id: &str,
    caption: &str,
    results: &Results,
    figures: Vec<FigureText<'_>>,
    notes: Vec<String>,
) -> Table {
    let row = |arm: &&Arm| TableRow {
        label: arm.label.clone(),
        cells: figures.iter().map(|(_, text)| TableCell::from(text(arm))).collect(),
    };
    let groups = view::groups(results)
        .iter()
        .map(|group| RowGroup {
            title: Some(group.title.clone()),
            rows: group.arms.iter().map(row).collect(),
        })
        .collect();
    Table {
        id: id.to_owned(),
        caption: caption.to_owned(),
        stub: "Arm",
        columns: figures.into_iter().map(|(column, _)| column).collect(),
        groups,
        notes,
    }
}

/// What the marks in a win rate mean, as far as they are there.
fn notes(results: &Results) -> Vec<String> {
    let mut notes = Vec::new();
    if results.seeds.len() == 1 {
        notes.push("One seed: no study interval.".to_owned());
    } else {
        notes.push("In brackets: 95 % study interval (new seeds and new prompts).".to_owned());
    }
    if view::shows_prompt_interval(results) {
        notes.push("†: 95 % prompt interval (these models, new prompts) instead.".to_owned());
    }
    if results.arms.iter().any(|arm| arm.win_rate.values().any(|rate| rate.missing > 0)) {
        notes.push("‡: verdicts are missing; bounds are given apart.".to_owned());
    }
    notes.extend(view::distrust_note(results));
    let flat = view::uninformative(results);
    if !flat.is_empty() {
        notes.push(format!(
            "Not informative here: {} ({} is not below the arm without unsafe rows).",
            view::test_list(&flat),
            view::reference_label(results)
        ));
    }
    notes
}

/// The tests against SEAL; `None` without any.
pub(crate) fn comparisons(results: &Results) -> Option<Table> {
    let mut groups = Vec::new();
    for part in view::parts(results) {
        let rows: Vec<TableRow> = view::part_comparisons(results, part)
            .into_iter()
            .map(|comparison| comparison_row(results, comparison))
            .collect();
        if !rows.is_empty() {
            groups.push(RowGroup { title: Some(view::part_title(results, part)), rows });
        }
    }
    if groups.is_empty() {
        return None;
    }
    Some(Table {
        id: "comparisons".to_owned(),
        caption: "Ablation arms against SEAL: difference of win rates, in points".to_owned(),
        stub: "Arm",
        columns: vec![
            Column::text("test"),
            Column::number("difference"),
            Column::number("95 % interval"),
            Column::number("p"),
            Column::number("Holm p"),
            Column::number("detectable"),
        ],
        groups,
        notes: std::iter::once(
            "Paired per prompt and seed. Holm: corrected within the ablation; bold below 0.05. \
             Detectable: the difference found with 80 % power."
                .to_owned(),
        )
        .chain(view::distrust_note(results))
        .collect(),
    })
}

fn comparison_row(results: &Results, comparison: &Comparison) -> TableRow {
    let label = results.arm(&comparison.arm).map_or(&comparison.arm, |arm| &arm.label);
    let strong = comparison.p_holm.is_some_and(|p| p < view::LEVEL);
    let interval =
        finding::difference_interval(comparison).unwrap_or_else(|| number::ABSENT.to_owned());
    let test = view::test_title(results, &comparison.test);
    let difference = number::or_absent(comparison.diff, number::signed);
    let holm = number::or_absent(comparison.p_holm, number::p_value);
    TableRow {
        label: label.clone(),
        cells: vec![
            test.into(),
            TableCell { text: difference, strong, shade: None },
            interval.into(),
            number::or_absent(comparison.p, number::p_value).into(),
            TableCell { text: holm, strong, shade: None },
            number::or_absent(comparison.detectable, number::percent).into(),
        ],
    }
}
