//! How far a mean may be off when its variance has a part that is known from a few seeds only.
//!
//! A mean over prompts and seeds has variance V = A + B: A is known to n - 1 degrees of freedom, B, the
//! seeds' own part, to S - 1, which is two in a study of three seeds. What is seen of B is the mean
//! square M, with expectation B + e, where e is the share of the residual in it. W = (S - 1) M / (B + e)
//! is a chi-squared variable, so that what was seen says of B that it is distributed like
//!
//! ```text
//! B* = max(0, (S - 1) M / W - e)
//! ```
//!
//! and the generalised p-value (Tsui and Weerahandi, JASA 1989, 84) of an error of at least d is the
//! mean over W of 2 Phi(-d / sqrt(A + B*)). The generalised confidence interval (Weerahandi, JASA 1993,
//! 88) ends where that p-value is 1 - level. The seeds' part alone gives Student's t with S - 1 degrees
//! of freedom, the prompts' part alone the normal; A's own uncertainty is added by reading the result
//! as Student's t with n - 1 in place of the normal, which is exact where seeds make no difference.

use statrs::function::gamma::ln_gamma;

use crate::Level;
use crate::level::{normal_cdf, normal_quantile, two_sided_p};

/// Panels of the integral over W, of three Gauss-Legendre nodes each.
const PANELS: usize = 16;

/// Distribution of the error of a mean, given what was seen of its variance.
pub(crate) struct Pivot {
    /// Weights and standard deviations of the normals that the error is a mixture of.
    parts: Vec<(f64, f64)>,
    /// n - 1.
    df: f64,
}

impl Pivot {
    /// `prompts` and `seeds` are the two parts of the variance with their degrees of freedom: A and
    /// M above. `noise` is e, the residual that M contains.
    pub(crate) fn new(prompts: (f64, f64), seeds: (f64, f64), noise: f64) -> Self {
        let ((known, df), (seen, k)) = (prompts, seeds);
        let mut parts = Vec::with_capacity(3 * PANELS + 1);
        let mut rest = 1.0;
        if seen > 0.0 {
            // Over x, the root of W: from 0 to where B* is 0, or where there is no more of W. Nodes
            // are dense near 0, where B* is large.
            let most = (k.sqrt() + 8.0).min((k * seen / noise).sqrt());
            let scale = (1.0 - k / 2.0) * std::f64::consts::LN_2 - ln_gamma(k / 2.0);
            for panel in 0..PANELS {
                for (node, weight) in [(-0.6_f64.sqrt(), 5.0), (0.0, 8.0), (0.6_f64.sqrt(), 5.0)] {
                    let u = (panel as f64 + 0.5 + node / 2.0) / PANELS as f64;
                    let x = most * u.powi(3);
                    let density = (scale + (k - 1.0) * x.ln() - x * x / 2.0).exp();
                    let weight = density * weight / 18.0 / PANELS as f64 * 3.0 * most * u.powi(2);
                    rest -= weight;
                    let more = (k * seen / (x * x) - noise).max(0.0);
                    parts.push((weight, (known + more).sqrt()));
                }
            }
        }
        parts.push((rest.max(0.0), known.sqrt()));
        Self { parts, df }
    }

    /// Two-sided probability of an error of at least `d` and its derivative, A taken as known.
    fn tail(&self, d: f64) -> (f64, f64) {
        let (mut p, mut slope) = (0.0, 0.0);
        for (weight, sd) in &self.parts {
            let z = d / sd;
            p += weight * 2.0 * normal_cdf(-z);
            slope -= weight * (-z * z / 2.0).exp() / sd;
        }
        (p, slope * (2.0 / std::f64::consts::PI).sqrt())
    }

    /// Two-sided p-value of an error of `d` or more.
    pub(crate) fn p(&self, d: f64) -> f64 {
        let (p, _) = self.tail(d.abs());
        two_sided_p(normal_quantile((p / 2.0).clamp(f64::MIN_POSITIVE, 0.5)), self.df)
    }

    /// The error whose p-value is 1 - `level`.
    pub(crate) fn half_width(&self, level: Level) -> f64 {
        let t = level.t(self.df);
        let wanted = 2.0 * normal_cdf(-t);
        // The tail is convex and falls, and without the seeds the answer would be smaller: Newton's
        // steps from there go up to the answer and never beyond.
        let mut d = t * self.parts.last().map_or(0.0, |(_, sd)| *sd);
        for _ in 0..100 {
            let (p, slope) = self.tail(d);
            let step = (wanted - p) / slope;
            d += step.max(0.0);
            if step <= 1e-14 * d {
                break;
            }
        }
        d
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, want: f64, within: f64) {
        assert!((got / want - 1.0).abs() < within, "got {got}, want {want}");
    }

    #[test]
    fn without_seed_effects_it_is_student_of_the_prompts() {
        let pivot = Pivot::new((4.0, 9.0), (0.0, 2.0), 0.0);
        close(pivot.half_width(Level::P95), 2.0 * Level::P95.t(9.0), 1e-12);
        close(pivot.p(5.0), two_sided_p(2.5, 9.0), 1e-9);
        assert_eq!(pivot.p(0.0), 1.0);
    }

    #[test]
    fn with_seed_effects_only_it_is_student_of_the_seeds() {
        for seeds in [2.0, 3.0, 5.0, 10.0] {
            let pivot = Pivot::new((1e-12, 1e5), (4.0, seeds - 1.0), 0.0);
            for level in [0.8, 0.95, 0.995] {
                let level = Level::new(level).unwrap();
                close(pivot.half_width(level), 2.0 * level.t(seeds - 1.0), 2e-3);
            }
        }
    }

    #[test]
    fn interval_and_p_value_agree() {
        for (known, seen, noise) in [(1.0, 0.3, 0.2), (1.0, 3.0, 1.0), (1e-3, 1.0, 0.0)] {
            let pivot = Pivot::new((known, 99.0), (seen, 2.0), noise);
            for level in [0.5, 0.95, 0.999] {
                let d = pivot.half_width(Level::new(level).unwrap());
                close(pivot.p(d), 1.0 - level, 1e-9);
            }
        }
    }

    #[test]
    fn the_slope_is_the_derivative_of_the_tail() {
        let pivot = Pivot::new((1.0, 99.0), (3.0, 2.0), 1.0);
        for d in [0.5, 2.0, 6.0] {
            let (_, slope) = pivot.tail(d);
            let by = 1e-4;
            close(slope, (pivot.tail(d + by).0 - pivot.tail(d - by).0) / (2.0 * by), 1e-6);
        }
    }

    #[test]
    fn widths_have_the_unit_of_the_values() {
        let width = |unit: f64| {
            let squared = unit * unit;
            let pivot = Pivot::new((squared, 99.0), (3.0 * squared, 2.0), squared);
            pivot.half_width(Level::P95) / unit
        };
        for unit in [1e-9, 1e9] {
            close(width(unit), width(1.0), 1e-12);
        }
    }
}
