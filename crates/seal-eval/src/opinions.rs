//! Further judges of a test: their win rates, and whether they agree with the one that decides.

use std::collections::BTreeMap;

use seal_judge::{Assessment, Verdict};
use seal_report::{Agreement, Opinion, PerTest, WinRate};
use seal_rows::RowId;
use seal_stats::{KappaWeights, StatsError, cohen_kappa, confusion};

use crate::error::StatisticInput;
use crate::facts::{ArmFacts, CheckedFacts, FurtherJudge, TestFacts};
use crate::rate::{counts, outcomes, with_intervals};
use crate::{EvalError, Evidence};

/// The win rates of an arm by the further judges of each test.
pub(super) fn of_arm(
    study: &CheckedFacts<'_>,
    arm: &ArmFacts,
) -> Result<PerTest<BTreeMap<String, WinRate>>, EvalError> {
    let mut all = PerTest::new();
    for (test, facts) in study.facts.tests.iter().filter(|(_, facts)| !facts.also.is_empty()) {
        let mut rates = BTreeMap::new();
        for (name, judge) in &facts.also {
            let (own, reference) = (arm, study.reference);
            let seeds = &study.facts.seeds;
            let cell =
                |seed: &u64| (own.opinion(*seed, test, name), reference.opinion(*seed, test, name));
            let cells: Vec<(&Evidence, &Evidence)> = seeds.iter().map(cell).collect();
            let outcomes = outcomes(&facts.prompts, &cells, judge.tie)
                .map_err(|error| at_cell(arm, seeds, test, error))?;
            let rate = match arm.id == study.reference.id {
                true => counts(&outcomes),
                false => {
                    let named =
                        ["prompt interval".into(), arm.id.as_str().into(), test.as_str().into()];
                    with_intervals(&outcomes, seal_rows::seed::hash64(&named))
                }
            };
            rates.insert(name.clone(), rate);
        }
        all.insert(test.clone(), rates);
    }
    Ok(all)
}

fn at_cell(arm: &ArmFacts, seeds: &[u64], test: &str, error: EvalError) -> EvalError {
    match error {
        EvalError::Evidence { column, source } => {
            EvalError::Verdicts { cell: arm.cell_id(seeds[column]), test: test.to_owned(), source }
        }
        other => other,
    }
}

/// The further judges of each test, with their agreement over all arms but the reference.
pub(super) fn of_study(
    study: &CheckedFacts<'_>,
) -> Result<PerTest<BTreeMap<String, Opinion>>, EvalError> {
    let mut all = PerTest::new();
    for (test, facts) in study.facts.tests.iter().filter(|(_, facts)| !facts.also.is_empty()) {
        let mut opinions = BTreeMap::new();
        for (name, judge) in &facts.also {
            opinions.insert(name.clone(), opinion(study, (test, facts), name, judge)?);
        }
        all.insert(test.clone(), opinions);
    }
    Ok(all)
}

fn opinion(
    study: &CheckedFacts<'_>,
    (test, facts): (&str, &TestFacts),
    name: &str,
    judge: &FurtherJudge,
) -> Result<Opinion, EvalError> {
    let (mut verdicts, mut harm) = (Labels::default(), Labels::default());
    let mut unasked = 0;
    for arm in study.facts.arms.iter().filter(|arm| arm.id != study.reference.id) {
        for &seed in &study.facts.seeds {
            let in_cell = |source| EvalError::Verdicts {
                cell: arm.cell_id(seed),
                test: test.to_owned(),
                source: Box::new(source),
            };
            let (ours, theirs) = (arm.evidence(seed, test), arm.opinion(seed, test, name));
            let reference = study.reference.evidence(seed, test);
            let first = ours.verdicts(reference, &facts.prompts, facts.tie).map_err(in_cell)?;
            let reference = study.reference.opinion(seed, test, name);
            let second = theirs.verdicts(reference, &facts.prompts, judge.tie).map_err(in_cell)?;
            for ((id, a), (_, b)) in first.iter().zip(&second) {
                // A tie that no judge gave agrees with nothing.
                match [None, Some(name)].iter().any(|of| arm.is_unasked(seed, test, *of, *id)) {
                    true => unasked += 1,
                    false => verdicts.add(label(*a), label(*b)),
                }
            }
            let (first, second) = (harm_of(ours), harm_of(theirs));
            for (id, does) in first {
                harm.add(Some(does), second.get(&id).copied());
            }
        }
    }
    let place = || StatisticInput::Test { arm: name.to_owned(), test: test.to_owned() };
    let has_harm = !harm.first.is_empty();
    Ok(Opinion {
        judge: judge.judge.name().to_owned(),
        verdicts: Agreement { unasked, ..verdicts.agreement(3).map_err(EvalError::at(place()))? },
        harm: match has_harm {
            true => Some(harm.agreement(2).map_err(EvalError::at(place()))?),
            false => None,
        },
        judging: judge.judging.clone(),
        assessing: judge.assessing.clone(),
    })
}

fn label(verdict: Verdict) -> Option<usize> {
    match verdict {
        Verdict::Win => Some(0),
        Verdict::Tie => Some(1),
        Verdict::Loss => Some(2),
        Verdict::Refused | Verdict::Unparsed | Verdict::TransportError => None,
    }
}

/// Whether each answer does harm, 0, or none, 1; of prompts that call for a refusal.
fn harm_of(evidence: &Evidence) -> BTreeMap<RowId, usize> {
    let of = |a: &Assessment| Some((a.id, usize::from(!a.harm?)));
    evidence.assessments().iter().filter_map(of).collect()
}

/// Labels that two judges gave the same items.
#[derive(Default)]
struct Labels {
    first: Vec<usize>,
    second: Vec<usize>,
}

impl Labels {
    /// Adds an item; one that either judge gave no label is left out.
    fn add(&mut self, first: Option<usize>, second: Option<usize>) {
        if let (Some(first), Some(second)) = (first, second) {
            self.first.push(first);
            self.second.push(second);
        }
    }

    fn agreement(&self, labels: usize) -> Result<Agreement, StatsError> {
        let table = confusion(&self.first, &self.second, labels)?;
        let kappa = cohen_kappa(&self.first, &self.second, labels, KappaWeights::Nominal)?;
        let row = |row: Vec<usize>| row.into_iter().map(|count| count as u64).collect();
        Ok(Agreement {
            kappa: kappa.and_then(|found| found.kappa),
            table: table.into_iter().map(row).collect(),
            unasked: 0,
        })
    }
}

impl Evidence {
    /// The evidence of a majority: on each of `prompts` the verdict that more than half of the
    /// judges with a verdict gave, otherwise a tie. It needs verdicts of more than half of
    /// the judges; without them the prompt has none. `judges` are the verdicts of each.
    pub fn majority(prompts: &[RowId], judges: &[BTreeMap<RowId, Verdict>]) -> Self {
        let of = |id: &RowId| {
            let given = judges.iter().filter_map(|judge| judge.get(id)?.value());
            let worths: Vec<f64> = given.collect();
            let count = |worth: f64| worths.iter().filter(|found| **found == worth).count();
            let most = |worth: f64| 2 * count(worth) > worths.len();
            let verdict = match 2 * worths.len() > judges.len() {
                false => Verdict::Unparsed,
                true if most(1.0) => Verdict::Win,
                true if most(0.0) => Verdict::Loss,
                true => Verdict::Tie,
            };
            (*id, verdict)
        };
        Self::Verdicts(prompts.iter().map(of).collect())
    }
}
