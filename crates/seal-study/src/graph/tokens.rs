//! The stages that turn rows into tokens: a set once, whatever the number of arms and seeds.

use std::collections::BTreeMap;

use seal_model::TokenizerKind;

use super::arm_sets::KeyedSets;
use super::{Effort, GraphBuilder, inputs, version};
use crate::config::Config;
use crate::sets::TrainingSet;
use crate::stages;

impl<'a> GraphBuilder<'a> {
    /// The tokenizer of `c`, where it is trained on the rows of the base.
    pub(super) fn tokenizer(&mut self, c: &'a Config, known: &'a KeyedSets) -> Option<usize> {
        let KeyedSets { sets, facts } = known;
        (c.tokenizer.kind == TokenizerKind::Bpe).then(|| {
            self.add(
                ("tokenizer", version::TOKENIZER),
                sets.name(TrainingSet::Base).to_owned(),
                inputs::tokenizer(c, facts),
                vec![],
                Effort::reading(&facts.base.size),
                Box::new(move |job| stages::tokenizer(c, sets.rows(TrainingSet::Base), job)),
            )
        })
    }

    /// The tokens of a set as `c` encodes it.
    pub(super) fn tokens(
        &mut self,
        c: &'a Config,
        known: &'a KeyedSets,
        set: TrainingSet,
    ) -> usize {
        let KeyedSets { sets, facts } = known;
        let of = self.tokenizer(c, known).into_iter().collect();
        let of_set = facts.of_set(set);
        self.add(
            ("tokens", version::TOKENS),
            sets.name(set).to_owned(),
            inputs::tokens(c, of_set),
            of,
            Effort::reading(&of_set.size),
            Box::new(move |job| stages::tokens(c, sets.rows(set), job)),
        )
    }

    /// The tokens of all sets that have rows.
    pub(super) fn all_tokens(
        &mut self,
        c: &'a Config,
        known: &'a KeyedSets,
    ) -> BTreeMap<TrainingSet, usize> {
        let has_rows = |set: &TrainingSet| !known.sets.rows(*set).is_empty();
        let sets = TrainingSet::ALL.into_iter().filter(has_rows);
        sets.map(|set| (set, self.tokens(c, known, set))).collect()
    }

    /// The tokens of all tests, in the order of their names: of each, what its judges ask for.
    pub(super) fn tests(&mut self, c: &'a Config, known: &'a KeyedSets) -> Vec<usize> {
        let mut nodes = Vec::new();
        for asking in c.askings(known.sets.tests.keys()) {
            let of = self.tokenizer(c, known).into_iter().collect();
            let (rows, of_test) = (&known.sets.tests[asking.test], &known.facts.tests[asking.test]);
            nodes.push(self.add(
                ("tokens", version::TOKENS),
                asking.name.clone(),
                inputs::test_tokens(c, &asking, of_test),
                of,
                Effort::reading(&of_test.size),
                Box::new(move |job| stages::test_tokens(c, &asking, rows, job)),
            ));
        }
        nodes
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{ArmSets, Graph, KeyedSets, Shared, graph};
    use crate::arm::{Arm, arms, find_models};
    use crate::config::{ConfigSource, load};
    use crate::judging::{Judges, Judging};
    use crate::observer::Silent;
    use crate::sets::Sets;

    fn arms_of(set: &[&str]) -> Vec<Arm> {
        let set = set.iter().map(|text| (*text).to_owned()).collect();
        let loaded = load(&ConfigSource { set, ..ConfigSource::default() }).unwrap();
        let mut arms = arms(&loaded).unwrap();
        find_models(&mut arms).unwrap();
        arms
    }

    fn with_graph(arms: &[Arm], check: impl Fn(&Graph<'_>)) {
        let known = Shared::new(KeyedSets::from(Sets::placeholders(&arms[0].config)));
        let sets = ArmSets { by_arm: vec![known; arms.len()] };
        let judges = Judges::default();
        let judging = Judging::new(&judges, Path::new(""), &Silent);
        check(&graph(arms, &sets, &arms[0].config.study.seeds, &judging));
    }

    fn labels<'a>(graph: &'a Graph<'_>, stage: &str) -> Vec<&'a str> {
        let nodes = graph.nodes.iter().filter(|node| node.stage == stage);
        let mut labels: Vec<&str> = nodes.map(|node| node.label.as_str()).collect();
        labels.sort_unstable();
        labels
    }

    #[test]
    fn a_study_encodes_each_set_once() {
        let sets = ["base", "blueorca", "hexphi", "hh", "redorca", "safeinstr", "slimorca"];
        // All arms of the built-in study with its three seeds.
        let all = arms_of(&[]);
        assert!(all.len() > 10 && all[0].config.study.seeds.len() == 3);
        with_graph(&all, |graph| {
            assert_eq!(labels(graph, "tokens"), sets);
            assert_eq!(labels(graph, "tokenizer"), [""; 0]);
        });
        // A proxy with another tokenizer reads what its stages need, and the tests not.
        let proxy = "proxy.model={ hidden_size = 32, num_hidden_layers = 1, \
                     num_attention_heads = 2, num_key_value_heads = 2, intermediate_size = 32, \
                     max_position_embeddings = 32 }";
        let bpe = "proxy.tokenizer={ kind = \"bpe\", vocab_size = 300, template = \"{}:\" }";
        let two = arms_of(&["study.plan=none", proxy, bpe]);
        with_graph(&two, |graph| {
            let mut expected = [&sets[..], &["base", "blueorca", "redorca"]].concat();
            expected.sort_unstable();
            assert_eq!(labels(graph, "tokens"), expected);
            assert_eq!(labels(graph, "tokenizer"), ["base"]);
        });
    }

    /// Tokens are made from rows and a tokenizer: no stage that they wait for has a model.
    #[test]
    fn tokens_and_random_selections_wait_for_no_model() {
        let bpe = "tokenizer={ kind = \"bpe\", vocab_size = 300, template = \"{}:\" }";
        for set in [&["study.plan=none"][..], &["study.plan=none", bpe]] {
            with_graph(&arms_of(set), |graph| {
                let mut seen = 0;
                for node in &graph.nodes {
                    let is_free = node.stage == "tokens"
                        || node.stage == "selection" && node.label.starts_with("random");
                    if is_free {
                        seen += 1;
                        assert_eq!(node.needs.device, None);
                        for dep in &node.deps {
                            let of = graph.nodes[*dep].stage;
                            assert!(["tokenizer", "tokens"].contains(&of), "{of}");
                        }
                    }
                }
                assert!(seen > 7, "{seen}");
            });
        }
    }
}
