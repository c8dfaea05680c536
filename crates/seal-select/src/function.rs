//! The functions that turn a logit into a weight.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::SelectError;

/// Selector function sigma, which maps a row's logit w to its weight p.
///
/// Each gives p >= 0 and p = 1 at [`start`](Self::start). All but softmax are
/// element-wise: a row's weight depends on its own logit only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SelectorFunction {
    /// p_i = N exp(w_i) / sum exp(w), the paper's.
    #[default]
    Softmax,
    /// p = 2 / (1 + exp(-w)), as in the published code.
    Sigmoid,
    /// p = max(0, 2 tanh w). The raw function turns negative, which would be
    /// gradient ascent on a row. The logit follows the slope of the unclamped
    /// function, so that clamped rows keep moving and stay ranked.
    Tanh,
    /// p = max(0, w). Its slope is 0 at and below 0: such rows never return.
    Relu,
    /// p = 1 + tanh w: the sigmoid at twice the logit and a quarter of the
    /// rate.
    ShiftedTanh,
}

impl SelectorFunction {
    /// Every function, in the order of the documentation.
    pub const ALL: [Self; 5] =
        [Self::Softmax, Self::Sigmoid, Self::Tanh, Self::Relu, Self::ShiftedTanh];

    /// Name in configs, plans and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Softmax => "softmax",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Relu => "relu",
            Self::ShiftedTanh => "shifted-tanh",
        }
    }

    /// Logit at which every row starts; its weight is 1.
    pub fn start(self) -> f64 {
        match self {
            Self::Softmax | Self::Sigmoid | Self::ShiftedTanh => 0.0,
            // atanh(1/2) = ln(3)/2
            Self::Tanh => 0.549_306_144_334_054_8,
            Self::Relu => 1.0,
        }
    }

    /// Weight p(w) of a row with logit `w`. For softmax the numerator exp(w),
    /// which is the weight up to a factor shared by all rows.
    pub fn value(self, w: f64) -> f64 {
        match self {
            Self::Softmax => w.exp(),
            Self::Sigmoid => 2.0 / (1.0 + (-w).exp()),
            Self::Tanh => (2.0 * w.tanh()).max(0.0),
            Self::Relu => w.max(0.0),
            Self::ShiftedTanh => 1.0 + w.tanh(),
        }
    }

    /// Slope dp/dw at logit `w`, for [`Tanh`](Self::Tanh) that of the
    /// unclamped function. For softmax the derivative of the numerator.
    pub fn slope(self, w: f64) -> f64 {
        match self {
            Self::Softmax => w.exp(),
            // 2 s (1 - s), with 1 - s(w) = s(-w) so that nothing cancels.
            Self::Sigmoid => 2.0 / ((1.0 + (-w).exp()) * (1.0 + w.exp())),
            // 1 - tanh^2 = 1/cosh^2, again without cancellation.
            Self::Tanh => 2.0 / w.cosh().powi(2),
            Self::Relu => f64::from(u8::from(w > 0.0)),
            Self::ShiftedTanh => 1.0 / w.cosh().powi(2),
        }
    }

    /// Slope dp/dw at the start. Softmax's own slope is 1 - 1/N; the 1/N is
    /// left out.
    pub fn start_slope(self) -> f64 {
        match self {
            Self::Softmax | Self::Relu | Self::ShiftedTanh => 1.0,
            Self::Sigmoid => 0.5,
            Self::Tanh => 1.5,
        }
    }

    /// Whether a row's weight depends on its own logit only.
    pub fn is_elementwise(self) -> bool {
        self != Self::Softmax
    }
}

impl fmt::Display for SelectorFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for SelectorFunction {
    type Err = SelectError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|f| f.name() == s).ok_or_else(|| SelectError::UnknownFunction {
            given: s.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_row_starts_at_weight_one() {
        for f in SelectorFunction::ALL {
            assert!((f.value(f.start()) - 1.0).abs() < 1e-15, "{f}");
            assert!((f.slope(f.start()) - f.start_slope()).abs() < 1e-15, "{f}");
        }
    }

    #[test]
    fn names_survive_text_and_json() {
        for f in SelectorFunction::ALL {
            assert_eq!(f.name().parse(), Ok(f));
            let json = serde_json::to_string(&f).unwrap();
            assert_eq!(json, format!("\"{f}\""));
            assert_eq!(serde_json::from_str::<SelectorFunction>(&json).unwrap(), f);
        }
        insta::assert_snapshot!(
            "entmax".parse::<SelectorFunction>().unwrap_err(),
            @"unknown selector function `entmax`; known: softmax, sigmoid, tanh, relu, shifted-tanh"
        );
    }

    #[test]
    fn far_logits_neither_overflow_nor_turn_into_nan() {
        for f in SelectorFunction::ALL.into_iter().filter(|f| f.is_elementwise()) {
            for w in [-1e4, 1e4] {
                assert!(f.value(w).is_finite() && f.value(w) >= 0.0, "{f} {w}");
                assert!(f.slope(w).is_finite() && f.slope(w) >= 0.0, "{f} {w}");
            }
        }
    }

    #[test]
    fn a_clamped_tanh_row_keeps_a_slope_and_a_dead_relu_row_does_not() {
        assert_eq!(SelectorFunction::Tanh.value(-0.3), 0.0);
        assert!(SelectorFunction::Tanh.slope(-0.3) > 1.0);
        assert_eq!(SelectorFunction::Relu.slope(0.0), 0.0);
        assert_eq!(SelectorFunction::Relu.slope(-0.3), 0.0);
    }

    proptest! {
        #[test]
        fn the_slope_is_the_derivative_away_from_kinks(w in -4.0..4.0f64) {
            let h = 1e-5;
            for f in SelectorFunction::ALL {
                if matches!(f, SelectorFunction::Relu) && w.abs() < 2.0 * h
                    || matches!(f, SelectorFunction::Tanh) && w < 2.0 * h {
                    continue;
                }
                let numeric = (f.value(w + h) - f.value(w - h)) / (2.0 * h);
                let slope = f.slope(w);
                prop_assert!((numeric - slope).abs() < 1e-8 * (1.0 + slope), "{f} {numeric} {slope}");
            }
        }
    }
}
