//! MLflow's REST API: an experiment for a study, and the runs of its results.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use seal_net::Proxies;
use seal_report::{Report, Scalar};
use serde_json::{Value, json};

use crate::limits::{METRICS, PARAMS, TAG, VALUE, name, value};
use crate::runs::{ARM, RESULTS, SEED, TrackedRun, results_hash, tracked_runs};
use crate::transport::Transport;
use crate::{Credentials, TrackError};

/// A tracking server.
pub struct Server(Transport);

/// What became of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logged {
    /// Name of the experiment.
    pub experiment: String,
    /// Its id on the server.
    pub experiment_id: String,
    /// Runs that were logged now.
    pub logged: usize,
    /// Runs of the same results that were there whole.
    pub present: usize,
    /// Runs of the same results that an earlier attempt left unfinished more than [`STALE_HOURS`]
    /// ago. They are marked as killed, and logged again.
    pub unfinished: usize,
    /// Younger unfinished runs of the same results. Another program may be logging them, so they are
    /// left alone.
    pub left_alone: usize,
}

/// Hours after which an unfinished run is one of a program that ended: to log a run takes seconds.
pub const STALE_HOURS: u64 = 3;

/// Runs of the same results that are on the server.
#[derive(Default)]
struct ExistingRuns {
    /// Ids of the finished runs.
    whole: BTreeMap<ArmSeed, String>,
    /// Ids of runs that were left unfinished.
    torn: BTreeSet<String>,
    /// Unfinished runs that another program may be logging.
    young: usize,
}

/// An arm and a seed; `None` for all seeds.
type ArmSeed = (String, Option<String>);

