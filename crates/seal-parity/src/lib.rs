//! Every path of a model on one device against the same path on the CPU.
//!
//! A [`Check`] runs a path on the device, twice, and on `flex`, whose kernels are tested against
//! independent programs. It compares the numbers by a [`Tolerance`] with a reason, and both runs on
//! the device bit by bit. A path that panics or gives no number is a check that failed, and the
//! others go on ([`run`]). [`memory::trace`] measures what a device holds over many steps.
//!
//! Weights, rows, orders and dropout are drawn on the host. So two devices are given the same numbers
//! and differ by their arithmetic alone.
//!
//! Invariant: knows no config, no store and no file but those that it writes itself, for a moment.

mod check;
mod compare;
mod fault;
mod found;
mod list;
pub mod memory;
mod outcome;
mod paths;
mod rows;
mod run;
mod shapes;
mod side;
mod tolerance;

pub use check::Check;
pub use fault::PathFault;
pub use found::{Found, Quantity};
pub use list::checks;
pub use outcome::{CheckOutcome, CheckState, Repeat};
pub use run::{precision_of, run};
pub use side::Side;
pub use tolerance::{Precision, Tolerance};
