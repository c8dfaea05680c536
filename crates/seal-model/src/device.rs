//! The device that a model computes on.

use burn::tensor::Device;
use seal_device::DeviceSpec;
use seal_lm::WeightFormat;

use crate::ModelError;

/// Opens the device `name` (a [`DeviceSpec`]) for training, if it computes with weights of
/// this format.
///
/// # Errors
/// [`ModelError::Device`] for a device that is unknown or not there;
/// [`ModelError::Bf16Device`].
pub fn open_device(name: &str, dtype: WeightFormat) -> Result<Device, ModelError> {
    let device = name.parse::<DeviceSpec>()?.open()?;
    match dtype.is_supported(&device) {
        true => Ok(device.autodiff()),
        false => Err(ModelError::Bf16Device { device: name.to_owned() }),
    }
}
