//! Study interval: what the method would do in a new study, with new seeds and new prompts.
//!
//! # Why not Satterthwaite's degrees of freedom
//!
//! The variance of the mean is V = A + B, with A = s2_prompt / n known to n - 1 degrees of freedom and
//! B, the seeds' part, to S - 1: two, in a study of three seeds. Satterthwaite's rule takes the
//! estimated share of B in V at its word. When three seeds happen to agree, which they do often, V
//! comes out too small and the degrees of freedom too large at the same time, and a nominal 95 %
//! interval covers as little as 91 %. No number of degrees of freedom mends that at every level:
//! far out, where a test of a family of 12 looks, the error has the heavy tail of S - 1 degrees of
//! freedom wherever B is not negligible. An earlier rule, (S - 1) / sqrt(share of B), covered well at
//! 95 %, but found a difference in up to 7 % of the families that had none.
//!
//! The interval is therefore a generalised confidence interval, and the p-value of a comparison the
//! generalised p-value that goes with it (the private module `pivot` has the formula). There is
//! nothing in it to tune. `docs/statistics.md` says what has been simulated and what not.
//!
//! # Why a rate is not its mean plus or minus
//!
//! Near 0 or 1 the mean and its spread move together: seeds that all came out high also agree, and a
//! symmetric interval around them misses on one side. For rates, Wilson's interval is taken at the
//! effective sample size m (1 - m) / V instead. Differences are not confined that way and stay
//! symmetric, so that their interval and their p-value tell the same story.

use crate::crossed::Crossed;
use crate::pivot::Pivot;
use crate::wilson::{near_constant, wilson};
use crate::{Level, Outcomes, Scale};

/// Confidence interval over new seeds and new prompts, within the range of its outcomes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StudyInterval {
    /// Mean over prompts of the prompt means: the point estimate.
    pub mean: f64,
    /// Lower end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
    /// Standard error of the mean, the root of V. Never 0.
    pub se: f64,
    /// How many standard errors the interval of a difference reaches to each side: about 2 where seeds
    /// make no difference, Student's t with S - 1 degrees of freedom where only they do.
    pub reach: f64,
    /// s2_prompt: sample variance, over prompts, of the means over seeds.
    pub var_prompt: f64,
    /// s2_seed: sample variance, over seeds, of the seed means (of the fitted seed effects where
    /// verdicts are missing).
    pub var_seed: f64,
    /// s2_inter: variance of what prompt and seed leave unexplained.
    pub var_inter: f64,
}

/// Interval of the mean outcome over new seeds and new prompts.
///
/// V = s2_prompt / n + s2_seed / S - s2_inter / (n S), never below s2_prompt / n, in the two-way
/// crossed random-effects model; generalised confidence interval. Where fewer than five prompts differ from the majority
/// outcome, s2_prompt / n is raised to what a Wilson-type interval implies, so that equal verdicts
/// never give a width of zero.
///
/// `None` with fewer than two seeds or two prompts that have a verdict, or where missing verdicts
/// leave no prompt in common between groups of seeds.
pub fn study_interval(outcomes: &Outcomes, level: Level) -> Option<StudyInterval> {
    study(outcomes, level).map(|(interval, _)| interval)
}

/// The study interval with the distribution it was read from.
pub(crate) fn study(outcomes: &Outcomes, level: Level) -> Option<(StudyInterval, Pivot)> {
    let fit = Crossed::fit(outcomes)?;
    let scale = outcomes.scale();
    let sparse = near_constant(&fit.prompt_means, scale, level);
    let floor = sparse.map_or(0.0, |wilson| {
        let longer = (fit.mean - wilson.lo).max(wilson.hi - fit.mean);
        (longer / level.z()).powi(2)
    });
    let prompts = fit.prompt_means.len() as f64;
    let from_prompts = (fit.s2_prompt / prompts).max(floor);
    let seen = fit.weight * fit.s2_seed;
    let noise = fit.weight * fit.noise * fit.s2_inter;
    let pivot = Pivot::new((from_prompts, prompts - 1.0), (seen, fit.seeds as f64 - 1.0), noise);
    let variance = from_prompts + (seen - noise).max(0.0);
    let half = pivot.half_width(level);
    let reach = half / variance.sqrt();
    let (lo, hi) = if scale == Scale::Rate && sparse.is_none() {
        wilson(fit.mean, fit.mean * (1.0 - fit.mean) / variance, reach)
    } else {
        (fit.mean - half, fit.mean + half)
    };
    let interval = StudyInterval {
        mean: fit.mean,
        lo: lo.max(scale.lo()),
        hi: hi.min(scale.hi()),
        se: variance.sqrt(),
        reach,
        var_prompt: fit.s2_prompt,
        var_seed: fit.s2_seed,
        var_inter: fit.s2_inter,
    };
    Some((interval, pivot))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(prompts: usize, seeds: usize, value: impl Fn(usize, usize) -> f64) -> Outcomes {
        let cells = (0..prompts * seeds).map(|c| Some(value(c / seeds, c % seeds))).collect();
        Outcomes::rates(prompts, seeds, cells).unwrap()
    }

    #[test]
    fn no_interval_without_two_seeds_and_two_prompts() {
        assert_eq!(study_interval(&rates(300, 1, |p, _| (p % 2) as f64), Level::P95), None);
        assert_eq!(study_interval(&rates(1, 3, |_, s| (s % 2) as f64), Level::P95), None);
        let missing = Outcomes::rates(300, 3, vec![None; 900]).unwrap();
        assert_eq!(study_interval(&missing, Level::P95), None);
    }

    #[test]
    fn equal_verdicts_have_a_width() {
        for value in [0.0, 0.5, 1.0] {
            let study = study_interval(&rates(300, 3, |_, _| value), Level::P95).unwrap();
            assert!(study.se > 0.0 && study.hi - study.lo > 0.01, "{value}: {study:?}");
            assert!((study.reach - Level::P95.t(299.0)).abs() < 1e-9, "{study:?}");
        }
    }

    #[test]
    fn seeds_that_disagree_widen_it() {
        let agree = rates(100, 3, |p, _| (p % 2) as f64);
        let differ = rates(100, 3, |p, s| if p < 30 * s { 1.0 } else { (p % 2) as f64 });
        let width = |o| study_interval(o, Level::P95).map(|i| i.hi - i.lo).unwrap();
        assert!(width(&differ) > 2.0 * width(&agree), "{} {}", width(&differ), width(&agree));
    }

    /// Prompts that all tie have no spread of their own. The Wilson-type interval gives one.
    #[test]
    fn nearly_constant_prompts_have_the_spread_of_their_wilson_interval() {
        let outcomes = Outcomes::rates(300, 2, vec![Some(0.5); 600]).unwrap();
        let (_, pivot) = study(&outcomes, Level::P95).unwrap();
        let wilson = near_constant(&[0.5; 300], outcomes.scale(), Level::P95).unwrap();
        let wanted = (wilson.hi - 0.5) * Level::P95.t(299.0) / Level::P95.z();
        assert!((pivot.half_width(Level::P95) / wanted - 1.0).abs() < 1e-9);
    }
}
