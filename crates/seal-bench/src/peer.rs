//! PyTorch, which does the same work.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use seal_lm::WeightFormat;

use crate::work::BenchWork;

/// The program that does the work in PyTorch.
pub const STEPS: &str = include_str!("../../../benches/peer/steps.py");

/// How PyTorch does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TorchMode {
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
pub struct Peer {
    /// Its Python.
    pub python: PathBuf,
    /// The program: a file with [`STEPS`].
    pub script: PathBuf,
    /// What it is asked to be.
    pub form: TorchMode,
}

/// A Python that cannot do the work.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// It cannot be started.
    #[error("{} cannot be run", python.display())]
    NotStarted {
        /// The Python.
        python: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It fails at a look for modules.
    #[error("{}: {status}: {said}", python.display())]
    Failed {
        /// The Python.
        python: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        said: String,
    },
    /// It lacks modules.
    #[error("{} has no {}", python.display(), modules.join(", "))]
    Lacking {
        /// The Python.
        python: PathBuf,
        /// The form that needs them.
        form: TorchMode,
        /// The modules.
        modules: Vec<String>,
    },
}

impl Peer {
    /// Looks for the modules that the form needs.
    ///
    /// # Errors
    /// A Python that cannot be run, or lacks one of them.
    pub fn check(&self) -> Result<(), PeerError> {
        const MISSING: &str = "import importlib.util as u, sys; \
                               print(*[m for m in sys.argv[1:] if u.find_spec(m) is None])";
        let needed: &[&str] = match self.form {
            TorchMode::Lean => &["torch"],
            TorchMode::Usual | TorchMode::Loop | TorchMode::Published => {
                &["torch", "transformers", "peft"]
            }
        };
        let missing = self.ask(MISSING, needed)?;
        match missing.is_empty() {
            true => Ok(()),
            false => Err(PeerError::Lacking {
                python: self.python.clone(),
                form: self.form,
                modules: missing.split(' ').map(str::to_owned).collect(),
            }),
        }
    }

    /// Whether its torch sees a GPU of NVIDIA.
    ///
    /// # Errors
    /// A Python that cannot be run, or has no torch.
    pub fn sees_cuda(&self) -> Result<bool, PeerError> {
        Ok(self.ask("import torch; print(torch.cuda.is_available())", &[])? == "True")
    }

    /// What `program` prints.
    fn ask(&self, program: &str, arguments: &[&str]) -> Result<String, PeerError> {
        let python = || self.python.clone();
        let asked = Command::new(&self.python).args(["-c", program]).args(arguments).output();
        let asked = asked.map_err(|source| PeerError::NotStarted { python: python(), source })?;
        if !asked.status.success() {
            let said = String::from_utf8_lossy(&asked.stderr).trim_end().to_owned();
            return Err(PeerError::Failed { python: python(), status: asked.status, said });
        }
        Ok(String::from_utf8_lossy(&asked.stdout).trim().to_owned())
    }

    /// Whether the form does `work`: the cache that generation needs is that of transformers.
    pub fn can(&self, work: BenchWork) -> bool {
        work != BenchWork::Generate || self.form == TorchMode::Usual
    }

    /// The command that measures `work` of the file `job`, on the first GPU or on the CPU.
    pub fn command(
        &self,
        job: &Path,
        work: BenchWork,
        format: WeightFormat,
        on_gpu: bool,
        threads: usize,
    ) -> Command {
        let threads = threads.to_string();
        let long = match format {
            WeightFormat::F32 => "float32",
            WeightFormat::Bf16 => "bfloat16",
        };
        let mut command = Command::new(&self.python);
        command.arg(&self.script).arg("--job").arg(job);
        command.args(["--work", &work.to_string(), "--form", &self.form.to_string()]);
        command.args(["--threads", &threads]);
        command.args(["--device", if on_gpu { "cuda" } else { "cpu" }, "--dtype", long]);
        command.env("OMP_NUM_THREADS", &threads);
        command
    }
}
