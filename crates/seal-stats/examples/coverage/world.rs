//! Studies whose true win rate is known.
//!
//! A verdict is a latent standard normal, half of its variance the prompt's, cut into loss, tie and
//! win. A seed moves it in one of two ways, because no one knows how real seeds do.

use std::fmt;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{phi, probit};

/// What the seed s.d. is a s.d. of, in points.
#[derive(Clone, Copy)]
pub enum SeedEffects {
    /// The win rate: a normal shift of the latent verdict, scaled to give that s.d.
    Latent,
    /// The share of wins among decided verdicts: a normal shift, cut off at 0 and 1.
    Share,
}

/// One setting of the grid.
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

    /// Verdicts of two arms alike in truth, on the same prompts but with seeds of their own, and the
    /// true rate of the first arm's seeds.
    #[allow(clippy::type_complexity, reason = "three plain values of an example")]
    pub fn two_arms(
        &self,
        random: &mut Deviates,
        prompts: usize,
        seeds: usize,
    ) -> (Vec<Option<f64>>, Vec<Option<f64>>, f64) {
        let effects: Vec<f64> = (0..2 * seeds).map(|_| random.normal()).collect();
        let cuts: Vec<(f64, f64)> = effects.iter().map(|z| self.cuts(*z)).collect();
        let (mut first, mut second) = (vec![], vec![]);
        for _ in 0..prompts {
            let prompt = random.normal();
            let mut verdict = |(loss, win): (f64, f64)| {
                let latent = (prompt + random.normal()) * 0.5_f64.sqrt();
                Some(if latent > win {
                    1.0
                } else if latent < loss {
                    0.0
                } else {
                    0.5
                })
            };
            first.extend(cuts[..seeds].iter().map(|c| verdict(*c)));
            second.extend(cuts[seeds..].iter().map(|c| verdict(*c)));
        }
        let these = effects[..seeds].iter().map(|z| self.rate(*z)).sum::<f64>() / seeds as f64;
        (first, second, these)
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

/// Seeded standard normal deviates (Box-Muller).
pub struct Deviates {
    generator: ChaCha8Rng,
    spare: Option<f64>,
}

impl Deviates {
    pub fn new(seed: u64) -> Self {
        Self { generator: ChaCha8Rng::seed_from_u64(seed), spare: None }
    }

    fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let mut uniform = || (self.generator.next_u32() as f64 + 0.5) / 2.0_f64.powi(32);
        let (radius, angle) = ((-2.0 * uniform().ln()).sqrt(), std::f64::consts::TAU * uniform());
        self.spare = Some(radius * angle.sin());
        radius * angle.cos()
    }
}
