//! What the measurements say.

use serde::Serialize;

use crate::rounds::Measured;
use crate::work::BenchWork;

/// All rounds of one contestant at one piece of work.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The shape.
    pub case: String,
    /// The kind of work.
    pub work: BenchWork,
    /// Who did it: `seal flex`, `torch lean`.
    pub by: String,
    /// Median over rounds of tokens over time.
    pub tokens_per_s: f64,
    /// Median time of a step over all rounds, in ms.
    pub step_ms: f64,
    /// First and third quartile of it.
    pub step_ms_quartiles: (f64, f64),
    /// Median over rounds of the peak, in MiB.
    pub peak_mib: Option<f64>,
    /// The same above what was resident before the model was made.
    pub work_mib: Option<f64>,
    /// Operations a second over those of a large matrix product.
    pub utilisation: Option<f64>,
    /// Tokens a second of the first contestant over this one's: the median of
    /// the rounds' ratios, the least and the greatest.
    pub ratio: Option<(f64, f64, f64)>,
    /// Working memory of the first contestant over this one's.
    pub memory_ratio: Option<f64>,
    /// Loss of the first step.
    pub first_loss: Option<f64>,
}

/// One summary for each contestant at each piece of work, in the order met. The
/// first contestant is the one that others are set against.
pub fn summaries(measured: &[Measured]) -> Vec<Summary> {
    let mut out: Vec<Summary> = Vec::new();
    for m in measured {
        let known = |s: &Summary| (&s.case, s.work, &s.by) == (&m.case, m.work, &m.by);
        if !out.iter().any(known) {
            out.push(summary(measured, m));
        }
    }
    out
}

fn summary(measured: &[Measured], of: &Measured) -> Summary {
    let same = |m: &&Measured| m.case == of.case && m.work == of.work;
    let group: Vec<&Measured> = measured.iter().filter(same).collect();
    let own: Vec<&&Measured> = group.iter().filter(|m| m.by == of.by).collect();
    let first: Vec<&&Measured> = group.iter().filter(|m| m.by == group[0].by).collect();
    let over = |f: &dyn Fn(&Measured) -> Option<f64>| {
        let values: Option<Vec<f64>> = own.iter().map(|m| f(m)).collect();
        values.and_then(median)
    };
    let work_mib = |m: &Measured| Some(m.sample.peak_mib? - m.sample.start_mib?);
    let pairs: Vec<f64> = first.iter().zip(&own).map(|(a, b)| speed(a) / speed(b)).collect();
    let ratio = (of.by != group[0].by).then(|| {
        let least = pairs.iter().copied().fold(f64::INFINITY, f64::min);
        let most = pairs.iter().copied().fold(0.0, f64::max);
        Some((median(pairs.clone())?, least, most))
    });
    let memory_ratio = (of.by != group[0].by).then(|| {
        let first: Option<Vec<f64>> = first.iter().map(|m| work_mib(m)).collect();
        Some(median(first?)? / over(&work_mib)?)
    });
    let steps: Vec<f64> = own.iter().flat_map(|m| m.sample.step_ms.iter().copied()).collect();
    Summary {
        case: of.case.clone(),
        work: of.work,
        by: of.by.clone(),
        tokens_per_s: over(&|m| Some(speed(m))).unwrap_or(f64::NAN),
        step_ms: quantile(&steps, 0.5),
        step_ms_quartiles: (quantile(&steps, 0.25), quantile(&steps, 0.75)),
        peak_mib: over(&|m| m.sample.peak_mib),
        work_mib: over(&work_mib),
        utilisation: over(&|m| {
            let flops: f64 = m.sample.step_flops.iter().sum();
            let seconds = m.sample.step_ms.iter().sum::<f64>() / 1e3;
            Some(flops / seconds / m.sample.matmul_flops?)
        }),
        ratio: ratio.flatten(),
        memory_ratio: memory_ratio.flatten(),
        first_loss: of.sample.first_loss,
    }
}

/// Tokens a second.
fn speed(m: &Measured) -> f64 {
    m.sample.step_tokens.iter().sum::<f64>() / (m.sample.step_ms.iter().sum::<f64>() / 1e3)
}

fn median(values: Vec<f64>) -> Option<f64> {
    (!values.is_empty()).then(|| quantile(&values, 0.5))
}

/// The quantile at `q`, between neighbours where it falls between them.
fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    if sorted.is_empty() {
        return f64::NAN;
    }
    let at = q * (sorted.len() - 1) as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * (at - low as f64)
}
