//! `seal plan`: what a study would run, without running it.

use std::io::{self, Write as _};
use std::time::Duration;

use seal_study::{
    Config, PlanView, PlannedStage, Preview, RunOptions, SetSummary, Study, load_config,
};

use crate::logging::Log;
use crate::memory;
use crate::options::{StudyArgs, cores};
use crate::plain;
use crate::stores::Access;
use crate::table::{self, Align};
use crate::tracker::approximately;
use crate::verbosity::Verbosity;
use crate::verbs::{self, judging_plan, preview};

/// Lists the arms, then the stages, each found or to be done, and the time left.
/// Nothing is written. It fails where a run would be refused for want of memory.
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
            return Ok(preview::refuse_too_large(&preview, of_devices, |_| true)?);
        }
        writeln!(plain::stdout())?;
        let (study, options) = args.resolve(Access::Reads, verbosity)?;
        let plan = study.plan(&options);
        aligned(&mut plain::stdout(), &plan)?;
        stages(&mut plain::stdout(), &study, &plan, &options)?;
        return Ok(study.check_memory(&options)?);
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
    let each = study.config().devices_per_stage;
    if let Err(missing) = study.config().device.set()?.found_for(each) {
        writeln!(out, "{missing}")?;
    }
    preview::peaks(&mut out, &study.peaks(), memory_of(study.config(), &options))?;
    writeln!(out)?;

    stages(&mut out, &study, &plan, &options)?;
    Ok(study.check_memory(&options)?)
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
fn stages(
    out: &mut dyn io::Write,
    study: &Study,
    plan: &PlanView,
    options: &RunOptions,
) -> io::Result<()> {
    let machine = SharedMachine::of(study, options);
    let stage = |stage: &PlannedStage| {
        let name = format!("{} {}", stage.stage, stage.label);
        match stage.found {
            true => vec![name, "found".to_owned(), String::new()],
            false => vec![name, "to do".to_owned(), seconds(stage.cost / machine.threads as f64)],
        }
    };
    let columns = [("stage", Align::Left), ("state", Align::Left), ("about", Align::Right)];
    let stages: Vec<Vec<String>> = plan.stages.iter().map(stage).collect();
    table::write(out, &table::headings(&columns), &stages)?;
    writeln!(out, "\n{}", total(plan, &machine))?;
    judging_plan::write(out, &plan.judging)
}

/// How the stages of a study share what computes them.
pub(super) struct SharedMachine {
    jobs: usize,
    /// Cores that a stage computes on; 1 with devices that are no CPU.
    threads: usize,
    /// Cores of this machine; `None` with devices that are no CPU.
    cores: Option<usize>,
}

impl SharedMachine {
    pub(super) fn of(study: &Study, options: &RunOptions) -> Self {
        let is_host = study.config().device.set().map_or(true, |set| set.kind().is_host());
        Self {
            jobs: options.jobs,
            threads: if is_host { options.threads } else { 1 },
            cores: is_host.then(cores),
        }
    }

    /// Seconds for stages that cost `all` together, of which the longest chain costs `longest`.
    fn seconds(&self, (all, longest): (f64, f64), stages: usize) -> f64 {
        // More jobs than cores share the cores.
        let at_once =
            self.cores.map_or(self.jobs, |cores| self.jobs.min((cores / self.threads).max(1)));
        // A stage waits for the one that it needs, however many run beside.
        (all / at_once.min(stages) as f64).max(longest) / self.threads as f64
    }
}

/// Counts and the time left, and the rate that it assumes:
/// `9 stages: 4 found, 5 to do, about 3 min with 2 jobs, if a core makes 20 GFLOP/s`.
pub(super) fn total(plan: &PlanView, machine: &SharedMachine) -> String {
    let left: Vec<&PlannedStage> = plan.stages.iter().filter(|stage| !stage.found).collect();
    let (all, found) = (plan.stages.len(), plan.stages.len() - left.len());
    if left.is_empty() {
        return format!("{all} stages: all found, nothing to do");
    }
    let cost: f64 = left.iter().map(|stage| stage.cost).sum();
    let time = seconds(machine.seconds((cost, plan.longest), left.len()));
    let jobs = match machine.jobs {
        1 => "1 job".to_owned(),
        jobs => format!("{jobs} jobs"),
    };
    let rate = match machine.cores {
        Some(_) => format!("a core makes {:.0} GFLOP/s", plan.rate / 1e9),
        None => format!("a device makes {:.0} TFLOP/s", plan.rate / 1e12),
    };
    format!(
        "{all} stages: {found} found, {} to do, about {time} with {jobs}, if {rate}",
        left.len()
    )
}

/// A cost as a time: 1 is about a second on one core or device.
fn seconds(cost: f64) -> String {
    approximately(Duration::from_secs_f64(cost))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_share_the_cores_and_no_time_is_shorter_than_the_longest_chain() {
        let machine = |jobs, threads, cores| SharedMachine { jobs, threads, cores };
        let seconds = |of: SharedMachine| of.seconds((120.0, 40.0), 9);
        assert_eq!(seconds(machine(2, 1, Some(2))), 60.0);
        assert_eq!(seconds(machine(8, 1, Some(2))), 60.0, "more jobs than cores");
        assert_eq!(seconds(machine(8, 1, Some(8))), 40.0, "the longest chain");
        assert_eq!(seconds(machine(1, 4, Some(4))), 30.0, "a stage on all cores");
        assert_eq!(seconds(machine(8, 1, None)), 40.0);
        assert_eq!(machine(4, 1, Some(4)).seconds((120.0, 40.0), 2), 60.0, "as many as there are");
    }
}
