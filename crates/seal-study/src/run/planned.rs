//! The plan that a launch stores, and single stages of it.
//!
//! A process that is to make one stage reads the plan, then the config beside it, then the data and
//! the models that the config names. It computes every key again. So a stage is made only where its
//! key comes out as planned, and an output depends on its key alone, as everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use seal_files::Digest;
use seal_launch::{LaunchError, StagePlan};
use seal_store::survey;
use serde::{Deserialize, Serialize};

use super::Study;
use super::differences::changed;
use super::planning::can_ask;
use super::remembering::remember;
use crate::config::ConfigSource;
use crate::error::{Defect, PlannedError, StudyError};
use crate::exec::{Node, run_graph};
use crate::graph::Graph;
use crate::judging::Judging;
use crate::observer::{Observer, Silent};
use crate::opening::{LoggingObserver, open_store};
use crate::options::{RunOptions, RunOutcome};
use crate::run_folder::RunFolder;

/// What a plan has to say of its study.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfStudy {
    name: String,
    /// BLAKE3 of the config beside the plan.
    config: String,
    show_rows: bool,
    keep_every_seconds: f64,
    threads: usize,
}

/// A plan for launchers, and which of its stages the store has.
#[derive(Debug)]
pub struct LaunchPlan {
    /// The plan. It is not written yet.
    pub plan: StagePlan,
    /// By stage, whether its output is there and whole.
    pub found: Vec<bool>,
    config: String,
    /// The run folder is this process's while the launch is at work.
    folder: RunFolder,
}

impl LaunchPlan {
    /// Writes the plan, which must have its name, with the config that it was made from.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self) -> Result<(), LaunchError> {
        self.plan.write(&self.config)
    }

    /// Gives plan and found stages, and the run folder back: others make the results in it.
    pub fn released(self) -> (StagePlan, Vec<bool>) {
        (self.plan, self.found)
    }
}

/// What became of stages that were asked for by their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StagesMade {
    /// Stages that this process made.
    pub made: usize,
    /// Stages that were there, or that another process made meanwhile.
    pub found: usize,
}

impl Study {
    /// The plan of a launch of this study. The run folder becomes this study's, and its store is
    /// opened. `words` are the command that makes
    /// stages and what stands in the place of keys to make the results.
    ///
    /// # Errors
    /// Those of [`Study::run`] that are found before the first stage runs.
    pub fn launch_plan(
        &self,
        options: &RunOptions,
        words: (Vec<String>, Vec<String>),
        observer: &dyn Observer,
    ) -> Result<LaunchPlan, StudyError> {
        let observer = &LoggingObserver(observer);
        self.reads_none_of_its_outputs(&options.out)?;
        let folder = RunFolder::claim(&options.out, &self.config, true, observer)?;
        let store = open_store(options, observer)?;
        let judging = Judging::new(&self.judges, &options.store_dir(), observer);
        let graph = self.graph(options, &judging);
        self.refuse_too_large(&graph, &store, options)?;
        can_ask(&self.config, &self.sets, &graph, &judging, &store, options.probe)?;
        remember(options, observer)?;
        let mut read = self.outputs_read(&graph);
        read.extend(self.without_losses(&graph, &store)?);
        let survey = survey(&graph.nodes, &read, &store, options.readers())?;
        let config = self.config.resolved_toml()?;
        let of = OfStudy {
            name: self.config.study.name.clone(),
            config: Digest::of(&config).to_string(),
            show_rows: options.show_rows,
            keep_every_seconds: options.keep_every.as_secs_f64(),
            threads: options.threads,
        };
        let of = serde_json::to_value(&of).map_err(Defect::Json)?;
        let version = env!("CARGO_PKG_VERSION");
        let places = (options.out.as_path(), &*options.store_dir());
        let plan = StagePlan::new(version, words, places, of, stages(&graph))?;
        let found = survey.found.iter().map(Option::is_some).collect();
        Ok(LaunchPlan { plan, found, config, folder })
    }

