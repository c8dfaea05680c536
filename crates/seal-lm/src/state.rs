//! Trainable weights with the moments of their optimiser, as safetensors: what
//! a step of training starts from, for those who replay it.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::Param;
use burn::tensor::Tensor;

use crate::adapter::tensor_name;
use crate::weights::{HostTensor, to_host, write_safetensors};
use crate::{Lm, LmError, Optimizer};

/// A parameter with how its file stores it.
enum Stored<'a> {
    Vector(&'a Param<Tensor<1>>),
    Matrix(&'a Param<Tensor<2>>),
    /// Burn multiplies by [in, out], files hold [out, in].
    Transposed(&'a Param<Tensor<2>>),
}

/// The weights that an optimiser moves, by their Hugging Face or PEFT names.
fn trainable(model: &Lm) -> Vec<(String, Stored<'_>)> {
    let mut adapters = Vec::new();
    let mut base = vec![
        ("model.embed_tokens.weight".to_owned(), Stored::Matrix(&model.embed_tokens)),
        ("model.norm.weight".to_owned(), Stored::Vector(&model.norm)),
    ];
    for (i, block) in model.layers.iter().enumerate() {
        let at = |name: &str| format!("model.layers.{i}.{name}.weight");
        base.push((at("input_layernorm"), Stored::Vector(&block.input_layernorm)));
        let second = Stored::Vector(&block.post_attention_layernorm);
        base.push((at("post_attention_layernorm"), second));
        for (name, linear) in block.linears() {
            base.push((at(name), Stored::Transposed(&linear.weight)));
            if let Some(lora) = &linear.lora {
                adapters.push((tensor_name(i, name, "A"), Stored::Transposed(&lora.a)));
                adapters.push((tensor_name(i, name, "B"), Stored::Transposed(&lora.b)));
            }
        }
    }
    if let Some(head) = &model.lm_head {
        base.push(("lm_head.weight".to_owned(), Stored::Transposed(&head.weight)));
    }
    if adapters.is_empty() { base } else { adapters }
}

/// Writes the trainable weights of `model` to `path`, each under its Hugging
/// Face or PEFT name, and beside it `<name>.exp_avg` and `<name>.exp_avg_sq`,
/// the moments that `optimizer` holds for it; before the first step there are
/// none.
///
/// # Errors
/// A file that cannot be written.
pub fn save_training_state(model: &Lm, optimizer: &Optimizer, path: &Path) -> Result<(), LmError> {
    let moments = optimizer.moments()?;
    let mut tensors = BTreeMap::new();
    for (name, stored) in trainable(model) {
        let (id, weight, transposed) = match stored {
            Stored::Vector(p) => (p.id, to_host(p.val()), false),
            Stored::Matrix(p) => (p.id, to_host(p.val()), false),
            Stored::Transposed(p) => (p.id, to_host(p.val().transpose()), true),
        };
        if let Some(of_parameter) = moments.of(id)? {
            for (kind, bytes) in of_parameter {
                let bytes = if transposed { transpose(&bytes, &weight.shape) } else { bytes };
                let tensor = HostTensor { shape: weight.shape.clone(), bytes };
                tensors.insert(format!("{name}.{kind}"), tensor);
            }
        }
        tensors.insert(name, weight);
    }
    write_safetensors(tensors, path)
}

/// From the layout [in, out] to `shape` = [out, in], four bytes a number.
fn transpose(bytes: &[u8], shape: &[usize]) -> Vec<u8> {
    let (rows, columns) = (shape[0], shape[1]);
    let numbers = bytes.as_chunks::<4>().0;
    (0..rows).flat_map(|r| (0..columns).flat_map(move |c| numbers[c * rows + r])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns() {
        let flat = |x: &[f32]| x.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        let stored = flat(&[1., 2., 3., 4., 5., 6.]);
        assert_eq!(transpose(&stored, &[3, 2]), flat(&[1., 4., 2., 5., 3., 6.]));
    }
}
