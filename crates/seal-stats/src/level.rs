//! Confidence levels and the quantiles that go with them.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use crate::StatsError;

/// A two-sided confidence level strictly between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Level(f64);

impl Level {
    /// 95 %, the level of every figure in a report.
    pub const P95: Self = Self(0.95);

    /// Checks that `level` lies strictly between 0 and 1.
    ///
    /// # Errors
    /// [`StatsError::Level`] otherwise.
    pub fn new(level: f64) -> Result<Self, StatsError> {
        if level > 0.0 && level < 1.0 { Ok(Self(level)) } else { Err(StatsError::Level { level }) }
    }

    /// The level as a fraction.
    pub fn get(self) -> f64 {
        self.0
    }

    /// Probability in the lower tail, (1 - level) / 2.
    pub(crate) fn tail(self) -> f64 {
        (1.0 - self.0) / 2.0
    }

    /// Normal quantile: 1.96 at 95 %.
    pub(crate) fn z(self) -> f64 {
        normal_quantile(1.0 - self.tail())
    }

    /// Student's t quantile for `df` degrees of freedom.
    pub(crate) fn t(self, df: f64) -> f64 {
        student(df).inverse_cdf(1.0 - self.tail())
    }
}

impl Default for Level {
    fn default() -> Self {
        Self::P95
    }
}

/// Two-sided p-value of a t statistic.
pub(crate) fn two_sided_p(t: f64, df: f64) -> f64 {
    (2.0 * student(df).sf(t.abs())).min(1.0)
}

pub(crate) fn normal_quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}

pub(crate) fn normal_cdf(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

fn student(df: f64) -> StudentsT {
    StudentsT::new(0.0, 1.0, df).expect("degrees of freedom are positive by construction")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_levels_that_are_not_between_0_and_1() {
        for level in [0.0, 1.0, -0.5, 95.0, f64::NAN] {
            assert!(Level::new(level).is_err(), "{level}");
        }
        assert_eq!(Level::new(0.9).map(Level::get), Ok(0.9));
        insta::assert_snapshot!(
            Level::new(95.0).unwrap_err(),
            @"confidence level 95; it must lie strictly between 0 and 1, as in 0.95"
        );
    }
}
