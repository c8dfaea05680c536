//! A cell's answers to a test as a judge of single answers takes them.

use std::collections::BTreeMap;

use seal_data::{Row, RowId};
use seal_judge::Answer;
use seal_judge::pointwise::PointItem;

use super::pairs::instruction;

/// The rows that were answered, in the order of their ids, and the answer to each.
pub(crate) fn answered<'a>(rows: &'a [Row], answers: &[Answer]) -> (Vec<&'a Row>, Vec<PointItem>) {
    let texts: BTreeMap<RowId, &str> =
        answers.iter().map(|answer| (answer.id, answer.text.as_str())).collect();
    let mut rows: Vec<&Row> = rows.iter().filter(|row| texts.contains_key(&row.id)).collect();
    rows.sort_by_key(|row| row.id);
    let item = |row: &&Row| (instruction(row), texts[&row.id].to_owned(), Some(row.id.to_string()));
    let items = PointItem::list(rows.iter().map(item));
    (rows, items)
}

#[cfg(test)]
mod tests {
    use seal_data::Rows;

    use super::*;

    #[test]
    fn the_order_of_rows_changes_nothing_and_rows_without_an_answer_are_left_out() {
        let mut rows = Rows::new();
        for prompt in ["one?", "two?", "three?"] {
            rows.push(prompt, "");
        }
        let mut rows = rows.into_vec();
        let answer = |row: &Row| Answer { id: row.id, text: "yes".to_owned(), end: None };
        let answers = [answer(&rows[2]), answer(&rows[0])];
        let (found, items) = answered(&rows, &answers);
        assert_eq!((found.len(), items.len()), (2, 2));
        for (row, item) in found.iter().zip(&items) {
            assert_eq!(
                (&item.prompt, item.answer_id.clone()),
                (&row.prompt, Some(row.id.to_string()))
            );
        }
        rows.reverse();
        assert_eq!(answered(&rows, &answers).1, items);
    }
}
