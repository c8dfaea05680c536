//! From arms to stages.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc as Shared;

use seal_store::{Key, Resources};
use serde_json::{Value, json};

use self::arm_sets::KeyedSets;
use self::cost::StageCosts;
use self::facts::SetSize;
use crate::arm::{Arm, reference};
use crate::config::{Config, Method};
use crate::exec::{Node, Work};
use crate::judging::{Judges, Judging};
use crate::observer::Silent;
use crate::sets::{Sets, TrainingSet};
use crate::stages::{self, AnswersInput};

pub(crate) use self::arm_sets::ArmSets;
pub(crate) use self::cost::assumed_rate;
pub(crate) use self::pair_node::{AnswerNode, PairNode};

mod arm_sets;
mod assessments;
mod base;
mod base_nll;
#[cfg(test)]
mod base_tests;
mod cost;
mod facts;
mod inputs;
mod pair_node;
#[cfg(test)]
mod pair_tests;
mod pairs;
#[cfg(test)]
mod tests;
mod tokens;

/// Versions of the stages. One is raised when the stage's output for the same
/// inputs changes, so that what older programs stored is made again.
mod version {
    pub(super) const TOKENIZER: u32 = 1;
    pub(super) const TOKENS: u32 = 1;
    pub(super) const BASE: u32 = 6;
    pub(super) const SCORES: u32 = 5;
    pub(super) const SELECTOR: u32 = 5;
    pub(super) const SELECTION: u32 = 2;
    pub(super) const SFT: u32 = 6;
    pub(super) const ANSWERS: u32 = 6;
    pub(super) const BASE_NLL: u32 = 2;
    pub(super) const VERDICTS: u32 = 4;
    pub(super) const PAIR_VERDICTS: u32 = 2;
    // 2: canaries of a reward model are stored uncounted, and a refusal without a verdict on harm.
    // 3: what prompts begin with alike passes through a guard or a reward model once.
    pub(super) const ASSESSMENTS: u32 = 3;
}

/// The stages of one arm with one seed, as numbers of nodes.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) arm: usize,
    pub(crate) seed: u64,
    /// Of the model that is fine-tuned.
    pub(crate) base: usize,
    pub(crate) selector: Option<usize>,
    pub(crate) selection: Option<usize>,
    pub(crate) sft: Option<usize>,
    pub(crate) answers: usize,
    /// Where the config asks for it.
    pub(crate) base_nll: Option<usize>,
    /// Of the judges of single answers that are no models.
    pub(crate) verdicts: Option<usize>,
    /// Of the judges of pairs; empty where the answers are those of the reference.
    pub(crate) pairs: Vec<PairNode>,
    /// Of the judges of single answers that are models.
    pub(crate) assessed: Vec<AnswerNode>,
}

/// All stages of a study, and which cells they belong to. The wave of a stage is the place of the
/// first seed that needs it.
pub(crate) struct Graph<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
    pub(crate) cells: Vec<Cell>,
    /// The tokens of the reference's sets, as numbers of nodes: its counts of rows are those of
    /// the results. An empty set has none.
    pub(crate) tokens: BTreeMap<TrainingSet, usize>,
}

impl Graph<'_> {
    /// The same graph with so many threads for each stage, and for each of its devices where it has
    /// several. No result depends on them.
    pub(crate) fn on_threads(mut self, threads: usize) -> Self {
        for node in &mut self.nodes {
            node.needs.threads = threads.saturating_mul(node.needs.devices.max(1));
        }
        self
    }

    /// The same graph, in which no seed comes before another: the longest path does.
    pub(crate) fn in_one_wave(mut self) -> Self {
        self.nodes.iter_mut().for_each(|node| node.wave = 0);
        self
    }
}

/// What a stage takes: relative time, and the device that it computes on.
struct Effort<'a> {
    cost: f64,
    device: Option<String>,
    /// How many of them.
    devices: usize,
    /// The address of an endpoint that it asks.
    network: Option<&'a str>,
}

