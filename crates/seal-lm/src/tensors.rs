//! The tensors of a model by their names in files.

use burn::module::Param;
use burn::tensor::Tensor;

use crate::Lm;
use crate::norm::Norm;
use crate::tensor_source::adapter_name;

/// A stored tensor of a model, by how its file lays it out.
#[derive(Clone, Copy)]
pub(crate) enum StoredTensor<'a> {
    Vector(&'a Param<Tensor<1>>),
    Matrix(&'a Param<Tensor<2>>),
    /// Burn multiplies by [in, out], files hold [out, in].
    Transposed(&'a Param<Tensor<2>>),
}

impl Lm {
    /// Every tensor of the base, by its Hugging Face name.
    pub(crate) fn tensors(&self) -> Vec<(String, StoredTensor<'_>)> {
        let (trunk, plan) = (&self.trunk, self.trunk.plan());
        let embedding = StoredTensor::Matrix(&trunk.embed_tokens);
        let mut out = vec![(format!("{}.weight", plan.names.embedding), embedding)];
        for (i, block) in trunk.layers.iter().enumerate() {
            let at = plan.block_path(i);
            for layer in block.norms() {
                out.extend(norm(format!("{at}.{}", layer.plan.path), layer));
            }
            for (path, linear) in block.linears() {
                out.push((format!("{at}.{path}.weight"), StoredTensor::Transposed(&linear.weight)));
                if let Some(bias) = &linear.bias {
                    out.push((format!("{at}.{path}.bias"), StoredTensor::Vector(bias)));
                }
            }
        }
        out.extend(norm(trunk.norm.plan.path.to_owned(), &trunk.norm));
        if let Some(head) = &self.lm_head {
            out.push((
                format!("{}.weight", plan.names.head),
                StoredTensor::Transposed(&head.weight),
            ));
        }
        out
    }

    /// Every tensor of the adapters, by its PEFT name.
    pub(crate) fn adapter_tensors(&self) -> Vec<(String, StoredTensor<'_>)> {
        let plan = self.trunk.plan();
        let mut out = Vec::new();
        for (i, block) in self.trunk.layers.iter().enumerate() {
            let at = plan.block_path(i);
            for (path, linear) in block.linears() {
                if let Some(lora) = &linear.lora {
                    for (side, weight) in [("A", &lora.a), ("B", &lora.b)] {
                        let name = adapter_name(&format!("{at}.{path}"), side);
                        out.push((name, StoredTensor::Transposed(weight)));
                    }
                }
            }
        }
        out
    }
}

/// The tensors of the normalisation at `at`.
fn norm(at: String, norm: &Norm) -> impl Iterator<Item = (String, StoredTensor<'_>)> {
    let bias = norm.bias.as_ref().map(|b| (format!("{at}.bias"), StoredTensor::Vector(b)));
    std::iter::once((format!("{at}.weight"), StoredTensor::Vector(&norm.weight))).chain(bias)
}
