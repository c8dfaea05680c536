//! How much work the stages are, relative to each other.

use crate::config::{Config, Method};

use super::facts::{SetFacts, SetSize};

/// Relative costs, for the order of work and the time left: multiply-adds of
/// the passes, with overheads that small models show. 1 is about a second on
/// one core of a small machine.
pub(super) struct StageCosts {
    pub(super) base: f64,
    pub(super) scores: f64,
    pub(super) selector: f64,
    pub(super) sft: f64,
    pub(super) answers: f64,
    pub(super) base_nll: f64,
}

impl StageCosts {
    /// Of turning a set into tokens: about a million characters a second.
    pub(super) fn reading(size: &SetSize) -> f64 {
        0.05 + size.chars as f64 * 1e-6
    }

    pub(super) fn of(c: &Config, facts: &SetFacts) -> Self {
        // A folder that was not looked for has no cost to be told.
        let (Ok(m), Ok(context)) = (c.model.shape(), c.model.context()) else {
            return Self {
                base: 1.0,
                scores: 1.0,
                selector: 1.0,
                sft: 1.0,
                answers: 1.0,
                base_nll: 1.0,
            };
        };
        let tokens = |size: &SetSize| {
            // About four characters a token, one word in the built-in world.
            let longest = size.rows * context;
            ((size.chars as f64 / 4.0).min(longest as f64)).max(1.0)
        };
        let weights = seal_lm::Cost::of(m).linear_weights();
        let entries = c.tokenizer.vocab_size.unwrap_or(m.vocab_size.max(400));
        let vocabulary = entries as f64 * m.hidden_size as f64;
        // A forward pass; with the backward pass three times that.
        let pass = |tokens: f64| tokens * (weights + 0.4 * vocabulary) * 2.0 / 20e9 + tokens * 2e-6;
        let (data, safe, base) =
            (tokens(&facts.data.size), tokens(&facts.safe.size), tokens(&facts.base.size));
        let share = match c.selection.method {
            Method::Selector | Method::Random | Method::FrozenLoss => c.selection.keep,
            _ => 1.0,
        };
        let tests: f64 = facts.tests.values().map(|test| tokens(&test.size)).sum();
        let per_epoch = safe.min(data) * 3.0 + data * 2.0;
        Self {
            base: c.base.as_ref().map_or(0.1, |b| pass(3.0 * base * b.epochs as f64)),
            scores: pass(data),
            selector: pass(per_epoch * c.bilevel.epochs as f64),
            sft: pass(3.0 * data * share * c.sft.epochs as f64),
            answers: pass(3.0 * tests),
            base_nll: pass(2.0 * tests),
        }
    }
}
