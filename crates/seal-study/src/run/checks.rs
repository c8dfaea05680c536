//! What is known to fail once the rows are read: said then, and not after the training.

use std::collections::BTreeMap;

use seal_bilevel::Algorithm;
use seal_data::{Row, RowId};
use seal_judge::GuardKind;

use crate::arm::Arm;
use crate::config::{ArmRole, Config, Method};
use crate::error::{ArmError, ConfigError, ConfigPart, StudyError};
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
        config.judge_fits(test, rows)?;
    }
    for (i, arm) in arms.iter().enumerate() {
        if !sets.are_shared(i, reference) && tests_of(sets.of_arm(i)) != tests_of(own) {
            let (id, reference) = (arm.id.clone(), arms[reference].id.clone());
            return Err(ConfigError::from(ArmError::OtherTests { id, reference }).into());
        }
        let fits = room(&arm.config, sets.of_arm(i)).and_then(|()| selection(arm, sets.of_arm(i)));
        let of_arm = ConfigError::within(ConfigPart::Arm(arm.id.clone()));
        fits.map_err(|e| of_arm(e.into()))?;
    }
    Ok(())
}

/// The tests by content, whatever the order of their rows.
fn tests_of(sets: &Sets) -> BTreeMap<&str, BTreeMap<RowId, &Row>> {
    sets.tests
        .iter()
        .map(|(name, rows)| (name.as_str(), rows.iter().map(|row| (row.id, row)).collect()))
        .collect()
}

/// Refuses answers that leave no room for a prompt.
fn room(c: &Config, sets: &Sets) -> Result<(), ArmError> {
    let Ok(context) = c.model.context() else { return Ok(()) };
    let generates =
        |test: &&String| c.output_files_of(test).iter().any(|asking| asking.of.is_none());
    let asked = c.generate.max_new_tokens;
    match sets.tests.keys().find(generates).filter(|_| asked >= context) {
        Some(test) => Err(ArmError::NoRoom { asked, context, test: test.clone() }),
        None => Ok(()),
    }
}

/// Refuses a selection that the rows are too few for, or that would keep none.
fn selection(arm: &Arm, sets: &Sets) -> Result<(), ArmError> {
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
                return Err(ArmError::NoWholeBatch { batch: bilevel.batch, data, safe });
            }
            let (epochs, steps) = (bilevel.epochs, bilevel.epochs.saturating_mul(steps));
            let fits = bilevel.gamma.validate(epochs, steps);
            fits.map_err(|source| ArmError::Gamma { source, epochs, steps })
        }
        Method::Guard => {
            let guard = c.selection.guard.as_ref();
            let Some(guard) = guard.filter(|guard| guard.kind == GuardKind::Rules) else {
                return Ok(());
            };
            let guard = guard.guard()?;
            let kept = sets.data.iter().filter(|row| !guard.removes(row).unwrap_or(false)).count();
            match kept {
                0 => Err(ArmError::NothingKept { rows: data }),
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
