//! Which shapes a device takes, and about how long a measurement is.

use seal_bench::{BenchWork, Case, Sample};
use seal_lm::{Cost, TrainingStep, WeightFormat};

/// The shape that every device takes.
pub(crate) const SMALL: &str = "llama-1m";
/// Larger ones, the largest first.
pub(crate) const LARGE: [&str; 3] = ["llama3-8b", "llama3-1b", "smollm2"];

/// The share of a device's memory that a step may take: allocators keep more than is in use.
const SHARE: f64 = 0.8;
/// The utilisation that is taken for granted: a small shape on a GPU waits for launches.
const LEAST_UTILISATION: f64 = 0.15;
/// Seconds to start a process and to compile kernels.
const START: f64 = 10.0;
/// Seconds to draw a weight on one core.
const DRAW: f64 = 2e-8;
/// Steps that are not timed.
const WARM_UP: usize = 2;

/// Bytes of a training step of `case`, at most; `threads` are those of a device with kernels.
pub(crate) fn bytes(case: &Case, format: WeightFormat, threads: Option<usize>) -> f64 {
    let cost = Cost::of(&case.model);
    let (parameters, trained) = (cost.parameters(), cost.trained_weights(case.lora.as_ref()));
    let step = TrainingStep {
        whole: case.lora.is_none(),
        rows: case.rows,
        context: case.tokens,
        recompute: false,
        format,
        models: 1,
        accumulates: false,
        is_shared: false,
        offload: false,
        kernel_threads: threads,
    };
    cost.training_bytes(parameters, trained, &step)
}

/// Whether a step of `case` fits `memory` bytes.
pub(crate) fn fits(case: &Case, format: WeightFormat, memory: u64, threads: Option<usize>) -> bool {
    bytes(case, format, threads) <= SHARE * memory as f64
}

/// Operations a second that `sample` reached, or could reach with a larger shape.
pub(crate) fn rate(sample: &Sample) -> Option<f64> {
    let seconds = sample.step_ms.iter().sum::<f64>() / 1e3;
    let reached = sample.step_flops.iter().sum::<f64>() / seconds;
    let least = LEAST_UTILISATION * sample.matmul_flops.unwrap_or(0.0);
    Some(reached.max(least)).filter(|rate| rate.is_finite() && *rate > 0.0)
}

/// About how many seconds a measurement takes at `rate` operations a second.
pub(crate) fn seconds(case: &Case, work: BenchWork, rate: f64) -> f64 {
    let cost = Cost::of(&case.model);
    let rows = vec![case.tokens; case.rows];
    let forward = case.forward_flops(&rows, case.rows * case.tokens / 2);
    let passes = match work {
        BenchWork::Selector | BenchWork::Sft => 1.0 + case.backward_share(),
        // A token at a time reads all weights for little work.
        BenchWork::Generate => 2.0,
        BenchWork::Score => 1.0,
    };
    START + DRAW * cost.parameters() + (WARM_UP + case.steps) as f64 * passes * forward / rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_shape_needs_more_of_everything() {
        let case = |name: &str| Case::named(name).unwrap();
        let large: Vec<f64> =
            LARGE.iter().map(|name| bytes(&case(name), WeightFormat::Bf16, None)).collect();
        assert!(large[0] > large[1], "{large:?}");
        // 8 B weights of two bytes, and what a step keeps.
        assert!(!fits(&case("llama3-8b"), WeightFormat::Bf16, 16 << 30, None));
        assert!(fits(&case("llama3-8b"), WeightFormat::Bf16, 140 << 30, None), "{large:?}");
        let time = |name: &str| seconds(&case(name), BenchWork::Sft, 1e12);
        assert!(time("llama3-8b") > time("llama3-1b") && time("llama3-1b") > time("smollm2"));
    }

    #[test]
    fn a_rate_is_no_less_than_a_share_of_the_product() {
        let sample = |flops: f64, matmul| Sample {
            step_ms: vec![1000.0],
            step_tokens: vec![1.0],
            step_flops: vec![flops],
            start_mib: None,
            peak_mib: None,
            matmul_flops: matmul,
            first_loss: None,
        };
        assert_eq!(rate(&sample(9e9, Some(1e10))), Some(9e9));
        assert_eq!(rate(&sample(1.0, Some(1e10))), Some(1.5e9));
        assert_eq!(rate(&sample(0.0, None)), None);
    }
}
