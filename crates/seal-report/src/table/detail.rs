//! The tables behind the findings: selection, categories, missing verdicts, data.

use std::collections::BTreeSet;

use crate::{Arm, CategoryRates, Results, Selection, number, view};

use super::{Column, RowGroup, Table, TableCell, TableRow, build::unsafe_kept};

/// How each arm chose its rows; `None` where no arm selects.
pub(crate) fn selection(results: &Results) -> Option<Table> {
    type Pick = fn(&Selection) -> Option<f64>;
    type Text = fn(f64) -> String;
    let shares: Text = number::share;
    let three: Text = |value| number::fixed(value, 3);
    let figures: [(&str, Pick, Text); 8] = [
        ("kept", |s| s.ranking.keep_fraction, shares),
        ("AUROC", |s| s.ranking.auroc, three),
        ("Spearman to SEAL", |s| s.ranking.spearman_to_seal, three),
        ("ESS / N", |s| s.ranking.ess, three),
        ("mean p", |s| s.weights.mean_p, three),
        ("effective γ", |s| s.weights.gamma_eff, |value| number::fixed(value, 4)),
        ("clamped", |s| s.weights.clamped, shares),
        ("dead", |s| s.weights.dead, shares),
    ];
    let mut columns: Vec<Column> =
        figures.iter().map(|(title, ..)| Column::number(*title)).collect();
    columns.insert(2, Column::number("unsafe kept (floor)"));
    let row = |arm: &&Arm| -> Option<TableRow> {
        let selection = arm.selection.as_ref()?;
        let mut cells: Vec<TableCell> = figures
            .iter()
            .map(|(_, pick, text)| number::or_absent(pick(selection), text).into())
            .collect();
        cells.insert(2, unsafe_kept(arm).into());
        Some(TableRow { label: arm.label.clone(), cells })
    };
    let mut groups: Vec<RowGroup> = view::groups(results)
        .into_iter()
        .map(|group| RowGroup {
            title: Some(group.title),
            rows: group.arms.iter().filter_map(row).collect(),
        })
        .collect();
    groups.retain(|group| !group.rows.is_empty());
    if groups.is_empty() {
        return None;
    }
    Some(Table {
        id: "selection".to_owned(),
        caption: "Selection and selector weights, means over seeds".to_owned(),
        stub: "Arm",
        columns,
        groups,
        notes: vec![
            "Shares in percent. Floor: the least share of unsafe rows that any ranking keeps. \
             ESS / N: effective sample size of the weights over the number of rows."
                .to_owned(),
        ],
    })
}

/// One rate per category (rows) and arm (columns), read as a map; `None` where
/// no arm has the rate. `rate` is `accuracy`, `refusal` or `harm`.
pub(crate) fn categories(results: &Results, test: &str, rate: &str) -> Option<Table> {
    let pick = |rates: &CategoryRates| match rate {
        "accuracy" => rates.accuracy,
        "refusal" => rates.refusal,
        "harm" => rates.harm,
        _ => None,
    };
    let groups = view::groups(results);
    let arms: Vec<(&str, &Arm)> = groups
        .iter()
        .flat_map(|group| group.arms.iter().map(|arm| (group.title.as_str(), *arm)))
        .filter(|(_, arm)| {
            arm.by_category.get(test).is_some_and(|all| all.values().any(|r| pick(r).is_some()))
        })
        .collect();
    let names: BTreeSet<&String> = arms
        .iter()
        .filter_map(|(_, arm)| arm.by_category.get(test))
        .flat_map(|c| c.keys())
        .collect();
    if arms.is_empty() || names.len() < 2 {
        return None;
    }
    let cell = |arm: &Arm, name: &str| {
        let value = arm.by_category.get(test).and_then(|all| all.get(name)).and_then(pick);
        TableCell {
            text: number::or_absent(value, number::share),
            strong: false,
            shade: value.map(|v| v.clamp(0.0, 1.0)),
        }
    };
    let rows = names
        .into_iter()
        .map(|name| TableRow {
            label: name.clone(),
            cells: arms.iter().map(|(_, arm)| cell(arm, name)).collect(),
        })
        .collect();
    Some(Table {
        id: format!("category-{test}-{rate}"),
        caption: format!(
            "{} by {} category, in percent",
            view::capitalised(rate),
            view::test_title(results, test)
        ),
        stub: "Category",
        columns: arms.iter().map(|(group, arm)| Column::number(&arm.label).under(group)).collect(),
        groups: vec![RowGroup { title: None, rows }],
        notes: Vec::new(),
    })
}

/// Bounds for win rates with missing verdicts; `None` where none is missing.
pub(crate) fn missing(results: &Results) -> Option<Table> {
    let mut rows = Vec::new();
    for group in view::groups(results) {
        for arm in group.arms {
            for test in view::tests(results) {
                let Some(rate) = arm.win_rate.get(test).filter(|rate| rate.missing > 0) else {
                    continue;
                };
                let judged = rate.wins + rate.losses + rate.ties;
                rows.push(TableRow {
                    label: arm.label.clone(),
                    cells: vec![
                        view::test_title(results, test).into(),
                        number::count(rate.missing).into(),
                        number::count(judged).into(),
                        number::or_absent(rate.worst, number::percent).into(),
                        number::or_absent(rate.mean, number::percent).into(),
                        number::or_absent(rate.best, number::percent).into(),
                    ],
                });
            }
        }
    }
    if rows.is_empty() {
        return None;
    }
    let numbers = ["missing", "judged", "all lost", "win rate", "all won"].map(Column::number);
    Some(Table {
        id: "missing".to_owned(),
        caption: "Missing verdicts and the win rate's bounds, in percent".to_owned(),
        stub: "Arm",
        columns: std::iter::once(Column::text("test")).chain(numbers).collect(),
        groups: vec![RowGroup { title: None, rows }],
        notes: Vec::new(),
    })
}

/// The rows of each split, and the overlaps that were found.
pub(crate) fn data(results: &Results) -> Table {
    let unknown = || "unknown".to_owned();
    let rows = results.data.splits.iter().map(|(name, split)| TableRow {
        label: name.clone(),
        cells: vec![
            number::count(split.rows).into(),
            split.unsafe_rows.map_or_else(unknown, number::count).into(),
            number::count(split.dropped).into(),
            split.ids_hash.clone().into(),
        ],
    });
    let shared: Vec<String> = results
        .data
        .overlap
        .iter()
        .map(|(pair, rows)| format!("{pair} {}", number::count(*rows)))
        .collect();
    let note = if shared.is_empty() {
        "No overlaps are recorded.".to_owned()
    } else {
        format!("Rows that two splits share: {}.", shared.join(", "))
    };
    Table {
        id: "data".to_owned(),
        caption: "Data".to_owned(),
        stub: "Split",
        columns: vec![
            Column::number("rows"),
            Column::number("unsafe"),
            Column::number("left out"),
            Column::text("hash of the row ids"),
        ],
        groups: vec![RowGroup { title: None, rows: rows.collect() }],
        notes: vec![note],
    }
}
