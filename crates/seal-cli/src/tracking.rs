//! `--track`: results into an experiment tracker.

use std::fmt;
use std::io::Write as _;

use seal_report::Report;
use seal_track::{Logged, STALE_HOURS, Server};

use crate::plain;
use crate::usage::UsageError;
use crate::verbosity::Verbosity;

/// The variable that names the server where the option does not.
const ADDRESS: &str = "MLFLOW_TRACKING_URI";
/// The variable that names the experiment; the study's name otherwise.
const EXPERIMENT: &str = "MLFLOW_EXPERIMENT_NAME";

/// Which tracker, and where, as it was typed. It may hold a password, so it is parsed here, and the
/// parser of the command line never quotes it.
#[derive(Clone)]
pub(crate) struct TrackerUri(String);

impl fmt::Debug for TrackerUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TrackerUri(..)")
    }
}

impl From<&str> for TrackerUri {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl TrackerUri {
    /// The address of the server; `None` where a variable names it.
    fn address(&self) -> Result<Option<&str>, UsageError> {
        match self.0.split_once('=') {
            None if self.0 == "mlflow" => Ok(None),
            Some(("mlflow", address)) if !address.trim().is_empty() => Ok(Some(address)),
            _ => Err(UsageError::Tracker),
        }
    }

    /// The server. Nothing is asked yet.
    ///
    /// # Errors
    /// No address, and what cannot be used.
    pub(crate) fn server(&self) -> anyhow::Result<Server> {
        let address = self.address()?.map(str::to_owned).or_else(|| var(ADDRESS));
        Ok(Server::from_vars(&address.ok_or(UsageError::NoTracker { variable: ADDRESS })?, var)?)
    }
}

/// Logs a report and says so.
///
/// # Errors
/// A server that cannot be reached or refuses.
pub(crate) fn log(server: &Server, report: &Report, verbosity: Verbosity) -> anyhow::Result<()> {
    let experiment = var(EXPERIMENT).unwrap_or_else(|| report.results.study.clone());
    let Logged { experiment, experiment_id: _, logged, present, unfinished, left_alone } =
        server.log(report, &experiment)?;
    if verbosity.quiet {
        return Ok(());
    }
    let mut text = format!("{logged} runs logged to {}, experiment {experiment}", server.address());
    if present > 0 {
        text += &format!("; {present} were there");
    }
    if unfinished > 0 {
        text += &format!("; {unfinished} of an earlier attempt are marked as killed");
    }
    if left_alone > 0 {
        text += &format!(
            "; {left_alone} unfinished of the last {STALE_HOURS} hours are left alone, as another \
             program may be logging them"
        );
    }
    writeln!(plain::stderr(), "{text}")?;
    Ok(())
}

fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tracker_is_named_with_or_without_its_address() {
        let address = |text: &str| TrackerUri::from(text).address().map(|a| a.map(str::to_owned));
        assert_eq!(address("mlflow").unwrap(), None);
        assert_eq!(address("mlflow=http://h:5000").unwrap().unwrap(), "http://h:5000");
        for bad in ["wandb", "mlflow=", "mlflow:http://h", ""] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
