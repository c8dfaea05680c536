//! Tables of the judges of single answers that are models.

use crate::{AnswerJudging, Arm, Results, number, view};

use super::{Column, Table, TableCell, TableRow, judged, table};

/// Every table that there is something for.
pub(super) fn answer_judges(results: &Results) -> impl Iterator<Item = Table> {
    [judges(results), canaries(results), figures(results)].into_iter().flatten()
}

/// The judges with the names of their tests.
fn all(results: &Results) -> Vec<(String, &AnswerJudging)> {
    judged::all(results, &results.assessing, |opinion| opinion.assessing.as_ref())
}

fn judges(results: &Results) -> Option<Table> {
    let row = |(label, judging): (String, &AnswerJudging)| {
        let count = |count: u64| TableCell::from(number::count(count));
        let absent = || number::ABSENT.to_owned();
        let mut cells: Vec<TableCell> = vec![judging.models.join(", ").into()];
        cells.extend([judging.answers, judging.missing].map(count));
        cells.push(judging.low_mass.map_or_else(absent, number::count).into());
        cells.push(count(judging.cut));
        cells.extend(judged::spent(judging.cost.as_ref()));
        TableRow { label, cells }
    };
    let numbers = ["answers", "missing", "low mass", "cut"].map(Column::number);
    let cost = ["replies", "tokens in", "tokens out", "money"].map(Column::number);
    let columns = std::iter::once(Column::text("model")).chain(numbers).chain(cost).collect();
    let caption = "Judges of single answers: verdicts and cost";
    let mut table = table("judges-of-answers", caption, "Test", columns)
        .with_rows(all(results).into_iter().map(row).collect())?;
    table.notes.push(
        "Missing: answers without a verdict, which are never losses. Low mass: verdicts of a guard \
         whose tokens have little probability. Cut: answers of which the judge saw the beginning \
         only. Only judges that are asked have replies. Money in the currency of the price."
            .to_owned(),
    );
    table.notes.extend(view::opinion_distrust_note(results));
    table.notes.extend(view::unproved_notes(results, false));
    let costs = all(results).into_iter().filter_map(|(_, judging)| judging.cost.as_ref());
    table.notes.extend(judged::estimated(costs));
    Some(table)
}

fn canaries(results: &Results) -> Option<Table> {
    let rows = all(results).into_iter().flat_map(|(label, judging)| {
        judging.canaries.iter().map(move |canaries| {
            let counts = [canaries.passed, canaries.failed, canaries.missing];
            judged::of_canary(&label, (&canaries.kind, canaries.standing), counts)
        })
    });
    let numbers = ["passed", "failed", "missing"].map(Column::number);
    let columns = std::iter::once(Column::text("canary")).chain(numbers);
    let columns = columns.chain([Column::text("standing")]).collect();
    let caption = "Canaries of judges of single answers: answers whose verdict is known";
    let mut table = table("answer-canaries", caption, "Test", columns)
        .with_rows(rows.collect::<Vec<TableRow>>())?;
    table.notes.push(
        "An empty answer does no harm and scores no better than an answer. A claim, and control \
         tokens, behind an answer change no verdict. A repeat is an answer that was rated twice."
            .to_owned(),
    );
    table.notes.extend(view::opinion_distrust_note(results));
    Some(table)
}

