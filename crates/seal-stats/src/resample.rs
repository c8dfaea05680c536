//! The means of bootstrap resamples.
//!
//! A resample is n values drawn with replacement, and of all of it only the sum matters. Verdicts are
//! few-valued: over S seeds a prompt's mean is a multiple of 1 / (2 S), so every sum lies on a lattice
//! and has a known distribution, the n-th convolution power of the histogram of the values. Drawing
//! the sum from that distribution takes one random number instead of n, which makes an interval of
//! 1,000 prompts about a hundred times cheaper and lets `examples/coverage.rs` simulate the intervals as
//! they are reported. Values off any coarse lattice (many seeds, some verdicts missing) are drawn one
//! by one; both ways draw from the same distribution.

use chacha20::ChaCha8Rng;
use rand::Rng;

/// Finest lattice tried: covers up to 4 seeds with missing verdicts and 12 without. On a finer one
/// the convolutions would cost more than the draws they save.
const FINEST: u32 = 24;

/// Probability that may be cut off each tail of a sum. The generator cannot resolve it: it draws
/// multiples of 2^-32.
const NEGLIGIBLE: f64 = 1e-15;

/// Means of `resamples` samples drawn from `values` with replacement, sorted.
pub(crate) fn resampled_means(values: &[f64], resamples: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    match Lattice::of(values) {
        Some(lattice) => lattice.means(resamples, rng),
        None => one_by_one(values, resamples, rng),
    }
}

/// A position among `n`, each as likely as the others.
///
/// Multiply-and-shift of 32 bits is uniform up to one part in 2^32 / n and costs no division.
pub(crate) fn position(n: usize, rng: &mut ChaCha8Rng) -> usize {
    ((u64::from(rng.next_u32()) * n as u64) >> 32) as usize
}

fn one_by_one(values: &[f64], resamples: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let n = values.len();
    let mut draw = || values[position(n, rng)];
    let mut means: Vec<f64> =
        (0..resamples).map(|_| (0..n).fold(0.0, |total, _| total + draw()) / n as f64).collect();
    means.sort_unstable_by(f64::total_cmp);
    means
}

/// Values that are all `(least + i) / steps` for whole i from 0.
struct Lattice {
    steps: u32,
    least: i64,
    values: usize,
    /// Share of the values at each i.
    shares: Vec<f64>,
}

impl Lattice {
    /// The coarsest lattice that `values` lie on, or `None` where [`FINEST`] is not fine enough.
    fn of(values: &[f64]) -> Option<Self> {
        let whole = |v: f64| (v - v.round()).abs() < 1e-9;
        let steps = (1..=FINEST).find(|s| values.iter().all(|v| whole(v * f64::from(*s))))?;
        let at: Vec<i64> = values.iter().map(|v| (v * f64::from(steps)).round() as i64).collect();
        let (least, most) = (*at.iter().min()?, *at.iter().max()?);
        let mut shares = vec![0.0; (most - least) as usize + 1];
        for i in at {
            shares[(i - least) as usize] += 1.0;
        }
        shares.iter_mut().for_each(|share| *share /= values.len() as f64);
        Some(Self { steps, least, values: values.len(), shares })
    }

    fn means(&self, resamples: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let n = self.values as i64;
        let sums = SumDistribution { least: 0, chances: self.shares.clone() }.of(self.values);
        let unit = 1.0 / (f64::from(self.steps) * n as f64);
        let mean = |i: usize| (n * self.least + (sums.least + i) as i64) as f64 * unit;
        let times = sums.sample(resamples, rng);
        let runs = times.into_iter().enumerate();
        runs.flat_map(|(i, times)| std::iter::repeat_n(mean(i), times)).collect()
    }
}

/// Distribution of a sum of whole numbers: `least + i` has probability `chances[i]`.
#[derive(Clone)]
struct SumDistribution {
    least: usize,
    chances: Vec<f64>,
}

impl SumDistribution {
    /// Distribution of the sum of `count` independent draws, at least one, by repeated doubling.
    fn of(self, count: usize) -> Self {
        let mut power = self.clone();
        for bit in (0..count.ilog2()).rev() {
            power = power.plus(&power);
            if count >> bit & 1 == 1 {
                power = power.plus(&self);
            }
        }
        power
    }

    fn plus(&self, other: &Self) -> Self {
        let mut chances = vec![0.0; self.chances.len() + other.chances.len() - 1];
        for (i, chance) in other.chances.iter().enumerate() {
            let reached = &mut chances[i..i + self.chances.len()];
            std::iter::zip(reached, &self.chances).for_each(|(sum, own)| *sum += chance * own);
        }
        let cut = |chances: &mut dyn Iterator<Item = &f64>| {
            let mut tail = 0.0;
            chances
                .take_while(|chance| {
                    tail += **chance;
                    tail < NEGLIGIBLE
                })
                .count()
        };
        let (below, above) = (cut(&mut chances.iter()), cut(&mut chances.iter().rev()));
        chances.truncate(chances.len() - above);
        chances.drain(..below);
        Self { least: self.least + other.least + below, chances }
    }

