//! One selector as a file: of a cell of the study, or trained anew with every
//! step written down.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use seal_model::{selector_figures, write_selector_file};
use seal_select::{SelectorFile, keep_top, rank};
use seal_store::on_pool;
use serde_json::json;

use super::Study;
use crate::arm::Arm;
use crate::config::{ArmRole, Method};
use crate::error::{Defect, StudyError};
use crate::exec::{Node, run_graph};
use crate::graph::graph;
use crate::judging::Judging;
use crate::observer::{Event, Observer};
use crate::opening::{LoggingObserver, open_store};
use crate::options::RunOptions;
use crate::run_folder::RunFolder;
use crate::stages::{SelectorOutput, learn_traced};
use crate::trace::Traced;

/// Which selector, and what to write.
#[derive(Clone, Debug, Default)]
pub struct SelectRequest {
    /// Id of the arm; `None` is the first with the role `seal`.
    pub arm: Option<String>,
    /// Study seed; `None` is the first.
    pub seed: Option<u64>,
    /// File of the selector, Parquet where it ends in `.parquet`; `None` writes
    /// `selectors/<arm>-seed-<n>.jsonl` in the run folder.
    pub file: Option<PathBuf>,
    /// File for one JSON object a step. The selector is then trained anew.
    pub trace: Option<PathBuf>,
    /// Save models and optimisers around every K-th step, beside the trace.
    pub trace_state: Option<usize>,
}

/// A selector that was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Selected {
    /// The file.
    pub file: PathBuf,
    /// Id of the arm.
    pub arm: String,
    /// Study seed.
    pub seed: u64,
    /// Rows that were ranked.
    pub rows: usize,
    /// Rows that are kept.
    pub kept: usize,
    /// Probability that an unsafe row ranks below a safe one; `None` without
    /// labels of both kinds.
    pub auroc: Option<f64>,
    /// Keep fractions with the share of unsafe rows kept; empty without labels.
    pub unsafe_kept: Vec<(f64, f64)>,
}

impl Study {
    /// Trains or finds one selector and writes it as a selector file.
    ///
    /// # Errors
    /// An arm that is not there or trains no selector, and as
    /// [`Study::run`].
    pub fn select(
        &self,
        request: &SelectRequest,
        options: &RunOptions,
        observer: &dyn Observer,
    ) -> Result<Selected, StudyError> {
        let index = self.selector_arm(request.arm.as_deref())?;
        let arm = &self.arms()[index];
        let seed = request.seed.unwrap_or(self.config().study.seeds[0]);
        if request.trace_state == Some(0) {
            return Err(StudyError::TraceState);
        }
        let observer = &LoggingObserver(observer);
        let _folder = RunFolder::claim(&options.out, self.config(), false, observer)?;
        let store = open_store(options, observer)?;
        let judging = Judging::new(&self.judges, &options.store_dir(), observer);
        let all = graph(self.arms(), self.sets(), &[seed], &judging).on_threads(options.threads);
        let no_selector = || StudyError::from(Defect::NoSelector);
        let selector = all.cells[index].selector.ok_or_else(no_selector)?;
        // A selector that is trained anew needs the inputs of the stage, and not its output.
        let wanted = match request.trace {
            None => vec![selector],
            Some(_) => all.nodes[selector].deps.clone(),
        };
        let (nodes, read) = up_to(all.nodes, &wanted);
        let workers = self.workers(options, &nodes, &store)?;
        let done = run_graph(&nodes, &read, &store, &workers, observer)?;
        let dirs: Vec<PathBuf> = read.iter().map(|i| done[*i].dir.clone()).collect();
        let output = match &request.trace {
            None => SelectorOutput::read(&dirs[0])?,
            Some(trace) => {
                let is_cancelled = || observer.is_cancelled();
                let traced = Traced {
                    path: trace,
                    state_every: request.trace_state,
                    is_cancelled: &is_cancelled,
                };
                let node = nodes.len();
                let label = format!("{} seed {seed}", arm.id);
                observer.event(&Event::Started {
                    node,
                    stage: "selector",
                    label,
                    cost: 1.0,
                    device: None,
                });
                let progress = |done| observer.event(&Event::Progress { node, done });
                on_pool(options.threads, || {
                    let config = arm.proxy.as_ref().unwrap_or(&arm.config);
                    learn_traced(config, seed, &dirs, &traced, &progress)
                })??
            }
        };
        let file = match &request.file {
            Some(file) => file.clone(),
            None => {
                let below = "selectors".as_ref();
                let dir = seal_files::make_folder(&options.out, below);
                let dir = dir.map_err(StudyError::at_file(&options.out.join(below)))?;
                let file = dir.join(format!("{}-seed-{seed}.jsonl", arm.id));
                seal_files::refuse_link(&file).map_err(StudyError::at_file(&file))?;
                file
            }
        };
        self.write_selector(index, seed, &output, file)
    }