    /// The kinds of stages of this study, each once.
    pub fn kinds(&self, options: &RunOptions) -> BTreeSet<&'static str> {
        let judging = Judging::new(&self.judges, &options.store_dir(), &Silent);
        self.graph(options, &judging).nodes.iter().map(|node| node.stage).collect()
    }

    /// Makes the results after a launch whose stages are done. The run folder was this process's all
    /// the time.
    ///
    /// # Errors
    /// As [`Study::run`].
    pub fn results_of_launch(
        &self,
        launched: &LaunchPlan,
        options: &RunOptions,
        observer: &dyn Observer,
    ) -> Result<RunOutcome, StudyError> {
        self.run_in(&launched.folder, options, Instant::now(), &LoggingObserver(observer))
    }

    /// The study of a plan, and the options of its run. The current folder must be the one that
    /// [`StagePlan::folder`] says.
    ///
    /// # Errors
    /// As [`Study::load`]; a config that is not the one of the plan.
    pub fn of_plan(plan: &StagePlan) -> Result<(Self, RunOptions), StudyError> {
        let of: OfStudy = serde_json::from_value(plan.study.clone()).map_err(|e| {
            let (path, reason) = (plan.launch_folder().plan(), e.to_string());
            StudyError::from(LaunchError::Damaged { path, reason })
        })?;
        let path = plan.launch_folder().config();
        let bytes = seal_files::read(&path).map_err(StudyError::at_file(&path))?;
        if Digest::of(&bytes).to_string() != of.config {
            return Err(PlannedError::Config { path }.into());
        }
        let study = Self::load(&ConfigSource { file: Some(path), ..ConfigSource::default() })?;
        let own_store = plan.out.join("store");
        let options = RunOptions {
            store: (plan.store != own_store).then(|| plan.store.clone()),
            threads: of.threads,
            keep_every: Duration::try_from_secs_f64(of.keep_every_seconds)
                .unwrap_or(RunOptions::KEEP_EVERY),
            show_rows: of.show_rows,
            // Whoever started this process gave it what its stages need.
            given_devices: Some(1),
            ..RunOptions::new(&plan.out)
        };
        Ok((study, options))
    }

    /// Makes the stages of `plan` with these numbers, and nothing else. What another process is
    /// making is waited for. An input that is damaged is made again.
    ///
    /// # Errors
    /// [`PlannedError::Changed`] where a key comes out otherwise; [`PlannedError::Lacking`] where the
    /// store lacks an input; the failure of a stage.
    pub fn make_stages(
        &self,
        plan: &StagePlan,
        asked: &[usize],
        options: &RunOptions,
        observer: &dyn Observer,
    ) -> Result<StagesMade, StudyError> {
        let observer = &LoggingObserver(observer);
        let store = open_store(options, observer)?;
        let judging = Judging::new(&self.judges, &options.store_dir(), observer);
        let mut graph = self.graph(options, &judging);
        let asked = numbers(plan, asked, &graph)?;
        let threads: BTreeMap<&str, usize> =
            plan.stages.iter().map(|stage| (stage.key.as_str(), stage.threads)).collect();
        for node in &mut graph.nodes {
            if let Some(threads) = threads.get(node.key.as_str()) {
                node.needs.threads = *threads;
            }
        }
        let whole = closure(&graph.nodes, &asked);
        let given = asked.iter().map(|i| graph.nodes[*i].needs.devices).max();
        let options = &RunOptions { given_devices: given, ..options.clone() };
        let (nodes, asked) = subgraph(graph.nodes, &whole, &asked);
        let survey = survey(&nodes, &asked, &store, options.readers())?;
        let is_damaged = |i: usize| survey.damaged.iter().any(|(damaged, _)| *damaged == i);
        let mut to_make: Vec<usize> = Vec::new();
        let mut open: Vec<usize> = asked.clone();
        let mut lacking = Vec::new();
        while let Some(i) = open.pop() {
            if survey.found[i].is_some() || to_make.contains(&i) {
                continue;
            }
            if !asked.contains(&i) && !is_damaged(i) {
                lacking.push(i);
                continue;
            }
            to_make.push(i);
            open.extend(&nodes[i].deps);
        }
        lacking.sort_unstable();
        lacking.dedup();
        if !lacking.is_empty() {
            let name = |i: &usize| format!("{} {}", nodes[*i].stage, nodes[*i].label);
            let stages = lacking.iter().map(name).collect();
            return Err(PlannedError::Lacking { stages }.into());
        }
        let mut whole: Vec<usize> = to_make.iter().flat_map(|i| nodes[*i].deps.clone()).collect();
        whole.extend(&to_make);
        whole.extend(&asked);
        whole.sort_unstable();
        whole.dedup();
        let is_input: Vec<bool> = whole.iter().map(|i| !to_make.contains(i)).collect();
        let (mut nodes, asked) = subgraph(nodes, &whole, &asked);
        for (node, is_input) in nodes.iter_mut().zip(is_input) {
            if is_input {
                only_read(node);
            }
        }
        let done =
            run_graph(&nodes, &asked, &store, &self.workers(options, &nodes, &store)?, observer)?;
        let made = done.iter().filter(|done| done.seconds.is_some()).count();
        let found = asked.iter().filter(|i| done[**i].seconds.is_none()).count();
        Ok(StagesMade { made, found })
    }

    /// Makes the results of a plan whose stages are all in the store.
    ///
    /// # Errors
    /// As [`Study::make_stages`] and [`Study::run`].
    pub fn make_results(
        &self,
        plan: &StagePlan,
        options: &RunOptions,
        observer: &dyn Observer,
    ) -> Result<RunOutcome, StudyError> {
        let judging = Judging::new(&self.judges, &options.store_dir(), observer);
        let all: Vec<usize> = (0..plan.stages.len()).collect();
        numbers(plan, &all, &self.graph(options, &judging))?;
        let lacking = self.plan(options).stages.into_iter().filter(|stage| !stage.found);
        let stages: Vec<String> = lacking.map(|s| format!("{} {}", s.stage, s.label)).collect();
        match stages.is_empty() {
            true => self.run(options, observer),
            false => Err(PlannedError::Lacking { stages }.into()),
        }
    }
}

