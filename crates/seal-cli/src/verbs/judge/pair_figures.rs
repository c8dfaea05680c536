//! What is printed of judged pairs.

use std::io::{self, Write};
use std::path::Path;

use seal_eval::{AnnotatedError, AnnotatedFigures, annotated_figures};
use seal_judge::Annotation;
use seal_judging::{CanaryResult, CanaryStanding, Judged};
use seal_stats::TwoOrders;

use super::{JudgeFailure, annotations};
use crate::plain;
use crate::verbosity::Verbosity;

/// Share of pairs with different winners above which the judge's verdicts are doubted.
const MOST_FLIPS: f64 = 0.5;

/// What is printed, on standard output and on standard error.
pub(super) struct Printed<'a> {
    pub(super) path: &'a Path,
    pub(super) rows: &'a [Annotation],
    pub(super) judged: &'a Judged,
    pub(super) orders: &'a TwoOrders,
    pub(super) odd_rows: usize,
}

impl Printed<'_> {
    /// Prints a name and a figure a line, and on standard error the table of canaries.
    pub(super) fn print(&self, verbosity: Verbosity) -> anyhow::Result<()> {
        let mut out = plain::stdout();
        match annotated_figures(self.rows) {
            Ok(figures) => {
                let figures = self.by_both_orders(figures);
                annotations::print(&mut out, &figures, self.odd_rows)?;
                annotations::say_length(&figures, verbosity.quiet)?;
            }
            // Without a verdict there is no rate; the counts say so.
            Err(AnnotatedError::NoPreference { .. }) => {
                for name in
                    ["win_rate", "standard_error", "discrete_win_rate", "length_controlled_minimal"]
                {
                    writeln!(out, "{name} nan")?;
                }
                writeln!(out, "n_total 0\nmissing {}", self.orders.missing)?;
            }
            Err(source) => {
                let path = self.path.to_owned();
                return Err(JudgeFailure::Figures { path, source }.into());
            }
        }
        self.print_judge(&mut out)?;
        if !verbosity.quiet {
            say_canaries(&self.judged.canaries)?;
            self.say_places()?;
        }
        Ok(())
    }

    /// Says so where the judge follows the places of the answers: each such pair is a tie, and so is
    /// every canary.
    fn say_places(&self) -> io::Result<()> {
        let (Some(flips), Some(first)) = (self.orders.flip_rate, self.orders.first_slot) else {
            return Ok(());
        };
        if flips <= MOST_FLIPS {
            return Ok(());
        }
        writeln!(
            plain::stderr(),
            "the judge follows the place of an answer: in {:.0} % of the pairs its two orders name \
             different winners, and the first place wins {:.0} % of its choices; such pairs are \
             ties, so the win rate and the canaries say little",
            100.0 * flips,
            100.0 * first
        )
    }

    /// Wins, losses and draws by the agreement of both orders, not by the mean of their
    /// probabilities.
    fn by_both_orders(&self, figures: AnnotatedFigures) -> AnnotatedFigures {
        let TwoOrders { wins, losses, ties, win_rate, .. } = *self.orders;
        let discrete = win_rate.map_or(f64::NAN, |rate| 100.0 * rate);
        AnnotatedFigures { wins, losses, draws: ties, discrete_win_rate: discrete, ..figures }
    }

    fn print_judge(&self, out: &mut impl Write) -> io::Result<()> {
        let cost = &self.judged.cost;
        let mut figure = |name: &str, value: Option<f64>| match value {
            Some(value) => writeln!(out, "{name} {value}"),
            None => writeln!(out, "{name} nan"),
        };
        figure("flip_rate", self.orders.flip_rate)?;
        figure("first_slot_rate", self.orders.first_slot)?;
        figure("canaries_failed", failed_canaries(&self.judged.canaries))?;
        for (name, count) in [
            ("replies", cost.replies as u64),
            ("replies_asked_now", self.judged.asked as u64),
            ("input_tokens", cost.input),
            ("output_tokens", cost.output),
        ] {
            figure(name, Some(count as f64))?;
        }
        figure("cost", (cost.unpriced == 0).then_some(cost.money))
    }
}

/// The table of canaries, and what they speak against the judge.
fn say_canaries(canaries: &[CanaryResult]) -> io::Result<()> {
    let mut err = plain::stderr();
    if canaries.is_empty() {
        return say_doubt(&mut err, None);
    }
    writeln!(err, "canary          won  tied  lost  missing")?;
    for canary in canaries {
        let CanaryResult { kind, won, tied, lost, missing, .. } = canary;
        let mark = match canary.standing() {
            CanaryStanding::Passed => "passed",
            CanaryStanding::Failed => "FAILED",
            CanaryStanding::NotTestable => "not testable",
            CanaryStanding::NoVerdict => "no verdict",
            CanaryStanding::NotAsked => "not asked",
        };
        writeln!(err, "{:<14} {won:>4}  {tied:>4}  {lost:>4}  {missing:>7}  {mark}", kind.name())?;
    }
    let was_asked = |canary: &CanaryResult| canary.standing() != CanaryStanding::NotAsked;
    match canaries.iter().any(was_asked) {
        true => say_doubt(&mut err, Some(failed_canaries(canaries))),
        false => say_doubt(&mut err, None),
    }
}

/// Says what canaries speak against a judge. `failed` is `None` where none was asked, and has no number
/// where no verdict on one tests the judge.
pub(super) fn say_doubt(out: &mut impl Write, failed: Option<Option<f64>>) -> io::Result<()> {
    let doubt = match failed {
        None => "no canary was asked: nothing shows that the judge's figures can be trusted",
        Some(None) => {
            "no verdict on a canary tests the judge: nothing shows that its figures can be trusted"
        }
        Some(Some(failed)) if failed > 0.0 => {
            "the judge fails canaries: its figures are not to be trusted"
        }
        Some(Some(_)) => return Ok(()),
    };
    writeln!(out, "{doubt}")
}

/// Number of kinds that the judge failed; `None` where no verdict on a canary tests it.
fn failed_canaries(canaries: &[CanaryResult]) -> Option<f64> {
    let is_tested = |canary: &CanaryResult| {
        matches!(canary.standing(), CanaryStanding::Passed | CanaryStanding::Failed)
    };
    let has_failed = |canary: &&CanaryResult| canary.standing() == CanaryStanding::Failed;
    let failed = canaries.iter().filter(has_failed).count();
    canaries.iter().any(is_tested).then_some(failed as f64)
}

#[cfg(test)]
mod tests {
    use seal_judging::CanaryKind;

    use super::*;

    #[test]
    fn canaries_without_a_verdict_were_not_passed() {
        let of = |won, missing| CanaryResult {
            kind: CanaryKind::Empty,
            won,
            tied: 0,
            lost: 0,
            missing,
            failed: won,
            untestable: 0,
        };
        assert_eq!(failed_canaries(&[]), None);
        assert_eq!(failed_canaries(&[of(0, 3), of(0, 3)]), None);
        assert_eq!(failed_canaries(&[of(0, 3), of(2, 1)]), Some(1.0));
    }
}
