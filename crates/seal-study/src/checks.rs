//! What is known to fail once the rows are read: said then, and not after the training.

use std::collections::BTreeMap;

use seal_bilevel::Algorithm;
use seal_data::{Row, RowId};
use seal_judge::{GuardKind, Judge};

use crate::StudyError;
use crate::arm::Arm;
use crate::config::{ArmRole, Config, Method};
use crate::graph::ArmSets;
use crate::sets::Sets;

/// Refuses arms and judges that could not work on the rows.
///
/// # Errors
/// [`StudyError::Config`] and [`StudyError::Rows`] with the arm or test, and a remedy.
pub(crate) fn check(config: &Config, arms: &[Arm], sets: &ArmSets) -> Result<(), StudyError> {
    let reference = arms.iter().position(|arm| arm.role == ArmRole::Reference).unwrap_or(0);
    let own = sets.of_arm(reference);
    for (test, rows) in &own.tests {
        judge_of(config, test, rows)?;
    }
    for (i, arm) in arms.iter().enumerate() {
        if !sets.are_shared(i, reference) && tests_of(sets.of_arm(i)) != tests_of(own) {
            return Err(StudyError::Config(format!(
                "arm `{}` has other tests than the reference `{}`: arms are compared prompt by \
                 prompt; take what draws or names the tests out of its settings",
                arm.id, arms[reference].id
            )));
        }
        let of_arm = |e: String| StudyError::Config(format!("arm `{}`: {e}", arm.id));
        room(&arm.config, sets.of_arm(i)).map_err(of_arm)?;
        selection(arm, sets.of_arm(i)).map_err(of_arm)?;
    }
    Ok(())
}

/// Refuses a test that its judge cannot work on.
///
/// # Errors
/// As [`Judge::check`], with the name of the test.
pub(crate) fn judge_of(config: &Config, test: &str, rows: &[Row]) -> Result<(), StudyError> {
    let judge = config.judge.get(test).map(|judge| judge.judge()).transpose()?;
    judge
        .map_or(Ok(()), |judge| judge.check(rows))
        .map_err(|e| StudyError::Rows(format!("test `{test}`: {e}")))
}

/// The tests by content, whatever the order of their rows.
fn tests_of(sets: &Sets) -> BTreeMap<&str, BTreeMap<RowId, &Row>> {
    sets.tests
        .iter()
        .map(|(name, rows)| (name.as_str(), rows.iter().map(|row| (row.id, row)).collect()))
        .collect()
}

/// Refuses answers that leave no room for a prompt.
fn room(c: &Config, sets: &Sets) -> Result<(), String> {
    let Ok(context) = c.model.context() else { return Ok(()) };
    let generates = |test: &&String| {
        let judge = c.judge.get(*test).and_then(|judge| judge.judge().ok());
        matches!(judge, Some(Judge::Answers(_)))
    };
    let asked = c.generate.max_new_tokens;
    match sets.tests.keys().find(generates).filter(|_| asked >= context) {
        Some(test) => Err(format!(
            "generate.max_new_tokens = {asked} leaves no room for a prompt in a context of \
             {context} tokens, and the judge of `{test}` reads answers; lower it"
        )),
        None => Ok(()),
    }
}

/// Refuses a selection that the rows are too few for, or that would keep none.
fn selection(arm: &Arm, sets: &Sets) -> Result<(), String> {
    let c = &arm.config;
    let (data, safe) = (sets.data.len(), sets.safe.len());
    match c.selection.method {
        Method::Selector => {
            let bilevel = &arm.proxy.as_ref().unwrap_or(c).bilevel;
            let steps = match bilevel.algorithm {
                Algorithm::One | Algorithm::Two => data.div_ceil(bilevel.batch),
                Algorithm::Released => data.min(safe) / bilevel.batch,
            };
            if steps == 0 {
                return Err(format!(
                    "bilevel.batch = {}, but the fine-tuning set has {data} rows and the safe set \
                     {safe}: algorithm released drops batches that are not whole; lower the batch \
                     or add rows",
                    bilevel.batch
                ));
            }
            let steps = bilevel.epochs.saturating_mul(steps);
            bilevel.gamma.validate(bilevel.epochs, steps).map_err(|e| {
                format!("bilevel.gamma: {e} within {} epochs ({steps} steps)", bilevel.epochs)
            })
        }
        Method::Guard => {
            let guard = c.selection.guard.as_ref();
            let Some(guard) = guard.filter(|guard| guard.kind == GuardKind::Rules) else {
                return Ok(());
            };
            let guard = guard.guard().map_err(|e| e.to_string())?;
            let kept = sets.data.iter().filter(|row| !guard.removes(row).unwrap_or(false)).count();
            match kept {
                0 => Err(format!(
                    "selection.guard.words are in all {data} rows: none would be left to train \
                     on; name rarer words"
                )),
                _ => Ok(()),
            }
        }
        Method::Random
        | Method::FrozenLoss
        | Method::Dsir
        | Method::Labels
        | Method::All
        | Method::None => Ok(()),
    }
}
