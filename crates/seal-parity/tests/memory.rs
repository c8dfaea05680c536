//! What the CPU holds over many steps. Alone in its process, whose allocator counts.

use peak_alloc::PeakAlloc;
use seal_device::DeviceSpec;
use seal_parity::memory::{MemoryMeter, is_told, trace};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

#[test]
fn the_peak_of_500_steps_is_flat() {
    let cpu = DeviceSpec::default();
    assert!(!is_told(cpu).unwrap(), "the CPU's backend has no allocator of its own");
    // Of the steps since the reading before.
    let mut peak = || {
        let peak = ALLOCATOR.peak_usage() as u64;
        ALLOCATOR.reset_peak_usage();
        Some(peak)
    };
    let mut meter = MemoryMeter { read: &mut peak, grain: 0 };
    let traces = trace(cpu, 500, 100, &mut meter).unwrap();
    assert_eq!(traces.len(), 2);
    for trace in traces {
        assert_eq!(trace.points.len(), 6, "{trace:?}");
        assert_eq!(trace.is_flat(), Some(true), "{trace:?}");
    }
}
