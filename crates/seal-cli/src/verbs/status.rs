//! `seal status`: what of a study has run and what is missing.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use clap::Args;
use seal_report::{Document as _, Report, Results};
use seal_study::{PlanView, Study};

use crate::logging::Log;
use crate::options::StudyArgs;
use crate::plain;
use crate::program::running;
use crate::stores::Access;
use crate::table::{self, Align};
use crate::usage::UsageError;
use crate::verbosity::Verbosity;
use crate::verbs::plan::SharedMachine;
use crate::verbs::{launch, left_out, plan, watch};

/// Which study, and whether to go on looking.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) study: StudyArgs,
    #[command(flatten)]
    watch: watch::Options,
}

/// Counts stages by kind, names those that are missing, and says whether there
/// are results. Nothing is written.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    Log::start(verbosity);
    let args = &options.study;
    if let Some(path) = args.absent_run() {
        return Err(UsageError::NoRunFolder { path: path.to_owned() }.into());
    }
    let watch = &options.watch;
    let (study, run) = args.of_run_folder()?.resolve(Access::Reads, verbosity)?;
    study.check_folder(&run)?;
    if let Some(every) = watch.every() {
        return watch::run(&study, &run, every);
    }
    let options = run;
    let plan_view = study.plan(&options);
    let mut out = plain::stdout();
    writeln!(out, "study `{}` in {}\n", study.config().study.name, options.out.display())?;
    plan::aligned(&mut out, &plan_view)?;
    stages(&mut out, &plan_view)?;
    left_out(&mut out, &study)?;
    writeln!(out, "\n{}", plan::total(&plan_view, &SharedMachine::of(&study, &options)))?;
    results(&mut out, &options.out, &study)?;
    launch::status(&mut out, &options.out, &plan_view)?;
    let has_results = options.out.join(Results::FILE).exists();
    if has_results && !plan_view.stages.iter().any(|stage| stage.found) {
        let store = options.store_dir();
        writeln!(
            out,
            "the store {} has none of their stages: give the --store of their run",
            store.display()
        )?;
    }
    Ok(())
}

fn stages(out: &mut dyn Write, plan: &PlanView) -> io::Result<()> {
    // Kinds in the order in which the plan first needs them.
    let mut kinds: Vec<&str> = Vec::new();
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut done: BTreeMap<&str, usize> = BTreeMap::new();
    for stage in &plan.stages {
        if !kinds.contains(&stage.stage) {
            kinds.push(stage.stage);
        }
        if stage.found {
            *done.entry(stage.stage).or_default() += 1;
        } else {
            missing.entry(stage.stage).or_default().push(&stage.label);
        }
    }
    let row = |kind: &&str| {
        let missing = missing.get(kind).map_or(&[][..], Vec::as_slice);
        let done = done.get(kind).copied().unwrap_or(0);
        let counts = [done, missing.len()].map(|count| count.to_string());
        let [done, count] = counts;
        vec![(*kind).to_owned(), done, count, some_of(missing)]
    };
    let columns = [
        ("stage", Align::Left),
        ("done", Align::Right),
        ("missing", Align::Right),
        ("which", Align::Left),
    ];
    let rows: Vec<Vec<String>> = kinds.iter().map(row).collect();
    table::write(out, &table::headings(&columns), &rows)
}

/// The first names and how many more there are; `plan` lists all.
fn some_of(names: &[&str]) -> String {
    const SHOWN: usize = 4;
    let mut text = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

/// Whether the run folder has results, and of what.
fn results(out: &mut dyn Write, dir: &Path, study: &Study) -> anyhow::Result<()> {
    if !dir.join(Results::FILE).exists() {
        let program = running().name;
        writeln!(out, "no results yet: `{program} ablate` with the same options makes them")?;
        return Ok(());
    }
    let Report { results, provenance, .. } = Report::read(dir)?;
    let stored: Vec<&str> = results.arms.iter().map(|arm| arm.id.as_str()).collect();
    let absent: Vec<&str> =
        study.arms().iter().map(|arm| arm.id.as_str()).filter(|id| !stored.contains(id)).collect();
    writeln!(
        out,
        "results of {} arms with seeds {:?}{}",
        stored.len(),
        results.seeds,
        if results.quick { " (quick run: not a result)" } else { "" }
    )?;
    if !absent.is_empty() {
        writeln!(out, "not among them: {}", absent.join(", "))?;
    }
    if provenance.is_some_and(|run| !study.config().gives_results_of(&run.settings_toml)) {
        writeln!(
            out,
            "these results are of an earlier run with other settings: `{} ablate` with the same \
             options makes those of the settings above",
            running().name
        )?;
    }
    Ok(())
}
