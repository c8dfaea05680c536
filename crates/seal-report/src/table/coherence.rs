//! The table that says how far judges can be trusted with the answers: broken, cut and unlikely ones.

use crate::{Arm, BaseNll, Coherence, Figures, Results, number, view};

use super::{Column, RowGroup, Table, TableCell, TableRow};

/// Share of broken answers from which a figure is marked.
const HIGH: f64 = 0.1;

/// Broken, cut and unlikely answers per arm and test; `None` where no judge reads answers.
pub(crate) fn coherence(results: &Results, figures: &Figures) -> Option<Table> {
    if figures.coherence.is_empty() {
        return None;
    }
    let tests = view::order_tests(figures.coherence.iter().map(|c| c.test.as_str()));
    let known = ShownColumns {
        // A run of an older program does not know what ended its answers.
        cut: figures.coherence.iter().any(|cell| cell.cut.is_some()),
        nll: !figures.base_nll.is_empty(),
    };
    let row = |arm: &&Arm| TableRow {
        label: arm.label.clone(),
        cells: tests.iter().flat_map(|test| cells(figures, arm, test, known)).collect(),
    };
    let groups = view::groups(results).into_iter().map(|group| RowGroup {
        title: Some(group.title),
        rows: group.arms.iter().map(row).collect(),
    });
    let columns = tests.iter().flat_map(|test| {
        let title = view::test_title(results, test);
        let mut kinds = vec!["broken"];
        kinds.extend(known.cut.then_some("cut"));
        kinds.extend(known.nll.then_some(["NLL", "unlikely"]).into_iter().flatten());
        match kinds.len() {
            1 => vec![Column::number(&*title)],
            _ => kinds.into_iter().map(|kind| Column::number(kind).under(&title)).collect(),
        }
    });
    let caption = match (known.cut, known.nll) {
        (false, false) => "Broken answers, in percent",
        (true, false) => "Broken and cut answers, in percent",
        (_, true) => "Broken, cut and unlikely answers, in percent; NLL in nats a token",
    };
    Some(Table {
        id: "coherence".to_owned(),
        caption: caption.to_owned(),
        stub: "Arm",
        columns: columns.collect(),
        groups: groups.collect(),
        notes: coherence_notes(results, figures, known),
    })
}

/// What a run knows of its answers beside the broken ones.
#[derive(Clone, Copy)]
struct ShownColumns {
    cut: bool,
    nll: bool,
}

/// The cells of an arm and a test.
fn cells(figures: &Figures, arm: &Arm, test: &str, known: ShownColumns) -> Vec<TableCell> {
    let of_test: Vec<&Coherence> =
        figures.coherence.iter().filter(|c| c.arm == arm.id && c.test == test).collect();
    let shares = |of: fn(&Coherence) -> Option<f64>| of_test.iter().filter_map(|c| of(c)).collect();
    let broken = over_seeds(shares(Coherence::share), number::share);
    let is_high = broken.mean.is_some_and(|mean| mean >= HIGH);
    let mut cells = vec![TableCell { strong: is_high, ..broken.text.into() }];
    if known.cut {
        // A long answer that is cut may be sound, so no share of them is marked.
        cells.push(over_seeds(shares(Coherence::cut_share), number::share).text.into());
    }
    if known.nll {
        let of_test: Vec<&BaseNll> =
            figures.base_nll.iter().filter(|c| c.arm == arm.id && c.test == test).collect();
        let means = of_test.iter().filter_map(|cell| cell.mean).collect();
        cells.push(over_seeds(means, |nll| number::fixed(nll, 2)).text.into());
        let unlikely =
            over_seeds(of_test.iter().filter_map(|c| c.share()).collect(), number::share);
        let is_high = unlikely.mean.is_some_and(|mean| mean >= HIGH);
        cells.push(TableCell { strong: is_high, ..unlikely.text.into() });
    }
    cells
}

fn coherence_notes(results: &Results, figures: &Figures, known: ShownColumns) -> Vec<String> {
    let sum = |count: fn(&Coherence) -> u64| {
        number::count(figures.coherence.iter().map(count).fold(0, u64::saturating_add))
    };
    let salad = match known.nll {
        true => "",
        false => " Words that make no sense and do not repeat are not found.",
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
            "Judges are not to be trusted on broken text; shares of {} % and more are bold.{salad}",
            number::share(HIGH)
        ),
    ];
    if known.cut {
        notes.push(format!(
            "Cut: {} answers were ended by the limit of new tokens or by the context, and not by the \
             model. An answer may be cut and broken.",
            sum(|c| c.cut.unwrap_or(0))
        ));
    }
    if known.nll {
        notes.push(
            "NLL: negative log-likelihood of an answer under the base, which no arm has changed; mean \
             over answers. Unlikely: above the 99th percentile of the reference's answers to the test, \
             over all seeds. Word salad is unlikely, and so is a sound answer of another kind than the \
             base gives: look at some."
                .to_owned(),
        );
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

/// A figure over seeds.
struct MeanText {
    mean: Option<f64>,
    text: String,
}

/// The mean over seeds, with the range where seeds differ.
fn over_seeds(values: Vec<f64>, shown: impl Fn(f64) -> String) -> MeanText {
    if values.is_empty() {
        return MeanText { mean: None, text: number::ABSENT.to_owned() };
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let ends = [
        values.iter().copied().fold(f64::INFINITY, f64::min),
        values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    ];
    let [lo, hi] = ends.map(&shown);
    let range = if lo == hi { String::new() } else { format!(" {}", number::bracket(&lo, &hi)) };
    MeanText { mean: Some(mean), text: shown(mean) + &range }
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
        let with_nll = |cells: [Coherence; 2], base_nll: Vec<BaseNll>| {
            let figures = Figures { coherence: cells.into(), base_nll, ..Figures::default() };
            let table = coherence(&results, &figures).unwrap();
            let titles: Vec<String> = table.columns.iter().map(Column::full_title).collect();
            let row: Vec<String> =
                table.groups[0].rows[0].cells.iter().map(|cell| cell.text.clone()).collect();
            (titles, row, table.notes.len())
        };
        let table = |cells| {
            let (titles, row, _) = with_nll(cells, Vec::new());
            (titles, row)
        };
        let (titles, row) = table([cell(1, None), cell(2, None)]);
        assert_eq!((titles.len(), row), (1, vec!["0.0".to_owned()]));
        let (titles, row) = table([cell(1, Some(2)), cell(2, Some(4))]);
        assert!(titles[0].ends_with(" broken") && titles[1].ends_with(" cut"), "{titles:?}");
        assert_eq!(row, ["0.0", "37.5 [25.0, 50.0]"]);
        let nll = |seed, mean, above| BaseNll {
            arm: "a".into(),
            seed,
            test: "hh".into(),
            answers: 8,
            mean: Some(mean),
            limit: Some(3.0),
            above,
        };
        let nll = vec![nll(1, 1.5, 0), nll(2, 2.5, 2)];
        let (titles, row, notes) = with_nll([cell(1, Some(2)), cell(2, Some(2))], nll);
        assert!(titles[2].ends_with(" NLL") && titles[3].ends_with(" unlikely"), "{titles:?}");
        assert_eq!(row, ["0.0", "25.0", "2.00 [1.50, 2.50]", "12.5 [0.0, 25.0]"]);
        assert_eq!(notes, 4);
    }
}
