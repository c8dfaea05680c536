//! A study from its config to its report.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use seal_device::DeviceSpec;
use seal_report::{Cost, Outcome as StageOutcome, Provenance, Report, StageCost};

use crate::arm::{Arm, arms, look};
use crate::config::{ArmRole, Config, ConfigSource, load};
use crate::exec::{Done, run_graph};
use crate::figures::{StudyFacts, figures_of, results_of, row_samples};
use crate::graph::{ArmSets, Graph, graph};
use crate::observer::{Event, Observer};
use crate::options::{Outcome, PlanView, PlannedStage, RunOptions};
use crate::{Store, StudyError, facts, run_folder};

/// Rows shown at each end of a ranking and on both sides of its cut.
const SHOWN_ROWS: usize = 10;

/// A study, resolved: every arm with its settings and its data.
pub struct Study {
    config: Config,
    arms: Vec<Arm>,
    sets: ArmSets,
    left_out: Vec<String>,
}

impl Study {
    /// The files that the study reads, each with a name for it: rows, and the plan.
    pub fn input_files(&self) -> Vec<(&'static str, PathBuf)> {
        let mut files = Vec::new();
        if let Some(data) = &self.config.data {
            let tests = data.test.values().flatten();
            let sets = [&data.base, &data.fine_tuning, &data.safe, &data.safety];
            let sources = sets.into_iter().flatten().chain(tests);
            files.extend(sources.map(|source| ("the rows", data.root.join(&source.path))));
        }
        files.push(("the plan", PathBuf::from(&self.config.study.plan)));
        files
    }

    /// Reads config, plan and data, and checks them. Nothing is written.
    ///
    /// # Errors
    /// [`StudyError::Config`], [`StudyError::Data`] and their kin, each naming
    /// place and remedy.
    pub fn load(source: &ConfigSource) -> Result<Self, StudyError> {
        let mut loaded = load(source)?;
        let mut all = arms(&loaded)?;
        look(&mut all)?;
        loaded.config.look()?;
        let sets = ArmSets::of(&all)?;
        // Without labels, arms that need them cannot be had; the others can.
        let labelled = |i: usize| sets.of_arm(i).is_labelled();
        let out = |(i, a): &(usize, &Arm)| a.needs_labels && !labelled(*i);
        let indices: Vec<usize> = all.iter().enumerate().filter(out).map(|(i, _)| i).collect();
        let left_out: Vec<String> = indices.iter().map(|i| all[*i].id.clone()).collect();
        if !left_out.is_empty() {
            tracing::warn!(arms = ?left_out, "left out: not every row says whether it is unsafe");
        }
        let kept: Vec<Arm> = all.into_iter().filter(|a| !left_out.contains(&a.id)).collect();
        let sets = sets.without(&indices);
        Ok(Self { config: loaded.config, arms: kept, sets, left_out })
    }

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

    pub(crate) fn sets(&self) -> &ArmSets {
        &self.sets
    }

