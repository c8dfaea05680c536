//! From arms to stages.

use std::collections::BTreeMap;
use std::sync::Arc as Shared;

use serde_json::{Value, json};

use crate::arm::Arm;
use crate::config::{Append, Config, Method, TokenizerKind};
use crate::exec::{Node, Work};
use crate::sets::Sets;
use crate::stages::{self, AnswersInput};
use crate::{Key, StudyError};

/// Versions of the stages. One is raised when the stage's output for the same
/// inputs changes, so that what older programs stored is made again.
mod version {
    pub(super) const BASE: u32 = 4;
    pub(super) const SCORES: u32 = 3;
    pub(super) const SELECTOR: u32 = 3;
    pub(super) const SELECTION: u32 = 1;
    pub(super) const SFT: u32 = 3;
    pub(super) const ANSWERS: u32 = 3;
    pub(super) const VERDICTS: u32 = 3;
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

/// The data sets of each arm; arms with the same data share them.
pub(crate) struct ArmSets {
    by_arm: Vec<Shared<Sets>>,
}

impl ArmSets {
    /// Draws or reads the data of every arm.
    ///
    /// # Errors
    /// As [`Sets::of`].
    pub(crate) fn of(arms: &[Arm]) -> Result<Self, StudyError> {
        let mut known: BTreeMap<String, Shared<Sets>> = BTreeMap::new();
        let mut by_arm = Vec::with_capacity(arms.len());
        for arm in arms {
            let c = &arm.config;
            let what = json!([c.world, c.data, c.study.limit]).to_string();
            let sets = match known.get(&what) {
                Some(sets) => Shared::clone(sets),
                None => Shared::new(Sets::of(c)?),
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
        &self.by_arm[arm]
    }
}

/// The stages of `arms` over the study's seeds; cells that need the same stage
/// share one node.
pub(crate) fn graph<'a>(arms: &'a [Arm], sets: &'a ArmSets, seeds: &[u64]) -> Graph<'a> {
    let mut builder = Builder { nodes: Vec::new(), known: BTreeMap::new() };
    let mut cells = Vec::new();
    for seed in seeds {
        for (i, arm) in arms.iter().enumerate() {
            cells.push(builder.cell(i, arm, sets.of_arm(i), *seed));
        }
    }
    Graph { nodes: builder.nodes, cells }
}

/// Stages by name, as [`graph`] would have them were every set there: arms that
/// differ in settings only share what comes before these.
pub(crate) fn stage_counts(arms: &[Arm], seeds: usize) -> BTreeMap<&'static str, usize> {
    let sets = Shared::new(Sets::default());
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
    fn add(
        &mut self,
        stage: (&'static str, u32),
        label: String,
        inputs: Value,
        deps: Vec<usize>,
        cost: f64,
        work: Work<'a>,
    ) -> usize {
        let (stage, version) = stage;
        // What a stage reads from others is named by their keys.
        let of: Vec<&str> = deps.iter().map(|d| self.nodes[*d].key.as_str()).collect();
        let inputs = json!({ "of": of, "own": inputs });
        let key = Key::of(stage, version, &inputs);
        let id = (stage, key.clone());
        if let Some(node) = self.known.get(&id) {
            return *node;
        }
        self.nodes.push(Node { stage, label, key, inputs, deps, cost, work });
        self.known.insert(id, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    fn base(&mut self, c: &'a Config, sets: &'a Sets) -> usize {
        self.add(
            ("base", version::BASE),
            match c.model.folder() {
                Some(folder) => folder.name(),
                None => format!("seed {}", c.base_seed()),
            },
            base_inputs(c, sets),
            vec![],
            Cost::of(c, sets).base,
            Box::new(move |job| stages::base(c, sets, job)),
        )
    }

    fn cell(&mut self, i: usize, arm: &'a Arm, sets: &'a Sets, seed: u64) -> Cell {
        let c = &arm.config;
        let cell = format!("{} seed {seed}", arm.id);
        let cost = Cost::of(c, sets);
        let (data, data_hash) = (sets.data_name, seal_data::ids_hash(&sets.data));
        let base = self.base(c, sets);
        let method = c.selection.method;
        let selects = matches!(method, Method::Selector);
        // A selector may be trained with another model than the fine-tuned one.
        let (own_base, own) = (base, c);
        let (base, c) = match &arm.proxy {
            Some(proxy) if selects => (self.base(proxy, sets), proxy),
            _ => (base, c),
        };
        let scores = (selects || method == Method::FrozenLoss).then(|| {
            self.add(
                ("scores", version::SCORES),
                data.to_owned(),
                json!({"rows": data_hash, "device": c.device}),
                vec![base],
                cost.scores,
                Box::new(move |job| stages::scores(c, sets, job)),
            )
        });
        let selector = scores.filter(|_| selects).map(|scores| {
            self.add(
                ("selector", version::SELECTOR),
                cell.clone(),
                json!({"rows": data_hash, "safe": seal_data::ids_hash(&sets.safe),
                       "bilevel": c.bilevel, "seed": seed, "device": c.device}),
                vec![base, scores],
                cost.selector,
                Box::new(move |job| stages::learn(c, sets, seed, job)),
            )
        });
        let (base, c) = (own_base, own);
        let selection = (method != Method::None).then(|| {
            let labels = (method == Method::Labels).then(|| sets.labels_hash());
            let ranked = method.ranks();
            // What a method does not read must not change its key.
            let by_dose = method == Method::Labels && c.selection.unsafe_dose > 0.0;
            let seed_used = (ranked || by_dose).then_some(seed);
            let keep = ranked.then_some(c.selection.keep);
            let deps = [Some(base), selector.or(scores)].into_iter().flatten().collect();
            let mut inputs = json!({"rows": data_hash, "method": method, "keep": keep,
                "labels": labels, "dose": c.selection.unsafe_dose, "seed": seed_used});
            match method {
                Method::Dsir => inputs["target"] = json!(seal_data::ids_hash(&sets.safe)),
                Method::Guard => inputs["guard"] = json!([c.selection.guard, sets.labels_hash()]),
                _ => {}
            }
            self.add(
                ("selection", version::SELECTION),
                cell.clone(),
                inputs,
                deps,
                0.05,
                Box::new(move |job| stages::select(c, sets, seed, job)),
            )
        });
        let sft = selection.map(|selection| {
            let mut inputs = json!({"rows": data_hash, "training": c.sft, "seed": seed,
                "device": c.device});
            if c.selection.append != Append::None {
                let appended = sets.appended(c.selection.append);
                inputs["appended"] = json!(seal_data::ids_hash(appended));
            }
            self.add(
                ("sft", version::SFT),
                cell.clone(),
                inputs,
                vec![base, selection],
                cost.sft,
                Box::new(move |job| stages::sft(c, sets, seed, job)),
            )
        });
        let tuned = sft.is_some();
        let sampled = (c.generate.temperature > 0.0).then_some(seed);
        let answers = self.add(
            ("answers", version::ANSWERS),
            cell.clone(),
            json!({"tests": sets.tests_hash(), "generate": c.generate, "judge": continuations(c),
                   "adapter": c.sft.lora.is_some(), "seed": sampled, "device": c.device}),
            [Some(base), sft].into_iter().flatten().collect(),
            cost.answers,
            Box::new(move |job| {
                stages::answers(&AnswersInput { config: c, sets, seed, tuned }, job)
            }),
        );
        let verdicts = self.add(
            ("verdicts", version::VERDICTS),
            cell,
            json!({"tests": sets.tests_hash(), "judge": c.judge}),
            vec![answers],
            0.05,
            Box::new(move |job| stages::verdicts(c, sets, job)),
        );
        Cell { arm: i, seed, base, selector, selection, sft, answers, verdicts }
    }
}

/// What the base depends on: rows and training, or the files of a folder.
fn base_inputs(c: &Config, sets: &Sets) -> Value {
    let mut inputs = match c.model.folder() {
        // Where the folder lies is no part of what is in it.
        Some(folder) => json!({"pretrained": folder.found.as_ref().map(|found| &found.digest),
            "context": folder.context, "tokenizer": c.tokenizer, "device": c.device,
            "dtype": folder.dtype}),
        None => json!({"rows": seal_data::ids_hash(&sets.base), "model": c.model,
            "training": c.base, "tokenizer": c.tokenizer, "words": fixed_vocabulary(c),
            "seed": c.base_seed(), "device": c.device}),
    };
    if let Some(template) = &c.template_digest {
        inputs["template"] = json!(template);
    }
    inputs
}

/// What identifies a vocabulary that is part of the program.
fn fixed_vocabulary(c: &Config) -> Option<String> {
    use seal_data::Tokenizer;
    (c.tokenizer.kind == TokenizerKind::World).then(|| {
        let words = seal_world::WorldTokenizer::new();
        let all: Vec<String> =
            (0..words.vocab_size() as u32).map(|id| words.decode(&[id])).collect();
        blake3::hash(json!(all).to_string().as_bytes()).to_hex()[..32].to_owned()
    })
}

/// What answers depend on of the judges: not where they draw a tie.
fn continuations(c: &Config) -> Value {
    let of = |j: &seal_judge::JudgeSettings| {
        json!([j.kind.is_likelihood(), j.kind, j.refusals, j.openings])
    };
    json!(c.judge.iter().map(|(test, j)| (test.clone(), of(j))).collect::<BTreeMap<_, _>>())
}

/// Relative costs, for the order of work and the time left: multiply-adds of
/// the passes, with overheads that small models show. 1 is about a second on
/// one core of a small machine.
struct Cost {
    base: f64,
    scores: f64,
    selector: f64,
    sft: f64,
    answers: f64,
}

impl Cost {
    fn of(c: &Config, sets: &Sets) -> Self {
        // A folder that was not looked for has no cost to be told.
        let (Ok(m), Ok(context)) = (c.model.shape(), c.model.context()) else {
            return Self { base: 1.0, scores: 1.0, selector: 1.0, sft: 1.0, answers: 1.0 };
        };
        let tokens = |rows: &[seal_data::Row]| {
            let chars: usize = rows.iter().map(|r| r.prompt.len() + r.response.len()).sum();
            // About four characters a token, one word in the built-in world.
            let longest = rows.len() * context;
            ((chars as f64 / 4.0).min(longest as f64)).max(1.0)
        };
        let d = m.hidden_size as f64;
        let weights = m.num_hidden_layers as f64
            * (2.0 * d * d
                + 2.0 * d * (m.num_key_value_heads * m.head_dim()) as f64
                + 3.0 * d * m.intermediate_size as f64);
        let entries = c.tokenizer.vocab_size.unwrap_or(m.vocab_size.max(400));
        let vocabulary = entries as f64 * d;
        // A forward pass; with the backward pass three times that.
        let pass = |tokens: f64| tokens * (weights + 0.4 * vocabulary) * 2.0 / 20e9 + tokens * 2e-6;
        let (data, safe, base) = (tokens(&sets.data), tokens(&sets.safe), tokens(&sets.base));
        let share = match c.selection.method {
            Method::Selector | Method::Random | Method::FrozenLoss => c.selection.keep,
            _ => 1.0,
        };
        let tests: f64 = sets.tests.values().map(|rows| tokens(rows)).sum();
        let per_epoch = safe.min(data) * 3.0 + data * 2.0;
        Self {
            base: c.base.as_ref().map_or(0.1, |b| pass(3.0 * base * b.epochs as f64)),
            scores: pass(data),
            selector: pass(per_epoch * c.bilevel.epochs as f64),
            sft: pass(3.0 * data * share * c.sft.epochs as f64),
            answers: pass(3.0 * tests),
        }
    }
}