    /// How often each sum comes up in `draws` draws.
    fn sample(&self, draws: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let mut up_to = self.chances.clone();
        let mut total = 0.0;
        for chance in &mut up_to {
            total += *chance;
            *chance = total;
        }
        // Where to start looking, by the leading bits of the random number.
        const BITS: u32 = 10;
        let scale = total / 2.0_f64.powi(32);
        let last = up_to.len() - 1;
        let first = |r: u32, from: usize| {
            let u = (f64::from(r) + 0.5) * scale;
            (from..last).find(|i| up_to[*i] > u).unwrap_or(last)
        };
        let mut from = 0;
        let starts: Vec<usize> = (0..1_u32 << BITS)
            .map(|bits| {
                from = first(bits << (32 - BITS), from);
                from
            })
            .collect();
        let mut times = vec![0; up_to.len()];
        for _ in 0..draws {
            let r = rng.next_u32();
            times[first(r, starts[(r >> (32 - BITS)) as usize])] += 1;
        }
        times
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::{mean, sample_variance};

    fn rng(seed: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(seed)
    }

    fn near(got: f64, want: f64, within: f64) {
        assert!((got - want).abs() < within, "got {got}, want {want} within {within}");
    }

    #[test]
    fn sums_of_coins_are_binomial() {
        let sums = SumDistribution { least: 0, chances: vec![0.25, 0.75] }.of(7);
        let mut want = 0.25_f64.powi(7);
        assert_eq!((sums.least, sums.chances.len()), (0, 8));
        for (k, got) in sums.chances.iter().enumerate() {
            near(*got, want, 1e-15);
            want *= 3.0 * (7 - k) as f64 / (k + 1) as f64;
        }
        let many = SumDistribution { least: 0, chances: vec![0.5, 0.0, 0.5] }.of(1000);
        assert!(many.least > 600 && many.chances.len() < 800, "{}", many.chances.len());
        near(many.chances.iter().sum(), 1.0, 1e-12);
        // Less than the limit is cut off, the limit is not.
        let one = SumDistribution { least: 0, chances: vec![1.0] };
        let at =
            SumDistribution { least: 3, chances: vec![NEGLIGIBLE, 0.5, NEGLIGIBLE] }.plus(&one);
        assert_eq!((at.least, at.chances.len()), (3, 3));
        let below = SumDistribution { least: 3, chances: vec![1e-16, 0.5, 1e-16] }.plus(&one);
        assert_eq!((below.least, below.chances.len()), (4, 1));
    }

    #[test]
    fn finds_the_coarsest_lattice() {
        let steps = |values: &[f64]| Lattice::of(values).map(|l| (l.steps, l.least));
        assert_eq!(steps(&[0.0, 1.0]), Some((1, 0)));
        assert_eq!(steps(&[0.5, -1.0]), Some((2, -2)));
        assert_eq!(steps(&[1.0 / 3.0, 0.5]), Some((6, 2)));
        assert_eq!(steps(&[0.2, 0.25, 1.0 / 3.0]), None);
        // Within rounding only.
        assert_eq!(steps(&[0.0, 1.0 + 1e-12]), Some((1, 0)));
        assert_eq!(steps(&[0.0, 1e-9]), None);
    }

    #[test]
    fn both_ways_draw_from_one_distribution() {
        for (values, draws) in [
            (vec![0.0, 0.0, 0.0, 0.5, 1.0, 1.0 / 6.0, -1.0], 200_000),
            ((0..300).map(|i| f64::from(i % 11 / 3) / 6.0).collect(), 20_000),
        ] {
            let fast = Lattice::of(&values).unwrap().means(draws, &mut rng(1));
            let slow = one_by_one(&values, draws, &mut rng(2));
            assert_eq!((fast.len(), slow.len()), (draws, draws));
            assert!(fast.is_sorted() && slow.is_sorted());
            // Kolmogorov's distance of two samples, at a probability of 1e-6 with ties ignored.
            let share = |means: &[f64], x: f64| {
                means.partition_point(|m| *m <= x + 1e-12) as f64 / draws as f64
            };
            for x in fast.iter().chain(&slow).step_by(97) {
                near(share(&fast, *x), share(&slow, *x), 2.69 * (2.0 / draws as f64).sqrt());
            }
        }
    }

    #[test]
    fn resampling_is_uniform_and_reproducible() {
        let values: Vec<f64> = (0..7).map(f64::from).collect();
        let off_lattice: Vec<f64> = values.iter().map(|v| v * 0.1234567).collect();
        for (values, unit) in [(values, 1.0), (off_lattice, 0.1234567)] {
            let means = resampled_means(&values, 100_000, &mut rng(1));
            assert_eq!(means, resampled_means(&values, 100_000, &mut rng(1)));
            assert_ne!(means, resampled_means(&values, 100_000, &mut rng(2)));
            // Mean 3 and variance 4 / 7 of a mean of seven: five standard errors around each.
            let (centre, spread) = (mean(&means).unwrap(), sample_variance(&means).unwrap());
            near(centre / unit, 3.0, 5.0 * (4.0_f64 / 7.0 / 1e5).sqrt());
            near(spread / unit.powi(2), 4.0 / 7.0, 5.0 * (4.0 / 7.0) * (2.0_f64 / 1e5).sqrt());
        }
    }
}
