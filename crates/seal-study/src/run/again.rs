//! Judges a finished run by another judge: nothing is trained or generated.

use std::path::{Path, PathBuf};
use std::time::Instant;

use seal_files::Digest;
use seal_report::Report;
use seal_store::{Found, Store};
use serde_json::json;

use super::planning::can_ask;
use super::{AGAIN, Study};
use crate::config::{Config, ConfigSource, OneJudge, load_config};
use crate::error::{AgainError, ConfigError, StudyError};
use crate::exec::{Done, run_graph};
use crate::judging::{Judging, RememberedJudges, section};
use crate::observer::Observer;
use crate::opening::{LoggingObserver, open_store};
use crate::options::{RunOptions, RunOutcome};
use crate::run_folder::{RunFolder, config_of_folder};

/// Stages that judge.
const JUDGING: [&str; 3] = ["verdicts", "pair-verdicts", "assessments"];

/// The settings of the run, in the folder of its results.
const CONFIG: &str = "config.toml";

/// Which run to judge again, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgainRequest {
    /// The run folder.
    pub out: PathBuf,
    /// Table of the judge.
    pub table: PathBuf,
    /// The tests; without any, those whose answers are there.
    pub tests: Vec<String>,
}

impl Study {
    /// The study of a run folder with another judge of these tests, and the name of the folder for
    /// its results.
    ///
    /// # Errors
    /// A folder without a config, a test that is none or has no generated answers, a table that
    /// cannot be used. The results have the figures of every judge of the study. What the run found of
    /// the others is taken from its folder; without that, their models are looked at:
    /// [`AgainError::OtherJudge`] for one that cannot be used.
    pub fn again(request: &AgainRequest) -> Result<(Self, String), StudyError> {
        let found = config_of_folder(&request.out)?;
        let found = found.ok_or_else(|| AgainError::NoRun { out: request.out.clone() })?;
        let source = ConfigSource { file: Some(found.path), ..ConfigSource::default() };
        let tests = tests(&load_config(&source)?, &request.tests)?;
        let table = request.table.display();
        let set = tests.iter().map(|test| format!("judge.{test}.table={table}"));
        let source = ConfigSource { set: set.collect(), ..source };
        let mut known = RememberedJudges::read(&request.out);
        for test in &tests {
            known = known.without(&section(test, None));
        }
        let study =
            Self::load_with(&source, &known).map_err(|error| of_other_judge(error, &tests))?;
        let of_pairs = study.judges.all().map(|(test, name, judge)| (test, name, judge.settings()));
        let answers = study.judges.answers();
        let of_answers = answers.map(|(test, name, judge)| (test, name, judge.settings()));
        let judges: Vec<_> = of_pairs
            .chain(of_answers)
            .filter(|(test, name, _)| name.is_none() && tests.iter().any(|t| t == test))
            .map(|(test, _, settings)| (test.to_owned(), settings))
            .collect();
        let digest = Digest::of(json!(judges).to_string()).short();
        let stem = request.table.file_stem().unwrap_or_default().to_string_lossy();
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
        let stem: String = stem.chars().map(plain).collect();
        Ok((study, format!("{stem}-{}", &digest[..8])))
    }

