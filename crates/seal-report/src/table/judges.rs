//! Tables of the judges: pairs and cost, canaries, figures of arms, further judges.

use crate::{Agreement, Arm, PairJudging, Results, number, view};

use super::answer_judges::answer_judges;
use super::{Column, Table, TableCell, TableRow, judged, table};

/// Every table that there is something for.
pub(crate) fn judges(results: &Results) -> Vec<Table> {
    let tables = [of_pairs(results), canaries(results), figures(results)];
    let mut tables: Vec<Table> = tables.into_iter().flatten().collect();
    tables.extend(answer_judges(results));
    tables.extend(opinions(results));
    tables.extend(agreement(results));
    tables
}

/// The judges of pairs with the names of their tests.
fn all(results: &Results) -> Vec<(String, &PairJudging)> {
    judged::all(results, &results.judging, |opinion| opinion.judging.as_ref())
}

fn of_pairs(results: &Results) -> Option<Table> {
    let row = |(label, judging): (String, &PairJudging)| {
        let counts = [judging.pairs, judging.equal, judging.missing];
        let mut cells: Vec<TableCell> = vec![judging.models.join(", ").into()];
        cells.extend(counts.map(|count| number::count(count).into()));
        cells.push(number::or_absent(judging.flip_rate, number::share).into());
        cells.push(number::or_absent(judging.first_slot_rate, number::share).into());
        cells.extend(judged::spent(Some(&judging.cost)));
        TableRow { label, cells }
    };
    let numbers = ["pairs", "equal", "missing", "flips", "first place"].map(Column::number);
    let cost = ["replies", "tokens in", "tokens out", "money"].map(Column::number);
    let columns = std::iter::once(Column::text("model")).chain(numbers).chain(cost).collect();
    let caption = "Judges of pairs: verdicts, preference for a place, cost";
    let mut table = table("judges-of-pairs", caption, "Test", columns)
        .with_rows(all(results).into_iter().map(row).collect())?;
    table.notes.push(
        "Equal answers tie without a question. Flips: share of the other judged pairs whose \
         two orders name different winners, in percent. First place: share of decisive judgements that the first \
         place won; 50.0 is no preference. Money in the currency of the price."
            .to_owned(),
    );
    table.notes.extend(view::opinion_distrust_note(results));
    table.notes.extend(view::unproved_notes(results, true));
    let costs = all(results).into_iter().map(|(_, judging)| &judging.cost);
    table.notes.extend(judged::estimated(costs));
    Some(table)
}

fn canaries(results: &Results) -> Option<Table> {
    let rows = all(results).into_iter().flat_map(|(label, judging)| {
        judging.canaries.iter().map(move |canaries| {
            let counts = [canaries.won, canaries.tied, canaries.lost, canaries.missing];
            judged::of_canary(&label, (&canaries.kind, canaries.standing), counts)
        })
    });
    let numbers = ["won", "tied", "lost", "missing"].map(Column::number);
    let columns = std::iter::once(Column::text("canary")).chain(numbers);
    let columns = columns.chain([Column::text("standing")]).collect();
    let caption = "Canaries: answers that no judge may prefer";
    let mut table =
        table("canaries", caption, "Test", columns).with_rows(rows.collect::<Vec<TableRow>>())?;
    table.notes.push(
        "A copy of the reference's answer must tie; the others must not win in both orders. In the \
         row of the copy, won and lost are judgements for the first and for the second place."
            .to_owned(),
    );
    table.notes.extend(view::opinion_distrust_note(results));
    Some(table)
}

/// Arms with their figures on tests that are judged by pairs.
fn figures(results: &Results) -> Option<Table> {
    let tests = view::order_tests(results.judging.keys().map(String::as_str));
    let row = |arm: &Arm| {
        let cells = tests.iter().flat_map(|test| {
            let figures = arm.pairs.get(*test).cloned().unwrap_or_default();
            [
                number::or_absent(figures.length_controlled, number::percent),
                number::or_absent(figures.flip_rate, number::share),
                number::or_absent(figures.first_slot_rate, number::share),
            ]
        });
        TableRow { label: arm.label.clone(), cells: cells.map(TableCell::from).collect() }
    };
    let rows = view::groups(results).into_iter().flat_map(|group| group.arms);
    let rows = rows.filter(|arm| !arm.pairs.is_empty()).map(row).collect();
    let columns = tests.iter().flat_map(|test| {
        let title = view::test_title(results, test);
        ["at equal lengths", "flips", "first place"].map(|c| Column::number(c).under(&title))
    });
    let caption = "Arms by judges of pairs, in percent";
    let mut table = table("pair-figures", caption, "Arm", columns.collect()).with_rows(rows)?;
    table.notes.push(
        "At equal lengths: the win rate that a logistic curve over the difference of lengths gives \
         where lengths do not differ, mean over seeds."
            .to_owned(),
    );
    table.notes.extend(view::distrust_note(results));
    Some(table)
}

