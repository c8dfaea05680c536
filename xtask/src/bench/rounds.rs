//! Measurements in alternation, each in a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fmt, fs};

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use seal_lm::WeightFormat;
use serde::Serialize;

use super::job::Sample;
use super::{BenchJob, BenchWork};

/// How PyTorch does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TorchMode {
    /// Written for speed; the loss is computed as in this project.
    Lean,
    /// Transformers and PEFT: all logits, two forward passes.
    Usual,
    /// Like usual, but one row at a time, with a fused AdamW.
    Loop,
    /// Like loop, with gradient checkpointing: the published Llama-3 script.
    Published,
}

impl fmt::Display for TorchMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TorchMode::Lean => "lean",
            TorchMode::Usual => "usual",
            TorchMode::Loop => "loop",
            TorchMode::Published => "published",
        })
    }
}

/// Another program that does the same work.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Its Python.
    pub(crate) python: PathBuf,
    /// The program.
    pub(crate) script: PathBuf,
    /// What it is asked to be.
    pub(crate) form: TorchMode,
}

impl Peer {
    /// Refuses a Python without the modules that the form needs, before anything is
    /// measured.
    fn check(&self) -> anyhow::Result<()> {
        const MISSING: &str = "import importlib.util as u, sys; \
                               print(*[m for m in sys.argv[1:] if u.find_spec(m) is None])";
        let needed: &[&str] = match self.form {
            TorchMode::Lean => &["torch"],
            TorchMode::Usual | TorchMode::Loop | TorchMode::Published => {
                &["torch", "transformers", "peft"]
            }
        };
        let python = self.python.display();
        let asked = Command::new(&self.python).args(["-c", MISSING]).args(needed).output();
        let asked = asked.with_context(|| format!("--python {python} cannot be run"))?;
        if !asked.status.success() {
            let why = String::from_utf8_lossy(&asked.stderr);
            bail!("--python {python}: {}: {}", asked.status, why.trim_end());
        }
        let missing = String::from_utf8_lossy(&asked.stdout);
        match missing.trim() {
            "" => Ok(()),
            missing => bail!(
                "--peer {}: {python} has no {}; in an environment of its own: \
                 pip install torch==2.9.0 transformers peft",
                self.form,
                missing.replace(' ', ", ")
            ),
        }
    }
}

/// What to measure.
#[derive(Clone, Debug)]
pub(crate) struct BenchPlan {
    pub(crate) jobs: Vec<BenchJob>,
    pub(crate) works: Vec<BenchWork>,
    /// Names of devices, each a contestant.
    pub(crate) devices: Vec<String>,
    pub(crate) peers: Vec<Peer>,
    /// How often each is measured, in turns.
    pub(crate) rounds: usize,
    pub(crate) threads: usize,
    /// Number format of the weights.
    pub(crate) format: WeightFormat,
}

/// A measurement.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) case: String,
    pub(crate) work: BenchWork,
    /// `seal flex`, `torch lean`.
    pub(crate) by: String,
    /// From 0.
    pub(crate) round: usize,
    #[serde(flatten)]
    pub(crate) sample: Sample,
}

/// Measures all of `plan`; `said` is told of each before it starts.
pub(crate) fn run(plan: &BenchPlan, mut said: impl FnMut(&str)) -> anyhow::Result<Vec<Measured>> {
    plan.peers.iter().try_for_each(Peer::check)?;
    let folder = tempfile::tempdir()?;
    let mut out = Vec::new();
    for job in &plan.jobs {
        let file = folder.path().join("job.json");
        fs::write(&file, serde_json::to_vec(job)?)?;
        for work in &plan.works {
            for round in 0..plan.rounds {
                for (by, command) in contestants(plan, *work, &file)? {
                    let name = &job.case.name;
                    said(&format!("{name} {work}: {by}, round {} of {}", round + 1, plan.rounds));
                    let sample = child(command).with_context(|| format!("{name} {work}: {by}"))?;
                    let (case, work) = (name.clone(), *work);
                    out.push(Measured { case, work, by, round, sample });
                }
            }
        }
    }
    Ok(out)
}

fn contestants(
    plan: &BenchPlan,
    work: BenchWork,
    job: &Path,
) -> anyhow::Result<Vec<(String, Command)>> {
    let mut out = Vec::new();
    let threads = plan.threads.to_string();
    let (kind, work) = (work, work.to_string());
    let (short, long) = match plan.format {
        WeightFormat::F32 => ("f32", "float32"),
        WeightFormat::Bf16 => ("bf16", "bfloat16"),
    };
    for device in &plan.devices {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bench", "--device", device, "--work", &work, "--dtype", short]);
        command.arg("--job").arg(job).args(["--threads", &threads]);
        command.env("RAYON_NUM_THREADS", &threads).env("OMP_NUM_THREADS", &threads);
        out.push((format!("seal {device}"), command));
    }
    // The cache that generation needs is that of transformers.
    let can = |peer: &&Peer| kind != BenchWork::Generate || peer.form == TorchMode::Usual;
    for peer in plan.peers.iter().filter(can) {
        let mut command = Command::new(&peer.python);
        command.arg(&peer.script).arg("--job").arg(job);
        command.args(["--work", &work, "--form", &peer.form.to_string(), "--threads", &threads]);
        // On the GPU where one of the devices is.
        let on = if plan.devices.iter().any(|d| d.contains("cuda")) { "cuda" } else { "cpu" };
        command.args(["--device", on, "--dtype", long]);
        command.env("OMP_NUM_THREADS", &threads);
        out.push((format!("torch {}", peer.form), command));
    }
    Ok(out)
}

/// Runs one, whose last line is its answer.
fn child(mut command: Command) -> anyhow::Result<Sample> {
    let done = command.stdin(Stdio::null()).stderr(Stdio::piped()).output();
    let done =
        done.with_context(|| format!("{} cannot be run", command.get_program().display()))?;
    let text = String::from_utf8_lossy(&done.stdout);
    match text.lines().last() {
        Some(line) if done.status.success() => {
            serde_json::from_str(line).with_context(|| format!("not a measurement: {line}"))
        }
        _ => bail!("{}: {}", done.status, String::from_utf8_lossy(&done.stderr).trim_end()),
    }
}
