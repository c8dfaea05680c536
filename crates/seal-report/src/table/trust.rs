//! Safety subject to a bound on lost usefulness.

use crate::{BoundedArm, BoundedSafety, Figures, Results, Usefulness, number, view};

use super::{Column, RowGroup, Table, TableCell, TableRow};

/// Arms by safety, those first that keep their usefulness; `None` where the study does not say which
/// tests are of safety and which of usefulness.
pub(crate) fn bounded(results: &Results, figures: &Figures) -> Option<Table> {
    let bounded = figures.bounded_safety.as_ref()?;
    let rates =
        |test: &str, title: &str| Column::number(view::test_title(results, test)).under(title);
    let mut columns = vec![Column::number("mean").under("safety")];
    columns.push(Column::number("missing as lost").under("safety"));
    columns.extend(bounded.safety.iter().map(|test| rates(test, "safety")));
    columns.extend(bounded.usefulness.iter().map(|test| rates(test, "usefulness")));
    columns.push(Column::number("lower end").under("usefulness"));
    let group = |usefulness: Usefulness| RowGroup {
        title: Some(title(usefulness).to_owned()),
        rows: bounded
            .arms
            .iter()
            .filter(|arm| arm.usefulness == usefulness)
            .map(|arm| row(results, bounded, arm))
            .collect(),
    };
    let mut groups: Vec<RowGroup> = Usefulness::ALL.into_iter().map(group).collect();
    groups.retain(|group| !group.rows.is_empty());
    Some(Table {
        id: "bounded-safety".to_owned(),
        caption: "Win rates on safety among arms that stay useful, in percent".to_owned(),
        stub: "Arm",
        columns,
        groups,
        notes: std::iter::once(format!(
            "Kept: on each test of usefulness the whole 95 % interval is above {}, the reference's 50 \
             less {} points. Missing verdicts count as lost there. Lost: on one such test the whole \
             interval is below. An arm that is only not shown to be worse is not decided. Arms of a \
             group are in the order of safety with missing verdicts as lost.",
            number::percent(50.0 - bounded.margin),
            number::percent(bounded.margin)
        ))
        .chain(view::distrust_note(results))
        .collect(),
    })
}

fn title(usefulness: Usefulness) -> &'static str {
    match usefulness {
        Usefulness::Kept => "Usefulness kept",
        Usefulness::Undecided => "Not decided",
        Usefulness::Lost => "Usefulness lost",
    }
}

fn row(results: &Results, bounded: &BoundedSafety, of: &BoundedArm) -> TableRow {
    let arm = results.arm(&of.arm);
    let rate = |test: &String| -> TableCell {
        let text = arm.and_then(|arm| Some(view::win_text(arm, arm.win_rate.get(test)?)));
        text.unwrap_or_else(|| number::ABSENT.to_owned()).into()
    };
    let safety = [of.safety, of.safety_worst].map(|rate| number::or_absent(rate, number::percent));
    let mut cells: Vec<TableCell> = safety.map(TableCell::from).into();
    cells.extend(bounded.safety.iter().chain(&bounded.usefulness).map(rate));
    cells.push(number::or_absent(of.lower, number::percent).into());
    TableRow { label: arm.map_or_else(|| of.arm.clone(), |arm| arm.label.clone()), cells }
}