    fn selector_arm(&self, id: Option<&str>) -> Result<usize, StudyError> {
        let arms = self.arms();
        let trains = |arm: &Arm| arm.config.selection.method == Method::Selector;
        let found = match id {
            Some(id) => arms.iter().position(|arm| arm.id == id),
            None => arms.iter().position(|arm| arm.role == ArmRole::Seal),
        };
        found.filter(|i| trains(&arms[*i])).ok_or_else(|| StudyError::NoSelector {
            arm: id.map(str::to_owned),
            known: arms.iter().filter(|arm| trains(arm)).map(|arm| arm.id.clone()).collect(),
        })
    }

    fn write_selector(
        &self,
        index: usize,
        seed: u64,
        output: &SelectorOutput,
        file: PathBuf,
    ) -> Result<Selected, StudyError> {
        let arm = &self.arms()[index];
        let (ids, learned) = (&output.ids, &output.learned);
        let ranking = rank(ids, &learned.omega, seed)?;
        let kept = keep_top(&ranking, arm.config.selection.keep)?;
        let settings: BTreeMap<String, serde_json::Value> = [
            ("bilevel".to_owned(), json!(arm.config.bilevel)),
            ("keep".to_owned(), json!(arm.config.selection.keep)),
            ("rate".to_owned(), json!(learned.rate)),
            ("seed".to_owned(), json!(seed)),
            ("versions".to_owned(), json!({"seal-study": env!("CARGO_PKG_VERSION")})),
        ]
        .into();
        let method = arm.config.bilevel.selector.name();
        let selector = SelectorFile::new(
            method,
            settings,
            ids,
            &learned.omega,
            Some(&learned.weights),
            &ranking,
            kept,
        )?;
        if let Some(parent) = file.parent().filter(|p| *p != Path::new("")) {
            std::fs::create_dir_all(parent).map_err(StudyError::io(parent))?;
        }
        write_selector_file(&selector, &file)?;

        let figures = selector_figures(&selector, &self.sets().of_arm(index).data)?;
        Ok(Selected {
            file,
            arm: arm.id.clone(),
            seed,
            rows: ids.len(),
            kept: kept.len(),
            auroc: figures.auroc,
            unsafe_kept: figures.unsafe_kept,
        })
    }
}

/// The stages that `targets` need, in their order, and the places of `targets` among them.
fn up_to<'a>(nodes: Vec<Node<'a>>, targets: &[usize]) -> (Vec<Node<'a>>, Vec<usize>) {
    let mut needed = vec![false; nodes.len()];
    targets.iter().for_each(|target| needed[*target] = true);
    // A stage comes after those it depends on.
    for i in (0..nodes.len()).rev() {
        if needed[i] {
            nodes[i].deps.iter().for_each(|d| needed[*d] = true);
        }
    }
    let mut places = vec![0; nodes.len()];
    let mut kept = Vec::new();
    for (i, mut node) in nodes.into_iter().enumerate().filter(|(i, _)| needed[*i]) {
        places[i] = kept.len();
        node.deps.iter_mut().for_each(|d| *d = places[*d]);
        kept.push(node);
    }
    (kept, targets.iter().map(|target| places[*target]).collect())
}
