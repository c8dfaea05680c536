//! What a guard or a reward model would do, in words.

use std::io::Write as _;

use seal_model::JudgeAhead;

use super::answer_files::AnswerFiles;
use super::point_figures::figure;
use crate::own::say_left_out;
use crate::plain;

/// Prints a name and a figure a line, and says which answers the judge cannot be shown.
pub(super) fn print_ahead(files: &AnswerFiles<'_>, ahead: &JudgeAhead) -> anyhow::Result<()> {
    let mut out = plain::stdout();
    for (name, count) in [
        ("answers", ahead.open - ahead.canaries),
        ("canaries", ahead.canaries),
        ("judged_before", ahead.before),
        ("left_out", ahead.left_out.len()),
        ("cut_answers", ahead.cut),
        ("odd_rows", files.odd_rows),
    ] {
        figure(&mut out, name, Some(count as f64))?;
    }
    for (name, count) in [
        ("input_tokens", ahead.input),
        ("output_tokens_at_most", ahead.output),
        ("parameters", ahead.parameters),
        ("weight_bytes", ahead.memory),
    ] {
        writeln!(out, "{name} {count}")?;
    }
    writeln!(out, "cpu_seconds_about {:.1}", ahead.seconds)?;
    say_left_out(&ahead.left_out, files.verbosity)?;
    Ok(())
}
