//! GPUs of NVIDIA: what their own program tells, and what their data sheets promise.

use std::process::{Command, Stdio};

use serde::Serialize;

/// A GPU of NVIDIA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gpu {
    /// Its name, such as `NVIDIA H200`.
    pub name: String,
    /// Version of the driver.
    pub driver: String,
    /// Bytes of its memory.
    pub memory: u64,
    /// What it can compute, such as `9.0`.
    pub compute: String,
}

/// The GPUs that `nvidia-smi` shows.
///
/// # Errors
/// Why it shows none, in a sentence.
pub(crate) fn shown() -> Result<Vec<Gpu>, String> {
    let mut program = Command::new("nvidia-smi");
    program.args([
        "--query-gpu=name,driver_version,memory.total,compute_cap",
        "--format=csv,noheader,nounits",
    ]);
    let said = program.stdin(Stdio::null()).output();
    let said = said.map_err(|e| format!("nvidia-smi cannot be run: {e}"))?;
    let text = String::from_utf8_lossy(&said.stdout);
    if !said.status.success() {
        let line = text.lines().next().unwrap_or_default();
        return Err(format!("nvidia-smi fails: {} {line}", said.status));
    }
    Ok(text.lines().filter_map(gpu).collect())
}

fn gpu(line: &str) -> Option<Gpu> {
    let mut cells = line.split(',').map(|cell| cell.trim().to_owned());
    let (name, driver) = (cells.next()?, cells.next()?);
    let memory = cells.next()?.parse::<u64>().ok()? << 20;
    Some(Gpu { name, driver, memory, compute: cells.next().unwrap_or_default() })
}

/// Operations a second in dense bf16 by the data sheet of the GPU with this name, if it is known here.
pub(crate) fn bf16_peak(name: &str) -> Option<f64> {
    // A card for a slot, or a pair of them, is slower than the module of the same name.
    let is_slower = ["PCIe", "NVL"].iter().any(|form| name.contains(form));
    let has = |model: &str| name.split([' ', '-']).any(|word| word == model);
    match () {
        () if (has("H100") || has("H200")) && !is_slower => Some(990e12),
        () if has("A100") => Some(312e12),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_gpu() {
        let found = gpu("NVIDIA H200, 570.86.15, 143771, 9.0").unwrap();
        assert_eq!((found.name.as_str(), found.memory >> 30), ("NVIDIA H200", 140));
        assert_eq!((found.driver.as_str(), found.compute.as_str()), ("570.86.15", "9.0"));
        assert_eq!(gpu("No devices were found"), None);
    }

    #[test]
    fn peaks_are_those_of_data_sheets() {
        assert_eq!(bf16_peak("NVIDIA H200"), Some(990e12));
        assert_eq!(bf16_peak("NVIDIA H100 80GB HBM3"), Some(990e12));
        assert_eq!(bf16_peak("NVIDIA H100 PCIe"), None);
        assert_eq!(bf16_peak("NVIDIA A100-SXM4-80GB"), Some(312e12));
        assert_eq!(bf16_peak("NVIDIA GeForce RTX 4090"), None);
    }
}
