//! The weights of a llama2.c checkpoint, found by their places in the file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::tensor_source::{TensorRequest, TensorRole, TensorShape, TensorSource};
use crate::{Architecture, LmConfig, LmError};

const HEADER_BYTES: u64 = 28;
/// First bytes of the versions that have a magic number.
const MAGIC: &[u8; 4] = b"24ka";

/// Tensors of one kind, one after another.
struct TensorSection {
    /// Path of their layer in a Llama, inside the block where there is one a block.
    path: &'static str,
    /// For messages.
    label: &'static str,
    /// Numbers of one tensor. Sizes come from i32, so that u128 holds any product.
    numbers: u128,
    /// How many there are.
    count: u128,
}

/// The cosines of the rotary positions, and as many sines.
const ROTARY: &str = "rotary table";

/// What a checkpoint of shape `c` holds, in the order of the file.
fn sections(c: &LmConfig) -> Vec<TensorSection> {
    let wide = |x: usize| x as u128;
    let (d, f, v) = (wide(c.hidden_size), wide(c.intermediate_size), wide(c.vocab_size));
    let kv = wide(c.num_key_value_heads) * wide(c.head_dim());
    let layers = wide(c.num_hidden_layers);
    let of = |path, label, numbers, count| TensorSection { path, label, numbers, count };
    let table = wide(c.max_position_embeddings) * wide(c.head_dim() / 2);
    let mut sections = vec![
        of("model.embed_tokens", "embedding", v * d, 1),
        of("input_layernorm", "attention gain", d, layers),
        of("self_attn.q_proj", "W_q", d * d, layers),
        of("self_attn.k_proj", "W_k", d * kv, layers),
        of("self_attn.v_proj", "W_v", d * kv, layers),
        of("self_attn.o_proj", "W_o", d * d, layers),
        of("post_attention_layernorm", "feed-forward gain", d, layers),
        of("mlp.gate_proj", "gate", d * f, layers),
        of("mlp.down_proj", "down", d * f, layers),
        of("mlp.up_proj", "up", d * f, layers),
        of("model.norm", "last gain", d, 1),
        of(ROTARY, ROTARY, table, 2),
    ];
    if !c.tie_word_embeddings {
        sections.push(of("lm_head", "output layer", v * d, 1));
    }
    sections
}

/// An open checkpoint, of the length that its header asks for.
pub(super) struct Checkpoint {
    path: PathBuf,
    file: File,
    config: LmConfig,
    sections: Vec<TensorSection>,
}

impl Checkpoint {
    /// See [`super::load_llama2c`].
    pub(super) fn open(path: &Path) -> Result<Self, LmError> {
        let mut file = File::open(path).map_err(LmError::io(path))?;
        let meta = file.metadata().map_err(LmError::io(path))?;
        if !meta.is_file() {
            return Err(LmError::format(path, "not a file"));
        }
        if meta.len() < HEADER_BYTES {
            let reason = format!("has {} bytes, the header alone 28", meta.len());
            return Err(LmError::format(path, reason));
        }
        let config = header(&mut file, path)?;
        let sections = sections(&config);
        let numbers: u128 = sections.iter().map(|s| s.numbers * s.count).sum();
        let expected = u128::from(HEADER_BYTES) + 4 * numbers;
        if u128::from(meta.len()) != expected {
            return Err(LmError::format(
                path,
                format!(
                    "has {} bytes, its header asks for {expected}: it is cut off, or no llama2.c \
                     checkpoint of version 0",
                    meta.len()
                ),
            ));
        }
        let mut checkpoint = Self { path: path.into(), file, config, sections };
        checkpoint.check_rotary()?;
        Ok(checkpoint)
    }

    /// The shape.
    pub(super) fn config(&self) -> &LmConfig {
        &self.config
    }

