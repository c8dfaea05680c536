//! Speed and memory of the work that a study is made of.
//!
//! Every measurement is a process of its own: peak memory is then that of one
//! piece of work, and another program (`benches/peer/steps.py`, the same work in
//! PyTorch) can be run in alternation, so that whatever else the machine does
//! falls on both.

mod case;
mod error;
mod job;
mod measure;
mod rounds;
mod table;
mod work;

pub(crate) use case::{CASES, Case};
pub(crate) use error::BenchError;
pub(crate) use job::{BenchJob, TokenRow};
pub(crate) use measure::measure;
pub(crate) use rounds::{BenchPlan, Peer, TorchMode, run};
pub(crate) use table::{summaries, write};
pub(crate) use work::BenchWork;
