//! Figures of annotations: what AlpacaEval prints of a judge's preferences.

use std::collections::BTreeSet;

use seal_judge::{Annotation, pair_key};
use seal_rows::seed::hash64;
use seal_stats::{
    DEFAULT_RESAMPLES, Interval, LengthFit, Level, Outcomes, StatsError, length_controlled,
    length_controlled_interval, mean, prompt_interval, sample_variance,
};

use crate::rate::percent;

/// Resamples of the interval of the length-controlled win rate. Each fits the curve again.
pub const LENGTH_RESAMPLES: usize = 2_000;

/// Length control that moves the win rate by more than this many points deserves a look at the
/// answers: very long or constant ones do it.
pub const LARGE_LENGTH_EFFECT: f64 = 10.0;

/// Figures of a candidate beside a reference. Rates are in percent.
///
/// Names and definitions are those of AlpacaEval's `metrics/helpers.py`, apart from the
/// length-controlled win rate: AlpacaEval estimates the same curve with an L1 penalty, here its
/// weights are the most likely ones ([`seal_stats::length_controlled`]).
#[derive(Clone, Debug, PartialEq)]
pub struct AnnotatedFigures {
    /// Mean worth of the candidate.
    pub win_rate: f64,
    /// Standard error of the mean; `None` with one judged pair.
    pub standard_error: Option<f64>,
    /// The mean with each worth taken as a win, a loss, or a tie at exactly 1/2.
    pub discrete_win_rate: f64,
    /// The win rate at equal lengths; `None` where all lengths differ by one same amount.
    pub length_controlled: Option<f64>,
    /// How the win rate at equal lengths was found.
    pub length_fit: Option<LengthFit>,
    /// Pairs whose worth is above 1/2.
    pub wins: usize,
    /// Pairs whose worth is below 1/2.
    pub losses: usize,
    /// Pairs whose worth is exactly 1/2.
    pub draws: usize,
    /// Pairs without a preference. They count in no rate.
    pub missing: usize,
    /// Mean length of all the candidate's answers, in characters.
    pub mean_length: f64,
    /// 95 % interval of the win rate on new prompts, in percent.
    pub interval: Option<(f64, f64)>,
    /// 95 % interval of the length-controlled win rate on new prompts, in percent.
    pub length_interval: Option<(f64, f64)>,
}

impl AnnotatedFigures {
    /// Pairs with a preference.
    pub fn judged(&self) -> usize {
        self.wins + self.losses + self.draws
    }

    /// Whether length control moves the win rate by more than [`LARGE_LENGTH_EFFECT`] points.
    pub fn has_large_length_effect(&self) -> bool {
        self.length_controlled.is_some_and(|lc| (lc - self.win_rate).abs() > LARGE_LENGTH_EFFECT)
    }
}

/// Why annotations give no figures.
#[derive(Debug, thiserror::Error)]
pub enum AnnotatedError {
    /// There are no annotations.
    #[error("has no annotation that can be used")]
    Empty,
    /// No annotation has a preference.
    #[error("none of its {rows} annotations has a preference; judge them first")]
    NoPreference {
        /// Number of annotations.
        rows: usize,
    },
    /// The annotations are of more than one pair of models and judge.
    #[error(
        "its annotations are of {kinds} different pairs of models or judges, such as {first} and \
         {second}; keep one pair and one judge in a file"
    )]
    Mixed {
        /// Number of different ones.
        kinds: usize,
        /// The first, in words.
        first: String,
        /// The second, in words.
        second: String,
    },
    /// A preference or a length that no statistic takes.
    #[error(transparent)]
    Stats(#[from] StatsError),
}

/// The figures of `annotations`, which are of one candidate, one reference and one judge. Their order
/// makes no difference.
///
/// # Errors
/// [`AnnotatedError`] without a preference, for annotations of several pairs of models or judges, and
/// for a preference outside [1, 2] that is not 0.
pub fn annotated_figures(annotations: &[Annotation]) -> Result<AnnotatedFigures, AnnotatedError> {
    if annotations.is_empty() {
        return Err(AnnotatedError::Empty);
    }
    check_names(annotations)?;
    // The bootstrap draws by position, so the order must not be the caller's.
    let mut rows: Vec<&Annotation> = annotations.iter().collect();
    rows.sort_by(|a, b| {
        let worth = |row: &Annotation| row.worth().unwrap_or(-1.0);
        let by_text = || (&a.output_1, &a.output_2).cmp(&(&b.output_1, &b.output_2));
        let by_worth = || worth(a).total_cmp(&worth(b));
        pair_key(a).cmp(&pair_key(b)).then_with(by_text).then_with(by_worth)
    });
    let judged: Vec<(f64, f64)> =
        rows.iter().filter_map(|row| Some((row.worth()?, row.excess_length()))).collect();
    let (worths, excess): (Vec<f64>, Vec<f64>) = judged.into_iter().unzip();
    let lengths: Vec<f64> = rows.iter().map(|row| row.output_2.chars().count() as f64).collect();
    let (Some(win_rate), Some(mean_length)) = (mean(&worths), mean(&lengths)) else {
        return Err(AnnotatedError::NoPreference { rows: rows.len() });
    };
    let n = worths.len();
    let outcomes = Outcomes::rates(n, 1, worths.iter().copied().map(Some).collect())?;
    let count = |keep: fn(f64) -> bool| worths.iter().filter(|worth| keep(**worth)).count();
    let (wins, losses) = (count(|worth| worth > 0.5), count(|worth| worth < 0.5));
    let draws = n - wins - losses;
    let length = length_controlled(&worths, &excess)?;
    let ends = |found: Option<Interval>| found.map(|i| (percent(i.lo), percent(i.hi)));
    let seed = |name: &str| hash64(&[name.into()]);
    let by_prompt =
        prompt_interval(&outcomes, Level::P95, DEFAULT_RESAMPLES, seed("prompt interval"));
    let by_length = length_controlled_interval(
        &worths,
        &excess,
        Level::P95,
        LENGTH_RESAMPLES,
        seed("length interval"),
    )?;
    Ok(AnnotatedFigures {
        win_rate: percent(win_rate),
        standard_error: sample_variance(&worths).map(|v| percent((v / n as f64).sqrt())),
        discrete_win_rate: percent((wins as f64 + draws as f64 / 2.0) / n as f64),
        length_controlled: length.map(|found| percent(found.rate)),
        length_fit: length.map(|found| found.fit),
        wins,
        losses,
        draws,
        missing: rows.len() - n,
        mean_length,
        interval: ends(by_prompt),
        length_interval: ends(by_length),
    })
}