/// The number of the stage of `plan` whose key is `key`, or begins with it.
///
/// # Errors
/// No such stage, or several.
pub fn stage_by_key(plan: &StagePlan, key: &str) -> Result<usize, PlannedError> {
    let begins = |(_, stage): &(usize, &seal_launch::LaunchStage)| stage.key.starts_with(key);
    let mut found = plan.stages.iter().enumerate().filter(begins).map(|(i, _)| i);
    match (found.next(), found.next()) {
        (Some(i), None) if !key.is_empty() => Ok(i),
        (Some(_), _) => Err(PlannedError::Ambiguous { key: key.to_owned() }),
        (None, _) => {
            Err(PlannedError::UnknownKey { key: key.to_owned(), stages: plan.stages.len() })
        }
    }
}

/// The stages of a graph as data.
fn stages(graph: &Graph<'_>) -> Vec<seal_launch::LaunchStage> {
    let mut all: Vec<seal_launch::LaunchStage> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let level = node.deps.iter().map(|d| all[*d].level + 1).max().unwrap_or(0);
        all.push(seal_launch::LaunchStage {
            key: node.key.to_string(),
            stage: node.stage.to_owned(),
            label: node.label.clone(),
            level,
            deps: node.deps.clone(),
            inputs: node.inputs.clone(),
            cost: node.cost,
            threads: node.needs.threads,
            device: node.needs.device.clone(),
            devices: node.needs.devices,
            network: node.needs.network.clone(),
        });
    }
    all
}

/// Stages of the plan as nodes of the graph.
fn numbers(plan: &StagePlan, asked: &[usize], graph: &Graph<'_>) -> Result<Vec<usize>, StudyError> {
    let by_key: BTreeMap<&str, usize> =
        graph.nodes.iter().enumerate().map(|(i, node)| (node.key.as_str(), i)).collect();
    let number = |i: &usize| match by_key.get(plan.stages[*i].key.as_str()) {
        Some(node) => Ok(*node),
        None => Err(changed(plan, *i, graph).into()),
    };
    asked.iter().map(number).collect()
}

/// `asked` and all that they rest on, in order.
fn closure(nodes: &[Node<'_>], asked: &[usize]) -> Vec<usize> {
    let mut is_in = vec![false; nodes.len()];
    asked.iter().for_each(|i| is_in[*i] = true);
    // Inputs come before those that read them.
    for i in (0..nodes.len()).rev() {
        if is_in[i] {
            nodes[i].deps.iter().for_each(|d| is_in[*d] = true);
        }
    }
    (0..nodes.len()).filter(|i| is_in[*i]).collect()
}

/// The nodes `kept`, which are in order, and the new numbers of `asked`, which are among them.
/// Inputs that are not kept are left out.
fn subgraph<'a>(
    nodes: Vec<Node<'a>>,
    kept: &[usize],
    asked: &[usize],
) -> (Vec<Node<'a>>, Vec<usize>) {
    let new: BTreeMap<usize, usize> =
        kept.iter().enumerate().map(|(to, from)| (*from, to)).collect();
    let nodes = nodes.into_iter().enumerate().filter(|(i, _)| new.contains_key(i));
    let nodes = nodes.map(|(_, mut node)| {
        node.deps = node.deps.iter().filter_map(|d| new.get(d).copied()).collect();
        node
    });
    let nodes = nodes.collect();
    (nodes, asked.iter().filter_map(|i| new.get(i).copied()).collect())
}

/// Makes a stage that is in the store one that is only read. It was there a moment ago: if it is
/// gone or damaged now, that is an error that may pass.
fn only_read(node: &mut Node<'_>) {
    let name = format!("{} {}", node.stage, node.label);
    node.deps = Vec::new();
    node.work = Box::new(move |_| Err(PlannedError::Lacking { stages: vec![name.clone()] }.into()));
}
