//! Models, batches and comparisons that the tests share.

#![allow(dead_code, reason = "each test program uses a part")]

pub mod families;
pub mod golden;

use burn::module::Param;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use rand::RngExt;
use seal_data::{Batch, Example, RowId, seed};
use seal_device::DeviceSpec;
use seal_lm::{Architecture, Lm, LmConfig, ModelType, Norm, Tape, differentiate, token_nll};

/// The CPU without a tape.
pub fn cpu() -> Device {
    DeviceSpec::default().open().unwrap()
}

/// The CPU with a tape.
pub fn tape() -> Device {
    cpu().autodiff()
}

/// A parameter under its Hugging Face name and in its layout.
#[derive(Debug)]
pub struct Leaf {
    pub name: String,
    pub value: Vec<f64>,
    pub gradient: Option<Vec<f64>>,
}

/// The elements of `x`.
pub fn values<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().iter::<f64>().collect()
}

/// The larger of two distances. NaN is the largest of all, whichever comes first.
pub fn worse(worst: f64, off: f64) -> f64 {
    if worst.is_nan() || off <= worst { worst } else { off }
}

fn leaf<const D: usize>(
    name: String,
    param: &Param<Tensor<D>>,
    gradients: Option<&Gradients>,
    layout: impl Fn(Tensor<D>) -> Tensor<D>,
) -> Leaf {
    let gradient = gradients.and_then(|g| param.val().grad(g));
    Leaf { name, value: values(layout(param.val())), gradient: gradient.map(|g| values(layout(g))) }
}

/// All parameters of the base, and the adapters', with their gradients.
pub fn leaves(model: &Lm, gradients: Option<&Gradients>) -> Vec<Leaf> {
    let vector = |name: String, p: &Param<Tensor<1>>| leaf(name, p, gradients, |x| x);
    let turned = |name: String, p: &Param<Tensor<2>>| leaf(name, p, gradients, Tensor::transpose);
    let norm = |at: &str, norm: &Norm| {
        let bias = norm.bias.as_ref().map(|bias| vector(format!("{at}.bias"), bias));
        std::iter::once(vector(format!("{at}.weight"), &norm.weight))
            .chain(bias)
            .collect::<Vec<_>>()
    };
    let neox = model.config().architecture.model_type == ModelType::GptNeox;
    let [base, embedding, last, head] = match neox {
        true => ["gpt_neox", "embed_in", "final_layer_norm", "embed_out"],
        false => ["model", "embed_tokens", "norm", "lm_head"],
    };
    let mut out = vec![leaf(
        format!("{base}.{embedding}.weight"),
        &model.trunk.embed_tokens,
        gradients,
        |x| x,
    )];
    out.extend(norm(&format!("{base}.{last}"), &model.trunk.norm));
    if let Some(layer) = &model.lm_head {
        out.push(turned(format!("{head}.weight"), &layer.weight));
    }
    for (i, block) in model.trunk.layers.iter().enumerate() {
        let at = |name: &str| format!("{base}.layers.{i}.{name}");
        for layer in block.norms() {
            out.extend(norm(&at(layer.path()), layer));
        }
        for (name, linear) in block.linears() {
            out.push(turned(at(&format!("{name}.weight")), &linear.weight));
            if let Some(bias) = &linear.bias {
                out.push(vector(at(&format!("{name}.bias")), bias));
            }
            if let Some(lora) = &linear.lora {
                out.push(turned(at(&format!("{name}.lora_A.weight")), &lora.a));
                out.push(turned(at(&format!("{name}.lora_B.weight")), &lora.b));
            }
        }
    }
    out
}

/// Euclidean norm.
pub fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Euclidean distance.
pub fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>())
}

/// A small shape; tests change what they are about.
pub fn config() -> LmConfig {
    LmConfig {
        vocab_size: 101,
        hidden_size: 32,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        intermediate_size: 37,
        max_position_embeddings: 64,
        rope_theta: 1e4,
        rms_norm_eps: 1e-5,
        tie_word_embeddings: true,
        // Large enough for attention to choose and for logits to differ.
        initializer_range: 0.3,
        architecture: Architecture::default(),
    }
}

/// A model whose gains are not all 1.
pub fn model(config: &LmConfig, seed: u64, device: &Device) -> Lm {
    let mut model = Lm::init(config, seed, device).unwrap();
    let mut rng = seed::rng(&["gains".into(), seed.into()]);
    let mut shake = |gain: &mut Param<Tensor<1>>| {
        let values: Vec<f32> = (0..config.hidden_size).map(|_| 0.5 + rng.random::<f32>()).collect();
        let values = TensorData::new(values, [config.hidden_size]);
        *gain = Param::from_tensor(Tensor::from_data(values, device));
    };
    for block in &mut model.trunk.layers {
        shake(&mut block.input_layernorm.weight);
        shake(&mut block.post_attention_layernorm.weight);
    }
    shake(&mut model.trunk.norm.weight);
    model
}

/// Random rows of (tokens, answer's start).
pub fn examples(vocab: usize, seed: u64, shapes: &[(usize, usize)]) -> Vec<Example> {
    let mut rng = seed::rng(&["examples".into(), seed.into()]);
    shapes
        .iter()
        .enumerate()
        .map(|(i, (n, answer))| {
            let tokens = (0..*n).map(|_| rng.random_range(0..vocab as u32)).collect();
            Example::new(RowId::of(&format!("{seed} {i}"), "", 0), tokens, *answer)
        })
        .collect()
}

/// Rows of unequal, odd and even lengths; one is a single input long.
pub const SHAPES: [(usize, usize); 5] = [(12, 5), (7, 3), (2, 1), (9, 8), (20, 2)];

/// `examples` side by side.
pub fn batch(examples: &[Example], pad_to_multiple: Option<usize>) -> Batch {
    Batch::of(&examples.iter().collect::<Vec<_>>(), pad_to_multiple)
}

/// Mean over rows of their mean answer losses, on the tape.
pub fn mean_loss(model: &Lm, batch: &Batch) -> Tensor<1> {
    let tokens = token_nll(model, batch, None);
    let shares = shares(batch);
    let n = shares.len();
    let shares = Tensor::from_data(TensorData::new(shares, [n]), &tokens.device());
    (tokens * shares).sum()
}

/// Gradients of [`mean_loss`], made as training makes them.
pub fn gradients(model: &Lm, batch: &Batch) -> GradientsParams {
    differentiate(model, batch, &shares(batch), None, Tape::default()).gradients
}

/// Weight of each answer token in the mean over rows of their means.
fn shares(batch: &Batch) -> Vec<f32> {
    let share = |b: &i32| 1.0 / (batch.answer_lens[*b as usize] * batch.rows()) as f32;
    batch.row_of.iter().map(share).collect()
}
