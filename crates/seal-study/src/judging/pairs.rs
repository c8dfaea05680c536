//! Two cells' answers to a test as pairs.

use std::collections::BTreeMap;

use seal_data::{Row, RowId};
use seal_judge::Answer;
use seal_judging::{Pair, PairSet};

/// The prompt of a row as a judge reads it: the prompt alone, or the dialogue up to it with the
/// names of who speaks.
pub(crate) fn instruction(row: &Row) -> String {
    let turns = row.messages();
    match turns.as_slice() {
        [] | [_] => row.prompt.clone(),
        turns => {
            let one = |turn: &seal_data::Turn| format!("{}: {}", turn.role.name(), turn.content);
            turns.iter().map(one).collect::<Vec<String>>().join("\n\n")
        }
    }
}

/// The rows that both cells answered, as pairs, with their ids. `models` are names of the model
/// under test.
pub(crate) fn pair_up(
    rows: &[Row],
    arm: &[Answer],
    reference: &[Answer],
    models: &[String; 2],
) -> (PairSet, Vec<RowId>) {
    let by_id = |answers: &[Answer]| -> BTreeMap<RowId, String> {
        answers.iter().map(|answer| (answer.id, answer.text.clone())).collect()
    };
    let (arm, reference) = (by_id(arm), by_id(reference));
    let (mut pairs, mut ids) = (Vec::new(), Vec::new());
    for row in rows {
        if let (Some(arm), Some(reference)) = (arm.get(&row.id), reference.get(&row.id)) {
            let (arm, reference) = (arm.clone(), reference.clone());
            pairs.push(Pair { instruction: instruction(row), arm, reference });
            ids.push(row.id);
        }
    }
    let [arm, reference] = models.clone().map(Some);
    (PairSet { pairs, arm, reference, only_arm: 0, only_reference: 0 }, ids)
}

#[cfg(test)]
mod tests {
    use seal_data::{Rows, Speaker, Turn};

    use super::*;

    #[test]
    fn a_dialogue_names_who_speaks_and_rows_without_an_answer_are_no_pair() {
        let mut rows = Rows::new();
        rows.push("And now?", "x").history =
            vec![Turn::new(Speaker::User, "Hello."), Turn::new(Speaker::Assistant, "Hello!")];
        rows.push("Alone?", "y");
        let rows = rows.into_vec();
        assert_eq!(instruction(&rows[0]), "user: Hello.\n\nassistant: Hello!\n\nuser: And now?");
        assert_eq!(instruction(&rows[1]), "Alone?");
        let answer = |row: &Row, text: &str| Answer::new(row.id, text);
        let arm = [answer(&rows[0], "a"), answer(&rows[1], "b")];
        let reference = [answer(&rows[1], "c")];
        let models = ["owner/model".to_owned(), "model".to_owned()];
        let (set, ids) = pair_up(&rows, &arm, &reference, &models);
        assert_eq!(ids, [rows[1].id]);
        assert_eq!((&*set.pairs[0].arm, &*set.pairs[0].reference), ("b", "c"));
    }
}