/// Arms with the means of these judges.
fn figures(results: &Results) -> Option<Table> {
    let judges = all(results);
    let mut columns = Vec::new();
    let has = |judging: &AnswerJudging, is_p: bool| {
        judging.arms.values().any(|of| match is_p {
            true => of.mean_p_harmful.is_some(),
            false => of.mean_score.is_some(),
        })
    };
    for (i, (label, judging)) in judges.iter().enumerate() {
        for (is_p, title) in [(true, "mean p of harm"), (false, "mean score")] {
            if has(judging, is_p) {
                columns.push((i, is_p, Column::number(title).under(label)));
            }
        }
    }
    let cell = |arm: &Arm, (i, is_p, _): &(usize, bool, Column)| -> TableCell {
        let of = judges[*i].1.arms.get(&arm.id);
        let value = of.and_then(|of| if *is_p { of.mean_p_harmful } else { of.mean_score });
        number::or_absent(value, |value| number::fixed(value, 3)).into()
    };
    let row = |arm: &Arm| TableRow {
        label: arm.label.clone(),
        cells: columns.iter().map(|column| cell(arm, column)).collect(),
    };
    let is_judged =
        |arm: &&Arm| judges.iter().any(|(_, judging)| judging.arms.contains_key(&arm.id));
    let rows = view::groups(results).into_iter().flat_map(|group| group.arms);
    let rows: Vec<TableRow> = rows.filter(|arm| is_judged(arm)).map(row).collect();
    if columns.is_empty() {
        return None;
    }
    let heads = columns.iter().map(|(.., column)| column.clone()).collect();
    let caption = "Arms by judges of single answers: means over answers and seeds";
    let mut table = table("answer-figures", caption, "Arm", heads).with_rows(rows)?;
    table.notes.push(
        "The score of a reward model is in its own unit and compares answers to the same prompts. A \
         rating is from 1 to 5, and 5 is the worst."
            .to_owned(),
    );
    table.notes.extend(view::opinion_distrust_note(results));
    Some(table)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{AnswerCanaries, AnswerFigures, JudgingCost, Opinion, Role};

    fn judged(of: AnswerFigures, cost: Option<JudgingCost>) -> AnswerJudging {
        AnswerJudging {
            models: vec!["m".to_owned()],
            answers: of.answers,
            missing: of.missing,
            canaries: vec![AnswerCanaries::new("empty", 2, 1, 0)],
            arms: BTreeMap::from([("seal".to_owned(), of)]),
            cost,
            ..AnswerJudging::default()
        }
    }

    #[test]
    fn deciding_and_further_judges_have_rows_and_means() {
        let mut results = Results::default();
        results.arms.push(Arm::new("seal", "SEAL", Role::Seal));
        let guard =
            AnswerFigures { answers: 8, missing: 2, mean_p_harmful: Some(0.25), mean_score: None };
        results.assessing.insert("hexphi".to_owned(), judged(guard, None));
        let rater = AnswerFigures { answers: 8, mean_score: Some(1.5), ..AnswerFigures::default() };
        let cost = JudgingCost { replies: 9, estimated: 3, ..JudgingCost::default() };
        let opinion = Opinion { assessing: Some(judged(rater, Some(cost))), ..Opinion::default() };
        let opinions = BTreeMap::from([("rater".to_owned(), opinion)]);
        results.opinions.insert("hexphi".to_owned(), opinions);
        let tables: Vec<Table> = answer_judges(&results).collect();
        let text = |table: &Table| {
            let rows = table.groups.iter().flat_map(|group| &group.rows);
            rows.map(|row| {
                let cells = row.cells.iter().map(|cell| cell.text.clone());
                std::iter::once(row.label.clone()).chain(cells).collect::<Vec<_>>().join(" | ")
            })
            .collect::<Vec<_>>()
        };
        let [judges, canaries, figures] = tables.as_slice() else { panic!("three tables") };
        insta::assert_snapshot!(text(judges).join("\n"), @"
        HEx-PHI § | m | 8 | 2 | — | 0 | — | — | — | —
        HEx-PHI, rater § | m | 8 | 0 | — | 0 | 9 | 0 | 0 | —
        ");
        insta::assert_snapshot!(text(canaries).join("\n"), @"
        HEx-PHI § | empty | 2 | 1 | 0 | failed
        HEx-PHI, rater § | empty | 2 | 1 | 0 | failed
        ");
        insta::assert_snapshot!(text(figures).join("\n"), @"SEAL | 0.250 | 1.500");
        assert!(judges.notes.iter().any(|note| note.contains("3 replies are estimated")));
        assert_eq!(answer_judges(&Results::default()).count(), 0);
    }
}
