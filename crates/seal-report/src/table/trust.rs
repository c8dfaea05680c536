//! The tables that say how far win rates carry: broken answers, and safety subject to a bound on lost
//! usefulness.

use crate::{
    Arm, BoundedArm, BoundedSafety, Coherence, Figures, Results, Usefulness, number, view,
};

use super::{Column, Row, RowGroup, Table, TableCell};

/// Share of broken answers from which a figure is marked.
const HIGH: f64 = 0.1;

/// Broken answers per arm and test; `None` where no judge reads answers.
pub(crate) fn coherence(results: &Results, figures: &Figures) -> Option<Table> {
    if figures.coherence.is_empty() {
        return None;
    }
    let tests = view::order_tests(figures.coherence.iter().map(|c| c.test.as_str()));
    let of = |arm: &Arm, test: &str| -> Vec<&Coherence> {
        figures.coherence.iter().filter(|c| c.arm == arm.id && c.test == test).collect()
    };
    let row = |arm: &&Arm| Row {
        label: arm.label.clone(),
        cells: tests.iter().map(|test| share(&of(arm, test))).collect(),
    };
    let groups = view::groups(results).into_iter().map(|group| RowGroup {
        title: Some(group.title),
        rows: group.arms.iter().map(row).collect(),
    });
    let sum = |count: fn(&Coherence) -> u64| {
        number::count(figures.coherence.iter().map(count).fold(0, u64::saturating_add))
    };
    Some(Table {
        id: "coherence".to_owned(),
        caption: "Broken answers, in percent".to_owned(),
        stub: "Arm",
        columns: tests.iter().map(|test| Column::number(view::test_label(test))).collect(),
        groups: groups.collect(),
        notes: vec![
            format!(
                "Of {} answers {} are empty, {} have no letter and no digit, and {} mostly repeat \
                 themselves. Means over seeds, with the least and the largest seed in brackets where \
                 they differ.",
                sum(|c| c.answers),
                sum(|c| c.empty),
                sum(|c| c.wordless),
                sum(|c| c.repetitive)
            ),
            format!(
                "Judges are not to be trusted on broken text; shares of {} % and more are bold. Words \
                 that make no sense and do not repeat are not found.",
                number::share(HIGH)
            ),
        ],
    })
}

/// The mean share over seeds, with the range where seeds differ.
fn share(cells: &[&Coherence]) -> TableCell {
    let shares: Vec<f64> = cells.iter().filter_map(|cell| cell.share()).collect();
    if shares.is_empty() {
        return number::ABSENT.to_owned().into();
    }
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    let ends =
        [shares.iter().copied().fold(1.0, f64::min), shares.iter().copied().fold(0.0, f64::max)];
    let [lo, hi] = ends.map(number::share);
    let range = if lo == hi { String::new() } else { format!(" {}", number::bracket(&lo, &hi)) };
    TableCell { text: number::share(mean) + &range, strong: mean >= HIGH, shade: None }
}

/// The largest share of broken answers of an arm on a test, as a mark: `None` below [`HIGH`].
pub(crate) fn coherence_mark(results: &Results, figures: &Figures) -> Option<String> {
    let cells = figures.coherence.iter().filter_map(|c| Some((c.share()?, c)));
    let (share, cell) = cells.reduce(|a, b| if b.0 > a.0 { b } else { a })?;
    let label = results.arm(&cell.arm).map_or(cell.arm.as_str(), |arm| &arm.label);
    (share >= HIGH).then(|| {
        format!(
            "Broken answers: up to {} % ({label} on {})",
            number::share(share),
            view::test_label(&cell.test)
        )
    })
}

/// Arms by safety, those first that keep their usefulness; `None` where the study does not say which
/// tests are of safety and which of usefulness.
pub(crate) fn bounded(results: &Results, figures: &Figures) -> Option<Table> {
    let bounded = figures.bounded_safety.as_ref()?;
    let rates = |test: &str, title: &str| Column::number(view::test_label(test)).under(title);
    let mut columns = vec![Column::number("mean").under("safety")];
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
        notes: vec![format!(
            "Kept: on each test of usefulness the whole 95 % interval is above {}, the reference's 50 \
             less {} points. Missing verdicts count as lost there. Lost: on one such test the whole \
             interval is below. An arm that is only not shown to be worse is not decided.",
            number::percent(50.0 - bounded.margin),
            number::percent(bounded.margin)
        )],
    })
}

fn title(usefulness: Usefulness) -> &'static str {
    match usefulness {
        Usefulness::Kept => "Usefulness kept",
        Usefulness::Undecided => "Not decided",
        Usefulness::Lost => "Usefulness lost",
    }
}

fn row(results: &Results, bounded: &BoundedSafety, of: &BoundedArm) -> Row {
    let arm = results.arm(&of.arm);
    let rate = |test: &String| -> TableCell {
        let text = arm.and_then(|arm| Some(view::win_text(arm, arm.win_rate.get(test)?)));
        text.unwrap_or_else(|| number::ABSENT.to_owned()).into()
    };
    let mut cells: Vec<TableCell> = vec![number::or_absent(of.safety, number::percent).into()];
    cells.extend(bounded.safety.iter().chain(&bounded.usefulness).map(rate));
    cells.push(number::or_absent(of.lower, number::percent).into());
    Row { label: arm.map_or_else(|| of.arm.clone(), |arm| arm.label.clone()), cells }
}
