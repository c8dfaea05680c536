//! The step that trains for 50 steps.

use std::time::Duration;

use serde_json::json;

use crate::context::{Context, Known};
use crate::fault::StepFault;
use crate::step::{Step, StepFound, Verdict};
use crate::work::{DeviceJob, TrialAnswer};

/// The longest time of two runs, kernels compiled in the first.
const LONGEST: Duration = Duration::from_secs(600);

pub(crate) struct Fifty {
    pub(crate) device: String,
}

impl Step for Fifty {
    fn name(&self) -> &'static str {
        "trial"
    }

    fn title(&self) -> &'static str {
        "50 steps of Algorithm 2 against the CPU"
    }

    fn needs(&self) -> &'static [&'static str] {
        &["open"]
    }

    fn until(&self) -> f64 {
        1.0
    }

    fn estimate(&self, _: &Known) -> Duration {
        Duration::from_secs(2)
    }

    fn run(
        &mut self,
        context: &mut Context<'_>,
        known: &mut Known,
    ) -> Result<StepFound, StepFault> {
        let job = DeviceJob::Trial { device: self.device.clone() };
        let answer: TrialAnswer = context.answer(&job, LONGEST)?;
        known.trial_seconds = Some(answer.seconds_again);
        let shown = |x: Option<f64>| x.map_or("no number".to_owned(), |x| format!("{x:.0e}"));
        let bits = if answer.same_bits { "same bits twice" } else { "other bits in a second run" };
        let mut found = StepFound::passed(format!(
            "apart from the CPU by {} in losses, {} in gradients, {} in the selector; {bits}",
            shown(answer.losses),
            shown(answer.grad_norms),
            shown(answer.omega)
        ));
        if !answer.is_within {
            let said = "it computes something else than the CPU".to_owned();
            found.verdict = Verdict::Failed(said);
        }
        found.figure("first run", answer.seconds, "s");
        found.figure("second run", answer.seconds_again, "s");
        found.data = json!(answer);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;

    fn verdict(answer: &'static str) -> (Result<StepFound, StepFault>, Known) {
        let start = move |_: &Path| {
            let mut command = Command::new("sh");
            command.args(["-c", answer]);
            Ok(command)
        };
        let mut note = |_: &str| {};
        let mut context = Context::new(Duration::from_secs(60), &|| false, &start, &mut note);
        let mut known = Known::default();
        let found = Fifty { device: "flex".to_owned() }.run(&mut context, &mut known);
        (found, known)
    }

    #[test]
    fn what_is_no_number_is_something_else_than_the_cpu() {
        let (found, known) = verdict(
            r#"echo '{"seconds": 2, "seconds_again": 1, "same_bits": false, "losses": null,
                      "grad_norms": 1e-7, "omega": 1e-6, "is_within": false}' | tr -d '\n'"#,
        );
        let found = found.unwrap();
        assert!(matches!(found.verdict, Verdict::Failed(_)));
        assert!(found.said.contains("no number in losses"), "{}", found.said);
        assert_eq!(known.trial_seconds, Some(1.0));
    }

    #[test]
    fn a_crash_and_an_error_are_said() {
        let (found, _) = verdict("kill -SEGV $$");
        assert!(found.unwrap_err().to_string().contains("ended by itself: signal"));
        let (found, _) = verdict("echo 'error: the backend stopped: no memory' >&2; exit 1");
        assert_eq!(found.unwrap_err().to_string(), "the backend stopped: no memory");
        let (found, _) = verdict("echo hello");
        assert!(found.unwrap_err().to_string().starts_with("no answer, but `hello`"));
    }
}
