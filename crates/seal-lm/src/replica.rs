//! Copies of a model that compute side by side with it.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};

use crate::Lm;
use crate::optim::Leaf;

impl Lm {
    /// The same weights as leaves of another tape, so that two threads do not
    /// wait for each other's.
    pub fn on_own_tape(&self) -> Self {
        struct Leaves;
        impl ModuleMapper for Leaves {
            fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
                let (id, tensor, mapper) = param.consume();
                let trained = tensor.is_require_grad();
                let leaf = Tensor::from_inner(tensor.inner());
                let leaf = if trained { leaf.require_grad() } else { leaf };
                Param::from_mapped_value(id, leaf, mapper)
            }
        }
        self.clone().map(&mut Leaves)
    }

    /// A copy on `device`, of the kind of the model's own. Its parameters have the ids of the model's, so
    /// that gradients of the copy are gradients of the model. What is trained is trained there, too.
    pub fn copied_to(&self, device: &Device) -> Self {
        self.clone().map(&mut Moved { device: device.clone().inner() })
    }

    /// The same model with the trained weights of `of`, of which it is a [copy](Lm::copied_to). Frozen
    /// weights stay where they are.
    pub fn with_trained_of(self, of: &Lm) -> Self {
        let mut trained =
            Trained { device: self.device().inner(), weights: GradientsParams::new() };
        of.visit(&mut trained);
        self.map(&mut trained)
    }
}

struct Moved {
    device: Device,
}

impl ModuleMapper for Moved {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let leaf = Leaf::of(&tensor);
        let moved = tensor.inner().to_device(&self.device);
        Param::from_mapped_value(id, leaf.with(moved), mapper)
    }
}

/// Trained weights of another model, for those of the same ids.
struct Trained {
    device: Device,
    /// Burn's map of tensors of any number of sides by id; what it holds here is no gradient.
    weights: GradientsParams,
}

impl ModuleVisitor for Trained {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let weight = param.val();
        if weight.is_require_grad() {
            self.weights.register(param.id, weight.inner());
        }
    }
}

impl ModuleMapper for Trained {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let Some(weight) = self.weights.remove::<D>(id) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let leaf = Leaf::of(&tensor);
        // The old one is freed before the new one comes.
        drop(tensor);
        Param::from_mapped_value(id, leaf.with(weight.to_device(&self.device)), mapper)
    }
}

#[cfg(test)]
#[path = "replica_tests.rs"]
mod tests;
