//! FastChat's judgments of pairs (MT-Bench): two games a question, the second with the places
//! exchanged.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fields::{kind_of, text, text_if_any};
use super::list::{Listed, read};
use super::{FormatError, OddReason};
use crate::{BothOrders, Judgement, Order, Outcome};

/// One of the two models of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The model that game 1 shows first, `model_1`.
    One,
    /// The model that game 1 shows second, `model_2`.
    Two,
}

/// Who won one game.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GameWinner {
    /// The first model of the record.
    #[serde(rename = "model_1")]
    One,
    /// The second model of the record.
    #[serde(rename = "model_2")]
    Two,
    /// Neither.
    #[serde(rename = "tie")]
    Tie,
    /// The judge's reply had no verdict.
    #[serde(rename = "error")]
    Error,
}

/// Two games of one question and turn.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairRecord {
    /// The question, a number or a text.
    pub question_id: Value,
    /// Name of the model that game 1 shows first.
    pub model_1: String,
    /// Name of the model that game 1 shows second.
    pub model_2: String,
    /// Winner of game 1.
    pub g1_winner: GameWinner,
    /// Winner of game 2, which shows `model_2` first.
    pub g2_winner: GameWinner,
    /// The judge's reply in game 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub g1_judgment: Option<String>,
    /// The judge's reply in game 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub g2_judgment: Option<String>,
    /// Every other field, as it was read: `judge`, `turn`, `tstamp`, the prompts.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl PairRecord {
    /// The two judgements, for `arm` as the arm. An error is [`Outcome::Unparsed`].
    pub fn both_orders(&self, arm: Side) -> BothOrders {
        let first = Judgement::of(outcome(self.g1_winner, Side::One));
        let second = Judgement::of(outcome(self.g2_winner, Side::Two));
        match arm {
            Side::One => BothOrders { arm_first: first, arm_second: second },
            Side::Two => BothOrders { arm_first: second, arm_second: first },
        }
    }

    /// A record of `pair` with the arm as `model_1`. A judgement without a verdict is an error: the
    /// format has no other word.
    pub fn of(question_id: Value, arm: String, reference: String, pair: BothOrders) -> Self {
        let winner = |(order, judgement): (Order, Judgement)| match (judgement.outcome(), order) {
            (Outcome::First, Order::ArmFirst) | (Outcome::Second, Order::ArmSecond) => {
                GameWinner::One
            }
            (Outcome::Second, Order::ArmFirst) | (Outcome::First, Order::ArmSecond) => {
                GameWinner::Two
            }
            (Outcome::Tie, _) => GameWinner::Tie,
            (Outcome::Unparsed | Outcome::Refused | Outcome::Missing, _) => GameWinner::Error,
        };
        let [g1_winner, g2_winner] = pair.each().map(winner);
        Self {
            question_id,
            model_1: arm,
            model_2: reference,
            g1_winner,
            g2_winner,
            g1_judgment: None,
            g2_judgment: None,
            other: Map::new(),
        }
    }
}

/// The outcome of a game that showed `first` first.
fn outcome(winner: GameWinner, first: Side) -> Outcome {
    match (winner, first) {
        (GameWinner::One, Side::One) | (GameWinner::Two, Side::Two) => Outcome::First,
        (GameWinner::One, Side::Two) | (GameWinner::Two, Side::One) => Outcome::Second,
        (GameWinner::Tie, _) => Outcome::Tie,
        (GameWinner::Error, _) => Outcome::Unparsed,
    }
}

/// Reads judgments of pairs: one object a line, or a JSON list.
///
/// A row is odd that lacks a field, names a winner that is none, or is of the same question, turn,
/// models and judge as an earlier row. [`crate::to_jsonl`] writes records.
///
/// # Errors
/// [`FormatError`] for a file that is no list.
pub fn read_pair_records(file: &str) -> Result<Listed<PairRecord>, FormatError> {
    let key = |row: &PairRecord| {
        let other = |name: &str| row.other.get(name).map(Value::to_string);
        let models = (row.model_1.clone(), row.model_2.clone());
        (row.question_id.to_string(), models, other("turn"), other("judge"))
    };
    Ok(read(file, of)?.without_repeats(key))
}

