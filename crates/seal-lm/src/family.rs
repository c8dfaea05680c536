//! Names and shapes of the weights of each family, as Hugging Face stores them.

use crate::{LmConfig, ModelType};

/// Where the parts of a model are in its files.
pub(crate) struct Names {
    /// The blocks are `<layers>.0`, `<layers>.1`, ..
    pub(crate) layers: &'static str,
    pub(crate) embedding: &'static str,
    pub(crate) norm: &'static str,
    pub(crate) head: &'static str,
}

const LLAMA: Names = Names {
    layers: "model.layers",
    embedding: "model.embed_tokens",
    norm: "model.norm",
    head: "lm_head",
};

const NEOX: Names = Names {
    layers: "gpt_neox.layers",
    embedding: "gpt_neox.embed_in",
    norm: "gpt_neox.final_layer_norm",
    head: "embed_out",
};

impl ModelType {
    /// Every family.
    pub const ALL: [Self; 4] = [Self::Llama, Self::Mistral, Self::GptNeox, Self::Phi3];

    /// As `config.json` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Mistral => "mistral",
            Self::GptNeox => "gpt_neox",
            Self::Phi3 => "phi3",
        }
    }

    /// Linear layers of a block that an adapter can be put on, by the last part
    /// of their names.
    pub fn linear_names(self) -> &'static [&'static str] {
        match self {
            Self::Llama | Self::Mistral => &crate::LINEAR_NAMES,
            Self::GptNeox => &["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"],
            Self::Phi3 => &["qkv_proj", "o_proj", "gate_up_proj", "down_proj"],
        }
    }

    pub(crate) fn names(self) -> &'static Names {
        match self {
            Self::GptNeox => &NEOX,
            Self::Llama | Self::Mistral | Self::Phi3 => &LLAMA,
        }
    }
}

/// A linear layer of a block.
pub(crate) struct LinearSpec {
    /// Path inside the block.
    pub(crate) name: &'static str,
    /// [in, out].
    pub(crate) shape: [usize; 2],
    pub(crate) bias: bool,
    /// Whether it writes to the residual stream.
    pub(crate) residual: bool,
}

/// The linear layers of each block, in the order of the forward pass.
pub(crate) fn linears(c: &LmConfig) -> Vec<LinearSpec> {
    let (d, f) = (c.hidden_size, c.intermediate_size);
    let q = c.num_attention_heads * c.head_dim();
    let kv = c.num_key_value_heads * c.head_dim();
    let (a, m) = (c.architecture.attention_bias, c.architecture.mlp_bias);
    // In and out, whether with bias, whether to the residual stream.
    let shapes: Vec<([usize; 2], bool, bool)> = match c.architecture.model_type {
        ModelType::Llama | ModelType::Mistral => vec![
            ([d, q], a, false),
            ([d, kv], a, false),
            ([d, kv], a, false),
            ([q, d], a, true),
            ([d, f], m, false),
            ([d, f], m, false),
            ([f, d], m, true),
        ],
        ModelType::GptNeox => {
            vec![([d, 3 * q], a, false), ([q, d], a, true), ([d, f], m, false), ([f, d], m, true)]
        }
        ModelType::Phi3 => vec![
            ([d, q + 2 * kv], a, false),
            ([q, d], a, true),
            ([d, 2 * f], m, false),
            ([f, d], m, true),
        ],
    };
    let paths = block_paths(c.architecture.model_type);
    let spec = |(name, (shape, bias, residual)): (&&'static str, ([usize; 2], bool, bool))| {
        LinearSpec { name, shape, bias, residual }
    };
    paths.iter().zip(shapes).map(spec).collect()
}

/// Paths of the linear layers inside a block, in the order of [`linears`].
pub(crate) fn block_paths(family: ModelType) -> &'static [&'static str] {
    match family {
        ModelType::Llama | ModelType::Mistral => &[
            "self_attn.q_proj",
            "self_attn.k_proj",
            "self_attn.v_proj",
            "self_attn.o_proj",
            "mlp.gate_proj",
            "mlp.up_proj",
            "mlp.down_proj",
        ],
        ModelType::GptNeox => &[
            "attention.query_key_value",
            "attention.dense",
            "mlp.dense_h_to_4h",
            "mlp.dense_4h_to_h",
        ],
        ModelType::Phi3 => {
            &["self_attn.qkv_proj", "self_attn.o_proj", "mlp.gate_up_proj", "mlp.down_proj"]
        }
    }
}

/// Paths of all linear layers in the blocks.
pub(crate) fn linear_paths(c: &LmConfig) -> Vec<String> {
    let at = c.architecture.model_type.names().layers;
    let linears = linears(c);
    let of = |i: usize| linears.iter().map(move |l| format!("{at}.{i}.{}", l.name));
    (0..c.num_hidden_layers).flat_map(of).collect()
}

/// Whether normalisation is that of layers (mean and bias), not RMS.
pub(crate) fn has_layer_norm(c: &LmConfig) -> bool {
    c.architecture.model_type == ModelType::GptNeox
}

/// Every tensor of the model's files with its shape there; the tied output
/// layer is none.
pub(crate) fn tensors(c: &LmConfig) -> Vec<(String, Vec<usize>)> {
    let (names, d) = (c.architecture.model_type.names(), c.hidden_size);
    let mut out = vec![(format!("{}.weight", names.embedding), vec![c.vocab_size, d])];
    let norm = |at: String| {
        let bias = has_layer_norm(c).then(|| (format!("{at}.bias"), vec![d]));
        std::iter::once((format!("{at}.weight"), vec![d])).chain(bias)
    };
    for i in 0..c.num_hidden_layers {
        let block = format!("{}.{i}", names.layers);
        out.extend(norm(format!("{block}.input_layernorm")));
        out.extend(norm(format!("{block}.post_attention_layernorm")));
        for LinearSpec { name, shape: [input, output], bias, .. } in linears(c) {
            out.push((format!("{block}.{name}.weight"), vec![output, input]));
            if bias {
                out.push((format!("{block}.{name}.bias"), vec![output]));
            }
        }
    }
    out.extend(norm(names.norm.to_owned()));
    if !c.tie_word_embeddings {
        out.push((format!("{}.weight", names.head), vec![c.vocab_size, d]));
    }
    out
}
