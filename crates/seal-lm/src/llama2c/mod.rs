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

mod tokenizer;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

pub use tokenizer::Llama2cTokenizer;

use crate::{
    Architecture, Block, FeedForward, Gated, Lm, LmConfig, LmError, Projections, Separate,
};

const HEADER_BYTES: u64 = 28;
/// First bytes of the versions that have a magic number.
const MAGIC: &[u8; 4] = b"24ka";

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
    let file = File::open(path).map_err(LmError::io(path))?;
    let meta = file.metadata().map_err(LmError::io(path))?;
    let mut source = Source { path, file: BufReader::new(file) };
    if !meta.is_file() {
        return Err(source.format("not a file".to_owned()));
    }
    if meta.len() < HEADER_BYTES {
        return Err(source.format(format!("has {} bytes, the header alone 28", meta.len())));
    }
    let config = source.header()?;
    let expected = bytes(&config);
    if u128::from(meta.len()) != expected {
        return Err(source.format(format!(
            "has {} bytes, its header asks for {expected}: it is cut off, or no llama2.c \
             checkpoint of version 0 (export.py --version 0)",
            meta.len()
        )));
    }
    let mut model = Lm::init(&config, 0, device)?;
    source.fill_model(&mut model)?;
    Ok(if device.is_autodiff() { model.train() } else { model })
}

/// Length of a checkpoint. Sizes come from i32, so that u128 holds any product.
fn bytes(c: &LmConfig) -> u128 {
    let wide = |x: usize| x as u128;
    let (d, v) = (wide(c.hidden_size), wide(c.vocab_size));
    let kv = wide(c.num_key_value_heads) * wide(c.head_dim());
    let block = 2 * d + 2 * d * d + 2 * d * kv + 3 * d * wide(c.intermediate_size);
    let tables = wide(c.max_position_embeddings) * wide(c.head_dim());
    let output = if c.tie_word_embeddings { 0 } else { v * d };
    let floats = v * d + wide(c.num_hidden_layers) * block + d + tables + output;
    u128::from(HEADER_BYTES) + 4 * floats
}

/// The projections of a block of a plain Llama.
fn separate(block: &mut Block) -> &mut Separate {
    match &mut block.projections {
        Projections::Separate(projections) => projections,
        Projections::Joint(_) => unreachable!("made as a plain Llama"),
    }
}

/// The feed-forward layers of a block of a plain Llama.
fn gated(block: &mut Block) -> &mut Gated {
    match &mut block.feed_forward {
        FeedForward::Gated(layers) => layers,
        FeedForward::JointGated(_) | FeedForward::Plain(_) => {
            unreachable!("made as a plain Llama")
        }
    }
}

/// A checkpoint that is being read, with errors that name it.
struct Source<'a> {
    path: &'a Path,
    file: BufReader<File>,
}