impl<'a> Effort<'a> {
    /// Of a stage that computes with a model.
    fn on(c: &Config, cost: f64) -> Self {
        Self { cost, device: Some(c.device.in_keys()), devices: 1, network: None }
    }

    /// Of one that trains a model.
    fn training(c: &Config, cost: f64) -> Self {
        Self { devices: c.devices_per_stage, ..Self::on(c, cost) }
    }

    /// Of one that needs none, and next to no time.
    fn small() -> Self {
        Self { cost: 0.05, device: None, devices: 0, network: None }
    }

    /// Of one that reads the texts of a set and needs no device.
    fn reading(size: &SetSize) -> Self {
        Self { cost: StageCosts::reading(size), device: None, devices: 0, network: None }
    }
}

/// The stages of `arms` over the study's seeds; cells that need the same stage
/// share one node.
pub(crate) fn graph<'a>(
    arms: &'a [Arm],
    sets: &'a ArmSets,
    seeds: &[u64],
    judging: &'a Judging<'a>,
) -> Graph<'a> {
    let mut builder = GraphBuilder { nodes: Vec::new(), known: BTreeMap::new(), wave: 0 };
    let tokens = match arms.get(reference(arms)) {
        Some(arm) => builder.all_tokens(&arm.config, &sets.by_arm[reference(arms)]),
        None => BTreeMap::new(),
    };
    let mut cells = Vec::new();
    for (wave, seed) in seeds.iter().enumerate() {
        builder.wave = wave;
        let first = cells.len();
        for (i, arm) in arms.iter().enumerate() {
            cells.push(builder.cell(i, arm, &sets.by_arm[i], *seed));
        }
        // Once all answers of this seed are there.
        let of_reference = cells.get(first + reference(arms)).map(|cell| cell.answers);
        for cell in &mut cells[first..] {
            let (arm, known) = (&arms[cell.arm], &sets.by_arm[cell.arm]);
            cell.pairs = builder.pairs(cell, arm, known, of_reference, judging);
            cell.assessed = builder.assessments(cell, arm, known, judging);
            let of = reference(arms);
            let by = (&arms[of].config, &*sets.by_arm[of]);
            cell.base_nll = builder.base_nll(cell, arm, known, by);
        }
    }
    Graph { nodes: builder.nodes, cells, tokens }
}

/// Stages by name, as [`graph`] would have them were every set there: arms that
/// differ in settings only share what comes before these.
pub(crate) fn stage_counts(
    arms: &[Arm],
    seeds: usize,
    judges: &Judges,
) -> BTreeMap<&'static str, usize> {
    let Some(arm) = arms.get(reference(arms)) else { return BTreeMap::new() };
    let sets = Shared::new(KeyedSets::from(Sets::placeholders(&arm.config)));
    let sets = ArmSets { by_arm: vec![sets; arms.len()] };
    let seeds: Vec<u64> = (0..seeds as u64).collect();
    let mut counts = BTreeMap::new();
    let judging = Judging::new(judges, Path::new(""), &Silent);
    for node in graph(arms, &sets, &seeds, &judging).nodes {
        *counts.entry(node.stage).or_insert(0) += 1;
    }
    counts
}

struct GraphBuilder<'a> {
    nodes: Vec<Node<'a>>,
    known: BTreeMap<(&'static str, Key), usize>,
    /// Place of the seed whose cells are being added.
    wave: usize,
}

