//! Trains an adapter on a Hugging Face model folder for a few steps, and saves
//! it as PEFT reads it, beside the merged model and one made from scratch as
//! transformers reads them. `tests/reference/exports.py` then compares logits.
//!
//!     cargo run -p seal-lm --example adapt -- FOLDER OUT

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Tensor;
use seal_data::{Batch, Example, RowId};
use seal_device::DeviceSpec;
use seal_lm::{
    Lm, LmConfig, LoraConfig, OptimConfig, Optimizer, Tape, differentiate, load_model,
    save_adapter, save_merged, save_weights,
};

const STEPS: usize = 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [folder, out] = arguments.as_slice() else { return Err("usage: adapt FOLDER OUT".into()) };
    let device = DeviceSpec::default().open()?.autodiff();
    let (model, _) = load_model(folder, &device)?;
    let batch = rows(model.config().vocab_size);

    let lora = LoraConfig {
        r: 4,
        lora_alpha: 8.0,
        lora_dropout: 0.0,
        target_modules: vec!["all-linear".into()],
        ..LoraConfig::default()
    };
    let mut model = model.with_lora(&lora, 0)?;
    let optim = OptimConfig { lr: 1e-2, ..Default::default() };
    let mut optimizer = Optimizer::new(&model, &optim, STEPS);
    let weights = vec![1.0 / batch.targets.len() as f32; batch.targets.len()];
    for step in 0..STEPS {
        let done = differentiate(&model, &batch, &weights, None, Tape::default());
        if step == 0 || step + 1 == STEPS {
            let loss = done.tokens.iter().sum::<f32>() / done.tokens.len() as f32;
            println!("step {step}: {loss:.4} nats a token");
        }
        (model, _) = optimizer.step(model, done.gradients)?;
    }
    let model = model.valid();
    let adapted = logits(&model, &batch);
    save_adapter(&model, &lora, &folder.to_string_lossy(), &folder_in(out, "adapter")?)?;
    save_merged(&model, &folder_in(out, "merged")?)?;

    let config = LmConfig { initializer_range: 0.2, ..model.config().clone() };
    let fresh = Lm::init(&config, 1, &device)?.valid();
    save_weights(&fresh, &folder_in(out, "fresh")?)?;

    let listing = serde_json::json!({
        "rows": batch.tokens.chunks(batch.width).collect::<Vec<_>>(),
        "adapter": adapted, "merged": adapted, "fresh": logits(&fresh, &batch),
    });
    std::fs::write(out.join("logits.json"), listing.to_string())?;
    Ok(())
}

fn folder_in(out: &Path, name: &str) -> std::io::Result<PathBuf> {
    let folder = out.join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Logits of all positions, row after row.
fn logits(model: &Lm, batch: &Batch) -> Vec<f32> {
    let logits: Tensor<2> = model.logits(model.hidden(batch, None));
    logits.into_data().iter().collect()
}

/// Two rows of one length that any vocabulary holds.
fn rows(vocab_size: usize) -> Batch {
    let row = |i: usize| {
        let tokens = (0..21).map(|t| ((7 * t * t + 13 * i + t) % vocab_size) as u32);
        Example::new(RowId::of(&i.to_string(), "", 0), tokens.collect(), 3)
    };
    let rows = [row(0), row(1)];
    Batch::of(&[&rows[0], &rows[1]], None)
}
