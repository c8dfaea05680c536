//! Stages that need more memory than a device has.

/// A stage that needs more memory than a device has, as far as can be told before it runs.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "{stage} of {of}: it needs about {}, and {} {}; {}. If it fits all the same, set device_memory to \
     more GiB",
    size(*bytes), have(devices), size(*has), less(stage)
)]
pub struct MemoryError {
    /// The kind of stage.
    pub stage: &'static str,
    /// The arm, or the section of the judge.
    pub of: String,
    /// Bytes that it needs, about.
    pub bytes: u64,
    /// The devices of the study.
    pub devices: String,
    /// Bytes that each of them has.
    pub has: u64,
}

/// In the unit in which it is no zero.
fn size(bytes: u64) -> String {
    const MIB: f64 = (1u64 << 20) as f64;
    match bytes {
        0..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.0} MiB", bytes as f64 / MIB),
        _ => format!("{:.1} GiB", bytes as f64 / (1024.0 * MIB)),
    }
}

fn have(devices: &str) -> String {
    match devices.contains([',', '*']) {
        true => format!("each of {devices} has"),
        false => format!("{devices} has"),
    }
}

/// What takes less.
fn less(stage: &str) -> &'static str {
    match stage {
        "base" => {
            "lower base.micro_batch, set base.recompute = true or (on a GPU) base.optim.offload = true, \
             or read the weights in bf16"
        }
        "selector" => {
            "lower bilevel.micro_batch, set bilevel.recompute = true or (on a GPU) bilevel.optim.offload = true, \
             or read the weights in bf16"
        }
        "sft" => {
            "lower sft.micro_batch, set sft.recompute = true or (on a GPU) sft.optim.offload = true, \
             or read the weights in bf16"
        }
        "answers" => "lower generate.batch or the context, or read the weights in bf16",
        "assessments" | "pair-verdicts" => "choose a smaller judge, or read its weights in bf16",
        _ => "shorten the context, or read the weights in bf16",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_size_is_shown_as_zero() {
        let said = [10_737, 300 << 20, 40 << 30].map(size);
        assert_eq!(said, ["10.5 KiB", "300 MiB", "40.0 GiB"]);
    }
}
