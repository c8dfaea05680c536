//! From arms to stages.

use std::collections::BTreeMap;
use std::sync::Arc as Shared;

use seal_model::TokenizerKind;
use seal_store::{Key, Resources};
use serde_json::{Value, json};

use self::cost::Cost;
use self::facts::SetFacts;
use crate::StudyError;
use crate::arm::Arm;
use crate::config::{Config, Method};
use crate::exec::{Node, Work};
use crate::sets::Sets;
use crate::stages::{self, AnswersInput};

mod cost;
mod facts;
mod inputs;
#[cfg(test)]
mod tests;

/// Versions of the stages. One is raised when the stage's output for the same
/// inputs changes, so that what older programs stored is made again.
mod version {
    pub(super) const BASE: u32 = 5;
    pub(super) const SCORES: u32 = 4;
    pub(super) const SELECTOR: u32 = 4;
    pub(super) const SELECTION: u32 = 2;
    pub(super) const SFT: u32 = 4;
    pub(super) const ANSWERS: u32 = 4;
    pub(super) const VERDICTS: u32 = 4;
}

/// The stages of one arm with one seed, as numbers of nodes.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) arm: usize,
    pub(crate) seed: u64,
    pub(crate) base: usize,
    pub(crate) selector: Option<usize>,
    pub(crate) selection: Option<usize>,
    pub(crate) sft: Option<usize>,
    pub(crate) answers: usize,
    pub(crate) verdicts: usize,
}

/// All stages of a study, and which cells they belong to.
pub(crate) struct Graph<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
    pub(crate) cells: Vec<Cell>,
}

impl Graph<'_> {
    /// The same graph with so many threads for each stage. No result depends on them.
    pub(crate) fn on_threads(mut self, threads: usize) -> Self {
        self.nodes.iter_mut().for_each(|node| node.needs.threads = threads);
        self
    }
}

/// What a stage takes: relative time, and the device that it computes on.
struct Effort<'a> {
    cost: f64,
    device: Option<&'a str>,
}

impl<'a> Effort<'a> {
    /// Of a stage that computes with a model.
    fn on(c: &'a Config, cost: f64) -> Self {
        Self { cost, device: Some(&c.device) }
    }

    /// Of one that needs none, and next to no time.
    fn small() -> Self {
        Self { cost: 0.05, device: None }
    }
}

/// The data sets of each arm; arms with the same data share them.
pub(crate) struct ArmSets {
    by_arm: Vec<Shared<Known>>,
}

/// Sets with what keys say of them.
struct Known {
    sets: Sets,
    facts: SetFacts,
}

impl From<Sets> for Known {
    fn from(sets: Sets) -> Self {
        Self { facts: SetFacts::of(&sets), sets }
    }
}

impl ArmSets {
    /// Draws or reads the data of every arm.
    ///
    /// # Errors
    /// As [`Sets::of`].
    pub(crate) fn of(arms: &[Arm]) -> Result<Self, StudyError> {
        let mut known: BTreeMap<String, Shared<Known>> = BTreeMap::new();
        let mut by_arm = Vec::with_capacity(arms.len());
        for arm in arms {
            let c = &arm.config;
            let what = json!([c.world, c.data, c.study.limit]).to_string();
            let sets = match known.get(&what) {
                Some(sets) => Shared::clone(sets),
                None => Shared::new(Known::from(Sets::of(c)?)),
            };
            known.entry(what).or_insert_with(|| Shared::clone(&sets));
            by_arm.push(sets);
        }
        Ok(Self { by_arm })
    }

    /// The sets of the arms that are not at `indices`.
    pub(crate) fn without(self, indices: &[usize]) -> Self {
        let kept = self.by_arm.into_iter().enumerate().filter(|(i, _)| !indices.contains(i));
        Self { by_arm: kept.map(|(_, sets)| sets).collect() }
    }

    pub(crate) fn of_arm(&self, arm: usize) -> &Sets {
        &self.by_arm[arm].sets
    }

    /// Whether two arms have one and the same data.
    pub(crate) fn are_shared(&self, arm: usize, other: usize) -> bool {
        Shared::ptr_eq(&self.by_arm[arm], &self.by_arm[other])
    }
}

/// The stages of `arms` over the study's seeds; cells that need the same stage
/// share one node.
pub(crate) fn graph<'a>(arms: &'a [Arm], sets: &'a ArmSets, seeds: &[u64]) -> Graph<'a> {
    let mut builder = Builder { nodes: Vec::new(), known: BTreeMap::new() };
    let mut cells = Vec::new();
    for seed in seeds {
        for (i, arm) in arms.iter().enumerate() {
            cells.push(builder.cell(i, arm, &sets.by_arm[i], *seed));
        }
    }
    Graph { nodes: builder.nodes, cells }
}

