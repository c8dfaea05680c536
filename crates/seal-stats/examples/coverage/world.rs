//! Studies whose true win rate is known.
//!
//! A verdict is a latent standard normal, half of its variance the prompt's, cut into loss, tie and
//! win. A seed moves it in one of two ways, because no one knows how real seeds do.

use std::fmt;

use chacha20::ChaCha8Rng;
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use seal_stats::{Outcomes, StatsError};
use statrs::distribution::{ContinuousCDF, Normal};

/// What the seed s.d. is a s.d. of, in points.
#[derive(Clone, Copy)]
pub enum SeedEffects {
    /// The win rate: a normal shift of the latent verdict, scaled to give that s.d.
    Latent,
    /// The share of wins among decided verdicts: a normal shift, cut off at 0 and 1.
    Share,
}

/// One setting of the grid.
#[derive(Clone, Copy)]
pub struct World {
    effects: SeedEffects,
    win: f64,
    ties: f64,
    sd: f64,
    /// S.d. of the shift of the latent verdict (`Latent` only).
    shift: f64,
}

/// Normal deviates at evenly spaced probabilities: a quadrature rule for means over seeds.
fn nodes() -> impl Iterator<Item = f64> {
    (0..2001).map(|i| probit((f64::from(i) + 0.5) / 2001.0))
}

fn mean_and_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
}

impl World {
    /// `win` of the decided verdicts won, `ties` of all verdicts tied, seed s.d. `sd` as a fraction.
    pub fn new(effects: SeedEffects, win: f64, ties: f64, sd: f64) -> Self {
        let mut world = Self { effects, win, ties, sd, shift: 0.0 };
        if sd == 0.0 || matches!(effects, SeedEffects::Share) {
            return world;
        }
        // The spread of the rate grows with the shift: bisect for the one asked for.
        let (mut low, mut high) = (0.0, 3.0);
        while high - low > 1e-9 {
            world.shift = (low + high) / 2.0;
            let rates: Vec<f64> = nodes().map(|z| world.rate(z)).collect();
            if mean_and_sd(&rates).1 < sd {
                low = world.shift;
            } else {
                high = world.shift;
            }
        }
        world
    }

    /// Latent thresholds of loss and win for a seed with standard normal effect `z`.
    fn cuts(&self, z: f64) -> (f64, f64) {
        let decided = 1.0 - self.ties;
        let cuts = |win: f64| (probit(decided * (1.0 - win)), probit(1.0 - decided * win));
        match self.effects {
            SeedEffects::Latent => {
                let (loss, win) = cuts(self.win);
                (loss - self.shift * z, win - self.shift * z)
            }
            SeedEffects::Share => cuts((self.win + self.sd * z).clamp(0.0, 1.0)),
        }
    }

    /// True rate of a seed over all prompts.
    fn rate(&self, z: f64) -> f64 {
        let (loss, win) = self.cuts(z);
        (1.0 - phi(win) + 1.0 - phi(loss)) / 2.0
    }

    /// True rate over all seeds and prompts.
    pub fn mean(&self) -> f64 {
        mean_and_sd(&nodes().map(|z| self.rate(z)).collect::<Vec<_>>()).0
    }

    /// True rate of the models of these seeds, over all prompts.
    pub fn rate_of(&self, effects: &[f64]) -> f64 {
        effects.iter().map(|z| self.rate(*z)).sum::<f64>() / effects.len() as f64
    }

    /// Verdicts of one arm on prompts and seeds of these standard normal effects.
    pub fn outcomes(
        &self,
        random: &mut Deviates,
        prompts: &[f64],
        effects: &[f64],
    ) -> Result<Outcomes, StatsError> {
        // On the scale of the sum of the prompt's half and the verdict's own.
        let scaled = |z: &f64| {
            let (loss, win) = self.cuts(*z);
            (loss * 2.0_f64.sqrt(), win * 2.0_f64.sqrt())
        };
        let cuts: Vec<(f64, f64)> = effects.iter().map(scaled).collect();
        let mut cells = Vec::with_capacity(prompts.len() * cuts.len());
        for prompt in prompts {
            cells.extend(cuts.iter().map(|(loss, win)| {
                let latent = prompt + random.normal();
                Some(0.5 * f64::from(u8::from(latent > *win) + u8::from(latent >= *loss)))
            }));
        }
        Outcomes::rates(prompts.len(), cuts.len(), cells)
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effects = match self.effects {
            SeedEffects::Latent => "win rate",
            SeedEffects::Share => "win share",
        };
        let percent = |fraction: f64| format!("{:.0} %", 100.0 * fraction);
        write!(
            f,
            "{effects:<13} {:>5} {:>5} {:>5}",
            percent(self.win),
            percent(self.ties),
            percent(self.sd)
        )
    }
}

/// Seeded standard normal deviates.
pub struct Deviates(ChaCha8Rng);

impl Deviates {
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        Self(generator)
    }

    pub fn normals(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.normal()).collect()
    }

    fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }
}

/// Standard normal distribution function.
fn phi(x: f64) -> f64 {
    Normal::standard().cdf(x)
}

/// Standard normal quantile.
fn probit(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}
