//! The stage of a base, which all cells of a model share.

use super::arm_sets::KeyedSets;
use super::cost::StageCosts;
use super::{Effort, GraphBuilder, inputs, version};
use crate::config::Config;
use crate::sets::TrainingSet;
use crate::stages;

impl<'a> GraphBuilder<'a> {
    /// The base of `c`: trained from scratch, fine-tuned from a model folder, or the folder as it is.
    pub(super) fn base(&mut self, c: &'a Config, known: &'a KeyedSets) -> usize {
        let (label, of) = match (c.model.folder(), &c.base) {
            (Some(folder), None) => (folder.name(), vec![]),
            (folder, _) => {
                let tokens = self.tokens(c, known, TrainingSet::Base);
                let of = [Some(tokens), self.tokenizer(c, known)];
                let label = match folder {
                    Some(folder) => format!("{} fine-tuned first", folder.name()),
                    None => format!("seed {}", c.base_seed()),
                };
                (label, of.into_iter().flatten().collect())
            }
        };
        self.add(
            ("base", version::BASE),
            label,
            inputs::base(c),
            of,
            Effort::training(c, StageCosts::of(c, &known.facts).base),
            Box::new(move |job| stages::base(c, job)),
        )
    }
}
