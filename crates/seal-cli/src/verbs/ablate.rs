//! `seal ablate`: the whole study, from data to report.

use std::io::Write as _;

use seal_device::DeviceSpec;
use seal_report::Split;

use crate::logging::{self, Log};
use crate::options::StudyArgs;
use crate::plain;
use crate::progress::Progress;
use crate::verbosity::Verbosity;
use crate::{summary, verbs};

/// Runs what is missing and closes with the figures and where the report is.
pub(super) fn run(args: &StudyArgs, verbosity: Verbosity) -> anyhow::Result<()> {
    if args.folder.dry_run {
        return verbs::plan::run(args, verbosity);
    }
    let log = Log::start(verbosity);
    let (study, options) = args.of_other_study()?.resolve(verbosity)?;
    // Of a folder of another study nothing is read, and nothing is planned for it.
    study.check_folder(&options)?;
    // A missing backend is said now, not by the first stage that needs it.
    study.config().device.parse::<DeviceSpec>()?.open()?;
    let progress = Progress::new(verbosity, log.clone(), &study.plan(&options), &options.out);
    let outcome = study.run(&options, &progress);
    progress.finish();
    let outcome = outcome?;
    if verbosity.quiet {
        return Ok(());
    }
    let mut out = plain::stdout();
    summary::write(&mut out, &outcome.results)?;
    for (test, judging) in outcome.results.judging.iter().filter(|(_, judge)| judge.has_failed()) {
        let model = judging.models.join(", ");
        writeln!(
            out,
            "{test}: its judge {model} fails canaries; its figures are not to be trusted"
        )?;
    }
    for (test, judging) in outcome.results.assessing.iter().filter(|(_, judge)| judge.has_failed())
    {
        let model = judging.models.join(", ");
        writeln!(
            out,
            "{test}: its judge {model} fails canaries; its figures are not to be trusted"
        )?;
    }
    verbs::left_out(&mut out, &study)?;
    let set = |(name, split): (&String, &Split)| {
        let n = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX);
        let rows = (n(split.rows), n(split.unsafe_rows.unwrap_or(0)), n(split.dropped));
        verbs::data_set(name, rows)
    };
    let sets: Vec<String> = outcome.results.data.splits.iter().map(set).collect();
    writeln!(out, "\ndata: {}", sets.join(", "))?;
    let all = outcome.out.join(logging::FILE);
    log.warnings().write(&mut out, &all.display().to_string())?;
    writeln!(out, "{} stages run, {} found\n", outcome.ran, outcome.found)?;
    for file in &outcome.files {
        if file.extension().is_some_and(|kind| kind == "html") {
            writeln!(out, "report         {}", file.display())?;
        }
    }
    if let (Some(seal), Some(seed)) = (outcome.results.seal(), outcome.results.seeds.first()) {
        let cell = outcome.out.join("cells").join(&seal.id).join(format!("seed-{seed}"));
        writeln!(out, "filtered data  {}", cell.join("kept.jsonl").display())?;
    }
    let left_out = outcome.out.join("left-out.jsonl");
    if left_out.exists() {
        writeln!(out, "rows left out  {}", left_out.display())?;
    }
    writeln!(out, "all else       {}", outcome.out.display())?;
    if outcome.results.quick {
        writeln!(out, "\nquick run: not a result")?;
    }
    Ok(())
}
