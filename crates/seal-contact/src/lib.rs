//! First contact with a device: whether it works, what it holds, how fast it is.
//!
//! [`steps`] gives the [`Step`]s, and [`run`] takes them one after another within a [`Budget`]. What a step does
//! on the device is done by a process of its own ([`perform`]), so that a crash or a hang ends that process
//! alone. A step that fails, panics or gives no number has failed with a message. Steps that cannot run
//! without it are listed as not done, and the others go on. The [`ContactReport`] is there after each step;
//! [`page`] writes it for a reader.
//!
//! Invariant: knows no config, no store and no command of the program. The caller says how its own program is
//! started, and how a step is taken alone.

mod budget;
mod context;
mod fault;
mod libraries;
mod machine;
mod memory;
mod nvidia;
mod open;
mod page;
mod parity;
mod report;
mod results;
mod runner;
mod shapes;
mod speed;
mod step;
mod steps;
mod trial;
mod work;

pub use budget::Budget;
pub use context::{Context, Known};
pub use fault::StepFault;
pub use nvidia::Gpu;
pub use page::page;
pub use report::{ContactReport, ContactState, Figure, StepReport, StepState, Table};
pub use runner::{ContactEvent, Setup, run};
pub use step::{Step, StepFound, Verdict};
pub use steps::{Settings, steps};
pub use work::{DeviceJob, JobError, OpenAnswer, TrialAnswer, perform};
