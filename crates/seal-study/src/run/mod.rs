//! A study from its config to its report.

mod again;
mod answer_facts;
mod answers;
mod base;
mod base_nll;
mod bills;
mod cells;
mod checks;
mod differences;
mod facts;
mod judge_facts;
mod left_out;
mod loading;
mod memory;
mod open_questions;
mod outputs;
mod planned;
mod planning;
mod record;
mod remembering;
mod screening;
mod select;
mod stages_seen;

use std::path::{Path, PathBuf};
use std::time::Instant;

use seal_eval::{base_nll, bounded_safety, figures_of, fill_base_nll, fill_coherence, results_of};
use seal_launch::LaunchFolder;
use seal_report::Report;
use seal_store::{Store, may_halt, survey};

use self::answers::StoredFigures;
use self::cells::{CellFolders, is_base};
use self::left_out::{LeftOut, list_left_out};
use self::planning::{can_ask, judging_ahead, longest};
use self::record::cost;
use self::remembering::remember;
use crate::arm::Arm;
use crate::config::{ArmRole, Config};
use crate::error::{Defect, RunFolderError, StudyError};
use crate::exec::{Done, Node, run_graph, to_take};
use crate::graph::{ArmSets, Graph, assumed_rate, graph};
use crate::judging::{JUDGES_FILE, Judges, Judging, RememberedJudges};
use crate::observer::{Event, Observer, Silent};
use crate::opening::{LoggingObserver, open_store};
use crate::options::{PlanView, PlannedStage, RunOptions, RunOutcome, Workers};
use crate::run_folder::{self, RunFolder, STORE_PATH};

pub use self::again::AgainRequest;
pub use self::answers::{StoredAnswers, WrittenAnswers};
pub use self::planned::{LaunchPlan, StagesMade, stage_by_key};
use self::screening::{SCREENING, Screening, move_earlier};
pub use self::select::{SelectRequest, Selected};
pub use self::stages_seen::StagesSeen;

/// Folder of a run folder with the results by other judges.
const AGAIN: &str = "again";

/// Files and folders of a run folder that a run writes.
const WRITTEN: [&str; 20] = [
    AGAIN,
    SCREENING,
    STORE_PATH,
    LaunchFolder::NAME,
    JUDGES_FILE,
    "cells",
    "store",
    "study.json",
    "config.toml",
    "left-out.jsonl",
    "results.json",
    "figures.json",
    "provenance.json",
    "cost.json",
    "checksums.json",
    "results.csv",
    "report.html",
    "report.md",
    "table.tex",
    "log.txt",
];

/// A study, resolved: every arm with its settings and its data.
#[derive(Clone)]
pub struct Study {
    config: Config,
    arms: Vec<Arm>,
    sets: ArmSets,
    left_out: Vec<String>,
    judges: Judges,
}

impl Study {
    /// The config.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The arms that run, in the order of tables.
    pub fn arms(&self) -> &[Arm] {
        &self.arms
    }

    /// Ids of the arms that need unsafe labels which the data lack.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// See [`Config::default_out`].
    pub fn default_out(&self) -> PathBuf {
        self.config.default_out()
    }

    /// The data sets of the reference, by name, as they were read: rows that are
    /// too long for the context are left out later.
    pub fn data(&self) -> &std::collections::BTreeMap<String, seal_data::SetSummary> {
        let reference = self.arms.iter().position(|a| a.role == ArmRole::Reference);
        &self.sets.of_arm(reference.unwrap_or(0)).summaries
    }

    /// What of the reference's files was left out for damage, in words: the study goes on
    /// without it.
    pub fn damage(&self) -> &[String] {
        let reference = self.arms.iter().position(|a| a.role == ArmRole::Reference);
        &self.sets.of_arm(reference.unwrap_or(0)).damage
    }

    pub(crate) fn sets(&self) -> &ArmSets {
        &self.sets
    }

