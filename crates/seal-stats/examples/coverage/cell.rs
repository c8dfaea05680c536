//! One cell of the grid: what is simulated and what is counted.

use std::fmt;

use seal_stats::{
    IntervalMethod, Level, Outcomes, StudyInterval, holm, paired, prompt_interval, study_interval,
};
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::Failure;
use super::options::Options;
use super::world::{Deviates, World};

/// Names of what [`Cell::simulate`] returns.
pub const COLUMNS: [&str; 8] =
    ["prompt", "wilson", "study", "plain", "width", "paired", "holm 12", "holm 9"];

/// A share of the repetitions (for `width` a ratio), `None` where it was not asked for.
pub type Share = Option<f64>;

const ARMS: usize = 4;
const TESTS: usize = 3;

pub struct Cell {
    /// Position in the full grid, which fixes the random numbers.
    pub index: u64,
    pub world: World,
    pub prompts: usize,
    pub seeds: usize,
}

/// Counts over the repetitions.
#[derive(Default)]
struct Tally {
    prompt: u32,
    wilson: u32,
    study: u32,
    plain: u32,
    paired: u32,
    width: f64,
    plain_width: f64,
    /// Repetitions with a rejection, in the families of 4 and of 3 arms.
    rejected: [u32; 2],
}

impl Cell {
    /// The columns named in [`COLUMNS`].
    pub fn simulate(&self, options: &Options) -> Result<Vec<Share>, Failure> {
        let several = self.seeds > 1;
        let (study, families) = (options.study && several, options.holm && several);
        let mut tally = Tally::default();
        // SEAL on the first test has random numbers of its own, so that its columns are the same
        // whatever else is simulated.
        let seed = options.seed + 1000 * self.index;
        let (mut seal, mut others) = (Deviates::new(seed, 0), Deviates::new(seed, 1));
        let truth = self.world.mean();
        for repetition in 0..options.repetitions {
            let prompts = seal.normals(self.prompts);
            let effects = seal.normals(self.seeds);
            let outcomes = self.world.outcomes(&mut seal, &prompts, &effects)?;
            if options.prompt {
                let these = self.world.rate_of(&effects);
                let found =
                    prompt_interval(&outcomes, Level::P95, options.resamples, repetition.into())
                        .ok_or("no prompt interval")?;
                tally.prompt += u32::from((found.lo..=found.hi).contains(&these));
                tally.wilson += u32::from(found.method == IntervalMethod::Wilson);
            }
            if study {
                let found = study_interval(&outcomes, Level::P95).ok_or("no study interval")?;
                let plain = satterthwaite(&found, self.prompts as f64, self.seeds as f64)?;
                tally.study += u32::from((found.lo..=found.hi).contains(&truth));
                tally.plain += u32::from((found.mean - truth).abs() <= plain);
                tally.width += found.hi - found.lo;
                tally.plain_width += 2.0 * plain;
            }
            if study || families {
                let (arms, tests) = if families { (ARMS, TESTS) } else { (1, 1) };
                let p = self.comparisons(&mut others, &prompts, &outcomes, arms, tests)?;
                // The interval of a difference contains 0 exactly where p is at least 5 %.
                tally.paired += u32::from(p[0] >= 0.05);
                if families {
                    for (rejected, arms) in std::iter::zip(&mut tally.rejected, [ARMS, ARMS - 1]) {
                        let adjusted = holm(&p[..arms * TESTS])?;
                        *rejected += u32::from(adjusted.iter().any(|p| *p < 0.05));
                    }
                }
            }
        }
        let share = |wanted: bool, count: u32| {
            wanted.then(|| f64::from(count) / f64::from(options.repetitions))
        };
        Ok(vec![
            share(options.prompt, tally.prompt),
            share(options.prompt, tally.wilson),
            share(study, tally.study),
            share(study, tally.plain),
            study.then(|| tally.width / tally.plain_width),
            share(study || families, tally.paired),
            share(families, tally.rejected[0]),
            share(families, tally.rejected[1]),
        ])
    }

    /// p values of `arms` against SEAL on `tests` tests, arm by arm.
    fn comparisons(
        &self,
        random: &mut Deviates,
        prompts: &[f64],
        seal: &Outcomes,
        arms: usize,
        tests: usize,
    ) -> Result<Vec<f64>, Failure> {
        let mut p = vec![0.0; arms * tests];
        for test in 0..tests {
            let on = |random: &mut Deviates, prompts: &[f64]| {
                let effects = random.normals(self.seeds);
                self.world.outcomes(random, prompts, &effects)
            };
            let (drawn, outcomes);
            let (prompts, seal) = if test == 0 {
                (prompts, seal)
            } else {
                drawn = random.normals(self.prompts);
                outcomes = on(random, &drawn)?;
                (&drawn[..], &outcomes)
            };
            for arm in 0..arms {
                let found = paired(&on(random, prompts)?, seal, Level::P95)?;
                p[arm * tests + test] = found.ok_or("no comparison")?.p;
            }
        }
        Ok(p)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:>8} {:>6}", self.world, self.prompts, self.seeds)
    }
}

/// Half-width of the textbook formula for a complete matrix.
fn satterthwaite(study: &StudyInterval, n: f64, s: f64) -> Result<f64, Failure> {
    let (a, b, c) = (study.var_prompt / n, study.var_seed / s, study.var_inter / (n * s));
    let v = (a + b - c).max(a);
    let spread = a * a / (n - 1.0) + b * b / (s - 1.0) + c * c / ((n - 1.0) * (s - 1.0));
    let df = if spread > 0.0 { (v * v / spread).max(1.0) } else { n - 1.0 };
    Ok(StudentsT::new(0.0, 1.0, df)?.inverse_cdf(0.975) * v.sqrt())
}
