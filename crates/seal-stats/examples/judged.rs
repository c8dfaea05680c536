//! Do the intervals of a judged win rate cover what they promise when the judge is noisy?
//!
//! Simulates pairs of answers that a judge with a preference for long answers and for a place compares
//! in both orders, and counts how often each interval contains the truth:
//!
//! ```text
//! cargo run --release -p seal-stats --example judged -- [repetitions, 1000] [resamples, 500]
//! cargo run --release -p seal-stats --example judged -- two-level [repetitions] [resamples]
//! ```
//!
//! The second command compares the bootstrap over prompts with one that also draws the samples of each
//! prompt again.
//!
//! The judge prefers the arm's answer with the logistic probability of 1.5 q / noise + 0.8 tanh(d /
//! 400) / noise, plus or minus its preference for the first place. q is the difference in quality and
//! normal, d the difference in length and correlated with q. Each prompt is judged `samples` times in
//! each order, and its worth is the mean of the verdicts on pairs of orders.
//!
//! The truth of the win rate is its mean over prompts and over the judge's noise. The truth of the
//! length-controlled win rate is the figure of 400,000 prompts with the expected worth of each.

use std::io::Write;

use chacha20::ChaCha8Rng;
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal, StandardUniform};
use seal_stats::{
    Level, Outcomes, length_controlled, length_controlled_interval, mean, prompt_interval,
    two_orders,
};

/// How prompts and the judge behave.
struct World {
    /// Mean of q.
    better: f64,
    /// What the judge's log-odds are divided by.
    noise: f64,
    /// Log-odds of the first place.
    place: f64,
}

