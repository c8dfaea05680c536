//! What was measured of speed.

use seal_bench::{BenchWork, Measured, Sample, Summary, summaries};
use serde_json::json;

use crate::fault::StepFault;
use crate::report::Table;
use crate::shapes::SMALL;
use crate::step::{StepFound, Verdict};

/// What was measured so far.
#[derive(Default)]
pub(crate) struct Results {
    pub(crate) measured: Vec<Measured>,
    /// Measurements that failed, each with why.
    pub(crate) failed: Vec<[String; 3]>,
    /// Failures of PyTorch, which are not the device's.
    pub(crate) peer_failed: Vec<[String; 3]>,
    /// What was left out, each with why.
    pub(crate) left_out: Vec<String>,
    /// Measurements of a shape whose others were done, without the time for them.
    pub(crate) late: usize,
    /// Why no further one was started.
    pub(crate) ended: Option<StepFault>,
}

impl Results {
    /// Takes the outcome of a measurement by this program, if `is_own`, or by PyTorch.
    pub(crate) fn note(
        &mut self,
        (case, work, by): (&str, BenchWork, &str),
        sample: Result<Sample, StepFault>,
        is_own: bool,
    ) {
        match sample {
            Ok(sample) => self.measured.push(Measured {
                case: case.to_owned(),
                work,
                by: by.to_owned(),
                round: 0,
                sample,
            }),
            Err(StepFault::Failed { said }) => {
                let list = if is_own { &mut self.failed } else { &mut self.peer_failed };
                list.push([format!("{case} {work}"), by.to_owned(), said]);
            }
            Err(fault @ (StepFault::Time { .. } | StepFault::Stopped)) => {
                self.left_out.push(format!("{case} {work}: {by}: {fault}"));
                self.ended.get_or_insert(fault);
            }
        }
    }

    /// What the step found. `peak` is the device's in bf16, and large shapes were measured `in_half` or not.
    pub(crate) fn found(self, peak: Option<f64>, in_half: bool) -> StepFound {
        let summaries = summaries(&self.measured);
        let mut found = StepFound::passed("");
        let mut table = Table::new(
            "speed",
            &[
                "shape",
                "work",
                "by",
                "tokens/s",
                "step ms",
                "MFU",
                "of a product",
                "peak MiB",
                "against PyTorch",
            ],
        );
        let mut figures = Vec::new();
        for summary in &summaries {
            let measured = self.measured.iter().find(|m| is_of(m, summary));
            let mfu = measured
                .and_then(|m| mfu(&m.sample, peak))
                .filter(|_| in_half && summary.case != SMALL);
            table.rows.push(row(summary, &summaries, mfu));
            if summary.by.starts_with("seal") {
                let (case, work) = (&summary.case, summary.work);
                found.figure(format!("{case} {work}"), summary.tokens_per_s, "tokens/s");
                if let Some(loss) = summary.first_loss {
                    found.figure(format!("{case} {work}, first loss"), loss, "nats");
                }
                figures.push(json!({"case": case, "work": work, "mfu": mfu}));
            }
        }
        found.tables.push(table);
        for (title, rows) in [
            ("measurements that failed", &self.failed),
            ("of PyTorch, which failed", &self.peer_failed),
        ] {
            if !rows.is_empty() {
                let mut table = Table::new(title, &["measurement", "by", "said"]);
                table.rows = rows.iter().map(|row| row.to_vec()).collect();
                found.tables.push(table);
            }
        }
        if !self.left_out.is_empty() {
            let mut table = Table::new("left out", &["what"]);
            table.rows = self.left_out.iter().map(|what| vec![what.clone()]).collect();
            found.tables.push(table);
        }
        let peak_words = peak.map_or("its peak is not known here".to_owned(), |peak| {
            format!("MFU is of {:.0} TFLOP/s in bf16", peak / 1e12)
        });
        found.said = format!("{} measurements; {peak_words}", self.measured.len());
        found.verdict = match (self.failed.len(), self.ended) {
            (0, None) if self.measured.is_empty() => {
                Verdict::Unfinished("no measurement in the time that was left".to_owned())
            }
            (0, None) if self.late > 0 => {
                Verdict::Unfinished(format!("no time for {} measurements", self.late))
            }
            (0, None) => Verdict::Passed,
            (0, Some(fault)) => Verdict::Unfinished(fault.to_string()),
            (count, _) => {
                let [what, _, said] = &self.failed[0];
                Verdict::Failed(format!("{count} measurements failed, the first is {what}: {said}"))
            }
        };
        found.data = json!({
            "peak_flops": peak,
            "summaries": summaries,
            "measurements": self.measured,
            "mfu": figures,
            "failed": self.failed,
            "torch_failed": self.peer_failed,
            "left_out": self.left_out,
        });
        found
    }
}

fn is_of(measured: &Measured, summary: &Summary) -> bool {
    (&measured.case, measured.work, &measured.by) == (&summary.case, summary.work, &summary.by)
}

/// Operations that the model needs over those of the data sheet.
fn mfu(sample: &Sample, peak: Option<f64>) -> Option<f64> {
    let seconds = sample.step_ms.iter().sum::<f64>() / 1e3;
    let share = sample.step_flops.iter().sum::<f64>() / seconds / peak?;
    Some(share).filter(|share| share.is_finite() && *share > 0.0)
}

fn row(summary: &Summary, all: &[Summary], mfu: Option<f64>) -> Vec<String> {
    let share = |x: Option<f64>| {
        x.filter(|x| *x > 0.0).map_or(String::new(), |x| format!("{:.1} %", 100.0 * x))
    };
    // Of this program, beside each form of PyTorch that did the same.
    let same = |s: &&Summary| s.case == summary.case && s.work == summary.work;
    let beside = all.iter().filter(same).filter(|s| s.by != summary.by);
    let beside: Vec<String> = match summary.by.starts_with("seal") {
        true => beside
            .map(|s| format!("{:.2}x of {}", summary.tokens_per_s / s.tokens_per_s, s.by))
            .collect(),
        false => Vec::new(),
    };
    vec![
        summary.case.clone(),
        summary.work.to_string(),
        summary.by.clone(),
        format!("{:.0}", summary.tokens_per_s),
        format!("{:.1}", summary.step_ms),
        share(mfu),
        share(summary.utilisation),
        summary.peak_mib.map_or("not told".to_owned(), |mib| format!("{mib:.0}")),
        beside.join(", "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mfu_needs_a_peak_that_is_known() {
        let sample = Sample {
            step_ms: vec![10.0],
            step_tokens: vec![100.0],
            step_flops: vec![1e9],
            start_mib: None,
            peak_mib: None,
            matmul_flops: None,
            first_loss: None,
        };
        assert_eq!(mfu(&sample, Some(1e12)), Some(0.1));
        assert_eq!(mfu(&sample, None), None);
    }
}