fn check_names(annotations: &[Annotation]) -> Result<(), AnnotatedError> {
    let names: BTreeSet<_> = annotations
        .iter()
        .map(|row| {
            let (_, reference, candidate, judge) = pair_key(row);
            (candidate, reference, judge)
        })
        .collect();
    let mut in_words = names.iter().map(|(candidate, reference, judge)| {
        let name = |name: &Option<&str>| name.unwrap_or("(no name)").to_owned();
        format!("`{}` beside `{}` by `{}`", name(candidate), name(reference), name(judge))
    });
    match (in_words.next(), in_words.next()) {
        (Some(first), Some(second)) => {
            Err(AnnotatedError::Mixed { kinds: names.len(), first, second })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: usize, preference: Option<f64>, excess: usize) -> Annotation {
        Annotation {
            instruction: format!("prompt {number}"),
            output_1: "éé".to_owned(),
            output_2: "é".repeat(2 + excess),
            preference,
            ..Annotation::default()
        }
    }

    #[test]
    fn figures_by_hand() {
        let preferences =
            [Some(2.0), Some(1.0), Some(1.5), Some(0.0), Some(1.75), None, Some(1.25), Some(2.0)];
        let rows: Vec<Annotation> = std::iter::zip(0.., preferences)
            .map(|(number, preference)| row(number, preference, number * 3 % 5))
            .collect();
        let found = annotated_figures(&rows).unwrap();
        // Worths 1, 0, .5, .5, .75, .25, 1 of seven judged pairs.
        assert!((found.win_rate - 400.0 / 7.0).abs() < 1e-12, "{found:?}");
        let squares: f64 = [1.0, 0.0, 0.5, 0.5, 0.75, 0.25, 1.0]
            .map(|worth: f64| (worth - 4.0 / 7.0).powi(2))
            .iter()
            .sum();
        let error = 100.0 * (squares / 6.0 / 7.0).sqrt();
        assert!((found.standard_error.unwrap() - error).abs() < 1e-12, "{found:?}");
        assert!((found.discrete_win_rate - 400.0 / 7.0).abs() < 1e-12, "{found:?}");
        let counts = (found.wins, found.losses, found.draws, found.judged(), found.missing);
        assert_eq!(counts, (3, 2, 2, 7, 1));
        // Excesses 0, 3, 1, 4, 2, 0, 3, 1 on two characters.
        assert_eq!(found.mean_length, 2.0 + 14.0 / 8.0);
        assert_eq!(found.length_fit, Some(LengthFit::MostLikely));
        let (lo, hi) = found.interval.unwrap();
        assert!(lo < found.win_rate && found.win_rate < hi);
        let mut turned = rows;
        turned.reverse();
        assert_eq!(annotated_figures(&turned).unwrap(), found);
    }

    #[test]
    fn a_large_effect_of_length_is_told() {
        let won = |number: usize| number % 10 < 8;
        // Wins are longer, and losses are nearly as long as the reference.
        let rows: Vec<Annotation> = (0..100)
            .map(|n| row(n, Some(if won(n) { 2.0 } else { 1.0 }), if won(n) { 50 + n } else { n }))
            .collect();
        let found = annotated_figures(&rows).unwrap();
        assert!(found.has_large_length_effect(), "{found:?}");
        let even: Vec<Annotation> =
            (0..100).map(|n| row(n, Some(if won(n) { 2.0 } else { 1.0 }), n % 7)).collect();
        assert!(!annotated_figures(&even).unwrap().has_large_length_effect());
    }

    #[test]
    fn one_pair_has_a_rate_and_no_error() {
        let found = annotated_figures(&[row(1, Some(1.25), 0)]).unwrap();
        assert_eq!((found.win_rate, found.standard_error, found.interval), (25.0, None, None));
        assert_eq!(found.length_controlled, Some(25.0));
        assert_eq!(annotated_figures(&[row(1, Some(1.25), 1)]).unwrap().length_controlled, None);
    }

    #[test]
    fn annotations_that_give_no_figures_are_refused() {
        let error = |rows: &[Annotation]| annotated_figures(rows).unwrap_err().to_string();
        insta::assert_snapshot!(error(&[]), @"has no annotation that can be used");
        insta::assert_snapshot!(error(&[row(1, None, 0), row(2, None, 0)]), @"none of its 2 annotations has a preference; judge them first");
        let named = Annotation { generator_2: Some("b".into()), ..row(1, Some(2.0), 0) };
        insta::assert_snapshot!(error(&[named, row(2, Some(1.0), 0)]), @"its annotations are of 2 different pairs of models or judges, such as `(no name)` beside `(no name)` by `(no name)` and `b` beside `(no name)` by `(no name)`; keep one pair and one judge in a file");
        assert!(error(&[row(1, Some(3.0), 0)]).contains("outside [0, 1]"));
    }
}
