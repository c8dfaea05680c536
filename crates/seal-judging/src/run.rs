//! Asks what the log lacks, and gives the outcomes.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use seal_endpoint::{Ask, EndpointError, Notice, Reply, Watch};

use crate::error::JudgingError;
use crate::estimate::{charge, most, refuse_unpriced};
use crate::event::{Event, Observer};
use crate::inquiry::{Inquire, Inquiry, Questions};
use crate::judge::AskedJudge;
use crate::judge_prompt::JudgePrompt;
use crate::log::VerdictLog;
use crate::question_queue::{Next, QuestionQueue, StopReason};
use crate::record::line_of;
use crate::replied::Stopped;
use crate::responder::Responder;
use crate::stored::{is_of, missing, names, refuse_mixed, spent};

/// How long a run that is asked to stop waits for the replies under way, which may be on the bill.
const LAST_REPLIES: Duration = Duration::from_secs(1);

/// Wait of a thread for what other threads spend.
const NAP: Duration = Duration::from_millis(5);

/// Asks what the log lacks, with as many threads as the settings allow. `responder` is the server, or
/// the model, of the judge.
///
/// # Errors
/// A failure after which no question can succeed, and a log that cannot be written. What arrived
/// before is in the log.
pub fn judge<P: JudgePrompt, S: Questions<P>>(
    judge: &AskedJudge<P>,
    set: &S,
    responder: &dyn Responder,
    log: &mut VerdictLog,
    observer: &dyn Observer,
) -> Result<S::Outcome, JudgingError> {
    let course = ask(&Inquire { judge, set }, responder, log, observer)?;
    let mut outcome = set.collect(judge, log, &course.names);
    outcome.asked = course.asked;
    outcome.failed = course.failed;
    outcome.has_passing = course.has_passing;
    outcome.last_failure = course.last_failure;
    outcome.stopped = course.stopped;
    Ok(outcome)
}

/// How a run went.
#[derive(Debug)]
struct RunSummary {
    /// Names of the judge's model by its server.
    names: Vec<String>,
    /// Replies that the run got.
    asked: usize,
    /// Questions without a reply.
    failed: usize,
    /// Whether a failure may pass.
    has_passing: bool,
    /// The latest failure.
    last_failure: Option<EndpointError>,
    /// Why not all was asked.
    stopped: Option<Stopped>,
}

/// Asks what the log lacks, whatever the questions show.
///
/// # Errors
/// As [`judge`].
fn ask(
    inquiry: &dyn Inquiry,
    responder: &dyn Responder,
    log: &mut VerdictLog,
    observer: &dyn Observer,
) -> Result<RunSummary, JudgingError> {
    refuse_unpriced(inquiry)?;
    let names = names(inquiry, log);
    let missing = missing(inquiry, log, &names);
    inquiry.refuse_served(&names)?;
    if !missing.is_empty() {
        refuse_mixed(inquiry, log)?;
    }
    // Whether the server still has the model of the stored verdicts, only a reply tells.
    let is_known = missing.is_empty() || !inquiry.served_as().is_empty();
    let (questions, open) = (inquiry.keys().different(), missing.len());
    let state = QuestionQueue {
        queue: missing.into(),
        of: questions,
        accepted: if is_known { names.clone() } else { Vec::new() },
        spent: spent(inquiry, log),
        ..QuestionQueue::default()
    };
    let (shared, stopped_at) = (Mutex::new((state, log)), OnceLock::new());
    let run = RunContext { inquiry, responder, observer, stored: &names, shared, stopped_at };
    run.work(true);
    observer.event(&Event::Started { questions, stored: questions - open });
    std::thread::scope(|scope| {
        for _ in 0..inquiry.endpoint().limits.concurrency {
            scope.spawn(|| run.work(false));
        }
    });
    let (mut state, log) = run.shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    let stopped = match state.end.take() {
        Some(StopReason::Error(error)) => return Err(error),
        Some(StopReason::Budget) => Some(Stopped::Budget),
        // An attempt was broken off because of it.
        Some(StopReason::Cancelled) if !observer.owns_log() => return Err(log.lost()),
        Some(StopReason::Cancelled) => Some(Stopped::Cancelled),
        None => None,
    };
    Ok(RunSummary {
        names: if state.accepted.is_empty() { names } else { state.accepted },
        asked: state.asked,
        failed: state.failed.len(),
        has_passing: state.has_passing,
        last_failure: state.last_failure,
        stopped,
    })
}

type Shared<'a> = (QuestionQueue, &'a mut VerdictLog);

/// What the threads of one call work with.
struct RunContext<'a> {
    inquiry: &'a dyn Inquiry,
    responder: &'a dyn Responder,
    observer: &'a dyn Observer,
    /// The names in the log, or those of the table.
    stored: &'a [String],
    shared: Mutex<Shared<'a>>,
    /// When it was seen that someone asks to stop.
    stopped_at: OnceLock<Instant>,
}

