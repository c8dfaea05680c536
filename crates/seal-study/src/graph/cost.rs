//! How much work the stages are, relative to each other.

use seal_bilevel::SftSettings;
use seal_lm::{Cost, LoraConfig};

use crate::config::{Config, Method};

use super::facts::{SetFacts, SetSize};

/// Operations a second that costs assume of one core, with the small models that a study trains from
/// scratch.
const SMALL: f64 = 20e9;

/// As [`SMALL`], with a model folder, whose products are larger.
const LARGE: f64 = 50e9;

/// As [`SMALL`], of a device that is no CPU: a large GPU at half its peak.
const GPU: f64 = 200e12;

/// Floating-point operations a second of one core, or of a device that is no CPU, which the costs of
/// stages assume. Nothing was measured.
pub(crate) fn assumed_rate(c: &Config) -> f64 {
    let is_host = c.device.set().map_or(true, |set| set.kind().is_host());
    match (is_host, c.model.folder()) {
        (true, None) => SMALL,
        (true, Some(_)) => LARGE,
        (false, _) => GPU,
    }
}

/// Relative costs, for the order of work and the time left: multiply-adds of
/// the passes, with overheads that small models show. 1 is about a second on
/// one core, at the rate of [`assumed_rate`].
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
        let weights = Cost::of(m).linear_weights();
        let entries = c.tokenizer.vocab_size.unwrap_or(m.vocab_size.max(400));
        let vocabulary = entries as f64 * m.hidden_size as f64;
        let rate = assumed_rate(c);
        // A forward pass.
        let pass = |tokens: f64| tokens * (weights + 0.4 * vocabulary) * 2.0 / rate + tokens * 2e-6;
        // Forward and backward: three passes, or two with adapters alone.
        let step = |lora: Option<&LoraConfig>| 1.0 + Cost::backward_share(lora);
        let (data, safe, base) =
            (tokens(&facts.data.size), tokens(&facts.safe.size), tokens(&facts.base.size));
        let share = match c.selection.method {
            Method::Selector | Method::Random | Method::FrozenLoss => c.selection.keep,
            _ => 1.0,
        };
        let tests: f64 = facts.tests.values().map(|test| tokens(&test.size)).sum();
        let per_epoch = (safe.min(data) + data * 2.0 / 3.0) * step(c.bilevel.lora.as_ref());
        let of_base =
            |tuning: &SftSettings| step(tuning.lora.as_ref()) * base * tuning.epochs as f64;
        Self {
            base: c.base.as_ref().map_or(0.1, |tuning| pass(of_base(tuning))),
            scores: pass(data),
            selector: pass(per_epoch * c.bilevel.epochs as f64),
            sft: pass(step(c.sft.lora.as_ref()) * data * share * c.sft.epochs as f64),
            answers: pass(3.0 * tests),
            base_nll: pass(2.0 * tests),
        }
    }
}