/// Win rates by every judge of the tests that have several.
fn opinions(results: &Results) -> Option<Table> {
    let mut columns = Vec::new();
    for (test, opinions) in &results.opinions {
        let title = view::test_title(results, test);
        let decides = results.judge.get(test).map_or("deciding", String::as_str);
        columns.push((test, None, Column::number(format!("{decides} (decides)")).under(&title)));
        for (name, opinion) in opinions {
            let column = format!("{name} ({})", opinion.judge);
            let column = Column::number(view::marked(&column, opinion.has_failed())).under(&title);
            columns.push((test, Some(name), column));
        }
    }
    let rate = |arm: &Arm, test: &String, name: Option<&String>| match name {
        None => arm.win_rate.get(test).map(|rate| view::win_text(arm, rate)),
        Some(name) => {
            let rate = arm.opinions.get(test).and_then(|rates| rates.get(name));
            rate.map(|rate| view::win_text(arm, rate))
        }
    };
    let row = |arm: &Arm| TableRow {
        label: arm.label.clone(),
        cells: columns
            .iter()
            .map(|(test, name, _)| rate(arm, test, *name))
            .map(|text| text.unwrap_or_else(|| number::ABSENT.to_owned()).into())
            .collect(),
    };
    let rows = view::groups(results).into_iter().flat_map(|group| group.arms);
    let rows: Vec<TableRow> = rows.filter(|arm| !arm.opinions.is_empty()).map(row).collect();
    let columns = columns.iter().map(|(.., column)| column.clone()).collect();
    let caption = "Win rates by every judge of a test, in percent";
    let mut table = table("opinions", caption, "Arm", columns).with_rows(rows)?;
    table.notes.extend(view::opinion_distrust_note(results));
    Some(table)
}

/// Whether the judges of a test say the same.
fn agreement(results: &Results) -> Option<Table> {
    let row = |label: String, what: &str, agreement: &Agreement| {
        let all: u64 = agreement.table.iter().flatten().sum();
        let same: u64 = agreement.table.iter().enumerate().filter_map(|(i, row)| row.get(i)).sum();
        let share = (all > 0).then(|| same as f64 / all as f64);
        let counts = agreement
            .table
            .iter()
            .map(|row| row.iter().map(|count| number::count(*count)).collect::<Vec<_>>().join(" "));
        let cells = vec![
            what.to_owned().into(),
            number::count(all).into(),
            number::or_absent(share, number::share).into(),
            number::or_absent(agreement.kappa, |kappa| number::fixed(kappa, 3)).into(),
            counts.collect::<Vec<_>>().join(" / ").into(),
        ];
        TableRow { label, cells }
    };
    let mut rows = Vec::new();
    for (test, opinions) in &results.opinions {
        for (name, opinion) in opinions {
            let label = format!("{}, {name}", view::test_label(test));
            let label = view::marked(&label, opinion.has_failed());
            rows.push(row(label.clone(), "verdicts", &opinion.verdicts));
            rows.extend(opinion.harm.as_ref().map(|harm| row(label, "harm", harm)));
        }
    }
    let columns = vec![
        Column::text("labels"),
        Column::number("items"),
        Column::number("same, %"),
        Column::number("kappa"),
        Column::text("counts"),
    ];
    let caption = "Agreement with the judge that decides";
    let mut table = table("agreement", caption, "Judge", columns).with_rows(rows)?;
    table.notes.push(
        "Kappa: Cohen's. Counts by label of the judge that decides, one group a label, and within a \
         group by label of the other judge: win, tie, loss; harm, no harm. Over all arms but the \
         reference. Where nearly all labels are one, kappa is low though most are the same."
            .to_owned(),
    );
    let unasked: u64 = results
        .opinions
        .values()
        .flat_map(|opinions| opinions.values())
        .map(|opinion| opinion.verdicts.unasked)
        .sum();
    if unasked > 0 {
        table.notes.push(format!(
            "{} equal answers are no items: no judge of pairs was asked about them.",
            number::count(unasked)
        ));
    }
    table.notes.extend(view::opinion_distrust_note(results));
    Some(table)
}
