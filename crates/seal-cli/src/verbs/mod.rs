//! One file per verb.

pub(crate) mod ablate;
pub(crate) mod cancel;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod configs;
pub(crate) mod devices;
pub(crate) mod doctor;
pub(crate) mod findings;
pub(crate) mod generate;
pub(crate) mod gpu_check;
pub(crate) mod inspect;
pub(crate) mod judge;
mod judging_plan;
pub(crate) mod launch;
pub(crate) mod man;
mod plan;
mod preview;
pub(crate) mod report;
pub(crate) mod run_stage;
pub(crate) mod score;
pub(crate) mod select;
pub(crate) mod sft;
pub(crate) mod status;
pub(crate) mod store;
mod watch;

use std::io::{self, Write};
use std::path::Path;

use seal_report::Report;
use seal_study::Study;

use crate::cli::{Cli, Verb, command};
use crate::given::GivenOptions;
use crate::plain;
use crate::program::{SEAL, running};

/// Runs the verb of `cli`, which was typed with the options `given`.
pub(crate) fn run(cli: &Cli, given: &GivenOptions) -> anyhow::Result<()> {
    let verbosity = cli.verbosity;
    match &cli.verb {
        Verb::Ablate(args) => ablate::run(args, verbosity),
        Verb::Plan(args) => plan::run(args, verbosity),
        Verb::RunStage(options) => run_stage::run(options, verbosity),
        Verb::Cancel(options) => cancel::run(options, verbosity),
        Verb::Select(options) => select::run(options, verbosity, given),
        Verb::Score(options) => score::run(options, verbosity),
        Verb::Sft(options) => sft::run(options, verbosity),
        Verb::Generate(options) => generate::run(options, verbosity),
        Verb::Judge(options) => judge::run(options, verbosity),
        Verb::Inspect(options) => inspect::run(options, verbosity),
        Verb::Status(options) => status::run(options, verbosity),
        Verb::Report(options) => report::run(options, verbosity, given),
        Verb::Findings(options) => findings::run(options, running().name),
        Verb::Configs(options) => configs::run(options, verbosity),
        Verb::Config(options) => config::run(options),
        Verb::Store(options) => store::run(options, verbosity),
        Verb::Doctor(options) => doctor::run(options, verbosity),
        Verb::Devices(options) => devices::run(options, verbosity),
        Verb::GpuCheck(options) => gpu_check::run(options, verbosity),
        Verb::Completions(options) => completions::run(options, command(&SEAL)),
        Verb::Man(options) => man::run(options, command(&SEAL), verbosity),
    }
}

/// Says of a run folder without checksums that its results are taken as they are.
fn say_unchecked(dir: &Path) {
    if !Report::has_checksums(dir) {
        // What cannot be shown stops nothing.
        let _ = writeln!(
            plain::stderr(),
            "{}: no checksums.json (an older program, or deleted): damage of results may go \
             unnoticed; `report` or `ablate` writes one",
            dir.display()
        );
    }
}

/// A data set in few words; `rows` are those used, the unsafe ones among them,
/// and those left out.
fn data_set(name: &str, rows: (usize, usize, usize)) -> String {
    let mut notes = Vec::new();
    if rows.1 > 0 {
        notes.push(format!("{} unsafe", rows.1));
    }
    if rows.2 > 0 {
        notes.push(format!("{} left out", rows.2));
    }
    match notes.is_empty() {
        true => format!("{name} {} rows", rows.0),
        false => format!("{name} {} rows ({})", rows.0, notes.join(", ")),
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
