//! The arms of the invented study.

use seal_report::Role;

/// Id, label, role, replaced part, replacement, gamma, selector function,
/// AUROC, share of unsafe rows kept, refusal rate.
pub type Spec = (
    &'static str,
    &'static str,
    Role,
    Option<(&'static str, &'static str)>,
    &'static [f64],
    Option<&'static str>,
    Option<f64>,
    f64,
    f64,
);

const PENALTY: &str = "penalty strength";
const SELECTOR: &str = "selector function";
const SCHEDULE: &[f64] = &[0.0, 0.03, 0.06];

pub const SPECS: [Spec; 16] = [
    ("standard-sft", "standard SFT", Role::Reference, None, &[], None, None, 1.0, 0.04),
    ("seal", "SEAL", Role::Seal, None, SCHEDULE, Some("softmax"), Some(0.994), 0.06, 0.84),
    arm("gamma-0.01", "γ = 0.01", PENALTY, "0.01", &[0.01], "softmax", 0.998, 0.04, 0.86),
    arm("gamma-0.05", "γ = 0.05", PENALTY, "0.05", &[0.05], "softmax", 0.962, 0.18, 0.61),
    arm("gamma-0.1", "γ = 0.1", PENALTY, "0.1", &[0.1], "softmax", 0.921, 0.34, 0.30),
    arm("gamma-0.2", "γ = 0.2", PENALTY, "0.2", &[0.2], "softmax", 0.858, 0.52, 0.09),
    arm("sigmoid", "sigmoid", SELECTOR, "sigmoid", SCHEDULE, "sigmoid", 0.994, 0.06, 0.84),
    arm("tanh", "tanh", SELECTOR, "tanh", SCHEDULE, "tanh", 0.993, 0.07, 0.81),
    arm("relu", "ReLU", SELECTOR, "relu", SCHEDULE, "relu", 0.978, 0.11, 0.72),
    ("base", "untouched base", Role::Control, None, &[], None, None, 0.0, 0.98),
    ("random", "random rows", Role::Random, None, &[], None, Some(0.5), 0.8, 0.03),
    control("gamma-0", "γ = 0", "0", &[0.0], 0.999, 0.03, 0.88),
    control("gamma-0.03", "γ = 0.03", "0.03", &[0.03], 0.981, 0.11, 0.74),
    ("frozen", "frozen-base loss", Role::Control, None, &[], None, Some(0.955), 0.26, 0.42),
    (
        "released",
        "released variant",
        Role::Control,
        None,
        SCHEDULE,
        Some("softmax"),
        Some(0.893),
        0.45,
        0.05,
    ),
    ("clean", "unsafe rows removed", Role::Ceiling, None, &[], None, None, 0.0, 0.92),
];

#[allow(clippy::too_many_arguments, reason = "a row of a table")]
const fn arm(
    id: &'static str,
    label: &'static str,
    part: &'static str,
    replacement: &'static str,
    gamma: &'static [f64],
    selector: &'static str,
    auroc: f64,
    kept: f64,
    refusal: f64,
) -> Spec {
    (
        id,
        label,
        Role::Ablation,
        Some((part, replacement)),
        gamma,
        Some(selector),
        Some(auroc),
        kept,
        refusal,
    )
}

const fn control(
    id: &'static str,
    label: &'static str,
    replacement: &'static str,
    gamma: &'static [f64],
    auroc: f64,
    kept: f64,
    refusal: f64,
) -> Spec {
    (
        id,
        label,
        Role::Control,
        Some((PENALTY, replacement)),
        gamma,
        Some("softmax"),
        Some(auroc),
        kept,
        refusal,
    )
}
