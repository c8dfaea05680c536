//! A logistic curve over one feature, with soft labels: Newton's method on two weights.

use super::LengthFit;

/// Most Newton steps; five to eight are enough on ordinary data.
const STEPS: usize = 100;

/// Most halvings of one step.
const HALVINGS: usize = 40;

/// A prompt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observation {
    /// What is explained, in [0, 1].
    pub(super) worth: f64,
    /// What explains it, in [-1, 1].
    pub(super) length: f64,
}

/// The curve's two weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct CurveWeights {
    /// Of the length, w1.
    pub(super) slope: f64,
    /// The constant, w2.
    pub(super) level: f64,
}

impl CurveWeights {
    pub(super) const ZERO: Self = Self { slope: 0.0, level: 0.0 };
}

/// Least range of lengths that tells a slope from a level. The figure at equal lengths extrapolates by
/// up to its inverse, and Newton's steps lose digits with its square.
const LEAST_RANGE: f64 = 1e-4;

/// The weights of `rows`; `None` where the lengths are too much alike to tell a slope.
pub(super) fn fit(rows: &[Observation], start: CurveWeights) -> Option<(LengthFit, CurveWeights)> {
    let (least, most) = range(rows.iter().map(|row| row.length));
    if most - least < LEAST_RANGE {
        return None;
    }
    if separated(rows) {
        // The penalised maximum does not depend on where the search began.
        return Some((LengthFit::Penalised, climb(rows, CurveWeights::ZERO, true)));
    }
    Some((LengthFit::MostLikely, climb(rows, start, false)))
}

pub(super) fn logistic(x: f64) -> f64 {
    if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
}

/// Whether the likelihood grows without end in some direction of the weights (Albert and Anderson,
/// Biometrika 1984, 71). With one feature it does where a length divides the prompts into those of
/// worth 1 and those of worth 0. A worth in between may stand at the divide only.
fn separated(rows: &[Observation]) -> bool {
    let of =
        |keep: fn(&Observation) -> bool| range(rows.iter().filter(|r| keep(r)).map(|r| r.length));
    let (least_won, most_won) = of(|row| row.worth > 0.0);
    let (least_lost, most_lost) = of(|row| row.worth < 1.0);
    // An empty class has an infinite range and is separated from the other.
    most_lost <= least_won || most_won <= least_lost
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)))
}

/// Second derivatives of the log-likelihood with the sign changed, a symmetric matrix.
#[derive(Debug, Clone, Copy, Default)]
struct Information {
    slope: f64,
    both: f64,
    level: f64,
}

impl Information {
    fn determinant(self) -> f64 {
        self.slope * self.level - self.both * self.both
    }

    /// The product of the inverse with (a, b).
    fn solve(self, a: f64, b: f64) -> (f64, f64) {
        let determinant = self.determinant();
        (
            (self.level * a - self.both * b) / determinant,
            (self.slope * b - self.both * a) / determinant,
        )
    }
}

/// The maximum of the log-likelihood, plus half the log-determinant of the information where
/// `penalised`. The direction of each step climbs, since the information is positive definite, and
/// a step that goes too far is halved.
fn climb(rows: &[Observation], start: CurveWeights, penalised: bool) -> CurveWeights {
    let mut at = start;
    let (mut height, mut information) = likelihood(rows, at, penalised);
    for _ in 0..STEPS {
        let (a, b) = gradient(rows, at, information, penalised);
        let (mut slope, mut level) = information.solve(a, b);
        if !(slope.is_finite() && level.is_finite()) {
            break;
        }
        let mut climbed = false;
        for _ in 0..HALVINGS {
            let next = CurveWeights { slope: at.slope + slope, level: at.level + level };
            let (there, information_there) = likelihood(rows, next, penalised);
            // Near the top rounding hides what the last steps gain.
            if there >= height - 1e-12 * height.abs() {
                (at, height, information, climbed) = (next, there, information_there, true);
                break;
            }
            (slope, level) = (slope / 2.0, level / 2.0);
        }
        let size = 1.0 + at.slope.abs() + at.level.abs();
        if !climbed || slope.abs() + level.abs() <= 1e-12 * size {
            break;
        }
    }
    at
}

/// Height and information at `weights`.
fn likelihood(rows: &[Observation], weights: CurveWeights, penalised: bool) -> (f64, Information) {
    let (mut height, mut information) = (0.0, Information::default());
    for row in rows {
        let x = weights.slope * row.length + weights.level;
        // ln(1 + e^x) without overflow; one exponential serves both.
        let small = (-x.abs()).exp();
        height += row.worth * x - x.max(0.0) - small.ln_1p();
        let v = small / ((1.0 + small) * (1.0 + small));
        information.slope += v * row.length * row.length;
        information.both += v * row.length;
        information.level += v;
    }
    if penalised {
        height += information.determinant().ln() / 2.0;
    }
    (height, information)
}

/// First derivatives, in the order (slope, level). Firth's penalty adds to each residual its leverage
/// times (1/2 - p).
fn gradient(
    rows: &[Observation],
    weights: CurveWeights,
    information: Information,
    penalised: bool,
) -> (f64, f64) {
    let (mut slope, mut level) = (0.0, 0.0);
    for row in rows {
        let p = logistic(weights.slope * row.length + weights.level);
        let mut residual = row.worth - p;
        if penalised {
            let (a, b) = information.solve(row.length, 1.0);
            let leverage = p * (1.0 - p) * (row.length * a + b);
            residual += leverage * (0.5 - p);
        }
        slope += residual * row.length;
        level += residual;
    }
    (slope, level)
}
