//! The work itself, as the crates do it for a study.

use std::sync::Arc;
use std::time::Instant;

use burn::module::Module as _;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use seal_bilevel::{
    Algorithm, Bilevel, BilevelError, BilevelSettings, Gamma, SftSettings, Supervised, Trainer,
};
use seal_data::{Batch, Example, RowId};
use seal_device::{DeviceError, DeviceGroup, DeviceSpec, Kernels};
use seal_lm::{
    GenerateError, GenerateSettings, Generator, Lm, LmError, OptimConfig, Prompt, WeightFormat,
    token_losses,
};
use seal_select::SelectorFunction;

use crate::clock::{Clock, WARM_UP, taken_mib};
use crate::job::{BenchJob, Sample};
use crate::memory;
use crate::work::BenchWork;

/// Work that cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// A device that cannot be opened.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A model that cannot be made.
    #[error(transparent)]
    Model(#[from] LmError),
    /// Training that failed.
    #[error(transparent)]
    Training(#[from] BilevelError),
    /// Generation that failed.
    #[error(transparent)]
    Generation(#[from] GenerateError),
    /// A device that fails at what it was given.
    #[error("the backend failed: {said}")]
    Backend {
        /// What it said.
        said: String,
    },
    /// Nothing to work on.
    #[error("no rows")]
    NoRows,
    /// Nothing to work with.
    #[error("no device")]
    NoDevice,
}

/// Does `work` of `job` on `devices` and times its steps. Several share each step of training, with
/// `threads` threads together.
/// Memory is that of the process where the device computes in it, and else what the first device's
/// own allocator has taken; it is unknown where that does not tell.
///
/// # Errors
/// A device that cannot be opened or fails; work that fails; no device.
pub fn measure(
    job: &BenchJob,
    work: BenchWork,
    (devices, threads): (&[DeviceSpec], usize),
    format: WeightFormat,
) -> Result<Sample, MeasureError> {
    let first = devices.first().ok_or(MeasureError::NoDevice)?;
    let on_host = first.is_host();
    let device = first.open()?;
    let group = Arc::new(DeviceGroup::open_on(devices, threads)?);
    // What a device sets up once is not the work's.
    matmul_rate(&device, 64, format)?;
    let taken = taken_mib(&device);
    let start_mib = memory::resident();
    let mut sample = match work {
        BenchWork::Selector => selector(job, &device, &group, format)?,
        BenchWork::Sft => sft(job, &device, &group, format)?,
        BenchWork::Score => score(job, &device, format)?,
        BenchWork::Generate => answers(job, &device, format)?,
    };
    (sample.start_mib, sample.peak_mib) = match on_host {
        true => (start_mib, memory::peak()),
        false => (taken, sample.peak_mib),
    };
    sample.matmul_flops = Some(matmul_rate(&device, 1024, format)?);
    Ok(sample)
}

/// Operations a second of a product of two square matrices, the best of a few, by
/// the kernel that training uses.
fn matmul_rate(device: &Device, n: usize, format: WeightFormat) -> Result<f64, MeasureError> {
    let values: Vec<f32> = (0..n * n).map(|i| (i % 7) as f32 - 3.0).collect();
    let a = Tensor::<2>::from_data(TensorData::new(values, [n, n]), device);
    let a = match format {
        WeightFormat::F32 => a,
        WeightFormat::Bf16 => a.cast(FloatDType::BF16),
    };
    let mut best = f64::INFINITY;
    for _ in 0..4 {
        let started = Instant::now();
        let kernels = Kernels::of(device).filter(|_| format.is_f32());
        let c = match kernels {
            Some(kernels) => kernels.matmul(a.clone(), a.clone()),
            None => a.clone().matmul(a.clone()),
        };
        device.sync().map_err(|e| MeasureError::Backend { said: format!("{e:?}") })?;
        best = best.min(started.elapsed().as_secs_f64());
        drop(c);
    }
    Ok(2.0 * (n as f64).powi(3) / best)
}

fn model(job: &BenchJob, device: &Device, format: WeightFormat) -> Result<Lm, MeasureError> {
    let model = Lm::init_as(&job.case.model, 0, device, format)?;
    Ok(match &job.case.lora {
        Some(lora) => model.with_lora(lora, 0)?,
        None => model,
    })
}

fn optim() -> OptimConfig {
    OptimConfig { lr: 1e-4, ..OptimConfig::default() }
}

/// Epochs that give the case's steps and those before them.
fn epochs(job: &BenchJob, rows: usize, batch: usize) -> usize {
    (job.case.steps + WARM_UP).div_ceil(rows.div_ceil(batch))
}

fn selector(
    job: &BenchJob,
    device: &Device,
    group: &Arc<DeviceGroup>,
    format: WeightFormat,
) -> Result<Sample, MeasureError> {
    let (safe, data) =
        (BenchJob::examples(&job.safe, "safe"), BenchJob::examples(&job.data, "data"));
    let batch = job.case.rows / 2;
    let settings = BilevelSettings {
        algorithm: Algorithm::Two,
        gamma: Gamma::Constant(job.case.gamma),
        selector: SelectorFunction::Softmax,
        normalise: Default::default(),
        baseline: false,
        selector_optim: Default::default(),
        kappa: 0.4,
        rate: Some(1e-3),
        epochs: epochs(job, data.len(), batch),
        batch,
        micro_batch: None,
        recompute: false,
        optim: optim(),
        lora: job.case.lora.clone(),
    };
    let model = Lm::init_as(&job.case.model, 0, &device.clone().autodiff(), format)?;
    let passes = 1.0 + job.case.backward_share();
    let mut clock = Clock::new(job, device, passes, safe.iter().chain(&data));
    let (data, safe, settings) = (&data[..], &safe[..], &settings);
    let task = Bilevel { model, data, safe, settings, mean_loss: 1.0, seed: 0 };
    Trainer::new(task)?.on(group).run(&mut clock)?;
    Ok(clock.into_sample())
}

fn sft(
    job: &BenchJob,
    device: &Device,
    group: &Arc<DeviceGroup>,
    format: WeightFormat,
) -> Result<Sample, MeasureError> {
    let data = BenchJob::examples(&job.data, "data");
    let batch = job.case.rows;
    let settings = SftSettings {
        epochs: epochs(job, data.len(), batch),
        batch,
        micro_batch: None,
        recompute: false,
        optim: optim(),
        lora: job.case.lora.clone(),
    };
    let model = Lm::init_as(&job.case.model, 0, &device.clone().autodiff(), format)?;
    let passes = 1.0 + job.case.backward_share();
    let mut clock = Clock::new(job, device, passes, &data);
    let task = Supervised { model, examples: &data, settings: &settings, seed: 0 };
    Trainer::new(task)?.on(group).run(&mut clock)?;
    Ok(clock.into_sample())
}

fn score(job: &BenchJob, device: &Device, format: WeightFormat) -> Result<Sample, MeasureError> {
    let data = BenchJob::examples(&job.data, "data");
    let model = model(job, device, format)?.valid();
    let mut clock = Clock::new(job, device, 1.0, &data);
    let mut rows = data.chunks(job.case.rows).cycle();
    for _ in 0..WARM_UP + job.case.steps {
        let rows: Vec<&Example> = rows.next().ok_or(MeasureError::NoRows)?.iter().collect();
        let nll = token_losses(&model, &Batch::of(&rows, None));
        let mean = nll.iter().map(|l| f64::from(*l)).sum::<f64>() / nll.len() as f64;
        clock.first_loss.get_or_insert(mean);
        clock.tick([].iter(), rows.iter().map(|e| &e.id));
    }
    Ok(clock.into_sample())
}

/// A step is a whole batch of answers, as long as the case's answers are.
fn answers(job: &BenchJob, device: &Device, format: WeightFormat) -> Result<Sample, MeasureError> {
    let model = model(job, device, format)?.valid();
    let new = job.case.tokens / 2;
    let rows = job.data.iter().take(job.case.rows).enumerate();
    let prompts: Vec<Prompt> = rows
        .map(|(i, row)| Prompt {
            id: RowId::of("prompt", "", i as u32),
            tokens: row.tokens[..row.answer].to_vec(),
        })
        .collect();
    let settings = GenerateSettings { batch: prompts.len(), ..GenerateSettings::greedy(new) };
    let mut clock = Clock::new(job, device, 1.0, []);
    // Its weights are laid out once, as in a stage.
    let generator = Generator::owning(model);
    for step in 0..1 + job.case.steps.div_ceil(4) {
        let started = Instant::now();
        let answers = generator.generate(&prompts, &settings, &[], 0)?;
        let ms = started.elapsed().as_secs_f64() * 1e3;
        clock.look();
        if step > 0 {
            clock.step_ms.push(ms);
            let tokens: usize = answers.iter().map(|a| a.tokens.len()).sum();
            clock.step_tokens.push(tokens as f64);
            let lengths: Vec<usize> = prompts.iter().map(|p| p.tokens.len() + new - 1).collect();
            clock.step_flops.push(job.case.forward_flops(&lengths, tokens));
        }
    }
    Ok(clock.into_sample())
}
