//! Speed and memory of the work that a study is made of.
//!
//! Every measurement is a process of its own: peak memory is then that of one
//! piece of work, and another program (`benches/peer/steps.py`, the same work in
//! PyTorch) can be run in alternation, so that whatever else the machine does
//! falls on both. [`run`] starts them; [`measure`] is what such a process does.
//!
//! Invariant: knows no config and no store. The caller says how its own program is started.

mod case;
mod child;
mod clock;
mod job;
mod measure;
pub mod memory;
mod peer;
mod rounds;
mod summary;
mod work;

pub use case::{CASES, Case};
pub use child::{ChildError, Limits, lines_of, sample_of};
pub use job::{BenchJob, Sample, TokenRow};
pub use measure::{MeasureError, measure};
pub use peer::{Peer, PeerError, STEPS, TorchMode};
pub use rounds::{BenchPlan, Measured, OwnJob, RoundsError, run};
pub use summary::{Summary, summaries};
pub use work::BenchWork;
