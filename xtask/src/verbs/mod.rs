//! One file per verb.

mod ablate;
pub(crate) mod check;
pub(crate) mod devices;
pub(crate) mod findings;
mod plan;
mod report;
pub(crate) mod select;
mod status;

use std::io::{self, Write};

use seal_study::Study;

use crate::cli::{Cli, Verb};

/// Runs the verb of `cli`.
pub(crate) fn run(cli: &Cli) -> anyhow::Result<()> {
    let verbosity = cli.verbosity;
    match &cli.verb {
        Verb::Ablate(args) => ablate::run(args, verbosity),
        Verb::Plan(args) => plan::run(args, verbosity),
        Verb::Select(options) => select::run(options, verbosity),
        Verb::Status(args) => status::run(args, verbosity),
        Verb::Report(args) => report::run(args, verbosity),
        Verb::Findings(options) => findings::run(options),
        Verb::Devices(options) => devices::run(options),
        Verb::Check(options) => check::run(options),
    }
}

/// Says which arms the data cannot serve.
fn left_out(out: &mut dyn Write, study: &Study) -> io::Result<()> {
    match study.left_out() {
        [] => Ok(()),
        arms => writeln!(
            out,
            "left out, since not every row says whether it is unsafe: {}",
            arms.join(", ")
        ),
    }
}
