//! Scales and ticks.

use crate::number;

/// How values are spread along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spread {
    Linear,
    /// Distance grows with the square root: keeps 0 and spreads small values.
    SquareRoot,
}

/// An axis: what it spans, how, and where it is marked.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub lo: f64,
    pub hi: f64,
    pub spread: Spread,
    pub ticks: Vec<(f64, String)>,
    pub label: String,
}

impl Axis {
    /// A linear axis with round ticks.
    pub(super) fn linear(lo: f64, hi: f64, label: &str) -> Self {
        // Equal ends would leave nothing to divide by.
        let (lo, hi) = if hi > lo { (lo, hi) } else { (lo - 0.5, lo + 0.5) };
        let ticks = ticks(lo, hi, 5);
        Self { lo, hi, spread: Spread::Linear, ticks, label: label.to_owned() }
    }

    /// Where a value lies, from 0 at the low end to 1 at the high end; values
    /// outside lie on the nearer end.
    pub(super) fn position(&self, value: f64) -> f64 {
        let spread = |v: f64| match self.spread {
            Spread::Linear => v,
            Spread::SquareRoot => v.max(0.0).sqrt(),
        };
        let (lo, hi) = (spread(self.lo), spread(self.hi));
        ((spread(value) - lo) / (hi - lo)).clamp(0.0, 1.0)
    }
}

/// Round values within `lo..=hi`, about `n` of them, with as many decimals as
/// their distance needs.
pub(super) fn ticks(lo: f64, hi: f64, n: u32) -> Vec<(f64, String)> {
    let rough = (hi - lo) / f64::from(n);
    let magnitude = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|m| m * magnitude)
        .into_iter()
        .find(|step| *step >= rough * (1.0 - 1e-9))
        .unwrap_or(10.0 * magnitude);
    // At most 12 decimals: the step of an axis that is worth drawing has fewer.
    let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
    let first = (lo / step - 1e-9).ceil();
    (0..)
        .map(|i| (first + f64::from(i)) * step)
        .take_while(|tick| *tick <= hi + step * 1e-9)
        .map(|tick| (tick, number::fixed(tick, decimals)))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_are_round() {
        let labels =
            |lo, hi| ticks(lo, hi, 5).into_iter().map(|t| t.1).collect::<Vec<_>>().join(" ");
        assert_eq!(labels(0.0, 100.0), "0 20 40 60 80 100");
        assert_eq!(labels(47.3, 55.2), "48 50 52 54");
        assert_eq!(labels(-0.3, 0.31), "−0.2 0.0 0.2");
    }

    proptest! {
        #[test]
        fn ticks_rise_within_the_axis(lo in -1e3..1e3_f64, span in 1e-3..1e3_f64) {
            let ticks = ticks(lo, lo + span, 5);
            prop_assert!((2..=6).contains(&ticks.len()), "{} ticks", ticks.len());
            prop_assert!(ticks.is_sorted_by(|a, b| a.0 < b.0 && a.1 != b.1));
            let slack = span * 1e-6;
            prop_assert!(ticks.iter().all(|t| t.0 >= lo - slack && t.0 <= lo + span + slack));
        }

        #[test]
        fn position_rises_from_0_to_1(a in 0.0..1.0_f64, b in 0.0..1.0_f64, root: bool) {
            let mut axis = Axis::linear(0.0, 1.0, "");
            if root { axis.spread = Spread::SquareRoot; }
            let (x, y) = (axis.position(a), axis.position(b));
            prop_assert!((0.0..=1.0).contains(&x));
            prop_assert_eq!(a <= b, x <= y);
            prop_assert_eq!((axis.position(-1.0), axis.position(2.0)), (0.0, 1.0));
        }
    }
}
