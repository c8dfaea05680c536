//! What the stages that ask a judge share: its client with its limits, its log, its failure. A chat
//! model on this machine is read by each stage, and freed at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc as Shared, Mutex, MutexGuard, PoisonError};

use seal_endpoint::{ApiKey, Client, EndpointError, EndpointSettings, FailureClass, Probed};
use seal_judging::rubric::{AnswerSet, Rated, RubricJudge};
use seal_judging::{
    AskedJudge, JudgePrompt, Judged, JudgingError, PairJudge, QuestionSet, Responder, VerdictLog,
    missing_questions, rubric, stored,
};
use seal_store::Key;
use serde_json::Value;

use super::job_observer::{CancelWatch, JobObserver};
use super::logs::{LOGS, Logs};
use super::{Judges, section};
use crate::config::Config;
use crate::error::StudyError;
use crate::exec::Job;
use crate::observer::{Event, Observer};

/// Version of the form of a log's place.
const VERSION: u32 = 1;

/// A judge that is asked, whatever it is asked.
pub(crate) trait Asks {
    /// Whom to ask. A model on this machine has an address that no server has.
    fn endpoint(&self) -> &EndpointSettings;

    /// All that a reply depends on beside the texts.
    fn identity(&self) -> Value;
}

impl<P: JudgePrompt> Asks for AskedJudge<P> {
    fn endpoint(&self) -> &EndpointSettings {
        self.endpoint()
    }

    fn identity(&self) -> Value {
        self.identity()
    }
}

/// Where a judge stands in the config, and where it works if it runs here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AskedAt<'a> {
    pub(crate) test: &'a str,
    /// Name of a further judge.
    pub(crate) name: Option<&'a str>,
    pub(crate) config: &'a Config,
    /// The device that the stage has.
    pub(crate) device: Option<&'a str>,
}

/// The judges of a run that are models.
pub(crate) struct Judging<'a> {
    judges: &'a Judges,
    logs: Logs<'a>,
    observer: &'a dyn Observer,
    shared: Mutex<ClientPool>,
}

/// Address, model and variable of the key.
type ClientKey = (String, String, Option<String>);

#[derive(Default)]
struct ClientPool {
    clients: Vec<(EndpointSettings, Shared<Client>)>,
    /// Why a judge is not asked again. A judge with another model or key may still be.
    failed: BTreeMap<ClientKey, EndpointError>,
    /// Who was found to be there, or was said not to be.
    probed: BTreeSet<ClientKey>,
}

fn client_key(endpoint: &EndpointSettings) -> ClientKey {
    (endpoint.base_url.clone(), endpoint.model.clone(), endpoint.api_key_env.clone())
}

impl<'a> Judging<'a> {
    /// For stages in the store at `store`. Nothing is opened.
    pub(crate) fn new(judges: &'a Judges, store: &Path, observer: &'a dyn Observer) -> Self {
        Self { judges, logs: Logs::new(store, observer), observer, shared: Mutex::default() }
    }