    fn graph(&self) -> Graph<'_> {
        graph(&self.arms, &self.sets, &self.config.study.seeds)
    }

    /// What would run, and what is there. Nothing is written.
    pub fn plan(&self, options: &RunOptions) -> PlanView {
        let store = Store::look(&options.store_dir());
        let nodes = self.graph().nodes;
        let stages = nodes.into_iter().map(|n| PlannedStage {
            found: store.get(n.stage, &n.key).is_some(),
            stage: n.stage,
            label: n.label,
            key: n.key,
            cost: n.cost,
        });
        PlanView { stages: stages.collect() }
    }

    /// Runs what the store lacks and writes results and report.
    ///
    /// # Errors
    /// A run folder of another study, a store in use, a stage that failed (what
    /// was finished is kept), a file that cannot be written.
    pub fn run(
        &self,
        options: &RunOptions,
        observer: &dyn Observer,
    ) -> Result<Outcome, StudyError> {
        let start = Instant::now();
        // A missing backend is said before anything is written.
        for arm in &self.arms {
            arm.config.device.parse::<DeviceSpec>()?.open()?;
        }
        run_folder::claim(&options.out, &self.config)?;
        let store = Store::open(&options.store_dir())?;
        let graph = self.graph();
        let done = run_graph(&graph.nodes, &store, options.workers(), observer)?;
        let (facts, left_out) = facts::facts(&self.config, &self.arms, &self.sets, &graph, &done)?;
        let bad = |e: crate::figures::FiguresError| StudyError::Defect(format!("figures: {e}"));
        let results = results_of(&facts).map_err(bad)?;
        let mut figures = figures_of(&facts).map_err(bad)?;
        figures.rows = self.samples(&facts, options);
        run_folder::list_left_out(&options.out, &left_out)?;
        run_folder::export_cells(&options.out, &self.arms, &graph, &done, &self.sets)?;
        let found = done.iter().filter(|d| d.seconds.is_none()).count();
        let report = Report {
            results,
            figures: Some(figures),
            provenance: Some(self.provenance(options)?),
            cost: Some(cost(&graph, &done, &self.arms, start.elapsed().as_secs_f64())),
        };
        let mut files = report.write(&options.out)?;
        let path = options.out.join("config.toml");
        std::fs::write(&path, self.config.resolved_toml()?).map_err(StudyError::io(&path))?;
        files.push(path);
        for path in &files {
            observer.event(&Event::Report { path: path.clone() });
        }
        Ok(Outcome {
            results: report.results,
            out: options.out.clone(),
            files,
            ran: done.len() - found,
            found,
        })
    }

    /// Rows of SEAL's ranking, with texts for the built-in world only unless
    /// asked for: rows of real data may be harmful.
    fn samples(&self, facts: &StudyFacts, options: &RunOptions) -> Vec<seal_report::RowSample> {
        let Some(i) = self.arms.iter().position(|a| a.role == ArmRole::Seal) else {
            return Vec::new();
        };
        let sets = self.sets.of_arm(i);
        let show = options.show_rows || self.config.world.is_some();
        let texts = if show { sets.data.as_slice() } else { &[] };
        let arm = &facts.arms[i];
        let Some(cell) = arm.cells.first() else { return Vec::new() };
        let Some(selection) = &cell.selection else { return Vec::new() };
        row_samples(
            &arm.id,
            cell.seed,
            sets.data_name,
            selection,
            &facts.is_unsafe,
            texts,
            SHOWN_ROWS,
        )
    }

    fn provenance(&self, options: &RunOptions) -> Result<Provenance, StudyError> {
        let versions = [("seal-study", env!("CARGO_PKG_VERSION")), ("burn", "0.22.1")];
        let environment = [
            ("device", self.config.device.clone()),
            ("jobs", options.jobs.to_string()),
            ("threads of a stage", "1".to_owned()),
            ("operating system", std::env::consts::OS.to_owned()),
            ("architecture", std::env::consts::ARCH.to_owned()),
        ];
        Ok(Provenance {
            versions: versions.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            settings_toml: self.config.resolved_toml()?,
            command: options.command.clone(),
            environment: environment
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect::<BTreeMap<_, _>>(),
            ..Provenance::default()
        })
    }
}

fn cost(graph: &Graph<'_>, done: &[Done], arms: &[Arm], wall_seconds: f64) -> Cost {
    let stages = graph.nodes.iter().zip(done).enumerate().map(|(i, (node, done))| {
        // The first cell that needs it; others may share it.
        let cell = graph.cells.iter().find(|c| {
            [c.answers, c.verdicts].contains(&i)
                || [c.selector, c.selection, c.sft].contains(&Some(i))
        });
        StageCost {
            stage: node.stage.to_owned(),
            arm: cell.map(|c| arms[c.arm].id.clone()),
            seed: cell.map(|c| c.seed),
            key: node.key.to_string(),
            outcome: match done.seconds {
                Some(_) => StageOutcome::Run,
                None => StageOutcome::Found,
            },
            seconds: done.seconds.unwrap_or(0.0),
            tokens: None,
        }
    });
    Cost { wall_seconds, stages: stages.collect(), ..Cost::default() }
}