/// A prompt: log-odds for the arm without a place, and the difference in length.
struct Prompt {
    odds: f64,
    excess: f64,
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl World {
    fn prompt(&self, rng: &mut ChaCha8Rng) -> Prompt {
        let q = self.better + normal(rng);
        let excess = (200.0 + 250.0 * (q - self.better) + 500.0 * normal(rng)).round();
        let odds = (1.5 * q + 0.8 * (excess / 400.0).tanh()) / self.noise;
        Prompt { odds, excess }
    }

    /// Probability that the arm wins with its answer first, and second.
    fn chances(&self, prompt: &Prompt) -> [f64; 2] {
        [self.place, -self.place].map(|place| logistic(prompt.odds + place))
    }

    /// Worth that is expected of a prompt: agreement is a win or a loss, conflict a tie.
    fn expected(&self, prompt: &Prompt) -> f64 {
        let [a, b] = self.chances(prompt);
        (a + b) / 2.0
    }

    /// Worths of the arm in each order, one draw each.
    fn judge(&self, prompt: &Prompt, rng: &mut ChaCha8Rng) -> [Option<f64>; 2] {
        self.chances(prompt).map(|chance| {
            let u: f64 = StandardUniform.sample(rng);
            Some(if u < chance { 1.0 } else { 0.0 })
        })
    }
}

/// The parts of a cell's line.
struct Cell {
    world: World,
    prompts: usize,
    samples: usize,
}

fn simulate(
    cell: &Cell,
    repetitions: usize,
    resamples: usize,
) -> Result<[f64; 7], Box<dyn std::error::Error>> {
    let Cell { world, prompts, samples } = cell;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let many: Vec<Prompt> = (0..400_000).map(|_| world.prompt(&mut rng)).collect();
    let expected: Vec<f64> = many.iter().map(|prompt| world.expected(prompt)).collect();
    let excess: Vec<f64> = many.iter().map(|prompt| prompt.excess).collect();
    let truth = mean(&expected).ok_or("no prompts")?;
    let truth_at_length = length_controlled(&expected, &excess)?.ok_or("no lengths")?.rate;
    let (mut covered, mut covered_at_length, mut width, mut width_at_length) = (0, 0, 0.0, 0.0);
    let mut flips = 0.0;
    for repetition in 0..repetitions {
        let drawn: Vec<Prompt> = (0..*prompts).map(|_| world.prompt(&mut rng)).collect();
        let excess: Vec<f64> = drawn.iter().map(|prompt| prompt.excess).collect();
        let mut worths = Vec::with_capacity(*prompts);
        let mut pairs = Vec::with_capacity(prompts * samples);
        for prompt in &drawn {
            let judged: Vec<_> = (0..*samples).map(|_| world.judge(prompt, &mut rng)).collect();
            let worth = |pair: &[Option<f64>; 2]| pair.iter().flatten().sum::<f64>() / 2.0;
            worths.push(judged.iter().map(worth).sum::<f64>() / *samples as f64);
            pairs.extend(judged);
        }
        flips += two_orders(&pairs)?.flip_rate.unwrap_or(0.0);
        let cells = worths.iter().copied().map(Some).collect();
        let seed = repetition as u64;
        let plain =
            prompt_interval(&Outcomes::rates(*prompts, 1, cells)?, Level::P95, resamples, seed)
                .ok_or("no interval")?;
        let length = length_controlled_interval(&worths, &excess, Level::P95, resamples, seed)?
            .ok_or("no interval at equal lengths")?;
        covered += usize::from(plain.lo <= truth && truth <= plain.hi);
        covered_at_length +=
            usize::from(length.lo <= truth_at_length && truth_at_length <= length.hi);
        width += plain.hi - plain.lo;
        width_at_length += length.hi - length.lo;
    }
    let share = |n: usize| n as f64 / repetitions as f64;
    let n = repetitions as f64;
    Ok([
        truth,
        share(covered),
        width / n,
        truth_at_length,
        share(covered_at_length),
        width_at_length / n,
        flips / n,
    ])
}

/// 95 % percentile interval of a bootstrap over prompts and, in each, over its samples.
fn two_level(judged: &[Vec<f64>], resamples: usize, rng: &mut ChaCha8Rng) -> (f64, f64) {
    let mut draw = |n: usize| -> usize {
        let u: f64 = StandardUniform.sample(rng);
        ((u * n as f64) as usize).min(n - 1)
    };
    let mut means: Vec<f64> = (0..resamples)
        .map(|_| {
            let prompts = (0..judged.len()).map(|_| {
                let samples = &judged[draw(judged.len())];
                let drawn = (0..samples.len()).map(|_| samples[draw(samples.len())]);
                drawn.sum::<f64>() / samples.len() as f64
            });
            prompts.sum::<f64>() / judged.len() as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |p: f64| means[((p * resamples as f64) as usize).min(resamples - 1)];
    (at(0.025), at(0.975))
}

/// Coverage and width of both bootstraps of the win rate: over prompts, and over prompts and samples.
fn compare(
    cell: &Cell,
    repetitions: usize,
    resamples: usize,
) -> Result<[f64; 4], Box<dyn std::error::Error>> {
    let Cell { world, prompts, samples } = cell;
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let expected: Vec<f64> =
        (0..400_000).map(|_| world.expected(&world.prompt(&mut rng))).collect();
    let truth = mean(&expected).ok_or("no prompts")?;
    let mut found = [0.0; 4];
    for repetition in 0..repetitions {
        let judged: Vec<Vec<f64>> = (0..*prompts)
            .map(|_| {
                let prompt = world.prompt(&mut rng);
                let worth = |pair: [Option<f64>; 2]| pair.iter().flatten().sum::<f64>() / 2.0;
                (0..*samples).map(|_| worth(world.judge(&prompt, &mut rng))).collect()
            })
            .collect();
        let worths: Vec<Option<f64>> = judged.iter().map(|samples| mean(samples)).collect();
        let outcomes = Outcomes::rates(*prompts, 1, worths)?;
        let plain = prompt_interval(&outcomes, Level::P95, resamples, repetition as u64)
            .ok_or("no interval")?;
        let (lo, hi) = two_level(&judged, resamples, &mut rng);
        for (at, (lo, hi)) in [(0, (plain.lo, plain.hi)), (2, (lo, hi))] {
            found[at] += f64::from(u8::from(lo <= truth && truth <= hi));
            found[at + 1] += hi - lo;
        }
    }
    Ok(found.map(|sum| sum / repetitions as f64))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let is_two_level = arguments.next_if(|first| first == "two-level").is_some();
    let mut arguments = arguments.map(|text| text.parse::<usize>());
    let repetitions = arguments.next().transpose()?.unwrap_or(1_000);
    let resamples = arguments.next().transpose()?.unwrap_or(500);
    let mut out = std::io::stdout().lock();
    if is_two_level {
        writeln!(out, "better noise samples prompts  covered  width  two-level covered  width")?;
        for (noise, place) in [(0.5, 0.0), (2.0, 0.5)] {
            for samples in [1, 3, 5] {
                let (better, prompts) = (0.0, 200);
                let cell = Cell { world: World { better, noise, place }, prompts, samples };
                let [covered, width, both, both_width] = compare(&cell, repetitions, resamples)?;
                writeln!(
                    out,
                    "{better:>6} {noise:>5} {samples:>7} {prompts:>7} {covered:>8.3} {width:>6.3} \
                     {both:>18.3} {both_width:>6.3}"
                )?;
            }
        }
        return Ok(());
    }
    writeln!(
        out,
        "better noise place samples prompts   rate covered  width   at equal lengths  covered  width  \
         flips"
    )?;
    for better in [0.0, 1.5] {
        for (noise, place) in [(0.5, 0.0), (2.0, 0.5)] {
            for (prompts, samples) in [(100, 1), (300, 1), (300, 3)] {
                let cell = Cell { world: World { better, noise, place }, prompts, samples };
                let [rate, covered, width, length, covered_at_length, length_width, flips] =
                    simulate(&cell, repetitions, resamples)?;
                writeln!(
                    out,
                    "{better:>6} {noise:>5} {place:>5} {samples:>7} {prompts:>7} {rate:>6.3} \
                     {covered:>7.3} {width:>6.3} {length:>18.3} {covered_at_length:>8.3} \
                     {length_width:>6.3} {flips:>6.3}"
                )?;
            }
        }
    }
    Ok(())
}
