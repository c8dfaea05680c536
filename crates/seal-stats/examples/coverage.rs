//! Do the intervals cover what they promise?
//!
//! Simulates studies whose true win rate is known and counts how often each interval contains it:
//!
//! ```text
//! cargo run --release -p seal-stats --example coverage -- [repetitions] [resamples] [seed]
//! ```
//!
//! The grid is win rate 10 / 50 / 90 % (of the decided verdicts), ties 0 / 30 / 80 %, seed s.d. 0 / 2
//! / 5 points, 100 / 300 prompts, 3 and 5 seeds. One line per cell, then the worst of each column.
//! `satterthwaite` is the plain formula, mean +- t x se with Satterthwaite's degrees of freedom, for
//! comparison; `width` is the mean width of the study interval over that of the plain formula.
//! `paired` compares two arms with the same prompts and independent seed effects.

use std::error::Error;
use std::io::{self, Write};

use seal_stats::{
    DEFAULT_RESAMPLES, Level, Outcomes, StudyInterval, paired, prompt_interval, study_interval,
};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

#[path = "coverage/world.rs"]
mod world;
use world::{SeedEffects, World};

/// Counts of one grid cell.
#[derive(Default)]
struct Tally {
    runs: u32,
    prompt: u32,
    study: u32,
    plain: u32,
    paired: u32,
    width: f64,
    plain_width: f64,
}

impl Tally {
    /// Coverage of the prompt, study, plain and paired intervals.
    fn coverage(&self) -> [f64; 4] {
        [self.prompt, self.study, self.plain, self.paired]
            .map(|hits| f64::from(hits) / f64::from(self.runs))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let repetitions: u32 = arguments.next().map_or(Ok(500), |a| a.parse())?;
    let resamples: usize = arguments.next().map_or(Ok(DEFAULT_RESAMPLES), |a| a.parse())?;
    let seed: u64 = arguments.next().map_or(Ok(1), |a| a.parse())?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "seeds' effect  win  ties  s.d.  prompts  seeds   prompt   study  satterthwaite  paired  width"
    )?;
    let mut worst = [
        (f64::INFINITY, String::new()),
        (f64::INFINITY, String::new()),
        (f64::INFINITY, String::new()),
        (f64::INFINITY, String::new()),
    ];
    let mut highest_prompt = 0.0_f64;
    for (index, (world, prompts, seeds)) in grid().into_iter().enumerate() {
        let tally =
            simulate(&world, prompts, seeds, repetitions, resamples, seed + 1000 * index as u64)?;
        let coverage = tally.coverage();
        let cell = format!("{world} {prompts:>8} {seeds:>6}");
        writeln!(
            out,
            "{cell} {:>8.3} {:>7.3} {:>14.3} {:>7.3} {:>6.2}",
            coverage[0],
            coverage[1],
            coverage[2],
            coverage[3],
            tally.width / tally.plain_width
        )?;
        for (least, value) in std::iter::zip(&mut worst, coverage) {
            if value < least.0 {
                *least = (value, cell.clone());
            }
        }
        highest_prompt = highest_prompt.max(coverage[0]);
    }
    for (name, (value, cell)) in
        std::iter::zip(["prompt", "study", "satterthwaite", "paired"], worst)
    {
        writeln!(out, "least {name}: {value:.3} at {cell}")?;
    }
    writeln!(out, "greatest prompt: {highest_prompt:.3}")?;
    Ok(())
}

fn grid() -> Vec<(World, usize, usize)> {
    let mut cells = vec![];
    for effects in [SeedEffects::Latent, SeedEffects::Share] {
        for win in [0.1, 0.5, 0.9] {
            for ties in [0.0, 0.3, 0.8] {
                for sd in [0.0, 0.02, 0.05] {
                    for (prompts, seeds) in [(100, 3), (100, 5), (300, 3), (300, 5)] {
                        cells.push((World::new(effects, win, ties, sd), prompts, seeds));
                    }
                }
            }
        }
    }
    cells
}

fn simulate(
    world: &World,
    prompts: usize,
    seeds: usize,
    repetitions: u32,
    resamples: usize,
    seed: u64,
) -> Result<Tally, Box<dyn Error>> {
    let mut random = world::Deviates::new(seed);
    let mut tally = Tally::default();
    let truth = world.mean();
    for repetition in 0..repetitions {
        let (first, second, these) = world.two_arms(&mut random, prompts, seeds);
        let outcomes = Outcomes::rates(prompts, seeds, first)?;
        let other = Outcomes::rates(prompts, seeds, second)?;
        let prompt = prompt_interval(&outcomes, Level::P95, resamples, u64::from(repetition))
            .ok_or("no prompt interval")?;
        let study = study_interval(&outcomes, Level::P95).ok_or("no study interval")?;
        let plain = satterthwaite(&study, prompts as f64, seeds as f64)?;
        let pair = paired(&outcomes, &other, Level::P95)?.ok_or("no paired interval")?;
        tally.runs += 1;
        tally.prompt += u32::from((prompt.lo..=prompt.hi).contains(&these));
        tally.study += u32::from((study.lo..=study.hi).contains(&truth));
        tally.plain += u32::from((study.mean - truth).abs() <= plain);
        tally.paired += u32::from((pair.lo..=pair.hi).contains(&0.0));
        tally.width += study.hi - study.lo;
        tally.plain_width += 2.0 * plain;
    }
    Ok(tally)
}

/// Half-width of the plain formula for a complete matrix.
fn satterthwaite(study: &StudyInterval, n: f64, s: f64) -> Result<f64, Box<dyn Error>> {
    let (a, b, c) = (study.var_prompt / n, study.var_seed / s, study.var_inter / (n * s));
    let v = (a + b - c).max(a);
    let spread = a * a / (n - 1.0) + b * b / (s - 1.0) + c * c / ((n - 1.0) * (s - 1.0));
    let df = if spread > 0.0 { (v * v / spread).max(1.0) } else { n - 1.0 };
    Ok(StudentsT::new(0.0, 1.0, df)?.inverse_cdf(0.975) * v.sqrt())
}

/// Standard normal distribution function.
fn phi(x: f64) -> f64 {
    Normal::standard().cdf(x)
}

/// Standard normal quantile.
fn probit(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}
