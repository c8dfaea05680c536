//! `results.json` as a stored document: whether its figures can be figures of a study.

use std::collections::BTreeSet;

use super::bounds::Bounds;
use super::{Arm, CategoryRates, Cell, PerTest, Ranking, Results, Weights, WinRate};
use crate::{Document, Result};

const FILE: &str = "results.json";

impl Document for Results {
    const FILE: &'static str = FILE;

    fn format_version(&self) -> u32 {
        self.format_version
    }

    /// Arm ids are unique, the reference and every arm named by a comparison exist, cells
    /// are of the study's seeds and each seed is there once, counts add up, and every
    /// figure is one that its kind can take: win rates in percent, rates and shares from
    /// 0 to 1.
    fn check(&self) -> Result<()> {
        results(self)
    }
}

fn results(results: &Results) -> Result<()> {
    let whole = Bounds::of(FILE, "");
    let mut ids = BTreeSet::new();
    for (i, arm) in results.arms.iter().enumerate() {
        let at = Bounds::of(FILE, format!("arms[{i}]"));
        if !ids.insert(arm.id.as_str()) {
            return Err(at.wrong("id", format!("`{}` is there twice", arm.id)));
        }
        self::arm(results, arm, &format!("arms[{i}]"))?;
    }
    let unknown = |id: &str| {
        let known: Vec<&str> = ids.iter().copied().collect();
        format!("no arm has the id `{id}`; the arms are {}", known.join(", "))
    };
    if !ids.contains(results.reference.as_str()) {
        return Err(whole.wrong("reference", unknown(&results.reference)));
    }
    for (i, comparison) in results.comparisons.iter().enumerate() {
        let at = Bounds::of(FILE, format!("comparisons[{i}]"));
        for (side, id) in [("arm", &comparison.arm), ("against", &comparison.against)] {
            if !ids.contains(id.as_str()) {
                return Err(at.wrong(side, unknown(id)));
            }
        }
        at.between("diff", comparison.diff, -100.0, 100.0)?;
        at.between("lo", comparison.lo, -100.0, 100.0)?;
        at.between("hi", comparison.hi, -100.0, 100.0)?;
        at.rising("lo", &[comparison.lo, comparison.diff, comparison.hi])?;
        at.share("p", comparison.p)?;
        at.share("p_holm", comparison.p_holm)?;
        at.rising("p_holm", &[comparison.p, comparison.p_holm])?;
        at.positive("detectable", comparison.detectable)?;
    }
    for (test, judging) in &results.judging {
        judging.check(FILE, &format!("judging.{test}"))?;
    }
    for (test, judging) in &results.assessing {
        judging.check(FILE, &format!("assessing.{test}"))?;
    }
    for (test, opinions) in &results.opinions {
        for (name, opinion) in opinions {
            opinion.check(FILE, &format!("opinions.{test}.{name}"))?;
        }
    }
    for (name, split) in &results.data.splits {
        if split.unsafe_rows.is_some_and(|rows| rows > split.rows) {
            let problem = format!("more than the {} rows", split.rows);
            return Err(Bounds::of(FILE, format!("data.{name}")).wrong("unsafe", problem));
        }
    }
    Ok(())
}

fn arm(results: &Results, arm: &Arm, place: &str) -> Result<()> {
    let at = Bounds::of(FILE, place);
    for (test, rate) in &arm.win_rate {
        let place = format!("{place}.win_rate.{test}");
        win_rate(rate, &place)?;
        if arm.cells.len() == results.seeds.len() {
            over_seeds(rate, arm.cells.iter().map(|cell| cell.win_rate.get(test)), &place)?;
        }
    }
    rates(place, &arm.accuracy, &arm.refusal, &arm.over_refusal, &arm.harm)?;
    for (test, categories) in &arm.by_category {
        for (name, rates) in categories {
            let CategoryRates { n: _, accuracy, refusal, harm } = rates;
            let at = Bounds::of(FILE, format!("{place}.by_category.{test}.{name}"));
            for (field, value) in [("accuracy", accuracy), ("refusal", refusal), ("harm", harm)] {
                at.share(field, *value)?;
            }
        }
    }
    for (test, figures) in &arm.pairs {
        figures.check(FILE, &format!("{place}.pairs.{test}"))?;
    }
    for (test, shares) in &arm.coherence {
        shares.check(&Bounds::of(FILE, format!("{place}.coherence.{test}")))?;
    }
    for (test, nll) in &arm.base_nll {
        nll.check(&Bounds::of(FILE, format!("{place}.base_nll.{test}")))?;
    }
    for (test, rates) in &arm.opinions {
        for (name, rate) in rates {
            win_rate(rate, &format!("{place}.opinions.{test}.{name}"))?;
        }
    }
    for gamma in arm.gamma.iter().flatten() {
        at.share("gamma", *gamma)?;
    }
    if let Some(selection) = &arm.selection {
        ranking(&selection.ranking, &format!("{place}.selection"))?;
        weights(&selection.weights, &format!("{place}.selection"))?;
    }
    let mut seeds = BTreeSet::new();
    for (j, cell) in arm.cells.iter().enumerate() {
        let place = format!("{place}.cells[{j}]");
        let at = Bounds::of(FILE, place.as_str());
        if !results.seeds.contains(&cell.seed) {
            let problem = format!("{} is not among the study's seeds", cell.seed);
            return Err(at.wrong("seed", problem));
        }
        if !seeds.insert(cell.seed) {
            return Err(at.wrong("seed", format!("{} is there twice", cell.seed)));
        }
        self::cell(cell, &place)?;
    }
    Ok(())
}