    /// Tensor `i` of those of the layer at `path`.
    fn tensor(&mut self, path: &str, i: usize) -> Result<Vec<f32>, LmError> {
        let before = self.sections.iter().take_while(|s| s.path != path);
        let start: u128 = before.map(|s| s.numbers * s.count).sum();
        let section = self.sections.iter().find(|s| s.path == path).expect("a layer of a Llama");
        let TensorSection { label, numbers, .. } = *section;
        let fits = "within the length of the file";
        let at = u64::try_from(4 * (start + numbers * i as u128)).expect(fits);
        let io = || LmError::io(&self.path);
        self.file.seek(SeekFrom::Start(HEADER_BYTES + at)).map_err(io())?;
        let mut bytes = vec![0u8; usize::try_from(4 * numbers).expect(fits)];
        self.file.read_exact(&mut bytes).map_err(io())?;
        let values: Vec<f32> =
            bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        match values.iter().find(|x| !x.is_finite()) {
            Some(x) => Err(LmError::format(&self.path, format!("a weight of the {label} is {x}"))),
            None => Ok(values),
        }
    }

    /// The tables are those of the training run; another base would give
    /// another model without a sign of it.
    fn check_rotary(&mut self) -> Result<(), LmError> {
        let cosines = self.tensor(ROTARY, 0)?;
        self.tensor(ROTARY, 1)?;
        let (head_dim, theta) = (self.config.head_dim(), self.config.rope_theta);
        let is_foreign = |(i, cos): (usize, &f32)| {
            let angle = theta.powf(-2.0 * i as f64 / head_dim as f64);
            (f64::from(*cos) - angle.cos()).abs() > 1e-3
        };
        // Position 0 is the same for every base; a context of 1 has no other.
        let first = cosines.chunks_exact(head_dim / 2).nth(1);
        match first.is_some_and(|p| p.iter().enumerate().any(is_foreign)) {
            false => Ok(()),
            true => Err(LmError::format(
                &self.path,
                format!("its rotary table is not that of base {theta}, the only one llama2.c runs"),
            )),
        }
    }
}

impl TensorSource for Checkpoint {
    fn numbers(&mut self, tensor: &TensorRequest) -> Result<Vec<f32>, LmError> {
        let values = self.tensor(tensor.path, tensor.block.unwrap_or(0))?;
        let TensorShape::Matrix([input, _]) = tensor.shape else { return Ok(values) };
        match tensor.role {
            TensorRole::Embedding => Ok(values),
            _ => {
                let by_pairs = ["self_attn.q_proj", "self_attn.k_proj"].contains(&tensor.path);
                Ok(turned(&values, input, by_pairs.then(|| self.config.head_dim())))
            }
        }
    }
}

/// `[out, in]` as `[in, out]`. With `head`, outputs are those of heads of this size,
/// whose rotary pairs lie side by side in the file and half a head apart in the model.
fn turned(values: &[f32], input: usize, head: Option<usize>) -> Vec<f32> {
    let output = values.len() / input;
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
    turned
}

fn header(file: &mut File, path: &Path) -> Result<LmConfig, LmError> {
    let mut bytes = [0u8; HEADER_BYTES as usize];
    file.read_exact(&mut bytes).map_err(LmError::io(path))?;
    if bytes.starts_with(MAGIC) {
        return Err(LmError::format(
            path,
            "a llama2.c checkpoint of version 1 or 2; export it again as version 0".to_owned(),
        ));
    }
    let mut fields = [0usize; 7];
    for (i, (field, bytes)) in fields.iter_mut().zip(bytes.as_chunks::<4>().0).enumerate() {
        let value = i32::from_le_bytes(*bytes);
        // Only the vocabulary has a sign, and it is no part of its size.
        if value == 0 || (value < 0 && i != 5) {
            return Err(LmError::format(path, format!("field {i} of the header is {value}")));
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
    config
        .validate()
        .map_err(|e| LmError::format(path, format!("its header is impossible: {e}")))?;
    Ok(config)
}
