//! What a judge that is a model here would do, in words.

use std::io::{self, Write as _};
use std::path::Path;

use seal_judge::pointwise::PointItem;
use seal_model::{AddressError, JudgeAhead, ModelError, Reach};

use super::answer_files::AnswerFiles;
use super::point_figures::figure;
use crate::model_args::say_left_out;
use crate::plain;

/// How far a run goes for the model of a table. A dry run asks no hub.
pub(super) fn reach(is_dry: bool) -> Reach {
    if is_dry { Reach::Cache } else { Reach::Hub }
}

/// Whether a dry run lacks the model because it was not to be fetched.
pub(super) fn is_not_fetched(error: &ModelError) -> bool {
    matches!(error, ModelError::Address(AddressError::NotFetched { .. }))
}

/// Says that the model would be fetched.
pub(super) fn say_not_fetched(model: &Path) -> io::Result<()> {
    writeln!(
        plain::stderr(),
        "{}: the cache does not have this model, and a dry run fetches nothing: what depends on it is \
         nan, and verdicts that are there are counted as if they were not",
        model.display()
    )
}

/// Prints a name and a figure a line, and says which answers the judge cannot be shown. Of a `model` that
/// was not to be fetched, only the number of answers is known.
pub(super) fn print_ahead(
    files: &AnswerFiles<'_>,
    (model, items): (&Path, &[PointItem]),
    ahead: Result<JudgeAhead, ModelError>,
) -> anyhow::Result<()> {
    let (ahead, canaries) = match ahead {
        Ok(ahead) => {
            let canaries = ahead.canaries;
            (Some(ahead), canaries)
        }
        Err(error) if is_not_fetched(&error) => {
            (None, items.iter().filter(|item| item.canary.is_some()).count())
        }
        Err(error) => return Err(error.into()),
    };
    let mut out = plain::stdout();
    let ahead = ahead.as_ref();
    let open = ahead.map_or(items.len(), |ahead| ahead.open);
    let known = |of: fn(&JudgeAhead) -> usize| ahead.map(|ahead| of(ahead) as f64);
    for (name, count) in [
        ("answers", Some((open - canaries) as f64)),
        ("canaries", Some(canaries as f64)),
        ("judged_before", known(|ahead| ahead.before)),
        ("left_out", known(|ahead| ahead.left_out.len())),
        ("cut_answers", known(|ahead| ahead.cut)),
        ("odd_rows", Some(files.odd_rows as f64)),
    ] {
        figure(&mut out, name, count)?;
    }
    let Some(ahead) = ahead else {
        for name in ["input_tokens", "output_tokens_at_most", "parameters", "weight_bytes"] {
            figure(&mut out, name, None)?;
        }
        figure(&mut out, "cpu_seconds_about", None)?;
        return Ok(say_not_fetched(model)?);
    };
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