fn of(mut fields: Map<String, Value>) -> Result<PairRecord, OddReason> {
    let of = &mut fields;
    let question_id =
        of.remove("question_id").ok_or(OddReason::Missing { field: "question_id" })?;
    Ok(PairRecord {
        question_id,
        model_1: text(of, "model_1")?,
        model_2: text(of, "model_2")?,
        g1_winner: winner(of, "g1_winner")?,
        g2_winner: winner(of, "g2_winner")?,
        g1_judgment: text_if_any(of, "g1_judgment"),
        g2_judgment: text_if_any(of, "g2_judgment"),
        other: fields,
    })
}

fn winner(fields: &mut Map<String, Value>, field: &'static str) -> Result<GameWinner, OddReason> {
    let value = fields.remove(field).ok_or(OddReason::Missing { field })?;
    let found = kind_of(&value);
    serde_json::from_value(value).map_err(|_| OddReason::Kind {
        field,
        found,
        wanted: "one of `model_1`, `model_2`, `tie`, `error`",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Verdict, to_jsonl};

    const FILE: &str = concat!(
        r#"{"question_id":81,"model_1":"a","model_2":"b","g1_winner":"model_1","g2_winner":"model_1","g1_judgment":"[[A]]","judge":["j","pair-v2"],"turn":1,"tstamp":1.5}"#,
        "\n",
        r#"{"question_id":81,"model_1":"a","model_2":"b","g1_winner":"model_1","g2_winner":"model_2","judge":["j","pair-v2"],"turn":2,"tstamp":2.5}"#,
        "\n",
        r#"{"question_id":"x","model_1":"a","model_2":"b","g1_winner":"tie","g2_winner":"error","turn":1}"#,
        "\n",
    );

    #[test]
    fn games_become_orders() {
        let found = read_pair_records(FILE).unwrap();
        assert!(found.odd.is_empty(), "{:?}", found.odd);
        let verdicts = |arm| -> Vec<Verdict> {
            found.rows.iter().map(|(_, row)| row.both_orders(arm).verdict()).collect()
        };
        assert_eq!(verdicts(Side::One), [Verdict::Win, Verdict::Tie, Verdict::Unparsed]);
        assert_eq!(verdicts(Side::Two), [Verdict::Loss, Verdict::Tie, Verdict::Unparsed]);
        // The second record's first place won twice.
        let pair = found.rows[1].1.both_orders(Side::Two);
        assert_eq!(pair.arm_first.outcome(), Outcome::First);
        assert_eq!(pair.arm_second.outcome(), Outcome::First);
    }

    #[test]
    fn what_is_read_is_written_again() {
        let found = read_pair_records(FILE).unwrap();
        let rows: Vec<PairRecord> = found.rows.into_iter().map(|(_, row)| row).collect();
        let again = read_pair_records(&to_jsonl(&rows).unwrap()).unwrap();
        assert_eq!(again.rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>(), rows);
        for row in &rows {
            let pair = row.both_orders(Side::One);
            let made = PairRecord::of(row.question_id.clone(), "a".into(), "b".into(), pair);
            assert_eq!((made.g1_winner, made.g2_winner), (row.g1_winner, row.g2_winner));
        }
    }

    #[test]
    fn odd_records_are_told() {
        let line = FILE.lines().next().unwrap();
        let file = [
            line,
            line,
            &line.replace("\"g1_winner\":\"model_1\"", "\"g1_winner\":\"A\""),
            "{\"question_id\":1}",
        ]
        .join("\n");
        let found = read_pair_records(&file).unwrap();
        let said: String =
            found.odd.iter().map(|odd| format!("{}: {}\n", odd.number, odd.reason)).collect();
        insta::assert_snapshot!(said, @r"
        2: is of the same prompt and models as row 1
        3: `g1_winner` is a text and not one of `model_1`, `model_2`, `tie`, `error`
        4: has no `model_1`
        ");
    }
}
