//! What a study would take, where its model or data are not here.

use std::io::{self, Write};
use std::time::Duration;

use seal_lm::WeightFormat;
use seal_study::{BasePreview, MemoryError, ModelPreview, Peak, Preview, StudyError};

use crate::memory;
use crate::tracker::approximately;
use crate::verbs::judging_plan;
use crate::verbs::store::size;

pub(super) const GIB: f64 = 1_073_741_824.0;

/// The most memory that stages need, by their kinds, and the `has` bytes of each device.
pub(super) fn peaks(out: &mut dyn Write, peaks: &[Peak], has: Option<u64>) -> io::Result<()> {
    if peaks.is_empty() {
        return Ok(());
    }
    let one = |peak: &Peak| format!("{} {}", peak.stage, memory_size(peak.bytes));
    let all: Vec<String> = peaks.iter().map(one).collect();
    let of_device =
        has.map_or_else(String::new, |has| format!("; a device has {}", memory_size(Some(has))));
    writeln!(out, "memory of a stage, about: {}{of_device}", all.join(", "))
}

/// Refuses what needs more memory than a device has, of the peaks that `is_meant` takes. Nobody has
/// looked whether a store has those stages.
///
/// # Errors
/// [`StudyError::Memory`].
pub(super) fn refuse_too_large(
    preview: &Preview,
    of_device: Option<u64>,
    is_meant: impl Fn(&Peak) -> bool,
) -> Result<(), StudyError> {
    let Some(has) = memory_of(preview, of_device) else { return Ok(()) };
    let too_large = preview.peaks.iter().filter(|peak| is_meant(peak)).find_map(|peak| {
        let bytes = peak.bytes.filter(|bytes| *bytes > has)?;
        let devices = preview.device_names.clone();
        Some(MemoryError { stage: peak.stage, of: peak.of.clone(), bytes, devices, has })
    });
    too_large.map_or(Ok(()), |error| Err(error.into()))
}

/// Bytes of memory that each device has: as the config says, or as the devices tell.
pub(super) fn memory_of(preview: &Preview, of_device: Option<u64>) -> Option<u64> {
    preview.device_memory.map(|gib| (gib * GIB) as u64).or(of_device)
}

/// Prints arms, stages, sizes, estimates, and what is missing. Devices have `of_device` bytes of memory
/// each, where they tell.
pub(super) fn write(
    out: &mut dyn Write,
    preview: &Preview,
    of_device: Option<u64>,
) -> io::Result<()> {
    writeln!(out, "arms")?;
    for (id, label) in &preview.arms {
        writeln!(out, "  {id:<24} {label}")?;
    }
    let stages: Vec<String> =
        preview.stages.iter().map(|(name, n)| format!("{n} {name}")).collect();
    writeln!(out, "stages: {} ({})", preview.stages.values().sum::<usize>(), stages.join(", "))?;
    let rows: Vec<String> = preview
        .rows
        .iter()
        .map(|(name, n)| n.map_or_else(|| format!("{name} ?"), |n| format!("{name} {n}")))
        .collect();
    writeln!(out, "rows: {}", rows.join(", "))?;
    // Where all is here, the list of stages ends with the exact numbers.
    if !preview.is_here {
        judging_plan::write(out, &preview.judging)?;
    }
    for model in &preview.models {
        writeln!(out, "model {}: {}", model.name, sizes(model))?;
        if let Some(base) = &model.base {
            writeln!(out, "base: {} fine-tuned first {}", model.name, first(base))?;
        }
    }
    peaks(out, &preview.peaks, memory_of(preview, of_device))?;
    let is_host = preview.devices.kind().is_host();
    let host = memory::total().filter(|_| is_host).map(|mib| mib / 1024.0);
    for model in &preview.models {
        if let Some((bytes, has)) = model.memory.zip(host)
            && let Some(text) = too_large(model, bytes, has)
        {
            writeln!(out, "{text}")?;
        }
    }
    if let (true, Some(bytes)) = (is_host, preview.models.first().and_then(kept_bytes)) {
        writeln!(
            out,
            "base: {} stay in memory between stages, where they are free beside the training steps",
            memory_size(Some(bytes))
        )?;
    }
    match preview.flops {
        Some(flops) => {
            let days = |rate: f64| match flops / rate / 86_400.0 {
                days if days >= 2.0 => format!("{days:.0} days"),
                days => approximately(Duration::from_secs_f64(86_400.0 * days)),
            };
            writeln!(
                out,
                "work: about {:.1e} floating-point operations: {} at 200 TFLOP/s (a large \
                 GPU at half its peak), {} at 50 GFLOP/s (a few CPU cores)",
                flops,
                days(2e14),
                days(5e10)
            )?;
        }
        None => writeln!(out, "work: unknown until rows and sizes are known")?,
    }
    if preview.missing.is_empty() {
        return writeln!(out, "missing: nothing");
    }
    writeln!(out, "missing here:")?;
    preview.missing.iter().try_for_each(|what| writeln!(out, "  {what}"))
}

