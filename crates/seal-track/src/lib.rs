//! Logs the results of a study to an experiment tracker: MLflow, through its REST API.
//!
//! Invariant: reads stored results only. It sends figures, curves and settings, and no text of a row
//! or an answer, no file, and no path but the last part of one. Credentials come from the environment
//! and show in no message.
//!
//! - [`TrackedRun`] is what is logged of an arm or of one of its cells; [`tracked_runs`] makes them of a
//!   report.
//! - [`Server`] is the way to a tracking server, [`Server::log`] logs a report once.
//!
//! Source of the protocol: `mlflow.org/docs/latest/api_reference/rest-api.html`, version 2.0 of the
//! API.

mod credentials;
mod error;
mod limits;
mod mlflow;
mod runs;
mod transport;

pub use credentials::Credentials;
pub use error::TrackError;
pub use mlflow::{Logged, STALE_HOURS, Server};
pub use runs::{TrackedRun, tracked_runs};
