//! Loads a Hugging Face model folder and prints what was loaded, then the
//! likeliest tokens after a prompt of token ids.
//!
//!     cargo run -p seal-lm --example load -- FOLDER [ID ..]

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::path::PathBuf;
use std::time::Instant;

use seal_data::{Batch, Example, RowId};
use seal_device::DeviceSpec;
use seal_lm::load_model;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: load FOLDER [ID ..]")?);
    let ids: Vec<u32> = arguments.map(|id| id.parse()).collect::<Result<_, _>>()?;

    let start = Instant::now();
    let (model, report) = load_model(&folder, &DeviceSpec::default().open()?)?;
    let seconds = start.elapsed().as_secs_f64();
    let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    println!("family        {}", model.config().architecture.model_type.name());
    println!("files         {}", report.files.len());
    println!("tensors       {} loaded, {} converted to f32", report.loaded.len(), report.converted);
    println!("left out      {} without weights {:?}", report.ignored.len(), report.ignored);
    println!("parameters    {}, {:.0} MiB as f32", report.parameters, mib(4 * report.parameters));
    println!("seconds       {seconds:.1}");
    if let Some(peak) = peak_memory() {
        println!("peak memory   {:.0} MiB", mib(peak));
    }

    if !ids.is_empty() {
        model.check_tokens(ids.iter().copied())?;
        // A batch's last token is a target only, so one more is added.
        let tokens: Vec<u32> = ids.iter().copied().chain([0]).collect();
        let row = Example::new(RowId::of("prompt", "", 0), tokens, ids.len());
        let hidden = model.answer_hidden(&Batch::of(&[&row], None), None);
        let logits: Vec<f32> = model.logits(hidden).into_data().iter().collect();
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]));
        for id in order.into_iter().take(5) {
            println!("next          {id} ({:.4})", logits[id]);
        }
    }
    Ok(())
}

/// Most memory that the process has held so far, in bytes, where Linux says it.
fn peak_memory() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<usize>().ok().map(|kib| kib << 10)
}