fn cell(cell: &Cell, place: &str) -> Result<()> {
    for (test, rate) in &cell.win_rate {
        win_rate(rate, &format!("{place}.win_rate.{test}"))?;
    }
    rates(place, &cell.accuracy, &cell.refusal, &cell.over_refusal, &cell.harm)?;
    for (test, figures) in &cell.pairs {
        figures.check(FILE, &format!("{place}.pairs.{test}"))?;
    }
    if let Some(selection) = &cell.selection {
        ranking(selection, &format!("{place}.selection"))?;
    }
    weights(&cell.weights, place)
}

fn win_rate(rate: &WinRate, place: &str) -> Result<()> {
    let at = Bounds::of(FILE, place);
    for (name, lo, hi) in [
        ("study", rate.lo, rate.hi),
        ("prompt", rate.prompt_lo, rate.prompt_hi),
        ("worst/best", rate.worst, rate.best),
    ] {
        if matches!((lo, hi), (Some(lo), Some(hi)) if lo > hi) {
            let problem = format!("the {name} interval is reversed");
            return Err(crate::Error::Inconsistent { file: FILE, field: place.into(), problem });
        }
    }
    for (field, value) in [
        ("mean", rate.mean),
        ("lo", rate.lo),
        ("hi", rate.hi),
        ("prompt_lo", rate.prompt_lo),
        ("prompt_hi", rate.prompt_hi),
        ("worst", rate.worst),
        ("best", rate.best),
    ] {
        at.percent(field, value)?;
    }
    at.rising("mean", &[rate.worst, rate.mean, rate.best])?;
    let counts = [rate.wins, rate.losses, rate.ties, rate.missing];
    let sum = counts.iter().try_fold(0_u64, |sum, count| sum.checked_add(*count));
    let Some(all) = sum else {
        return Err(at.wrong("wins", "the counts are beyond all numbers of prompts".into()));
    };
    if rate.mean.is_some() && all == rate.missing && all > 0 {
        return Err(at.wrong("mean", "there is no verdict that it could be the mean of".into()));
    }
    Ok(())
}

/// The counts of an arm are those of its cells, where each cell was judged.
fn over_seeds<'a>(
    whole: &WinRate,
    cells: impl Iterator<Item = Option<&'a WinRate>>,
    place: &str,
) -> Result<()> {
    let mut sum = WinRate::default();
    for cell in cells {
        let Some(cell) = cell else { return Ok(()) };
        for (sum, count) in [
            (&mut sum.wins, cell.wins),
            (&mut sum.losses, cell.losses),
            (&mut sum.ties, cell.ties),
            (&mut sum.missing, cell.missing),
        ] {
            *sum = sum.saturating_add(count);
        }
    }
    for (field, whole, sum) in [
        ("wins", whole.wins, sum.wins),
        ("losses", whole.losses, sum.losses),
        ("ties", whole.ties, sum.ties),
        ("missing", whole.missing, sum.missing),
    ] {
        if whole != sum {
            let problem = format!("{whole}, and the cells have {sum} in all");
            return Err(Bounds::of(FILE, place).wrong(field, problem));
        }
    }
    Ok(())
}

fn rates(
    place: &str,
    accuracy: &PerTest<f64>,
    refusal: &PerTest<f64>,
    over_refusal: &PerTest<f64>,
    harm: &PerTest<f64>,
) -> Result<()> {
    for (name, rates) in [
        ("accuracy", accuracy),
        ("refusal", refusal),
        ("over_refusal", over_refusal),
        ("harm", harm),
    ] {
        let at = Bounds::of(FILE, format!("{place}.{name}"));
        rates.iter().try_for_each(|(test, value)| at.share(test, *value))?;
    }
    Ok(())
}

fn ranking(ranking: &Ranking, place: &str) -> Result<()> {
    let at = Bounds::of(FILE, place);
    at.share("keep_fraction", ranking.keep_fraction)?;
    at.share("auroc", ranking.auroc)?;
    at.share("unsafe_kept", ranking.unsafe_kept)?;
    at.share("unsafe_kept_floor", ranking.unsafe_kept_floor)?;
    at.rising("unsafe_kept_floor", &[ranking.unsafe_kept_floor, ranking.unsafe_kept])?;
    at.between("spearman_to_seal", ranking.spearman_to_seal, -1.0, 1.0)?;
    at.share("ess", ranking.ess)
}

fn weights(weights: &Weights, place: &str) -> Result<()> {
    let at = Bounds::of(FILE, place);
    at.positive("mean_p", weights.mean_p)?;
    at.share("gamma_eff", weights.gamma_eff)?;
    at.share("clamped", weights.clamped)?;
    at.share("dead", weights.dead)
}