    pub(crate) fn judges(&self) -> &'a Judges {
        self.judges
    }

    /// The key of a judge's log.
    fn log_key(judge: &dyn Asks) -> Key {
        Key::of(LOGS, VERSION, &judge.identity())
    }

    /// The log of a judge to read only; `None` where there is none yet.
    ///
    /// # Errors
    /// A file that cannot be read or is no log.
    pub(crate) fn read_log(&self, judge: &dyn Asks) -> Result<Option<VerdictLog>, JudgingError> {
        self.logs.read(&Self::log_key(judge))
    }

    /// Refuses a run that could not ask the judge at this place: no key, or an address that cannot be
    /// used. A model on this machine was looked at before.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub(crate) fn can_ask(
        &self,
        (test, name): (&str, Option<&str>),
        judge: &dyn Asks,
    ) -> Result<(), JudgingError> {
        match self.judges.chat(test, name) {
            Some(_) => Ok(()),
            None => self.client(judge).map(|_| ()),
        }
    }

    /// Finds out whether the endpoint of the judge at this place is there and takes key and model, once
    /// for each endpoint. A model on this machine has none. Of a failure that may pass there is a notice.
    ///
    /// # Errors
    /// [`StudyError::Probe`]; [`StudyError::Cancelled`] where the run is asked to stop.
    pub(crate) fn probe(
        &self,
        (test, name): (&str, Option<&str>),
        judge: &dyn Asks,
    ) -> Result<(), StudyError> {
        if self.judges.chat(test, name).is_some() {
            return Ok(());
        }
        let asked = client_key(judge.endpoint());
        if !self.lock().probed.insert(asked) {
            return Ok(());
        }
        let failed = |source| StudyError::Probe { section: section(test, name), source };
        let client = self.client(judge).map_err(|error| failed(Box::new(error)))?;
        match client.probe(&CancelWatch(self.observer)) {
            Err(EndpointError::Cancelled) => Err(StudyError::Cancelled { stages: None }),
            Err(error) => Err(failed(Box::new(error.into()))),
            Ok(Probed::Takes) => Ok(()),
            Ok(Probed::Unsure(error)) => {
                let place = section(test, name);
                let message =
                    format!("{place}: a first question had no reply, and the run goes on: {error}");
                self.observer.event(&Event::Notice { message });
                Ok(())
            }
        }
    }

    /// Asks what the judge's log lacks of a set of pairs.
    ///
    /// # Errors
    /// A log that cannot be written; what [`seal_judging::judge`] reports; a model on this machine that
    /// cannot be read. An endpoint that failed for good is asked nothing more in this run.
    pub(crate) fn judge(
        &self,
        at: &AskedAt<'_>,
        judge: &PairJudge,
        questions: &QuestionSet<'_>,
        job: &Job<'_>,
    ) -> Result<Judged, StudyError> {
        let mut own = self.logs.open(&Self::log_key(judge), job)?;
        if missing_questions(judge, questions, Some(&own.log)).is_empty() {
            let judged = stored(judge, questions, &own.log);
            judge.refuse_served(&judged.served, &questions.models())?;
            return Ok(judged);
        }
        self.ask(at, judge, |responder| {
            seal_judging::judge(
                judge,
                questions,
                responder,
                &mut own.log,
                &JobObserver(job, &own.claim),
            )
        })
    }

    /// The same of a set of single answers by `models`.
    ///
    /// # Errors
    /// As [`Judging::judge`].
    pub(crate) fn rate(
        &self,
        at: &AskedAt<'_>,
        judge: &RubricJudge,
        (set, models): (&AnswerSet<'_>, &[Option<&str>]),
        job: &Job<'_>,
    ) -> Result<Rated, StudyError> {
        let mut own = self.logs.open(&Self::log_key(judge), job)?;
        if rubric::missing_questions(judge, set, Some(&own.log)).is_empty() {
            let rated = rubric::stored(judge, set, &own.log);
            judge.refuse_served(&rated.served, models)?;
            return Ok(rated);
        }
        self.ask(at, judge, |responder| {
            rubric::judge(judge, set, responder, &mut own.log, &JobObserver(job, &own.claim))
        })
    }

    /// Asks by `ask`, unless the endpoint failed for good before.
    fn ask<T>(
        &self,
        at: &AskedAt<'_>,
        judge: &dyn Asks,
        ask: impl FnOnce(&dyn Responder) -> Result<T, JudgingError>,
    ) -> Result<T, StudyError> {
        let asked = client_key(judge.endpoint());
        let failed = self.lock().failed.get(&asked).cloned();
        if let Some(error) = failed {
            return Err(JudgingError::Endpoint(error).into());
        }
        let found = match self.judges.chat(at.test, at.name) {
            Some(chat) => ask(&chat.open(judge, at)?),
            None => ask(&self.client(judge)?),
        };
        match &found {
            Err(JudgingError::Endpoint(source) | JudgingError::GivenUp { source, .. })
                if source.class() != FailureClass::ThisQuestion =>
            {
                self.lock().failed.insert(asked, source.clone());
            }
            _ => {}
        }
        Ok(found?)
    }

    /// The client of a judge's endpoint: one for all stages, so that its limits are theirs.
    fn client(&self, judge: &dyn Asks) -> Result<Shared<Client>, JudgingError> {
        let endpoint = judge.endpoint();
        let mut state = self.lock();
        if let Some((_, client)) = state.clients.iter().find(|(known, _)| known == endpoint) {
            return Ok(Shared::clone(client));
        }
        let key = ApiKey::of(endpoint, |name| std::env::var(name).ok())?;
        let client = Shared::new(Client::new(endpoint, key)?);
        state.clients.push((endpoint.clone(), Shared::clone(&client)));
        Ok(client)
    }

    fn lock(&self) -> MutexGuard<'_, ClientPool> {
        // Entries are added whole.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