impl Source<'_> {
    fn format(&self, reason: String) -> LmError {
        LmError::Format { path: self.path.into(), reason }
    }

    fn header(&mut self) -> Result<LmConfig, LmError> {
        let mut bytes = [0u8; HEADER_BYTES as usize];
        self.file.read_exact(&mut bytes).map_err(LmError::io(self.path))?;
        if bytes.starts_with(MAGIC) {
            return Err(self.format(
                "a llama2.c checkpoint of version 1 or 2; export it again with --version 0"
                    .to_owned(),
            ));
        }
        let mut fields = [0usize; 7];
        for (i, (field, bytes)) in fields.iter_mut().zip(bytes.as_chunks::<4>().0).enumerate() {
            let value = i32::from_le_bytes(*bytes);
            // Only the vocabulary has a sign, and it is no part of its size.
            if value == 0 || (value < 0 && i != 5) {
                return Err(self.format(format!("field {i} of the header is {value}")));
            }
            *field = value.unsigned_abs() as usize;
        }
        let is_tied = i32::from_le_bytes([bytes[20], bytes[21], bytes[22], bytes[23]]) > 0;
        let [d, hidden, layers, heads, kv_heads, vocab, context] = fields;
        let config = LmConfig {
            vocab_size: vocab,
            hidden_size: d,
            num_hidden_layers: layers,
            num_attention_heads: heads,
            num_key_value_heads: kv_heads,
            intermediate_size: hidden,
            max_position_embeddings: context,
            rope_theta: 10_000.0,
            rms_norm_eps: 1e-5,
            tie_word_embeddings: is_tied,
            initializer_range: 0.02,
            architecture: Architecture::default(),
        };
        config.validate().map_err(|e| self.format(format!("its header is impossible: {e}")))?;
        Ok(config)
    }

    fn fill_model(&mut self, model: &mut Lm) -> Result<(), LmError> {
        let config = model.config().clone();
        let head = Some(config.head_dim());
        self.fill(&mut model.embed_tokens, "embedding")?;
        for block in &mut model.layers {
            self.fill(&mut block.input_layernorm.weight, "attention gain")?;
        }
        for block in &mut model.layers {
            self.fill_turned(&mut separate(block).q_proj.weight, head, "W_q")?;
        }
        for block in &mut model.layers {
            self.fill_turned(&mut separate(block).k_proj.weight, head, "W_k")?;
        }
        for block in &mut model.layers {
            self.fill_turned(&mut separate(block).v_proj.weight, None, "W_v")?;
        }
        for block in &mut model.layers {
            self.fill_turned(&mut block.output.weight, None, "W_o")?;
        }
        for block in &mut model.layers {
            self.fill(&mut block.post_attention_layernorm.weight, "feed-forward gain")?;
        }
        for block in &mut model.layers {
            self.fill_turned(&mut gated(block).gate_proj.weight, None, "gate")?;
        }
        for block in &mut model.layers {
            self.fill_turned(&mut gated(block).down_proj.weight, None, "down")?;
        }
        for block in &mut model.layers {
            self.fill_turned(&mut gated(block).up_proj.weight, None, "up")?;
        }
        self.fill(&mut model.norm.weight, "last gain")?;
        self.check_rotary(&config)?;
        match &mut model.lm_head {
            Some(output) => self.fill_turned(&mut output.weight, None, "output layer"),
            None => Ok(()),
        }
    }

    fn floats(&mut self, n: usize, name: &str) -> Result<Vec<f32>, LmError> {
        let mut bytes = vec![0u8; 4 * n];
        self.file.read_exact(&mut bytes).map_err(LmError::io(self.path))?;
        let values: Vec<f32> =
            bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        match values.iter().find(|x| !x.is_finite()) {
            Some(x) => Err(self.format(format!("a weight of the {name} is {x}"))),
            None => Ok(values),
        }
    }

    fn fill<const D: usize>(
        &mut self,
        param: &mut Param<Tensor<D>>,
        name: &str,
    ) -> Result<(), LmError> {
        let old = param.val();
        let shape = old.dims();
        let values = self.floats(shape.iter().product(), name)?;
        *param =
            Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), &old.device()));
        Ok(())
    }

    /// Reads `[out, in]` into `[in, out]`. With `head`, outputs are those of
    /// heads of this size, whose rotary pairs lie side by side in the file and
    /// half a head apart in the model.
    fn fill_turned(
        &mut self,
        param: &mut Param<Tensor<2>>,
        head: Option<usize>,
        name: &str,
    ) -> Result<(), LmError> {
        let old = param.val();
        let [input, output] = old.dims();
        let values = self.floats(input * output, name)?;
        let mut turned = vec![0.0; values.len()];
        for (row, weights) in values.chunks_exact(input).enumerate() {
            let to = head.map_or(row, |size| {
                let (start, within) = (row - row % size, row % size);
                start + within / 2 + (within % 2) * (size / 2)
            });
            for (i, x) in weights.iter().enumerate() {
                turned[i * output + to] = *x;
            }
        }
        let data = TensorData::new(turned, [input, output]);
        *param = Param::from_tensor(Tensor::from_data(data, &old.device()));
        Ok(())
    }

    /// The tables are those of the training run; another base would give
    /// another model without a sign of it.
    fn check_rotary(&mut self, c: &LmConfig) -> Result<(), LmError> {
        let half = c.head_dim() / 2;
        let n = c.max_position_embeddings * half;
        let cosines = self.floats(n, "rotary table")?;
        self.floats(n, "rotary table")?;
        let is_foreign = |(i, cos): (usize, &f32)| {
            let angle = c.rope_theta.powf(-2.0 * i as f64 / c.head_dim() as f64);
            (f64::from(*cos) - angle.cos()).abs() > 1e-3
        };
        // Position 0 is the same for every base; a context of 1 has no other.
        if cosines.chunks_exact(half).nth(1).is_some_and(|p| p.iter().enumerate().any(is_foreign)) {
            return Err(self.format(format!(
                "its rotary table is not that of base {}, the only one llama2.c runs",
                c.rope_theta
            )));
        }
        Ok(())
    }
}
