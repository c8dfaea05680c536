//! Time and tokens per kind of stage.

use maud::{Markup, html};

use crate::table::{Column, RowGroup, Table, TableRow};
use crate::{Report, RunCost, StageOutcome, number};

use super::table;

/// The cost table; `None` where it is not known.
pub(super) fn render(report: &Report) -> Option<Markup> {
    let cost = report.cost.as_ref()?;
    Some(html! {
        p { "Wall-clock time " (number::duration(cost.wall_seconds)) "." }
        (table::render(&stages(cost)))
    })
}

#[derive(Default)]
struct Sum {
    run: u64,
    found: u64,
    seconds: f64,
    tokens: u64,
}

/// One row per kind of stage, in the order of the plan, and their sum.
fn stages(cost: &RunCost) -> Table {
    let mut kinds: Vec<(&str, Sum)> = Vec::new();
    let mut total = Sum::default();
    for stage in &cost.stages {
        let at = kinds.iter().position(|(kind, _)| *kind == stage.stage).unwrap_or_else(|| {
            kinds.push((&stage.stage, Sum::default()));
            kinds.len() - 1
        });
        for sum in [&mut kinds[at].1, &mut total] {
            match stage.outcome {
                StageOutcome::Run => sum.run += 1,
                StageOutcome::Found => sum.found += 1,
            }
            sum.seconds += stage.seconds;
            sum.tokens += stage.tokens.unwrap_or(0);
        }
    }
    let row = |label: &str, sum: &Sum| TableRow {
        label: label.to_owned(),
        cells: vec![
            number::count(sum.run).into(),
            number::count(sum.found).into(),
            number::duration(sum.seconds).into(),
            if sum.tokens == 0 { number::ABSENT.to_owned() } else { number::count(sum.tokens) }
                .into(),
        ],
    };
    let mut rows: Vec<TableRow> = kinds.iter().map(|(kind, sum)| row(kind, sum)).collect();
    rows.push(row("all", &total));
    Table {
        id: "stages".to_owned(),
        caption: "Stages".to_owned(),
        stub: "Stage",
        columns: ["run", "found", "time", "tokens"].map(Column::number).to_vec(),
        groups: vec![RowGroup { title: None, rows }],
        notes: vec!["Found: taken from the store. Stages may run at once, so that times add up to more than the wall-clock time.".to_owned()],
    }
}
