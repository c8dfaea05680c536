//! Counts that follow from a plan.

use crate::plan::{BlockPlan, Plan};

/// Sum over all blocks.
pub(super) fn over_blocks(plan: &Plan, of: impl Fn(&BlockPlan) -> f64) -> f64 {
    plan.blocks.counted().map(|(block, n)| n as f64 * of(block)).sum()
}

/// Weights of the linear layers of all blocks.
pub(crate) fn linear_weights(plan: &Plan) -> f64 {
    let of_block = |block: &BlockPlan| {
        block.linears().iter().map(|l| l.shape[0] as f64 * l.shape[1] as f64).sum()
    };
    over_blocks(plan, of_block)
}

/// Numbers that a tape keeps of each token of a block, roughly.
pub(super) fn kept_by_block(block: &BlockPlan) -> f64 {
    block.linears().iter().map(|l| (l.shape[0] + l.shape[1]) as f64).sum()
}

/// Numbers that a tape keeps of each token, roughly.
pub(super) fn kept_per_token(plan: &Plan) -> f64 {
    over_blocks(plan, kept_by_block)
}
