//! The tables that say how far win rates carry: broken and cut answers, and safety subject to a bound
//! on lost usefulness.

use crate::{
    Arm, BoundedArm, BoundedSafety, Coherence, Figures, Results, Usefulness, number, view,
};

use super::{Column, Row, RowGroup, Table, TableCell};

/// Share of broken answers from which a figure is marked.
const HIGH: f64 = 0.1;

/// Broken and cut answers per arm and test; `None` where no judge reads answers.
pub(crate) fn coherence(results: &Results, figures: &Figures) -> Option<Table> {
    if figures.coherence.is_empty() {
        return None;
    }
    let tests = view::order_tests(figures.coherence.iter().map(|c| c.test.as_str()));
    let of = |arm: &Arm, test: &str| -> Vec<&Coherence> {
        figures.coherence.iter().filter(|c| c.arm == arm.id && c.test == test).collect()
    };
    // A run of an older program does not know what ended its answers.
    let has_cut = figures.coherence.iter().any(|cell| cell.cut.is_some());
    let row = |arm: &&Arm| Row {
        label: arm.label.clone(),
        cells: (tests.iter())
            .flat_map(|test| {
                let cells = of(arm, test);
                // A long answer that is cut may be sound, so no share of them is marked.
                let cut = has_cut.then(|| share(&cells, Coherence::cut_share));
                let cut = cut.map(|cell| TableCell { strong: false, ..cell });
                std::iter::once(share(&cells, Coherence::share)).chain(cut)
            })
            .collect(),
    };
    let groups = view::groups(results).into_iter().map(|group| RowGroup {
        title: Some(group.title),
        rows: group.arms.iter().map(row).collect(),
    });
    let columns = tests.iter().flat_map(|test| {
        let title = view::test_title(results, test);
        let kinds: &[&str] = if has_cut { &["broken", "cut"] } else { &[] };
        let split = kinds.iter().map(|kind| Column::number(*kind).under(&title));
        match split.len() {
            0 => vec![Column::number(&*title)],
            _ => split.collect(),
        }
    });
    let caption =
        if has_cut { "Broken and cut answers, in percent" } else { "Broken answers, in percent" };
    Some(Table {
        id: "coherence".to_owned(),
        caption: caption.to_owned(),
        stub: "Arm",
        columns: columns.collect(),
        groups: groups.collect(),
        notes: coherence_notes(results, figures, has_cut),
    })
}

fn coherence_notes(results: &Results, figures: &Figures, has_cut: bool) -> Vec<String> {
    let sum = |count: fn(&Coherence) -> u64| {
        number::count(figures.coherence.iter().map(count).fold(0, u64::saturating_add))
    };
    let mut notes = vec![
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
    ];
    if has_cut {
        notes.push(format!(
            "Cut: {} answers were ended by the limit of new tokens or by the context, and not by the \
             model. An answer may be cut and broken.",
            sum(|c| c.cut.unwrap_or(0))
        ));
    }
    notes.extend(absent_note(&figures.coherence_absent));
    notes.extend(view::distrust_note(results));
    notes
}

/// Says how many cells are not counted.
fn absent_note(absent: &[String]) -> Option<String> {
    let count = number::count(absent.len() as u64);
    (!absent.is_empty())
        .then(|| format!("Not counted: {count} cells whose answers the store does not have whole."))
}

/// The mean share over seeds, with the range where seeds differ.
fn share(cells: &[&Coherence], of: fn(&Coherence) -> Option<f64>) -> TableCell {
    let shares: Vec<f64> = cells.iter().filter_map(|cell| of(cell)).collect();
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
            view::test_title(results, &cell.test)
        )
    })
}

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

fn row(results: &Results, bounded: &BoundedSafety, of: &BoundedArm) -> Row {
    let arm = results.arm(&of.arm);
    let rate = |test: &String| -> TableCell {
        let text = arm.and_then(|arm| Some(view::win_text(arm, arm.win_rate.get(test)?)));
        text.unwrap_or_else(|| number::ABSENT.to_owned()).into()
    };
    let safety = [of.safety, of.safety_worst].map(|rate| number::or_absent(rate, number::percent));
    let mut cells: Vec<TableCell> = safety.map(TableCell::from).into();
    cells.extend(bounded.safety.iter().chain(&bounded.usefulness).map(rate));
    cells.push(number::or_absent(of.lower, number::percent).into());
    Row { label: arm.map_or_else(|| of.arm.clone(), |arm| arm.label.clone()), cells }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_without_answers_are_said() {
        let of_cell =
            Coherence { arm: "a".into(), test: "hh".into(), answers: 9, ..Coherence::default() };
        let mut figures = Figures { coherence: vec![of_cell], ..Figures::default() };
        let notes = |figures: &Figures| coherence(&Results::default(), figures).unwrap().notes;
        assert_eq!(notes(&figures).len(), 2);
        figures.coherence_absent = vec!["a, seed 2".into()];
        assert_eq!(
            notes(&figures)[2],
            "Not counted: 1 cells whose answers the store does not have whole."
        );
    }

    #[test]
    fn cut_answers_have_a_column_where_they_are_known() {
        let results = Results {
            seeds: vec![1, 2],
            arms: vec![Arm::new("a", "A", crate::Role::Control)],
            ..Results::default()
        };
        let cell = |seed, cut| Coherence {
            arm: "a".into(),
            seed,
            test: "hh".into(),
            answers: 8,
            cut,
            ..Coherence::default()
        };
        let table = |cells: [Coherence; 2]| {
            let figures = Figures { coherence: cells.into(), ..Figures::default() };
            let table = coherence(&results, &figures).unwrap();
            let titles: Vec<String> = table.columns.iter().map(Column::full_title).collect();
            let row: Vec<String> =
                table.groups[0].rows[0].cells.iter().map(|cell| cell.text.clone()).collect();
            (titles, row)
        };
        let (titles, row) = table([cell(1, None), cell(2, None)]);
        assert_eq!((titles.len(), row), (1, vec!["0.0".to_owned()]));
        let (titles, row) = table([cell(1, Some(2)), cell(2, Some(4))]);
        assert!(titles[0].ends_with(" broken") && titles[1].ends_with(" cut"), "{titles:?}");
        assert_eq!(row, ["0.0", "37.5 [25.0, 50.0]"]);
    }
}