impl<'a> GraphBuilder<'a> {
    /// The node of a stage: one that is there, if it is the same. The stages `of` are those
    /// that it reads.
    fn add(
        &mut self,
        stage: (&'static str, u32),
        label: String,
        inputs: Value,
        of: Vec<usize>,
        effort: Effort<'_>,
        work: Work<'a>,
    ) -> usize {
        let (stage, version) = stage;
        // What a stage reads from others is named by their keys.
        let keys: Vec<&str> = of.iter().map(|d| self.nodes[*d].key.as_str()).collect();
        let inputs = json!({ "of": keys, "own": inputs });
        let key = Key::of(stage, version, &inputs);
        let id = (stage, key.clone());
        if let Some(node) = self.known.get(&id) {
            return *node;
        }
        let Effort { cost, device, devices, network } = effort;
        let network = network.map(str::to_owned);
        let needs = Resources { device, devices, network, ..Resources::default() };
        let wave = self.wave;
        self.nodes.push(Node { stage, label, key, inputs, deps: of, cost, wave, needs, work });
        self.known.insert(id, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    fn cell(&mut self, i: usize, arm: &'a Arm, known: &'a KeyedSets, seed: u64) -> Cell {
        let c = &arm.config;
        let KeyedSets { sets, facts } = known;
        let cell = format!("{} seed {seed}", arm.id);
        let cost = StageCosts::of(c, facts);
        let base = self.base(c, known);
        let method = c.selection.method;
        let selects = matches!(method, Method::Selector);
        // A selector may be trained with another model than the fine-tuned one.
        let (own_base, own) = (base, c);
        let (base, c) = match &arm.proxy {
            Some(proxy) if selects => (self.base(proxy, known), proxy),
            _ => (base, c),
        };
        let scores = (selects || method == Method::FrozenLoss).then(|| {
            let data = self.tokens(c, known, TrainingSet::Data);
            self.add(
                ("scores", version::SCORES),
                sets.name(TrainingSet::Data).to_owned(),
                inputs::scores(c),
                vec![base, data],
                Effort::on(c, cost.scores),
                Box::new(move |job| stages::scores(c, job)),
            )
        });
        let selector = scores.filter(|_| selects).map(|scores| {
            let [data, safe] =
                [TrainingSet::Data, TrainingSet::Safe].map(|set| self.tokens(c, known, set));
            self.add(
                ("selector", version::SELECTOR),
                cell.clone(),
                inputs::selector(c, seed),
                vec![base, scores, data, safe],
                Effort::training(c, cost.selector),
                Box::new(move |job| stages::learn(c, seed, job)),
            )
        });
        let (base, c) = (own_base, own);
        let selection = (method != Method::None).then(|| {
            let data = self.tokens(c, known, TrainingSet::Data);
            self.add(
                ("selection", version::SELECTION),
                cell.clone(),
                inputs::selection(c, facts, seed),
                [Some(data), selector.or(scores)].into_iter().flatten().collect(),
                Effort::small(),
                Box::new(move |job| stages::select(c, sets, seed, job)),
            )
        });
        let sft = selection.map(|selection| {
            let data = self.tokens(c, known, TrainingSet::Data);
            let appended = sets.appended(c.selection.append);
            let appended = appended.map(|set| self.tokens(c, known, set));
            self.add(
                ("sft", version::SFT),
                cell.clone(),
                inputs::sft(c, seed),
                [base, selection, data].into_iter().chain(appended).collect(),
                Effort::training(c, cost.sft),
                Box::new(move |job| stages::sft(c, seed, job)),
            )
        });
        let tests = self.tests(c, known);
        let answers = self.add(
            ("answers", version::ANSWERS),
            cell.clone(),
            inputs::answers(c, facts, seed),
            [base].into_iter().chain(tests).chain(sft).collect(),
            Effort::on(c, cost.answers),
            Box::new(move |job| stages::answers(&AnswersInput { config: c, sets, seed }, job)),
        );
        let verdicts = inputs::verdicts(c, facts).map(|inputs| {
            self.add(
                ("verdicts", version::VERDICTS),
                cell,
                inputs,
                vec![answers],
                Effort::small(),
                Box::new(move |job| stages::verdicts(c, sets, job)),
            )
        });
        let (base_nll, pairs, assessed) = (None, Vec::new(), Vec::new());
        Cell {
            arm: i,
            seed,
            base,
            selector,
            selection,
            sft,
            answers,
            base_nll,
            verdicts,
            pairs,
            assessed,
        }
    }
}
