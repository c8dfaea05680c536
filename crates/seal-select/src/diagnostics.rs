//! How weight is spread over the rows, and when that is a reason to stop.

use serde::{Deserialize, Serialize};

use crate::{SelectorFunction, chunked};

/// Figures about all weights of a selector.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnostics {
    /// Effective sample size of the weights over N, (sum p)^2 / (N sum p^2):
    /// 1 where all are equal, 1/N where one row has all; 0 where all are 0.
    pub ess_share: f64,
    /// Mean weight.
    pub mean_p: f64,
    /// Share of rows that tanh's clamp holds at weight 0.
    pub clamped: f64,
    /// Share of rows that ReLU will never move again.
    pub dead: f64,
    /// Smallest weight.
    pub min_p: f64,
    /// Largest weight.
    pub max_p: f64,
}

#[derive(Clone, Copy)]
struct PartialFigures {
    sum: f64,
    squares: f64,
    held: usize,
    min: f64,
    max: f64,
}

impl PartialFigures {
    const EMPTY: Self =
        Self { sum: 0.0, squares: 0.0, held: 0, min: f64::INFINITY, max: f64::NEG_INFINITY };

    fn join(self, other: Self) -> Self {
        Self {
            sum: self.sum + other.sum,
            squares: self.squares + other.squares,
            held: self.held + other.held,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }
}

impl Diagnostics {
    pub(crate) fn of(
        function: SelectorFunction,
        omega: &[f64],
        weight: impl Fn(f64) -> f64 + Sync,
    ) -> Self {
        let part = chunked::map(omega, |_, rows| {
            rows.iter().fold(PartialFigures::EMPTY, |part, &w| {
                let p = weight(w);
                let held = match function {
                    SelectorFunction::Tanh => w < 0.0,
                    SelectorFunction::Relu => w <= 0.0,
                    _ => false,
                };
                part.join(PartialFigures {
                    sum: p,
                    squares: p * p,
                    held: held.into(),
                    min: p,
                    max: p,
                })
            })
        })
        .into_iter()
        .fold(PartialFigures::EMPTY, PartialFigures::join);
        let n = omega.len() as f64;
        let held = |f| if function == f { part.held as f64 / n } else { 0.0 };
        Self {
            ess_share: if part.sum > 0.0 { part.sum * part.sum / (n * part.squares) } else { 0.0 },
            mean_p: part.sum / n,
            clamped: held(SelectorFunction::Tanh),
            dead: held(SelectorFunction::Relu),
            min_p: part.min,
            max_p: part.max,
        }
    }
}

/// Penalty strength that a mean weight other than 1 amounts to:
/// gamma p / ((1 - gamma) + gamma p).
pub fn gamma_eff(gamma: f64, mean_p: f64) -> f64 {
    gamma * mean_p / ((1.0 - gamma) + gamma * mean_p)
}

/// Whether the weights have collapsed onto a few rows.
///
/// Losses do not show it: the model goes on fitting the rows that are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CollapseAlarm {
    /// Weight is spread well enough.
    Ok,
    /// Worth a warning. The published Llama-3 selector stands just above.
    Warn,
    /// The ranking will be that of a few rows against the rest.
    Stop,
}

impl CollapseAlarm {
    /// An effective sample size below this share of N is worth a warning.
    pub const WARN_BELOW: f64 = 0.2;
    /// One below this is a reason to stop.
    pub const STOP_BELOW: f64 = 0.05;

    /// The alarm for an [effective sample size](Diagnostics::ess_share).
    pub fn of(ess_share: f64) -> Self {
        if ess_share >= Self::WARN_BELOW {
            Self::Ok
        } else if ess_share >= Self::STOP_BELOW {
            Self::Warn
        } else {
            Self::Stop
        }
    }