    /// Judges the run in `options.out` and writes results and report into `again/<name>/` of it.
    ///
    /// # Errors
    /// Answers, or other outputs that figures need, that are not in the store; as [`Study::run`].
    pub fn judge_again(
        &self,
        name: &str,
        options: &RunOptions,
        observer: &dyn Observer,
    ) -> Result<RunOutcome, StudyError> {
        let start = Instant::now();
        let observer = &LoggingObserver(observer);
        let _folder = RunFolder::claim(&options.out, self.config(), false, observer)?;
        let store = open_store(options, observer)?;
        let judging = Judging::new(&self.judges, &options.store_dir(), observer);
        let mut graph = self.graph(options, &judging);
        let read = self.outputs_read(&graph);
        let mut needed = vec![false; graph.nodes.len()];
        read.iter().for_each(|i| needed[*i] = true);
        for i in (0..graph.nodes.len()).filter(|i| JUDGING.contains(&graph.nodes[*i].stage)) {
            graph.nodes[i].deps.iter().for_each(|d| needed[*d] = true);
        }
        refuse_missing(&graph.nodes, &needed, &store)?;
        can_ask(&self.config, &self.sets, &graph, &judging, &store, options.probe)?;
        let seen = self.stored_figures(&graph, &store)?;
        // Of the stages that are not needed nothing is looked at, be they there or not.
        let mut places = vec![None; graph.nodes.len()];
        let mut nodes = Vec::new();
        for (i, mut node) in std::mem::take(&mut graph.nodes).into_iter().enumerate() {
            if needed[i] {
                if !JUDGING.contains(&node.stage) {
                    node.deps.clear();
                }
                node.deps.iter_mut().for_each(|d| *d = places[*d].unwrap_or(0));
                places[i] = Some(nodes.len());
                nodes.push(node);
            }
        }
        // It says what a judging that is stopped had made: the store keeps that.
        let below = Path::new(AGAIN).join(name);
        let out = options.out.join(&below);
        seal_files::make_folder(&options.out, &below).map_err(StudyError::at_file(&out))?;
        let config = out.join(CONFIG);
        let text = self.config().resolved_toml()?;
        seal_files::write(&config, text.as_bytes()).map_err(StudyError::at_file(&config))?;
        let own: Vec<usize> = read.iter().filter_map(|i| places[*i]).collect();
        let ran =
            run_graph(&nodes, &own, &store, &self.workers(options, &nodes, &store)?, observer)?;
        let absent = || Done { dir: PathBuf::new(), files: Vec::new(), seconds: None };
        let done = places.iter().map(|place| place.map_or_else(absent, |i| ran[i].clone()));
        let done: Vec<Done> = done.collect();
        let (report, _) = self.report(&graph, &done, seen, options, start)?;
        let cost = super::record::cost_of(&nodes, &ran, start.elapsed().as_secs_f64());
        let report = Report { cost: Some(cost), ..report };
        let mut files = report.write(&out)?;
        files.push(config);
        let found = ran.iter().filter(|d| d.seconds.is_none()).count();
        let results = report.results;
        Ok(RunOutcome { results, out, files, ran: ran.len() - found, found })
    }
}

/// Says of a judge's model that it is looked at though the judge of none of `tests` is it.
fn of_other_judge(error: StudyError, tests: &[String]) -> StudyError {
    let is_new = |section: &str| tests.iter().any(|test| section == format!("judge.{test}"));
    match error {
        StudyError::Config(ConfigError::JudgeModel { section, source }) if !is_new(&section) => {
            AgainError::OtherJudge { section, source }.into()
        }
        other => other,
    }
}

/// The tests to judge again.
fn tests(config: &Config, named: &[String]) -> Result<Vec<String>, AgainError> {
    let has_answers = |test: &str| {
        let judge = config.judge.get(test).map(|judges| &judges.first);
        judge.is_some_and(|judge| match judge {
            OneJudge::Single(settings) => !settings.kind.is_likelihood(),
            OneJudge::Pairs(_) | OneJudge::Guard(_) | OneJudge::Reward(_) | OneJudge::Rubric(_) => {
                true
            }
            OneJudge::Majority(_) => false,
        })
    };
    let known = || config.judge.keys().cloned().collect();
    if let Some(test) = named.iter().find(|test| !config.judge.contains_key(*test)) {
        return Err(AgainError::NoSuchTest { test: test.clone(), known: known() });
    }
    if let Some(test) = named.iter().find(|test| !has_answers(test)) {
        return Err(AgainError::NoAnswers { tests: vec![test.clone()] });
    }
    let all = || config.judge.keys().filter(|test| has_answers(test)).cloned().collect();
    let tests: Vec<String> = if named.is_empty() { all() } else { named.to_vec() };
    match tests.is_empty() {
        true => Err(AgainError::NoAnswers { tests: known() }),
        false => Ok(tests),
    }
}

/// Refuses to go on where a needed output other than a verdict is not there.
fn refuse_missing(
    nodes: &[crate::exec::Node<'_>],
    needed: &[bool],
    store: &Store,
) -> Result<(), StudyError> {
    let mut missing = Vec::new();
    for (node, _) in nodes.iter().zip(needed).filter(|(_, needed)| **needed) {
        if JUDGING.contains(&node.stage) {
            continue;
        }
        let is_there = match store.find(node.stage, &node.key, &node.inputs)? {
            Found::Entry(entry) => store.verify(&entry)?.is_none(),
            Found::Absent | Found::Damaged(_) => false,
        };
        if !is_there {
            missing.push(format!("{} {}", node.stage, node.label));
        }
    }
    match missing.first() {
        None => Ok(()),
        Some(first) => {
            Err(AgainError::NotStored { first: first.clone(), count: missing.len() }.into())
        }
    }
}