/// Bytes of the weights that a process keeps between stages.
fn kept_bytes(model: &ModelPreview) -> Option<u64> {
    model.parameters.map(|parameters| parameters * model.format.bytes() as u64)
}

/// Said where a step of `model` asks for more `bytes` than the `has` GiB of the machine.
fn too_large(model: &ModelPreview, bytes: u64, has: f64) -> Option<String> {
    let asked = bytes as f64 / GIB;
    (asked > has).then(|| {
        format!(
            "memory: {asked:.1} GiB for {} is more than this machine's {has:.1} GiB; less take \
             micro_batch, recompute and lora of [base], [bilevel] and [sft], and a shorter context",
            model.name
        )
    })
}

fn count(n: Option<u64>) -> String {
    n.map_or_else(|| "?".to_owned(), |n| format!("{:.2} M", 1e-6 * n as f64))
}

/// An amount of memory, in MiB below one GiB.
fn memory_size(bytes: Option<u64>) -> String {
    match bytes {
        None => "?".to_owned(),
        Some(bytes @ 0..1_048_576) => size(bytes),
        Some(bytes) if (bytes as f64) < GIB => {
            format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))
        }
        Some(bytes) => format!("{:.1} GiB", bytes as f64 / GIB),
    }
}

/// The fine-tuning that makes the base of a model folder.
fn first(base: &BasePreview) -> String {
    let rows = base.rows.map_or_else(|| "?".to_owned(), |rows| rows.to_string());
    format!(
        "on {rows} rows in {} epochs, {} trained, about {} in its training step",
        base.epochs,
        count(base.trained),
        memory_size(base.memory)
    )
}

fn sizes(model: &ModelPreview) -> String {
    let memory = memory_size(model.memory);
    let context = model.context.map_or_else(|| "?".to_owned(), |c| c.to_string());
    let format = match model.format {
        WeightFormat::F32 => "f32",
        WeightFormat::Bf16 => "bf16 weights",
    };
    // Of adapters, as if all layers were square.
    let about =
        if model.trained.is_none() || model.trained == model.parameters { "" } else { "about " };
    format!(
        "{} parameters, {about}{} trained, context {context}, about {memory} in its largest training step ({format})",
        count(model.parameters),
        count(model.trained)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_stages_is_one_line() {
        let peak = |stage, bytes| Peak { stage, bytes, of: "seal".into() };
        let all = [peak("base", Some(1 << 20)), peak("sft", Some(30 << 30)), peak("answers", None)];
        let said = |all: &[Peak], has| {
            let mut out = Vec::new();
            peaks(&mut out, all, has).unwrap();
            String::from_utf8(out).unwrap()
        };
        let line = "memory of a stage, about: base 1 MiB, sft 30.0 GiB, answers ?";
        assert_eq!(said(&all, None), format!("{line}\n"));
        assert_eq!(said(&all, Some(24 << 30)), format!("{line}; a device has 24.0 GiB\n"));
        assert_eq!(said(&all, Some(10_240)), format!("{line}; a device has 10.0 KiB\n"));
        assert_eq!(said(&[], None), "");
    }

    #[test]
    fn a_step_that_does_not_fit_is_told_with_what_takes_less() {
        let model = ModelPreview {
            name: "large".into(),
            parameters: Some(2_000_000),
            trained: None,
            memory: None,
            format: WeightFormat::Bf16,
            context: Some(512),
            base: None,
        };
        assert_eq!(too_large(&model, 1 << 30, 1.0), None);
        let text = too_large(&model, 40 << 30, 24.0).unwrap();
        assert!(text.contains("40.0 GiB for large") && text.contains("24.0 GiB"), "{text}");
        assert!(text.contains("micro_batch"), "{text}");
        assert!(sizes(&model).contains("2.00 M parameters, ? trained, context 512"));
        assert!(sizes(&model).ends_with("(bf16 weights)"));
    }
}
