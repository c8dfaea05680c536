//! A judge that is asked, with whoever answers: a server, or a model on this machine.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use seal_judging::{
    AskedJudge, AskedTable, JudgePrompt, JudgingError, LocalIdentity, Questions, Responder,
    VerdictLog, estimate, missing_questions, outstanding_questions, read_batch, stored,
    write_batch,
};
use seal_model::{FoundChat, JudgeRequest};
use seal_study::remembered_digests;

use super::JudgeFailure;
use super::endpoint::{client, print_estimate, say_read, say_repair, say_waiting, say_written};
use super::judge_ahead::{is_not_fetched, reach, say_not_fetched};
use super::pair_options::PairOptions;
use super::point_figures::say_notices;
use super::watcher::Watcher;
use crate::plain;
use crate::verbosity::Verbosity;

/// A judge, and its model where that is on this machine and its weights are not read yet.
pub(super) struct OpenedJudge<P: JudgePrompt> {
    /// The judge.
    pub(super) judge: AskedJudge<P>,
    model: Option<FoundChat>,
    /// The model of a dry run that was not to be fetched.
    absent: Option<PathBuf>,
}

/// Reads the table at `path` with its prompt, and looks at the model that it names.
pub(super) fn open<P: JudgePrompt>(
    path: &Path,
    options: &PairOptions,
    device: Option<&str>,
    is_dry: bool,
) -> Result<OpenedJudge<P>, JudgeFailure> {
    let text = fs::read_to_string(path).map_err(|source| JudgingError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    let table = AskedTable::parse(&text, path)?;
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let prompt = options.prompt.as_deref();
    let mut absent = None;
    let (judge, model) = match &table.model {
        None => {
            if device.is_some() {
                return Err(JudgeFailure::OnlyModel { option: "--device" });
            }
            (AskedJudge::of(table, path, folder, prompt)?, None)
        }
        Some(model) => {
            refuse_of_servers(options)?;
            let request = JudgeRequest {
                device: device.unwrap_or("flex").to_owned(),
                marked: None,
                digest_files: remembered_digests,
                reach: reach(is_dry),
                ..JudgeRequest::new(path)
            };
            let found = match FoundChat::find(model, &request) {
                Ok(found) => Some(found),
                Err(error) if is_not_fetched(&error) => {
                    absent = Some(model.path.clone());
                    None
                }
                Err(error) => return Err(JudgeFailure::Model(error)),
            };
            // Questions to a model that was not looked at have no key that a file could have.
            let unknown = LocalIdentity { digest: String::new() };
            let identity = found.as_ref().map_or(&unknown, FoundChat::identity);
            let judge = AskedJudge::of_model(table, path, folder, prompt, identity)?;
            (judge, found)
        }
    };
    let judge = match options.max_cost {
        None => judge,
        Some(cost) => judge.with_max_cost(cost)?,
    };
    Ok(OpenedJudge { judge, model, absent })
}

/// Refuses options that a model on this machine has no use for.
fn refuse_of_servers(options: &PairOptions) -> Result<(), JudgeFailure> {
    match options.of_servers().into_iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) => Err(JudgeFailure::OnlyEndpoint { option }),
        None => Ok(()),
    }
}

