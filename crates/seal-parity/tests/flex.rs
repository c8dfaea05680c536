//! Every check on the CPU: composed operations beside the kernels.

use seal_device::DeviceSpec;
use seal_parity::{CheckState, Repeat, checks, run};

#[test]
fn composed_operations_do_what_kernels_do() {
    let mut names = Vec::new();
    let all = run(&checks(), DeviceSpec::default(), &mut |o| names.push(o.check.clone())).unwrap();
    assert_eq!(names.len(), all.len());
    for outcome in &all {
        let CheckState::Passed { repeat, .. } = &outcome.state else {
            panic!("{outcome:?}");
        };
        assert_eq!(*repeat, Repeat::SameBits, "{outcome:?}");
    }
    // Names are for choosing by.
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all.len());
}
