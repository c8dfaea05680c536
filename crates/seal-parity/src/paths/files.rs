//! Folders that a device writes and the CPU reads, and the other way round.

use std::path::Path;

use burn::module::Module as _;
use burn::tensor::Device;
use seal_device::DeviceSpec;
use seal_lm::{
    LmConfig, load_adapter, load_model, save_adapter, save_merged, save_weights, token_losses,
};

use crate::fault::PathFault;
use crate::found::Found;
use crate::paths::forward::wide;
use crate::rows;
use crate::side::{Side, lora};

/// A model to a folder, from it to the CPU and to the device again: the same losses, the same bytes.
pub(crate) fn folders(side: &Side, shape: &LmConfig) -> Result<Found, PathFault> {
    let (first, second) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let model = side.model(shape)?.valid();
    save_weights(&model, first.path())?;
    let (back, _) = load_model(first.path(), side.device())?;
    save_weights(&back, second.path())?;
    same_bytes(first.path(), second.path(), "model.safetensors")?;
    let batch = rows::batch(&rows::few());
    let mut found = Found::default();
    found.numbers("written", wide(&token_losses(&model, &batch)));
    found.numbers("read by the device", wide(&token_losses(&side.with_ops(back), &batch)));
    let (on_cpu, _) = load_model(first.path(), &cpu()?)?;
    found.numbers("read by the CPU", wide(&token_losses(&on_cpu, &batch)));
    Ok(found)
}

/// An adapter to a folder and back, as [`folders`].
pub(crate) fn adapters(side: &Side, shape: &LmConfig) -> Result<Found, PathFault> {
    let (first, second) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let lora = lora(0.0);
    let model = side.adapted(shape, &lora)?.valid();
    save_adapter(&model, &lora, "base", first.path())?;
    let back = load_adapter(side.model(shape)?.valid(), &lora, first.path())?;
    save_adapter(&back, &lora, "base", second.path())?;
    same_bytes(first.path(), second.path(), "adapter_model.safetensors")?;
    let batch = rows::batch(&rows::few());
    let mut found = Found::default();
    found.numbers("written", wide(&token_losses(&model, &batch)));
    found.numbers("read by the device", wide(&token_losses(&side.with_ops(back), &batch)));
    Ok(found)
}

/// Adapters added into the weights, on the device and in a folder that the CPU reads.
pub(crate) fn merged(side: &Side, shape: &LmConfig) -> Result<Found, PathFault> {
    let folder = tempfile::tempdir()?;
    let model = side.adapted(shape, &lora(0.0))?.valid();
    let merged = model.clone().merged();
    let batch = rows::batch(&rows::few());
    let mut found = Found::default();
    found.numbers("beside", wide(&token_losses(&model, &batch)));
    found.numbers("added", wide(&token_losses(&merged, &batch)));
    save_merged(&merged, folder.path())?;
    let (on_cpu, _) = load_model(folder.path(), &cpu()?)?;
    found.numbers("read by the CPU", wide(&token_losses(&on_cpu, &batch)));
    Ok(found)
}

fn cpu() -> Result<Device, PathFault> {
    Ok(DeviceSpec::default().open()?)
}

fn same_bytes(first: &Path, second: &Path, file: &str) -> Result<(), PathFault> {
    match std::fs::read(first.join(file))? == std::fs::read(second.join(file))? {
        true => Ok(()),
        false => {
            let said = format!("{file}: what the device read and wrote again has other bytes");
            Err(PathFault::broken(said))
        }
    }
}
