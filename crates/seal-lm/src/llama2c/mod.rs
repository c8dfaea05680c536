//! Checkpoints of llama2.c (<https://github.com/karpathy/llama2.c>, `run.c`
//! and `export.py`): the headerless `.bin` format, "version 0".
//!
//! Seven little-endian i32 (width, width of the feed-forward layer, blocks,
//! heads, key-value heads, vocabulary, context), then f32 tensors without
//! names: embedding; of all blocks the attention gains, then W_q, W_k, W_v,
//! W_o, the feed-forward gains, gate, down, up; the last gain; cosines and
//! sines of the rotary positions, which `run.c` skips; the output layer, unless
//! the embedding serves as such, which a positive vocabulary says. Matrices lie
//! as `[out, in]`.

mod checkpoint;
mod tokenizer;

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;

pub use tokenizer::Llama2cTokenizer;

use crate::{Lm, LmError, WeightFormat, build};
use checkpoint::Checkpoint;

/// Reads a version-0 checkpoint into a model.
///
/// Nothing is allocated before the length of the file is known to be what its
/// header asks for.
///
/// # Errors
/// A file that is missing, of another version, of another length than its
/// header says, of an impossible shape, with rotary frequencies of another base
/// than 10,000, or with a weight that is not finite.
pub fn load_llama2c(path: &Path, device: &Device) -> Result<Lm, LmError> {
    let mut checkpoint = Checkpoint::open(path)?;
    let config = checkpoint.config().clone();
    let model = build::model(&config, &mut checkpoint, device, WeightFormat::F32)?;
    Ok(if device.is_autodiff() { model.train() } else { model })
}
