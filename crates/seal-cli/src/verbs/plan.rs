//! `seal plan`: what a study would run, without running it.

use std::io::{self, Write as _};
use std::time::Duration;

use seal_study::{Config, PlanView, PlannedStage, Preview, RunOptions, SetSummary, load_config};

use crate::logging::Log;
use crate::memory;
use crate::options::StudyArgs;
use crate::plain;
use crate::stores::Access;
use crate::table::{self, Align};
use crate::tracker::approximately;
use crate::verbosity::Verbosity;
use crate::verbs::{self, judging_plan, preview};

/// Lists the arms, then the stages, each found or to be done, and the time left.
/// Nothing is written.
pub(super) fn run(args: &StudyArgs, verbosity: Verbosity) -> anyhow::Result<()> {
    let log = Log::start(verbosity);
    let args = args.of_other_study()?;
    let source = args.folder.config.source();
    // What must be fetched first, or may not fit here, is told without fetching it.
    if load_config(&source)?.is_remote() {
        let (preview, config) = (Preview::of(&source)?, load_config(&source)?);
        let of_devices = memory::of_devices(&config.device);
        preview::write(&mut plain::stdout(), &preview, of_devices)?;
        if !preview.is_here {
            return Ok(());
        }
        writeln!(plain::stdout())?;
        let (study, options) = args.resolve(Access::Reads, verbosity)?;
        let plan = study.plan(&options);
        aligned(&mut plain::stdout(), &plan)?;
        return Ok(stages(&mut plain::stdout(), &plan, options.jobs)?);
    }
    let (study, options) = args.resolve(Access::Reads, verbosity)?;
    study.check_folder(&options)?;
    let plan = study.plan(&options);
    let mut out = plain::stdout();

    let arm = |arm: &seal_study::Arm| {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
        let (part, replacement) = (or_none(&arm.ablated_part), or_none(&arm.replacement));
        vec![arm.id.clone(), arm.label.clone(), part, replacement]
    };
    let columns = ["arm", "label", "ablated part", "replacement"].map(|c| (c, Align::Left));
    let arms: Vec<Vec<String>> = study.arms().iter().map(arm).collect();
    table::write(&mut out, &table::headings(&columns), &arms)?;
    verbs::left_out(&mut out, &study)?;
    let set = |(name, set): (&String, &SetSummary)| {
        let rows = (set.rows, set.unsafe_rows.unwrap_or(0), set.dropped);
        verbs::data_set(name, rows)
    };
    let sets: Vec<String> = study.data().iter().map(set).collect();
    writeln!(out, "\ndata: {}", sets.join(", "))?;
    log.warnings().write(&mut out, "the log, which --verbose shows")?;
    if let Err(missing) = study.config().device.set()?.found_for(study.config().devices_per_stage) {
        writeln!(out, "device: {missing}")?;
    }
    preview::peaks(&mut out, &study.peaks(), memory_of(study.config(), &options))?;
    writeln!(out)?;

    Ok(stages(&mut out, &plan, options.jobs)?)
}

/// Bytes of memory that each device has: as the config says, or as the devices tell.
fn memory_of(config: &Config, options: &RunOptions) -> Option<u64> {
    config.device_memory.map(|gib| (gib * preview::GIB) as u64).or(options.device_memory)
}

/// How the bases are made that are model folders fine-tuned first.
pub(super) fn aligned(out: &mut dyn io::Write, plan: &PlanView) -> io::Result<()> {
    plan.aligned.iter().try_for_each(|text| writeln!(out, "base: {text}"))
}

/// The stages, each found or to be done, and the time left.
fn stages(out: &mut dyn io::Write, plan: &PlanView, jobs: usize) -> io::Result<()> {
    let stage = |stage: &PlannedStage| {
        let name = format!("{} {}", stage.stage, stage.label);
        match stage.found {
            true => vec![name, "found".to_owned(), String::new()],
            false => vec![name, "to do".to_owned(), seconds(stage.cost)],
        }
    };
    let columns = [("stage", Align::Left), ("state", Align::Left), ("about", Align::Right)];
    let stages: Vec<Vec<String>> = plan.stages.iter().map(stage).collect();
    table::write(out, &table::headings(&columns), &stages)?;
    writeln!(out, "\n{}", total(plan, jobs))?;
    judging_plan::write(out, &plan.judging)
}

/// Counts and the time left: `9 stages: 4 found, 5 to do, about 3 min with 2 jobs`.
pub(super) fn total(plan: &PlanView, jobs: usize) -> String {
    let left: Vec<&PlannedStage> = plan.stages.iter().filter(|stage| !stage.found).collect();
    let (all, found) = (plan.stages.len(), plan.stages.len() - left.len());
    if left.is_empty() {
        return format!("{all} stages: all found, nothing to do");
    }
    let cost: f64 = left.iter().map(|stage| stage.cost).sum();
    let time = seconds(cost / jobs.min(left.len()) as f64);
    let jobs = if jobs == 1 { "1 job".to_owned() } else { format!("{jobs} jobs") };
    format!("{all} stages: {found} found, {} to do, about {time} with {jobs}", left.len())
}

/// A cost as a time: 1 is about a second on one core.
fn seconds(cost: f64) -> String {
    approximately(Duration::from_secs_f64(cost))
}