/// Stages by name, as [`graph`] would have them were every set there: arms that
/// differ in settings only share what comes before these.
pub(crate) fn stage_counts(arms: &[Arm], seeds: usize) -> BTreeMap<&'static str, usize> {
    let sets = Shared::new(Known::from(Sets::default()));
    let sets = ArmSets { by_arm: vec![sets; arms.len()] };
    let seeds: Vec<u64> = (0..seeds as u64).collect();
    let mut counts = BTreeMap::new();
    for node in graph(arms, &sets, &seeds).nodes {
        *counts.entry(node.stage).or_insert(0) += 1;
    }
    counts
}

struct Builder<'a> {
    nodes: Vec<Node<'a>>,
    known: BTreeMap<(&'static str, Key), usize>,
}

impl<'a> Builder<'a> {
    /// The node of a stage: one that is there, if it is the same. The stages `of` are what
    /// the output depends on; from `beside` a stage reads what `inputs` identify already.
    #[expect(clippy::too_many_arguments, reason = "all that makes a node, each once")]
    fn add(
        &mut self,
        stage: (&'static str, u32),
        label: String,
        inputs: Value,
        of: Vec<usize>,
        beside: Option<usize>,
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
        let deps = of.into_iter().chain(beside).collect();
        let Effort { cost, device } = effort;
        let needs = Resources { device: device.map(str::to_owned), ..Resources::default() };
        self.nodes.push(Node { stage, label, key, inputs, deps, cost, needs, work });
        self.known.insert(id, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    fn base(&mut self, c: &'a Config, known: &'a Known) -> usize {
        let sets = &known.sets;
        self.add(
            ("base", version::BASE),
            match c.model.folder() {
                Some(folder) => folder.name(),
                None => format!("seed {}", c.base_seed()),
            },
            inputs::base(c, &known.facts),
            vec![],
            None,
            Effort::on(c, Cost::of(c, &known.facts).base),
            Box::new(move |job| stages::base(c, sets, job)),
        )
    }

    fn cell(&mut self, i: usize, arm: &'a Arm, known: &'a Known, seed: u64) -> Cell {
        let c = &arm.config;
        let Known { sets, facts } = known;
        let cell = format!("{} seed {seed}", arm.id);
        let cost = Cost::of(c, facts);
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
            self.add(
                ("scores", version::SCORES),
                sets.data_name.to_owned(),
                inputs::scores(c, facts),
                vec![base],
                None,
                Effort::on(c, cost.scores),
                Box::new(move |job| stages::scores(c, sets, job)),
            )
        });
        let selector = scores.filter(|_| selects).map(|scores| {
            self.add(
                ("selector", version::SELECTOR),
                cell.clone(),
                inputs::selector(c, facts, seed),
                vec![base, scores],
                None,
                Effort::on(c, cost.selector),
                Box::new(move |job| stages::learn(c, sets, seed, job)),
            )
        });
        let (base, c) = (own_base, own);
        let selection = (method != Method::None).then(|| {
            // A tokenizer that is trained lies in the folder of the base.
            let trained = c.tokenizer.kind == TokenizerKind::Bpe;
            self.add(
                ("selection", version::SELECTION),
                cell.clone(),
                inputs::selection(c, facts, seed),
                selector.or(scores).into_iter().collect(),
                trained.then_some(base),
                Effort::small(),
                Box::new(move |job| stages::select(c, sets, seed, job)),
            )
        });
        let sft = selection.map(|selection| {
            self.add(
                ("sft", version::SFT),
                cell.clone(),
                inputs::sft(c, facts, seed),
                vec![base, selection],
                None,
                Effort::on(c, cost.sft),
                Box::new(move |job| stages::sft(c, sets, seed, job)),
            )
        });
        let tuned = sft.is_some();
        let answers = self.add(
            ("answers", version::ANSWERS),
            cell.clone(),
            inputs::answers(c, facts, seed),
            [Some(base), sft].into_iter().flatten().collect(),
            None,
            Effort::on(c, cost.answers),
            Box::new(move |job| {
                stages::answers(&AnswersInput { config: c, sets, seed, tuned }, job)
            }),
        );
        let verdicts = self.add(
            ("verdicts", version::VERDICTS),
            cell,
            inputs::verdicts(c, facts),
            vec![answers],
            None,
            Effort::small(),
            Box::new(move |job| stages::verdicts(c, sets, job)),
        );
        Cell { arm: i, seed, base, selector, selection, sft, answers, verdicts }
    }
}
