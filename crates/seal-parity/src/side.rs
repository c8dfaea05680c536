//! A device with the models on it.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use rand::RngExt as _;
use seal_data::seed::rng;
use seal_device::{DeviceError, DeviceSpec, Kernels};
use seal_lm::{Lm, LmConfig, LoraConfig, Ops, WeightFormat};

use crate::fault::PathFault;

/// A device on which paths are taken.
pub struct Side {
    device: Device,
    ops: Ops,
}

impl Side {
    /// `spec` with the kernels of this project, where they are for it.
    ///
    /// # Errors
    /// A device that cannot be opened.
    pub fn reference(spec: DeviceSpec) -> Result<Self, DeviceError> {
        Ok(Self { device: spec.open()?, ops: Ops::Fused })
    }

    /// `spec` as a study takes it, with the kernels of a GPU where it has some. On the CPU, whose
    /// kernels are the reference, with operations composed from Burn's.
    ///
    /// # Errors
    /// A device that cannot be opened.
    pub fn subject(spec: DeviceSpec) -> Result<Self, DeviceError> {
        let device = spec.open()?;
        let ops = match Kernels::of(&device) {
            Some(_) => Ops::Composed,
            None => Ops::Fused,
        };
        Ok(Self { device, ops })
    }

    /// The device, without a tape.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The same device with a tape.
    pub(crate) fn tape(&self) -> Device {
        self.device.clone().autodiff()
    }

    /// `model` with the operations of this side.
    pub(crate) fn with_ops(&self, model: Lm) -> Lm {
        model.with_ops(self.ops)
    }

    /// The operations of this side.
    pub(crate) fn ops(&self) -> Ops {
        self.ops
    }

    /// A model with drawn weights, gains and biases, on a tape.
    pub(crate) fn model(&self, shape: &LmConfig) -> Result<Lm, PathFault> {
        self.model_as(shape, WeightFormat::F32)
    }

    /// As [`Side::model`], with weights in `format`.
    pub(crate) fn model_as(&self, shape: &LmConfig, format: WeightFormat) -> Result<Lm, PathFault> {
        let model = Lm::init_as(shape, 7, &self.tape(), format)?;
        // Gains of 1 and biases of 0 would hide that one is left out.
        let model = model.map(&mut Shake { at: 0, by: 0.4, what: Shaken::Vectors });
        Ok(self.with_ops(model))
    }

    /// As [`Side::model`], with adapters on all layers, none of which is zero.
    pub(crate) fn adapted(&self, shape: &LmConfig, lora: &LoraConfig) -> Result<Lm, PathFault> {
        Ok(shaken_adapters(self.model(shape)?.with_lora(lora, 3)?))
    }
}

/// The model with its trained weights moved: B of a new adapter is 0, so that A would get no gradient.
pub(crate) fn shaken_adapters(model: Lm) -> Lm {
    model.map(&mut Shake { at: 0, by: 0.1, what: Shaken::Trained })
}

/// Adapters on all layers.
pub(crate) fn lora(dropout: f64) -> LoraConfig {
    LoraConfig {
        r: 3,
        lora_alpha: 6.0,
        lora_dropout: dropout,
        target_modules: vec!["all-linear".to_owned()],
        ..LoraConfig::default()
    }
}

#[derive(PartialEq)]
enum Shaken {
    Vectors,
    Trained,
}

/// Adds draws from [-by, by) to each number of some weights.
struct Shake {
    at: u64,
    by: f32,
    what: Shaken,
}

impl ModuleMapper for Shake {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.at += 1;
        let (id, tensor, mapper) = param.consume();
        let trained = tensor.is_require_grad();
        let chosen = match self.what {
            Shaken::Vectors => D == 1,
            Shaken::Trained => trained,
        };
        if !chosen {
            return Param::from_mapped_value(id, tensor, mapper);
        }
        let (device, dims, dtype) = (tensor.device(), tensor.dims(), tensor.dtype());
        let on_tape = device.is_autodiff();
        let mut draws = rng(&["shake".into(), self.at.into()]);
        let values = tensor.into_data().convert::<f32>();
        let moved: Vec<f32> = values
            .iter::<f32>()
            .map(|x| x + self.by * (2.0 * draws.random::<f32>() - 1.0))
            .collect();
        // Off the tape first, so that the result is a leaf.
        let moved =
            Tensor::<D>::from_data(TensorData::new(moved, dims), &device.without_autodiff());
        let moved = match dtype == burn::tensor::DType::BF16 {
            true => moved.cast(FloatDType::BF16),
            false => moved,
        };
        let leaf = if on_tape { Tensor::from_inner(moved) } else { moved };
        let leaf = if trained { leaf.require_grad() } else { leaf };
        Param::from_mapped_value(id, leaf, mapper)
    }
}
