//! Which checks there are.

use seal_bilevel::Algorithm;
use seal_lm::LmConfig;

use crate::check::Check;
use crate::fault::PathFault;
use crate::found::Found;
use crate::paths::{self, SelectorCase, TuningCase};
use crate::shapes::{families, llama};
use crate::side::Side;
use crate::tolerance::Tolerance;

type OfShape = fn(&Side, &LmConfig) -> Result<Found, PathFault>;

/// Every check, in the order in which they are worth reading: each family first, then training, then
/// the rest.
pub fn checks() -> Vec<Check> {
    let mut all = Vec::new();
    for (family, shape) in families() {
        let each: [(&str, Tolerance, OfShape); 4] = [
            ("losses", Tolerance::PASS, paths::losses),
            ("gradients", Tolerance::GRADIENT, paths::gradients),
            ("adapters", Tolerance::GRADIENT, paths::adapted_gradients),
            ("greedy", Tolerance::EXACT, paths::greedy),
        ];
        for (name, tolerance, path) in each {
            let shape = shape.clone();
            let path = move |side: &Side| path(side, &shape);
            all.push(Check::new(format!("{family}/{name}"), tolerance, path));
        }
    }
    all.extend(training());
    all.extend(selectors());
    let rest: [(&str, Tolerance, OfShape); 14] = [
        ("optimizer/clipping", Tolerance::STEPS, paths::clipping),
        ("optimizer/resumed", Tolerance::STEPS, paths::resumed),
        ("scoring/rows", Tolerance::PASS, paths::row_losses),
        ("generation/sampled", Tolerance::EXACT, paths::sampled),
        ("judging/next-token", Tolerance::PASS, paths::next_tokens),
        ("judging/scores", Tolerance::PASS, paths::scores),
        ("files/model", Tolerance::PASS, paths::folders),
        ("files/adapter", Tolerance::PASS, paths::adapters),
        ("files/merged", Tolerance::PASS, paths::merged),
        ("refusals/ids", Tolerance::PASS, paths::ids),
        ("refusals/targets", Tolerance::PASS, paths::targets),
        ("long/rows", Tolerance::GRADIENT, paths::long_rows),
        ("long/vocabulary", Tolerance::GRADIENT, paths::wide_vocabulary),
        ("half/losses", Tolerance::HALF, paths::half_losses),
    ];
    all.extend(rest.map(|(name, tolerance, path)| {
        Check::new(name, tolerance, move |side: &Side| path(side, &llama()))
    }));
    all.push(Check::new("half/adapters", Tolerance::HALF, |side| {
        paths::half_gradients(side, &llama())
    }));
    all
}

fn training() -> Vec<Check> {
    let plain = TuningCase::default();
    let adapters = TuningCase { adapters: true, ..plain };
    let cases = [
        ("tuning/whole", plain),
        ("tuning/whole-micro-batches", TuningCase { micro_batch: Some(2), ..plain }),
        ("tuning/whole-recompute", TuningCase { recompute: true, ..plain }),
        ("tuning/adapters", adapters),
        ("tuning/adapters-micro-batches", TuningCase { micro_batch: Some(2), ..adapters }),
        ("tuning/adapters-recompute", TuningCase { recompute: true, ..adapters }),
    ];
    let check = |(name, case): (&str, TuningCase)| {
        Check::new(name, Tolerance::STEPS, move |side| paths::tuned(side, &llama(), case))
    };
    cases.map(check).into()
}

fn selectors() -> Vec<Check> {
    let two = SelectorCase::of(Algorithm::Two);
    let one = SelectorCase::of(Algorithm::One);
    let adapters = SelectorCase { adapters: true, ..two };
    let cases = [
        ("selector/algorithm-1", one),
        ("selector/algorithm-1-adapters", SelectorCase { adapters: true, ..one }),
        ("selector/algorithm-2", two),
        ("selector/algorithm-2-adapters", adapters),
        ("selector/algorithm-2-gamma-0", SelectorCase { gamma: 0.0, ..adapters }),
        ("selector/algorithm-2-micro-batches", SelectorCase { micro_batch: Some(3), ..adapters }),
        ("selector/algorithm-2-recompute", SelectorCase { recompute: true, ..adapters }),
        ("selector/released", SelectorCase::of(Algorithm::Released)),
    ];
    let check = |(name, case): (&str, SelectorCase)| {
        Check::new(name, Tolerance::STEPS, move |side| paths::learned(side, &llama(), case))
    };
    cases.map(check).into()
}
