//! Memory of GPUs, where NVIDIA's own program tells.

use std::process::{Command, Stdio};

use seal_device::{Backend, DeviceSpec};
use seal_study::Devices;

/// Bytes of memory that each of `devices` has; `None` on the CPU, where stages share what there is, and
/// where nothing tells.
pub(crate) fn of_devices(devices: &Devices) -> Option<u64> {
    let devices = devices.set().ok()?.found().ok()?;
    let is_of_nvidia = |device: &DeviceSpec| {
        matches!(device.backend, Backend::Cuda | Backend::Tch) && !device.is_host()
    };
    if !devices.iter().all(is_of_nvidia) {
        return None;
    }
    let mut program = Command::new("nvidia-smi");
    program.args(["--query-gpu=uuid,memory.total", "--format=csv,noheader,nounits"]);
    let said = program.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let listing = String::from_utf8(said.stdout).ok()?;
    let variable = |name: &str| std::env::var(name).ok();
    let visible = variable("CUDA_VISIBLE_DEVICES");
    let by_slot = variable("CUDA_DEVICE_ORDER").is_some_and(|order| order == "PCI_BUS_ID");
    smallest(&listing, &devices, visible.as_deref(), by_slot)
}

/// Bytes of the smallest of `devices`, by a listing of all GPUs with their ids and MiB in the order of
/// slots. CUDA counts them in that order if `by_slot`, and the fastest first otherwise: which of them a
/// number means is then not known, and none is taken for smaller than the largest.
fn smallest(
    listing: &str,
    devices: &[DeviceSpec],
    visible: Option<&str>,
    by_slot: bool,
) -> Option<u64> {
    let row = |line: &str| -> Option<(String, u64)> {
        let (id, mib) = line.split_once(',')?;
        Some((id.trim().to_owned(), mib.trim().parse::<u64>().ok()? << 20))
    };
    let all: Vec<(String, u64)> = listing.lines().filter_map(row).collect();
    let largest = all.iter().map(|(_, bytes)| *bytes).max()?;
    let of = |device: &DeviceSpec| {
        let (_, seen) = device.variables(visible).pop()?;
        let by_id = all.iter().find(|(id, _)| id.starts_with(&seen));
        let by_place = || seen.parse::<usize>().ok().filter(|_| by_slot).and_then(|i| all.get(i));
        by_id.or_else(by_place).map(|(_, bytes)| *bytes)
    };
    devices.iter().map(|device| of(device).unwrap_or(largest)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "GPU-aa, 81559\nGPU-bb, 24564\nGPU-cc, 24564\n";

    fn gib(names: &[&str], visible: Option<&str>, by_slot: bool) -> u64 {
        let devices: Vec<DeviceSpec> = names.iter().map(|name| name.parse().unwrap()).collect();
        smallest(LISTING, &devices, visible, by_slot).unwrap() >> 30
    }

    #[test]
    fn the_smallest_of_the_devices_decides() {
        assert_eq!(gib(&["cuda:0"], None, true), 79);
        assert_eq!(gib(&["cuda:0", "cuda:1"], None, true), 23);
        assert_eq!(gib(&["cuda:0"], Some("GPU-bb,GPU-aa"), false), 23);
        assert_eq!(gib(&["cuda:1"], Some("GPU-bb,GPU-aa"), false), 79);
        assert_eq!(gib(&["cuda:0"], Some("2"), true), 23);
        assert_eq!(gib(&["tch:cuda:1"], None, false), 79, "which one it is, is not known");
    }

    #[test]
    fn where_nothing_tells_nothing_is_known() {
        assert_eq!(smallest("No devices were found", &["cuda".parse().unwrap()], None, true), None);
        assert_eq!(of_devices(&Devices::of_text("flex:0,flex:1")), None);
    }
}