impl Server {
    /// The server at `address`, with credentials, proxies and authorities from the variables of the
    /// environment that `var` reads.
    ///
    /// # Errors
    /// An address, credentials, a proxy or certificates that cannot be used.
    pub fn from_vars(
        address: &str,
        var: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, TrackError> {
        let credentials = Credentials::from_vars(&var)?;
        let authorities = var("SSL_CERT_FILE").filter(|file| !file.trim().is_empty());
        let proxies = Proxies::from_vars(&var);
        Transport::new(address, credentials, &proxies, authorities.as_deref().map(Path::new))
            .map(Self)
    }

    /// The address, for messages.
    pub fn address(&self) -> &str {
        self.0.base()
    }

    /// Logs each arm of a report as a run of the experiment, and each of its cells as a run below it.
    /// Runs of the same results that are there whole are not logged again.
    ///
    /// # Errors
    /// [`TrackError`] of the first call that failed. The runs before it are there. The run that it is of
    /// is marked as failed if the server still answers, and the next call logs it again.
    pub fn log(&self, report: &Report, experiment: &str) -> Result<Logged, TrackError> {
        let runs = tracked_runs(report)?;
        let hash = results_hash(report)?;
        let id = self.experiment(experiment)?;
        let ExistingRuns { whole: mut known, torn, young } = self.runs_of(&id, &hash)?;
        let mut logged = Logged {
            experiment: experiment.to_owned(),
            experiment_id: id.clone(),
            unfinished: torn.len(),
            left_alone: young,
            ..Logged::default()
        };
        for run in &torn {
            self.end(run, "KILLED")?;
        }
        for run in &runs {
            let place = (run.arm.clone(), run.seed.map(|seed| seed.to_string()));
            if known.contains_key(&place) {
                logged.present += 1;
                continue;
            }
            // A cell stands below its arm, which comes first.
            let parent = place.1.as_ref().and_then(|_| known.get(&(run.arm.clone(), None)));
            let made = self.run(&id, run, parent.map(String::as_str))?;
            known.insert(place, made);
            logged.logged += 1;
        }
        Ok(logged)
    }

    /// The id of an experiment, which is made where there is none.
    fn experiment(&self, name: &str) -> Result<String, TrackError> {
        const BY_NAME: &str = "experiments/get-by-name";
        let query = format!("experiment_name={}", encoded(name));
        let of = |found: Value| -> Result<String, TrackError> {
            let experiment = &found["experiment"];
            if experiment["lifecycle_stage"] == "deleted" {
                return Err(TrackError::Deleted { name: name.to_owned() });
            }
            self.text(&experiment["experiment_id"], "an experiment has no id")
        };
        let is = |error: &TrackError, wanted: &str| matches!(error, TrackError::Refused { code, .. } if code == wanted);
        match self.0.get(BY_NAME, &query) {
            Ok(found) => of(found),
            Err(error) if is(&error, "RESOURCE_DOES_NOT_EXIST") => {
                match self.0.post("experiments/create", &json!({ "name": name })) {
                    Ok(made) => self.text(&made["experiment_id"], "a new experiment has no id"),
                    // Another program made it in between.
                    Err(error) if is(&error, "RESOURCE_ALREADY_EXISTS") => {
                        of(self.0.get(BY_NAME, &query)?)
                    }
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// The runs of these results.
    fn runs_of(&self, experiment: &str, hash: &str) -> Result<ExistingRuns, TrackError> {
        let mut runs = ExistingRuns::default();
        let stale = now().saturating_sub(STALE_HOURS * 3_600_000);
        let mut page = String::new();
        loop {
            let found = self.0.post(
                "runs/search",
                &json!({
                    "experiment_ids": [experiment],
                    "filter": format!("tags.`{RESULTS}` = '{hash}'"),
                    "max_results": 1000,
                    "page_token": page,
                }),
            )?;
            for run in found["runs"].as_array().into_iter().flatten() {
                let id = self.text(&run["info"]["run_id"], "a run has no id")?;
                let tag = |wanted: &str| {
                    let tags = run["data"]["tags"].as_array()?;
                    let tag = tags.iter().find(|tag| tag["key"] == wanted)?;
                    tag["value"].as_str().map(str::to_owned)
                };
                match (run["info"]["status"].as_str(), tag(ARM)) {
                    (Some("FINISHED"), Some(arm)) => {
                        runs.whole.insert((arm, tag(SEED)), id);
                    }
                    (Some("RUNNING" | "SCHEDULED"), _) => {
                        match started(&run["info"]).is_some_and(|start| start < stale) {
                            true => drop(runs.torn.insert(id)),
                            false => runs.young += 1,
                        }
                    }
                    _ => {}
                }
            }
            match found["next_page_token"].as_str() {
                Some(next) if !next.is_empty() && next != page => page = next.to_owned(),
                _ => return Ok(runs),
            }
        }
    }

    /// Logs one run and gives its id.
    fn run(
        &self,
        experiment: &str,
        run: &TrackedRun,
        parent: Option<&str>,
    ) -> Result<String, TrackError> {
        let mut tags: Vec<Value> =
            run.tags.iter().map(|(key, text)| pair(&name(key), &value(text, TAG))).collect();
        tags.extend(parent.map(|parent| pair("mlflow.parentRunId", parent)));
        let made = self.0.post(
            "runs/create",
            &json!({
                "experiment_id": experiment,
                "run_name": run.name,
                "start_time": now(),
                "tags": tags,
            }),
        )?;
        let id = self.text(&made["run"]["info"]["run_id"], "a new run has no id")?;
        if let Err(error) = self.fill(&id, run) {
            // Where this fails too, the first failure says more.
            let _ = self.end(&id, "FAILED");
            return Err(error);
        }
        Ok(id)
    }

    /// Logs the numbers of a run and ends it.
    fn fill(&self, id: &str, run: &TrackedRun) -> Result<(), TrackError> {
        let params: Vec<Value> =
            run.params.iter().map(|(key, text)| pair(&name(key), &value(text, VALUE))).collect();
        for part in params.chunks(PARAMS) {
            self.0.post("runs/log-batch", &json!({"run_id": id, "params": part}))?;
        }
        let at = now();
        let metric = |of: &Scalar| json!({"key": name(&of.tag), "value": of.value, "timestamp": at, "step": of.step});
        let metrics: Vec<Value> = run.metrics.iter().map(metric).collect();
        for part in metrics.chunks(METRICS) {
            self.0.post("runs/log-batch", &json!({"run_id": id, "metrics": part}))?;
        }
        self.end(id, "FINISHED")
    }

    fn end(&self, run: &str, status: &str) -> Result<(), TrackError> {
        let body = json!({"run_id": run, "status": status, "end_time": now()});
        self.0.post("runs/update", &body).map(drop)
    }

    fn text(&self, field: &Value, why: &str) -> Result<String, TrackError> {
        let absent = || TrackError::Answer { url: self.address().to_owned(), why: why.to_owned() };
        field.as_str().map(str::to_owned).ok_or_else(absent)
    }
}

fn pair(key: &str, value: &str) -> Value {
    json!({"key": key, "value": value})
}

/// When a run began, in milliseconds since 1970. Servers write it as a number or as text.
fn started(info: &Value) -> Option<u64> {
    let start = &info["start_time"];
    start.as_u64().or_else(|| start.as_str()?.parse().ok())
}

/// Milliseconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "a server shows when a run was logged, no result does"
)]
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// `text` as a value of a query.
fn encoded(text: &str) -> String {
    let mut query = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                query.push(char::from(byte));
            }
            byte => query.push_str(&format!("%{byte:02X}")),
        }
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_a_number_or_text() {
        for (info, start) in [
            (json!({"start_time": 5}), Some(5)),
            (json!({"start_time": "5"}), Some(5)),
            (json!({"start_time": null}), None),
            (json!({}), None),
        ] {
            assert_eq!(started(&info), start, "{info}");
        }
    }

    #[test]
    fn names_go_into_a_query() {
        assert_eq!(encoded("a-b_c.d~e"), "a-b_c.d~e");
        assert_eq!(encoded("é &=/"), "%C3%A9%20%26%3D%2F");
    }
}
