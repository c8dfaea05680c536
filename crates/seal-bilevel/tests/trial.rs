//! The short run by which devices are compared.

use seal_bilevel::{Trial, TrialDifferences};
use seal_device::DeviceSpec;
use seal_lm::Ops;

#[test]
fn kernels_and_composed_operations_agree_over_fifty_steps() {
    let device = DeviceSpec::default().open().unwrap();
    let fused = Trial::run(&device, Some(Ops::Fused)).unwrap();
    assert_eq!((fused.losses.len(), fused.grad_norms.len(), fused.omega.len()), (250, 50, 50));
    assert_eq!(fused, Trial::run(&device, None).unwrap());
    let composed = Trial::run(&device, Some(Ops::Composed)).unwrap();
    let apart = composed.agreement(&fused);
    assert!(apart.within(&TrialDifferences::F32), "{apart:?}");
    assert!(apart.losses > 0.0, "two ways of rounding: {apart:?}");
}

#[test]
fn a_difference_is_seen() {
    let device = DeviceSpec::default().open().unwrap();
    let reference = Trial::run(&device, None).unwrap();
    let mut other = reference.clone();
    other.omega[7] += 0.01;
    assert!(!other.agreement(&reference).within(&TrialDifferences::F32));
    let mut other = reference.clone();
    other.losses[3] *= 1.001;
    assert!(!other.agreement(&reference).within(&TrialDifferences::F32));
    other.losses = vec![f64::NAN; reference.losses.len()];
    assert!(!other.agreement(&reference).within(&TrialDifferences::TF32));
    other.losses = reference.losses[1..].to_vec();
    assert!(!other.agreement(&reference).within(&TrialDifferences::TF32));
}