    /// The same, but never [`Stop`](Self::Stop): the released variant has to
    /// run as it was published.
    pub fn warn_only(self) -> Self {
        self.min(Self::Warn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: weights 1, 2 and 5 have the sum 8 and the sum of squares 30.
    #[test]
    fn figures_are_those_of_all_rows() {
        let figures = Diagnostics::of(SelectorFunction::Softmax, &[1.0, 2.0, 5.0], |w| w);
        assert_eq!(figures.ess_share, 64.0 / (3.0 * 30.0));
        assert_eq!((figures.mean_p, figures.min_p, figures.max_p), (8.0 / 3.0, 1.0, 5.0));
        assert_eq!((figures.clamped, figures.dead), (0.0, 0.0));
        let none = Diagnostics::of(SelectorFunction::Relu, &[0.0, 0.0], |w| w);
        assert_eq!((none.ess_share, none.dead), (0.0, 1.0));
    }

    /// Tanh holds what is below 0; ReLU moves nothing from 0 on down.
    #[test]
    fn rows_that_no_longer_move_are_counted() {
        let of = |function| Diagnostics::of(function, &[-1.0, 0.0, 2.0, 3.0], |_| 1.0);
        let (tanh, relu) = (of(SelectorFunction::Tanh), of(SelectorFunction::Relu));
        assert_eq!((tanh.clamped, tanh.dead), (0.25, 0.0));
        assert_eq!((relu.clamped, relu.dead), (0.0, 0.5));
    }
    use crate::{Normalise, Selector, SelectorSettings};

    fn at(function: SelectorFunction, omega: &[f64]) -> Diagnostics {
        let settings = SelectorSettings { function, ..Default::default() };
        Selector::from_omega(settings, omega.to_vec()).unwrap().diagnostics()
    }

    #[test]
    fn figures_of_a_small_case() {
        let d = at(SelectorFunction::Relu, &[1.0, 3.0, 0.0, -1.0]);
        let expected = Diagnostics {
            ess_share: 16.0 / (4.0 * 10.0),
            mean_p: 1.0,
            clamped: 0.0,
            dead: 0.5,
            min_p: 0.0,
            max_p: 3.0,
        };
        assert_eq!(d, expected);
        let tanh = at(SelectorFunction::Tanh, &[0.5, -0.5, 0.1, 0.2]);
        assert_eq!((tanh.clamped, tanh.dead, tanh.min_p), (0.25, 0.0, 0.0));
        assert_eq!(at(SelectorFunction::Relu, &[-1.0]).ess_share, 0.0);
    }

    #[test]
    fn softmax_on_one_row_has_an_ess_of_one_row() {
        let d = at(SelectorFunction::Softmax, &[50.0, 0.0, 0.0, 0.0]);
        assert!((d.ess_share - 0.25).abs() < 1e-12 && (d.mean_p - 1.0).abs() < 1e-12);
    }

    #[test]
    fn gamma_eff_is_gamma_at_mean_one() {
        assert!((gamma_eff(0.1, 1.0) - 0.1).abs() < 1e-15);
        assert!((gamma_eff(0.5, 0.5) - 1.0 / 3.0).abs() < 1e-15);
        assert_eq!(gamma_eff(0.0, 0.3), 0.0);
    }

    #[test]
    fn the_alarm_has_two_thresholds() {
        let alarms = [1.0, 0.2, 0.19, 0.05, 0.049, 0.0, f64::NAN].map(CollapseAlarm::of);
        use CollapseAlarm::{Ok, Stop, Warn};
        assert_eq!(alarms, [Ok, Ok, Warn, Warn, Stop, Stop, Stop]);
        assert_eq!([Ok, Warn, Stop].map(CollapseAlarm::warn_only), [Ok, Warn, Warn]);
    }

    #[test]
    fn a_rate_without_the_loss_scale_collapses_softmax() {
        // Losses of real text, at a rate that is harmless at losses near 1:
        // rows with large p feed on the dense term and run away.
        let n = 256;
        let run = |rate: f64| {
            let mut s = Selector::new(SelectorFunction::Softmax, n, Normalise::None).unwrap();
            for step in 0..600 {
                let batch: Vec<usize> = (0..8).map(|i| (step * 8 + i) % n).collect();
                let losses: Vec<f64> = batch.iter().map(|&i| 4.5 + (i % 7) as f64 * 0.2).collect();
                s.update(&batch, &losses, rate, 8).unwrap();
            }
            s.diagnostics()
        };
        let sane = run(0.4 * 8.0 / (19.0 * 5.0));
        assert_eq!(CollapseAlarm::of(sane.ess_share), CollapseAlarm::Ok);
        let collapsed = run(5.0);
        assert_eq!(CollapseAlarm::of(collapsed.ess_share), CollapseAlarm::Stop, "{collapsed:?}");
        assert!((collapsed.mean_p - 1.0).abs() < 1e-9);
    }
}
