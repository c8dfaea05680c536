//! The step that looks at the machine.

use std::time::Duration;

use seal_device::{ACCELERATIONS, Backend, DeviceSpec};
use serde_json::json;

use crate::context::{Context, Known};
use crate::fault::StepFault;
use crate::libraries::needed_by_cuda;
use crate::nvidia;
use crate::report::Table;
use crate::step::{Step, StepFound};

pub(crate) struct Machine {
    pub(crate) device: DeviceSpec,
    pub(crate) version: String,
    pub(crate) cores: usize,
    /// Bytes of the machine's memory, if the system tells.
    pub(crate) memory: Option<u64>,
}

impl Step for Machine {
    fn name(&self) -> &'static str {
        "machine"
    }

    fn title(&self) -> &'static str {
        "the machine and what the device needs"
    }

    fn needs(&self) -> &'static [&'static str] {
        &[]
    }

    fn until(&self) -> f64 {
        1.0
    }

    fn estimate(&self, _: &Known) -> Duration {
        Duration::ZERO
    }

    fn run(&mut self, _: &mut Context<'_>, known: &mut Known) -> Result<StepFound, StepFault> {
        let mut table = Table::new("machine", &["what", "found"]);
        let mut row = |what: &str, found: String| table.rows.push(vec![what.to_owned(), found]);
        row("program", self.version.clone());
        let present = Backend::ALL.iter().filter(|backend| backend.is_compiled_in());
        let present: Vec<&str> = present.map(|backend| backend.name()).collect();
        row("backends", present.join(", "));
        for (name, on) in ACCELERATIONS {
            row(name, if on { "on" } else { "off" }.to_owned());
        }
        row("system", format!("{} {}", std::env::consts::OS, std::env::consts::ARCH));
        row("cores", self.cores.to_string());
        let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30));
        row("memory", self.memory.map_or("not told".to_owned(), gib));
        let gpus = nvidia::shown();
        match &gpus {
            Ok(gpus) => {
                for (i, gpu) in gpus.iter().enumerate() {
                    let (name, driver, compute) = (&gpu.name, &gpu.driver, &gpu.compute);
                    let memory = gib(gpu.memory);
                    row(
                        &format!("GPU {i} of nvidia-smi"),
                        format!("{name}, {memory}, driver {driver}, compute {compute}"),
                    );
                }
            }
            Err(said) => row("GPUs of NVIDIA", said.clone()),
        }
        for name in ["CUDA_VISIBLE_DEVICES", "VK_DRIVER_FILES", "CUDA_PATH", "LD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                row(name, value.to_string_lossy().into_owned());
            }
        }
        let needed = match self.device.backend {
            Backend::Cuda => needed_by_cuda(),
            Backend::Flex | Backend::Tch | Backend::Wgpu => Vec::new(),
        };
        for file in &needed {
            let found = file.found.as_ref().map(|path| path.display().to_string());
            row(file.what, found.unwrap_or_else(|| "not found".to_owned()));
        }
        known.gpus = gpus.unwrap_or_default();
        let missing: Vec<_> = needed.iter().filter(|file| file.found.is_none()).collect();
        known.lacking = missing.iter().map(|file| file.remedy.to_owned()).collect();
        // The search does not know every place: the next step says whether the device works.
        let said = match missing.is_empty() {
            true => format!("{} cores, {} GPUs of NVIDIA", self.cores, known.gpus.len()),
            false => {
                let names: Vec<&str> = missing.iter().map(|file| file.what).collect();
                format!("not found where they usually are: {}", names.join(", "))
            }
        };
        let mut found = StepFound::passed(said);
        found.figure("cores", self.cores as f64, "");
        if let Some(bytes) = self.memory {
            found.figure("memory", bytes as f64, "bytes");
        }
        found.next.clone_from(&known.lacking);
        found.data = json!({
            "backends": present,
            "gpus": known.gpus,
            "lacking": missing.iter().map(|file| file.what).collect::<Vec<_>>(),
        });
        found.tables.push(table);
        Ok(found)
    }
}
