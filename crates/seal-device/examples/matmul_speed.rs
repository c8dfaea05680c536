//! Speed of matrix products on a device, in the three forms that a linear
//! layer needs:
//!
//! ```text
//! cargo run -p seal-device --example matmul_speed -- [DEVICE]
//! ```

use std::error::Error;
use std::io::{self, Write as _};
use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use seal_device::DeviceSpec;

fn matrix(rows: usize, columns: usize, device: &Device) -> Tensor<2> {
    let values: Vec<f32> = (0..rows * columns).map(|i| (i % 11) as f32 - 5.0).collect();
    Tensor::from_data(TensorData::new(values, [rows, columns]), device)
}

/// Operations a second, in billions; the best of many.
fn speed(a: &Tensor<2>, b: &Tensor<2>, device: &Device) -> Result<f64, Box<dyn Error>> {
    let ([m, k], [_, n]) = (a.dims(), b.dims());
    let mut best = f64::INFINITY;
    for _ in 0..20 {
        let started = Instant::now();
        let c = a.clone().matmul(b.clone());
        device.sync().map_err(|e| format!("{e:?}"))?;
        best = best.min(started.elapsed().as_secs_f64());
        drop(c);
    }
    Ok(2.0 * (m * k * n) as f64 / best / 1e9)
}

fn main() -> Result<(), Box<dyn Error>> {
    let spec: DeviceSpec = std::env::args().nth(1).as_deref().unwrap_or("flex").parse()?;
    let device = spec.open()?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{:<24} {:>8} {:>8} {:>8}  10^9 operations/s on {spec}",
        "n, in, out", "x W", "dy W^T", "x^T dy"
    )?;
    for (n, i, o) in [
        (1024, 128, 352),
        (1024, 128, 128),
        (2048, 256, 688),
        (2048, 256, 256),
        (1024, 512, 1376),
        (1024, 512, 512),
        (512, 512, 4096),
        (1024, 768, 3072),
        (1024, 768, 16),
        (1024, 1024, 1024),
    ] {
        let (x, w, dy) = (matrix(n, i, &device), matrix(i, o, &device), matrix(n, o, &device));
        let forward = speed(&x, &w, &device)?;
        let input = speed(&dy, &w.transpose(), &device)?;
        let weight = speed(&x.transpose(), &dy, &device)?;
        writeln!(out, "{:<24} {forward:8.0} {input:8.0} {weight:8.0}", format!("{n}, {i}, {o}"))?;
    }
    Ok(())
}