impl<P: JudgePrompt> OpenedJudge<P> {
    /// Asks what the file of verdicts lacks of `set`, or takes it from a batch; gives the judge with
    /// what is there then. `None` where questions were written for a batch and nothing was asked.
    pub(super) fn run<S: Questions<P>>(
        self,
        set: &S,
        verdicts: &Path,
        options: &PairOptions,
        verbosity: Verbosity,
    ) -> anyhow::Result<Option<(AskedJudge<P>, S::Outcome)>> {
        if let Some(path) = &options.batch_input {
            let log = open_log(verdicts, verbosity)?;
            let written = write_batch(&self.judge, set, &log, path).map_err(JudgeFailure::from)?;
            say_written(&written, verbosity)?;
            return Ok(None);
        }
        if let Some(path) = &options.batch_output {
            let mut log = open_log(verdicts, verbosity)?;
            let read = read_batch(&self.judge, set, &mut log, path).map_err(JudgeFailure::from)?;
            say_read(path, &read, verbosity)?;
            let mut found = stored(&self.judge, set, &log);
            found.asked = read.kept;
            found.failed = read.failed;
            found.has_passing = read.has_passing;
            found.last_failure = read.last_failure;
            return Ok(Some((self.judge, found)));
        }
        // Without a key or a model nothing is begun, not even a file.
        let (judge, responder) = self.responder(verbosity)?;
        let mut log = open_log(verdicts, verbosity)?;
        let waiting = outstanding_questions(&judge, set, &log).map_err(JudgeFailure::from)?;
        say_waiting(waiting, verbosity)?;
        let watcher = Watcher::new(verbosity);
        let found = seal_judging::judge(&judge, set, &*responder, &mut log, &watcher);
        watcher.end();
        Ok(Some((judge, found.map_err(JudgeFailure::from)?)))
    }

    /// Prints the questions of `set` that are left, by kind, and what they cost at most: `of` names
    /// those that are about no canary.
    pub(super) fn dry_run<S: Questions<P>>(
        &self,
        set: &S,
        verdicts: &Path,
        of: &str,
        is_canary: impl Fn(usize) -> bool,
    ) -> anyhow::Result<()> {
        let log = match verdicts.exists() {
            true => Some(VerdictLog::read(verdicts).map_err(JudgeFailure::from)?),
            false => None,
        };
        let missing = missing_questions(&self.judge, set, log.as_ref());
        let found = estimate(&self.judge, set, &missing).map_err(JudgeFailure::from)?;
        let canaries = missing.iter().filter(|number| is_canary(**number)).count();
        let kinds = [(of, found.questions - canaries), ("canaries", canaries)];
        print_estimate(&found, kinds, set.keys().different())?;
        if let Some(model) = &self.absent {
            say_not_fetched(model)?;
        }
        Ok(self.say_ahead(found.money)?)
    }

    /// Says what would end a run early.
    fn say_ahead(&self, money: Option<f64>) -> io::Result<()> {
        let mut err = plain::stderr();
        if let (Some(cost), Some(largest)) = (money, self.judge.table().max_cost)
            && cost > largest
        {
            writeln!(
                err,
                "the largest cost is {largest}, which is less than the questions may cost; a run stops \
                 before they cost more"
            )?;
        }
        let is_set = |name: &&String| std::env::var(name).is_ok_and(|key| !key.trim().is_empty());
        let variable = self.judge.endpoint().api_key_env.as_ref();
        match variable.filter(|name| !is_set(name)) {
            Some(variable) => writeln!(err, "the variable {variable} of the key is not set"),
            None => Ok(()),
        }
    }

    /// Whoever answers, ready: a server with its key from the environment, or the model with its
    /// weights.
    fn responder(
        self,
        verbosity: Verbosity,
    ) -> anyhow::Result<(AskedJudge<P>, Box<dyn Responder>)> {
        let Self { judge, model, .. } = self;
        let responder: Box<dyn Responder> = match model {
            None => Box::new(client(judge.endpoint())?),
            Some(found) => {
                let model = found.open().map_err(JudgeFailure::Model)?;
                say_notices(model.notices(), verbosity)?;
                Box::new(model)
            }
        };
        Ok((judge, responder))
    }
}

/// Opens a file of verdicts, and says what was found wrong in it.
fn open_log(path: &Path, verbosity: Verbosity) -> anyhow::Result<VerdictLog> {
    let log = VerdictLog::open(path).map_err(JudgeFailure::from)?;
    say_repair(log.path(), log.repair(), verbosity)?;
    Ok(log)
}