impl<'a> RunContext<'a> {
    fn lock(&self) -> MutexGuard<'_, Shared<'a>> {
        // A panic of another thread is raised again when the threads are joined.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks until nothing is left, or until the model's name is known.
    fn work(&self, until_named: bool) {
        let largest = self.inquiry.max_cost();
        loop {
            let next = {
                let (state, log) = &mut *self.lock();
                if until_named && !state.accepted.is_empty() {
                    return;
                }
                if !self.observer.owns_log() {
                    state.end.get_or_insert(StopReason::Error(log.lost()));
                } else if self.observer.is_cancelled() {
                    state.end.get_or_insert(StopReason::Cancelled);
                }
                state.next(|number| most(self.inquiry, number), largest)
            };
            match next {
                None => return,
                Some(Next::Wait) => std::thread::sleep(NAP),
                Some(Next::Ask { number, reserved }) => self.ask(number, reserved),
            }
        }
    }

    fn ask(&self, number: usize, reserved: f64) {
        let key = self.inquiry.keys().of(number);
        let messages = self.inquiry.messages(number);
        let idempotency_key = Some(self.idempotency_key(key));
        let asking = AttemptWatch { run: self, most: reserved };
        let reply = self.responder.respond(&Ask { messages, idempotency_key }, &asking);
        let (state, log) = &mut *self.lock();
        state.release(reserved);
        match reply {
            Err(error) => {
                // A question that was broken off is open, and none that failed.
                if error != EndpointError::Cancelled {
                    self.observer.event(&Event::Failed { error: &error });
                }
                if error.may_be_billed() {
                    state.spent += reserved;
                }
                state.fail(number, error, self.inquiry.endpoint().limits.concurrency);
            }
            Ok(reply) => {
                let is_blank = reply.is_blank();
                match self.keep(state, log, number, reply) {
                    Err(error) => {
                        state.end.get_or_insert(StopReason::Error(error));
                    }
                    Ok(()) if is_blank => {
                        let most = self.inquiry.most_blank();
                        let is_open = log.is_open(key, most, |name| is_of(&state.accepted, name));
                        let is_again = is_open && state.ask_again(number);
                        self.observer.event(&Event::Blank { is_again });
                    }
                    Ok(()) => {}
                }
                let (done, of) = (state.done(), state.of);
                self.observer.event(&Event::Answered { done, of });
            }
        }
    }

    /// The key by which a server knows a question that it answered before. One that brought a blank
    /// reply would bring it again, so the next attempt has another.
    fn idempotency_key(&self, key: &str) -> String {
        let (state, log) = &*self.lock();
        let names = if state.accepted.is_empty() { self.stored } else { &state.accepted };
        let start = format!("seal-{}", &key[..48]);
        match log.replies(key, |name| is_of(names, name)).count() {
            0 => start,
            blank => format!("{start}-{blank}"),
        }
    }

    /// Writes a reply to the log, and learns the model's name from the first.
    fn keep(
        &self,
        state: &mut QuestionQueue,
        log: &mut VerdictLog,
        number: usize,
        reply: Reply,
    ) -> Result<(), JudgingError> {
        let line = line_of(self.inquiry, number, reply, false);
        let served = line.served.clone();
        let cost = charge(self.inquiry, number, &line);
        if !self.observer.owns_log() {
            return Err(log.lost());
        }
        log.append(line)?;
        state.answered(cost);
        self.inquiry.refuse_served(std::slice::from_ref(&served))?;
        if state.accepted.is_empty() {
            state.accepted = match self.stored {
                [] => vec![served.clone()],
                stored => stored.to_vec(),
            };
        }
        match is_of(&state.accepted, &served) {
            true => Ok(()),
            false => Err(JudgingError::served_another(&served, &state.accepted)),
        }
    }
}

/// One question under way.
struct AttemptWatch<'a, 'b> {
    run: &'b RunContext<'a>,
    /// The most that an attempt may cost.
    most: f64,
}

impl Watch for AttemptWatch<'_, '_> {
    fn notice(&self, notice: &Notice<'_>) {
        if let Notice::Retrying { error, wait, .. } = notice {
            if error.may_be_billed() {
                let largest = self.run.inquiry.max_cost();
                self.run.lock().0.charge(self.most, largest);
            }
            self.run.observer.event(&Event::Retrying { error, wait: *wait });
        }
    }

    fn is_cancelled(&self) -> bool {
        let observer = self.run.observer;
        observer.is_cancelled() || !observer.owns_log() || self.run.lock().0.end.is_some()
    }

    /// Only where someone asks to stop: what ends a run by itself leaves replies under way that are
    /// paid for.
    fn breaks_off(&self) -> bool {
        let run = self.run;
        run.observer.is_cancelled()
            && run.stopped_at.get_or_init(Instant::now).elapsed() >= LAST_REPLIES
    }
}
