//! Each part of the mathematics, got wrong on purpose: the comparison of
//! `families.rs` must notice.

#![allow(clippy::print_stdout, reason = "the table of distances is worth reading")]

mod common;
#[path = "sensitivity/later.rs"]
mod later;

use burn::module::Param;
use burn::tensor::{Tensor, TensorData};
use common::families::{folder, load, worst};
use common::{cpu, values};
use seal_lm::{Activation, Architecture, Lm, LmConfig, Ops, RopeScaling, load_weights};

/// What `families.rs` allows.
const ALLOWED: f64 = 1e-4;

/// The model with another config over the same weights.
fn with(name: &str, change: impl Fn(&mut LmConfig)) -> Lm {
    let mut config = load(name, Ops::Fused).config().clone();
    change(&mut config);
    load_weights(&config, &folder(name), &cpu()).unwrap()
}

fn with_architecture(name: &str, change: impl Fn(&mut Architecture)) -> Lm {
    with(name, |config| change(&mut config.architecture))
}

/// Column `c` of the result is column `from(c)` of `weight` `[in, out]`.
fn columns(weight: &Param<Tensor<2>>, from: impl Fn(usize) -> usize) -> Param<Tensor<2>> {
    let [rows, width] = weight.val().dims();
    let old = values(weight.val());
    let new: Vec<f32> =
        (0..rows * width).map(|i| old[i / width * width + from(i % width)] as f32).collect();
    Param::from_tensor(Tensor::from_data(TensorData::new(new, [rows, width]), &cpu()))
}

/// The model with the outputs of the layer `layer` in another order.
fn reordered(name: &str, layers: &[&str], from: impl Fn(&LmConfig, usize) -> usize) -> Lm {
    let mut model = load(name, Ops::Fused);
    let config = model.config().clone();
    for block in &mut model.trunk.layers {
        for layer in layers {
            let linear = block.linear_mut(layer).unwrap();
            linear.weight = columns(&linear.weight, |c| from(&config, c));
        }
    }
    model
}

/// Neighbours where the halves of a head should be paired.
fn pairing(config: &LmConfig, c: usize) -> usize {
    let d = config.head_dim();
    let (head, i) = (c / d * d, c % d);
    head + if i < d / 2 { 2 * i } else { 2 * (i - d / 2) + 1 }
}

/// Query heads dealt out to key heads in turn, not in groups.
fn dealt(name: &str) -> Lm {
    let mut model = reordered(name, &["q_proj"], head_order);
    let config = model.config().clone();
    for block in &mut model.trunk.layers {
        let output = block.linear_mut("o_proj").unwrap();
        let turned = Param::from_tensor(output.weight.val().transpose());
        let turned = columns(&turned, |c| head_order(&config, c));
        output.weight = Param::from_tensor(turned.val().transpose());
    }
    model
}

fn head_order(config: &LmConfig, c: usize) -> usize {
    let (d, kv) = (config.head_dim(), config.num_key_value_heads);
    let groups = config.num_attention_heads / kv;
    let head = c / d;
    (head % groups * kv + head / groups) * d + c % d
}

/// Queries multiplied by `factor`: another scale of the scores.
fn scaled(name: &str, layer: &str, factor: f64) -> Lm {
    let mut model = load(name, Ops::Fused);
    for block in &mut model.trunk.layers {
        let linear = block.linear_mut(layer).unwrap();
        let old = linear.weight.val();
        linear.weight = Param::from_tensor(old * factor);
    }
    model
}

/// All queries, then keys, then values, where each head has its own three.
fn not_by_head(config: &LmConfig, c: usize) -> usize {
    let (d, heads) = (config.head_dim(), config.num_attention_heads);
    let (head, part, i) = (c / (3 * d), c / d % 3, c % d);
    (part * heads + head) * d + i
}

fn longrope(a: &mut Architecture, change: impl Fn(&mut Vec<f64>, &mut Vec<f64>, &mut f64)) {
    let RopeScaling::Longrope { short_factor, long_factor, attention_factor, .. } =
        &mut a.rope_scaling
    else {
        panic!("{a:?}")
    };
    change(short_factor, long_factor, attention_factor);
}

