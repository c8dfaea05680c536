//! The stages that score the answers of a cell under the base.

use super::arm_sets::Known;
use super::cost::Cost;
use super::{Builder, Cell, Effort, inputs, version};
use crate::arm::Arm;
use crate::config::Config;
use crate::stages;

impl<'a> Builder<'a> {
    /// The stage of a cell; `None` where the config does not ask for it, or no judge reads answers. One
    /// base scores the answers of every arm, so that their values can be compared: that of the
    /// reference, `by`.
    pub(super) fn base_nll(
        &mut self,
        cell: &Cell,
        arm: &'a Arm,
        known: &'a Known,
        by: (&'a Config, &'a Known),
    ) -> Option<usize> {
        let config = &arm.config;
        let askings = config.askings(known.sets.tests.keys());
        let asked = askings.iter().filter(|asking| asking.of.is_none());
        let tests: std::collections::BTreeMap<_, _> =
            asked.map(|asking| (asking.name.clone(), &known.sets.tests[asking.test][..])).collect();
        if !config.coherence.base_nll || tests.is_empty() {
            return None;
        }
        let base = self.base(by.0, by.1);
        let cost = Cost::of(by.0, &known.facts).base_nll;
        Some(self.add(
            ("base-nll", version::BASE_NLL),
            format!("{} seed {}", arm.id, cell.seed),
            inputs::base_nll(by.0, config, &known.facts),
            vec![base, cell.answers],
            Effort::on(by.0, cost),
            Box::new(move |job| stages::base_nll(by.0, &tests, job)),
        ))
    }
}
