//! `seal judge --annotations`: figures of preferences that are there.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use seal_eval::{AnnotatedFigures, LengthFit, annotated_figures};
use seal_judge::{Annotation, OddRow, read_annotations};

use super::JudgeFailure;
use crate::plain;

/// Odd rows that are named; the rest is counted.
const NAMED: usize = 5;

/// Reads the file and prints its figures.
pub(super) fn run(path: &Path, quiet: bool) -> anyhow::Result<()> {
    let at = || path.to_owned();
    let text =
        fs::read_to_string(path).map_err(|source| JudgeFailure::Read { path: at(), source })?;
    let listed =
        read_annotations(&text).map_err(|source| JudgeFailure::Format { path: at(), source })?;
    say_odd(path, &listed.odd, quiet)?;
    let rows: Vec<Annotation> = listed.rows.into_iter().map(|(_, row)| row).collect();
    let figures =
        annotated_figures(&rows).map_err(|source| JudgeFailure::Figures { path: at(), source })?;
    print(&mut plain::stdout(), &figures, listed.odd.len())?;
    Ok(say_length(&figures, quiet)?)
}

/// Prints a name and a figure a line. A figure that is undefined is `nan`.
pub(super) fn print(
    out: &mut impl Write,
    figures: &AnnotatedFigures,
    odd_rows: usize,
) -> io::Result<()> {
    let ends = |interval: Option<(f64, f64)>| {
        interval.map_or((None, None), |(lo, hi)| (Some(lo), Some(hi)))
    };
    let (lo, hi) = ends(figures.interval);
    let (length_lo, length_hi) = ends(figures.length_interval);
    let mut figure = |name: &str, value: Option<f64>| match value {
        Some(value) => writeln!(out, "{name} {value}"),
        None => writeln!(out, "{name} nan"),
    };
    figure("win_rate", Some(figures.win_rate))?;
    figure("standard_error", figures.standard_error)?;
    figure("discrete_win_rate", Some(figures.discrete_win_rate))?;
    figure("length_controlled_minimal", figures.length_controlled)?;
    for (name, count) in [
        ("n_wins", figures.wins),
        ("n_wins_base", figures.losses),
        ("n_draws", figures.draws),
        ("n_total", figures.judged()),
        ("missing", figures.missing),
        ("odd_rows", odd_rows),
        // AlpacaEval cuts the mean to a whole number.
        ("avg_length", figures.mean_length as usize),
    ] {
        figure(name, Some(count as f64))?;
    }
    figure("win_rate_lo", lo)?;
    figure("win_rate_hi", hi)?;
    figure("length_controlled_lo", length_lo)?;
    figure("length_controlled_hi", length_hi)
}

/// Says which rows of the file were left out.
pub(super) fn say_odd(path: &Path, odd: &[OddRow], quiet: bool) -> io::Result<()> {
    if odd.is_empty() || quiet {
        return Ok(());
    }
    let mut err = plain::stderr();
    writeln!(err, "{}: {} rows are left out:", path.display(), odd.len())?;
    for OddRow { number, reason } in odd.iter().take(NAMED) {
        writeln!(err, "  row {number} {reason}")?;
    }
    match odd.len().saturating_sub(NAMED) {
        0 => Ok(()),
        more => writeln!(err, "  and {more} more"),
    }
}

/// Says where the length-controlled win rate needs a look.
pub(super) fn say_length(figures: &AnnotatedFigures, quiet: bool) -> io::Result<()> {
    if quiet {
        return Ok(());
    }
    let mut err = plain::stderr();
    match figures.length_fit {
        Some(LengthFit::Penalised) => writeln!(
            err,
            "length alone tells wins from losses: the length-controlled win rate says little"
        ),
        None => writeln!(
            err,
            "lengths differ by nearly the same amount in every pair: there is no length-controlled \
             win rate"
        ),
        Some(_) if figures.has_large_length_effect() => writeln!(
            err,
            "length control moves the win rate by more than {} points: look at the answers",
            seal_eval::LARGE_LENGTH_EFFECT
        ),
        Some(LengthFit::MostLikely | LengthFit::Unanimous | LengthFit::EqualLengths) => Ok(()),
    }
}