    fn graph<'a>(&'a self, options: &RunOptions, judging: &'a Judging<'a>) -> Graph<'a> {
        let seeds = &self.config.study.seeds;
        let graph = graph(&self.arms, &self.sets, seeds, judging).on_threads(options.threads);
        match options.screen {
            true => graph,
            false => graph.in_one_wave(),
        }
    }

    /// How the stages `nodes` run, and the devices that they take.
    ///
    /// # Errors
    /// A list of devices that the machine does not have, where a stage needs one; a store that cannot
    /// be read.
    fn workers(
        &self,
        options: &RunOptions,
        nodes: &[Node<'_>],
        store: &Store,
    ) -> Result<Workers, StudyError> {
        let RunOptions { jobs, threads, keep_every, keep_base, .. } = *options;
        let device = &self.config.device;
        let devices = match options.given_devices {
            Some(n) => device.first_of_kind(n)?,
            None => to_take(nodes, store, device, self.config.devices_per_stage)?,
        };
        Ok(Workers { jobs, threads, keep_every, keep_base, kind: device.in_keys(), devices })
    }

    /// What would run, and what is there. Nothing is written.
    pub fn plan(&self, options: &RunOptions) -> PlanView {
        let store = Store::open_to_read(&options.store_dir());
        let judging = Judging::new(&self.judges, &options.store_dir(), &Silent);
        let graph = self.graph(options, &judging);
        let readers = options.readers();
        let mut read = self.outputs_read(&graph);
        let found = self.without_losses(&graph, &store).and_then(|damaged| {
            read.extend(damaged);
            Ok(survey(&graph.nodes, &read, &store, readers)?)
        });
        let found = match found {
            Ok(survey) => survey.found,
            Err(error) => {
                tracing::warn!(%error, "the store cannot be read");
                vec![None; graph.nodes.len()]
            }
        };
        let aligned = self.aligned_bases(&graph);
        let judging = judging_ahead(&self.config, &judging, &self.sets, &graph, &found);
        let longest = longest(&graph.nodes, &found);
        let stages = graph.nodes.into_iter().zip(found).map(|(n, found)| PlannedStage {
            found: found.is_some(),
            stage: n.stage,
            label: n.label,
            key: n.key,
            cost: n.cost,
        });
        let rate = assumed_rate(&self.config);
        PlanView { stages: stages.collect(), judging, aligned, longest, rate }
    }

    /// Whether the run folder may be this study's. Nothing is written.
    ///
    /// # Errors
    /// A folder of another study, or one that is no run folder and not empty.
    pub fn check_folder(&self, options: &RunOptions) -> Result<(), StudyError> {
        run_folder::check(&options.out, &self.config).map(|_| ())
    }

    /// Runs what the store lacks and writes results and report.
    ///
    /// # Errors
    /// A run folder of another study, one that is in use, or a store in use; a stage that
    /// failed (what was finished is kept); a file that cannot be written.
    pub fn run(
        &self,
        options: &RunOptions,
        observer: &dyn Observer,
    ) -> Result<RunOutcome, StudyError> {
        let start = Instant::now();
        run_folder::check(&options.out, &self.config)?;
        // Results of a newer program are not written over, and it is said at once.
        Report::check_versions(&options.out)?;
        // A missing backend is said before anything is written.
        for arm in &self.arms {
            arm.config.device.set()?.first().open()?;
        }
        self.reads_none_of_its_outputs(&options.out)?;
        // What is told is in the log, too.
        let observer = &LoggingObserver(observer);
        let folder = RunFolder::claim(&options.out, &self.config, true, observer)?;
        self.run_in(&folder, options, start, observer)
    }

    /// Runs in a folder that this process has claimed.
    fn run_in(
        &self,
        _folder: &RunFolder,
        options: &RunOptions,
        start: Instant,
        observer: &dyn Observer,
    ) -> Result<RunOutcome, StudyError> {
        // Whoever reads the log tells this run from earlier ones by it.
        tracing::info!("a run begins");
        let store = open_store(options, observer)?;
        let judging = Judging::new(&self.judges, &options.store_dir(), observer);
        let graph = self.graph(options, &judging);
        let workers = self.workers(options, &graph.nodes, &store)?;
        self.refuse_too_large(&graph, &store, options)?;
        can_ask(&self.config, &self.sets, &graph, &judging, &store, options.probe)?;
        // A run that is refused changes nothing for the next.
        remember(options, observer)?;
        move_earlier(self, &options.out, observer)?;
        let readers = options.readers();
        let cells = CellFolders::survey(&options.out, &self.arms, &graph, &self.sets, readers)?;
        let mut read = self.outputs_read(&graph);
        read.extend(self.without_losses(&graph, &store)?);
        read.extend(cells.to_copy(&graph));
        let run =
            |observer: &dyn Observer| run_graph(&graph.nodes, &read, &store, &workers, observer);
        let done = match Screening::of(self, options, &graph, &store) {
            Some(screening) => screening.around(observer, run)?,
            None => run(observer)?,
        };
        let seen = self.stored_figures(&graph, &store)?;
        let (report, left_out) = self.report(&graph, &done, seen, options, start)?;
        may_halt("assembled");
        list_left_out(&options.out, &left_out)?;
        cells.write(&graph, &done, &self.sets, observer)?;
        let found = done.iter().filter(|d| d.seconds.is_none()).count();
        let judges = RememberedJudges::of(&self.judges, &self.config.device.in_keys())?;
        if !judges.is_empty() {
            judges.write(&options.out)?;
        }
        may_halt("exported");
        let mut files = report.write(&options.out)?;
        may_halt("reported");
        files.push(options.out.join("config.toml"));
        for path in &files {
            observer.event(&Event::Report { path: path.clone() });
        }
        Ok(RunOutcome {
            results: report.results,
            out: options.out.clone(),
            files,
            ran: done.len() - found,
            found,
        })
    }

    /// The report of finished stages, and the rows that were left out.
    fn report(
        &self,
        graph: &Graph<'_>,
        done: &[Done],
        seen: StoredFigures,
        options: &RunOptions,
        start: Instant,
    ) -> Result<(Report, Vec<LeftOut>), StudyError> {
        let (facts, left_out) =
            facts::facts(&self.config, &self.arms, &self.sets, graph, done, &self.judges)?;
        let mut results = results_of(&facts).map_err(Defect::Figures)?;
        fill_coherence(&mut results, &seen.coherence);
        let nll = base_nll(&self.cell_nlls(graph, done)?, &results.reference);
        fill_base_nll(&mut results, &nll);
        let mut figures = figures_of(&facts).map_err(Defect::Figures)?;
        figures.rows = self.samples(&facts, options);
        (figures.coherence, figures.coherence_absent) = (seen.coherence, seen.absent);
        (figures.fine_tuning, figures.fine_tuning_absent) = (seen.tuning, seen.tuning_absent);
        figures.base_nll = nll;
        figures.bounded_safety =
            self.config.trade_off.as_ref().map(|of| bounded_safety(&results, of));
        let report = Report {
            results,
            figures: Some(figures),
            provenance: Some(self.provenance(graph, options)?),
            cost: Some(cost(graph, done, &self.arms, start.elapsed().as_secs_f64())),
            is_unchecked: false,
        };
        Ok((report, left_out))
    }

    /// Refuses rows, a plan or a model that lie where the study writes, such as the kept
    /// rows of the same run folder.
    fn reads_none_of_its_outputs(&self, out: &Path) -> Result<(), StudyError> {
        let Ok(out) = out.canonicalize() else { return Ok(()) };
        let mut inputs = self.input_files();
        let models = [Some(&self.config.model), self.config.proxy.as_ref().map(|p| &p.model)];
        let folders = models.into_iter().flatten().filter_map(|model| model.folder());
        let found = folders.filter_map(|folder| folder.found.as_ref());
        inputs.extend(found.map(|found| ("the model", found.dir.clone())));
        for (role, path) in inputs {
            let Ok(real) = path.canonicalize() else { continue };
            let Ok(below) = real.strip_prefix(&out) else { continue };
            let first = below.iter().next().and_then(|name| name.to_str()).unwrap_or_default();
            if WRITTEN.contains(&first) || is_base(first) {
                return Err(RunFolderError::Input { role, path }.into());
            }
        }
        Ok(())
    }
}
