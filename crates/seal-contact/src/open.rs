//! The step that opens the device.

use std::time::Duration;

use serde_json::json;

use crate::context::{Context, Known};
use crate::fault::StepFault;
use crate::report::Table;
use crate::step::{Step, StepFound};
use crate::work::{DeviceJob, OpenAnswer};

/// The longest time in which a device opens and compiles its first kernels.
const LONGEST: Duration = Duration::from_secs(180);

pub(crate) struct Open {
    pub(crate) device: String,
}

impl Step for Open {
    fn name(&self) -> &'static str {
        "open"
    }

    fn title(&self) -> &'static str {
        "the device opens and multiplies"
    }

    fn needs(&self) -> &'static [&'static str] {
        &[]
    }

    fn until(&self) -> f64 {
        1.0
    }

    fn estimate(&self, _: &Known) -> Duration {
        Duration::from_secs(1)
    }

    fn run(
        &mut self,
        context: &mut Context<'_>,
        known: &mut Known,
    ) -> Result<StepFound, StepFault> {
        let job = DeviceJob::Open { device: self.device.clone() };
        let answer: OpenAnswer = context.answer(&job, LONGEST)?;
        known.has_bf16 = answer.formats.iter().any(|format| format == "bf16");
        let formats = answer.formats.join(" ");
        let mut found = StepFound::passed(format!("it multiplies, and computes with {formats}"));
        found.figure("until the first product", answer.seconds, "s");
        if !answer.shown.is_empty() {
            let mut table = Table::new("devices that the backend shows", &["device"]);
            table.rows = answer.shown.iter().map(|name| vec![name.clone()]).collect();
            found.tables.push(table);
        }
        found.data = json!(answer);
        Ok(found)
    }
}
