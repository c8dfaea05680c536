//! Two models' answers, paired by their instructions.

use std::collections::BTreeMap;
use std::path::Path;

use seal_judge::{Listed, ModelOutput};

use crate::error::JudgingError;

/// Two answers to one instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The prompt.
    pub instruction: String,
    /// The answer of the arm, the candidate.
    pub arm: String,
    /// The answer of the reference.
    pub reference: String,
}

/// Pairs in the order of the arm's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PairSet {
    /// The pairs.
    pub pairs: Vec<Pair>,
    /// Name of the arm's model, where its file has one.
    pub arm: Option<String>,
    /// Name of the reference's model.
    pub reference: Option<String>,
    /// Instructions that only the arm answered.
    pub only_arm: usize,
    /// Instructions that only the reference answered.
    pub only_reference: usize,
}

/// Pairs the rows of two files, which `paths` name: the arm's, then the reference's. Where
/// `common_only` is set, instructions of one file only are left out and counted.
///
/// # Errors
/// [`JudgingError::TwoModels`], [`JudgingError::OtherPrompts`] and [`JudgingError::NoPairs`].
pub fn pair_up(
    paths: [&Path; 2],
    arm: Listed<ModelOutput>,
    reference: Listed<ModelOutput>,
    common_only: bool,
) -> Result<PairSet, JudgingError> {
    let (arm_name, arm_rows) = by_instruction(paths[0], &arm)?;
    let (reference_name, reference_rows) = by_instruction(paths[1], &reference)?;
    let mut pairs = Vec::new();
    for (_, row) in &arm.rows {
        if let Some(other) = reference_rows.get(row.instruction.as_str()) {
            pairs.push(Pair {
                instruction: row.instruction.clone(),
                arm: row.output.clone(),
                reference: other.output.clone(),
            });
        }
    }
    let (only_arm, only_reference) =
        (arm_rows.len() - pairs.len(), reference_rows.len() - pairs.len());
    if pairs.is_empty() {
        return Err(JudgingError::NoPairs);
    }
    if !common_only && only_arm + only_reference > 0 {
        return Err(JudgingError::OtherPrompts { only_arm, only_reference, common: pairs.len() });
    }
    Ok(PairSet { pairs, arm: arm_name, reference: reference_name, only_arm, only_reference })
}

type ByInstruction<'a> = BTreeMap<&'a str, &'a ModelOutput>;

fn by_instruction<'a>(
    path: &Path,
    listed: &'a Listed<ModelOutput>,
) -> Result<(Option<String>, ByInstruction<'a>), JudgingError> {
    let mut rows = BTreeMap::new();
    for (_, row) in &listed.rows {
        if let Some(other) = rows.insert(row.instruction.as_str(), row) {
            // A second row of one model is odd already: these are of two.
            let name = |row: &ModelOutput| match &row.generator {
                Some(name) => format!("`{}`", seal_text::escape_start(name, 80)),
                None => "without a name".to_owned(),
            };
            let (first, second) = (name(other), name(row));
            return Err(JudgingError::TwoModels { path: path.to_owned(), first, second });
        }
    }
    let name = listed.rows.first().and_then(|(_, row)| row.generator.clone());
    Ok((name, rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(rows: &[(&str, &str, &str)]) -> Listed<ModelOutput> {
        let rows = rows.iter().enumerate().map(|(i, (instruction, output, generator))| {
            let row = ModelOutput {
                instruction: (*instruction).to_owned(),
                output: (*output).to_owned(),
                generator: Some((*generator).to_owned()),
                ..ModelOutput::default()
            };
            (i + 1, row)
        });
        Listed { rows: rows.collect(), odd: Vec::new() }
    }

    fn pair(
        arm: &[(&str, &str, &str)],
        reference: &[(&str, &str, &str)],
        common_only: bool,
    ) -> Result<PairSet, String> {
        let paths = [Path::new("a.json"), Path::new("b.json")];
        pair_up(paths, listed(arm), listed(reference), common_only).map_err(|e| e.to_string())
    }

    #[test]
    fn rows_are_paired_by_instruction_in_the_order_of_the_arm() {
        let set = pair(
            &[("q2", "x2", "arm"), ("q1", "x1", "arm")],
            &[("q1", "y1", "ref"), ("q2", "y2", "ref")],
            false,
        )
        .unwrap();
        let found: Vec<_> = set.pairs.iter().map(|p| (&*p.arm, &*p.reference)).collect();
        assert_eq!(found, [("x2", "y2"), ("x1", "y1")]);
        assert_eq!((set.arm.as_deref(), set.reference.as_deref()), (Some("arm"), Some("ref")));
    }

    #[test]
    fn other_prompts_are_refused_unless_the_common_ones_are_meant() {
        let (arm, reference) = (
            [("q1", "x", "arm"), ("q2", "x", "arm")],
            [("q1", "y", "ref"), ("q3", "y", "ref"), ("q4", "y", "ref")],
        );
        insta::assert_snapshot!(pair(&arm, &reference, false).unwrap_err(), @"1 instructions are in the candidate's file only and 2 in the reference's file only; 1 are in both. A win rate needs the same prompts: complete the files, or ask for the common ones");
        let set = pair(&arm, &reference, true).unwrap();
        assert_eq!((set.pairs.len(), set.only_arm, set.only_reference), (1, 1, 2));
        assert!(pair(&arm, &reference[1..], true).unwrap_err().contains("no instruction"));
    }

    #[test]
    fn a_file_of_two_models_is_refused() {
        let two = [("q1", "x", "one"), ("q1", "y", "two")];
        insta::assert_snapshot!(pair(&two, &[("q1", "z", "ref")], true).unwrap_err(), @"a.json has two answers to one instruction, of the models `one` and `two`; keep the rows of one model");
    }
}