#[test]
fn mistakes_show() {
    let linear = RopeScaling::Linear { factor: 8.0 };
    let wrong: Vec<(&str, &str, Lm)> = vec![
        ("rotary pairing", "llama_tied", reordered("llama_tied", &["q_proj", "k_proj"], pairing)),
        ("rope_theta", "llama_tied", with("llama_tied", |c| c.rope_theta *= 1.1)),
        ("rope_theta", "neox_parallel", with("neox_parallel", |c| c.rope_theta *= 1.1)),
        (
            "llama3 as none",
            "llama_sharded",
            with_architecture("llama_sharded", |a| {
                a.rope_scaling = RopeScaling::Default;
            }),
        ),
        (
            "llama3 as linear",
            "llama_sharded",
            with_architecture("llama_sharded", |a| {
                a.rope_scaling = linear.clone();
            }),
        ),
        (
            "linear as none",
            "llama_biased",
            with_architecture("llama_biased", |a| {
                a.rope_scaling = RopeScaling::Default;
            }),
        ),
        ("eps", "llama_tied", with("llama_tied", |c| c.rms_norm_eps = 1e-5)),
        ("eps", "llama_sharded", with("llama_sharded", |c| c.rms_norm_eps = 1e-5)),
        ("eps", "neox_parallel", with("neox_parallel", |c| c.rms_norm_eps = 1e-5)),
        ("eps", "phi3", with("phi3", |c| c.rms_norm_eps = 1e-5)),
        ("no window", "mistral", with_architecture("mistral", |a| a.sliding_window = None)),
        ("window + 1", "mistral", with_architecture("mistral", |a| a.sliding_window = Some(9))),
        (
            "window - 1",
            "phi3_window",
            with_architecture("phi3_window", |a| {
                a.sliding_window = Some(10);
            }),
        ),
        (
            "partial rotary",
            "neox_parallel",
            with_architecture("neox_parallel", |a| {
                a.partial_rotary_factor = 0.5;
            }),
        ),
        (
            "partial rotary",
            "neox_sequential",
            with_architecture("neox_sequential", |a| {
                a.partial_rotary_factor = 0.25;
            }),
        ),
        ("groups of heads", "llama_tied", dealt("llama_tied")),
        ("groups of heads", "mistral", dealt("mistral")),
        ("attention scale", "llama_tied", scaled("llama_tied", "q_proj", 0.5f64.sqrt())),
        ("attention scale", "llama_tied", scaled("llama_tied", "q_proj", 1.001)),
        (
            "joint layout",
            "neox_parallel",
            reordered("neox_parallel", &["query_key_value"], not_by_head),
        ),
        (
            "sequential block",
            "neox_parallel",
            with_architecture("neox_parallel", |a| {
                a.use_parallel_residual = false;
            }),
        ),
        (
            "parallel block",
            "neox_sequential",
            with_architecture("neox_sequential", |a| {
                a.use_parallel_residual = true;
            }),
        ),
        (
            "tanh GELU",
            "neox_parallel",
            with_architecture("neox_parallel", |a| {
                a.hidden_act = Activation::GeluPytorchTanh;
            }),
        ),
        (
            "exact GELU",
            "neox_sequential",
            with_architecture("neox_sequential", |a| {
                a.hidden_act = Activation::Gelu;
            }),
        ),
        (
            "short factors only",
            "phi3",
            with_architecture("phi3", |a| {
                longrope(a, |short, long, _| *long = short.clone());
            }),
        ),
        (
            "long factors only",
            "phi3",
            with_architecture("phi3", |a| {
                longrope(a, |short, long, _| *short = long.clone());
            }),
        ),
        (
            "no attention factor",
            "phi3",
            with_architecture("phi3", |a| {
                longrope(a, |_, _, factor| *factor = 1.0);
            }),
        ),
    ];
    compare(wrong.into_iter().chain(later::wrong()).collect());
}

fn compare(wrong: Vec<(&str, &str, Lm)>) {
    println!("{:20} {:16} {:>9} {:>9}", "wrong", "model", "wrong", "right");
    let mut unseen = Vec::new();
    for (what, name, model) in wrong {
        let (bad, good) = (worst(&model, name), worst(&load(name, Ops::Fused), name));
        println!("{what:20} {name:16} {bad:9.1e} {good:9.1e}");
        if bad <= ALLOWED || good > ALLOWED {
            unseen.push((what, name));
        }
    }
    assert!(unseen.is_empty(), "not noticed: {unseen:?}");
}
