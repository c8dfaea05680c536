//! A client of one endpoint: attempts, waits, limits.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use seal_net::{Proxies, backoff};

use crate::attempt::Attempts;
use crate::error::{EndpointError, FailureClass};
use crate::key::ApiKey;
use crate::limiter::{Limiter, estimated_tokens};
use crate::message::Message;
use crate::reply::Reply;
use crate::settings::{EndpointSettings, Patience};
use crate::transport::Transport;
use crate::watch::{Notice, Watch};

/// Longest sleep before a caller is asked again whether to stop.
const NAP: Duration = Duration::from_millis(50);

/// Attempts at a server that never answered and does not listen, and attempts of a probe. A server that
/// loads a model answers 503, so that nobody is there who will soon be ready.
const FEW_ATTEMPTS: u32 = 3;

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// Sent with every attempt, so that a server that knows such keys bills once.
    pub idempotency_key: Option<String>,
}

impl Ask {
    /// A question without an idempotency key.
    pub fn new(messages: Vec<Message>) -> Self {
        Self { messages, idempotency_key: None }
    }
}

/// What a probe found out of a server that does not refuse questions.
#[derive(Clone, Debug, PartialEq)]
pub enum Probed {
    /// It takes key and model.
    Takes,
    /// It gave no reply, for a reason that may pass.
    Unsure(EndpointError),
}

/// A client of one endpoint. Threads share it.
pub struct Client {
    settings: EndpointSettings,
    attempts: Attempts,
    limiter: Mutex<Limiter>,
    started: Instant,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Client {
    /// A client with the proxies and certificates that the environment names: `https_proxy`,
    /// `http_proxy`, `all_proxy`, `no_proxy` and `SSL_CERT_FILE`.
    ///
    /// # Errors
    /// Settings that no request can be made with.
    pub fn new(settings: &EndpointSettings, key: ApiKey) -> Result<Self, EndpointError> {
        let var = |name: &str| std::env::var(name).ok();
        let authorities = var("SSL_CERT_FILE").filter(|file| !file.trim().is_empty());
        let proxies = Proxies::from_vars(var);
        Self::by(settings, key, &proxies, authorities.as_deref().map(Path::new))
    }

    /// A client with these proxies, and with the authorities of a file of certificates in place
    /// of the public ones.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn by(
        settings: &EndpointSettings,
        key: ApiKey,
        proxies: &Proxies,
        authorities: Option<&Path>,
    ) -> Result<Self, EndpointError> {
        settings.check()?;
        let transport = Transport::new(settings, key, proxies, authorities)?;
        Ok(Self {
            settings: settings.clone(),
            attempts: Attempts::new(settings, transport),
            limiter: Mutex::new(Limiter::new(&settings.limits)),
            started: Instant::now(),
        })
    }

    /// The settings.
    pub fn settings(&self) -> &EndpointSettings {
        &self.settings
    }

    /// Asks, and asks again what may pass, until the attempts or the deadline are used up. A server
    /// that never answered and does not listen gets 3 attempts at most.
    ///
    /// # Errors
    /// The last failure; [`EndpointError::Cancelled`] where `watch` asks to stop, and where it breaks off.
    pub fn ask(&self, ask: &Ask, watch: &dyn Watch) -> Result<Reply, EndpointError> {
        let patience = &self.settings.patience;
        let deadline = self.started.elapsed() + Patience::seconds(patience.deadline);
        let tokens = estimated_tokens(&ask.messages) + u64::from(self.settings.max_tokens);
        let mut failures = 0;
        loop {
            self.wait_for_turn(tokens, watch)?;
            let key = ask.idempotency_key.as_deref();
            let second_turn = || self.wait_for_turn(tokens, watch);
            let breaks_off = || watch.breaks_off();
            let error = match self.attempts.once(&ask.messages, key, &breaks_off, second_turn) {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            failures += 1;
            if error.class() != FailureClass::Passing || failures >= self.attempts_after(&error) {
                return Err(error);
            }
            let spread = spread(patience.seed, ask, failures);
            let wait = wait(patience, failures, error.retry_after(), spread);
            let now = self.started.elapsed();
            let until = now.checked_add(wait).filter(|until| *until <= deadline);
            let Some(until) = until else { return Err(error) };
            if error.retry_after().is_some() {
                self.limiter().pause_until(until);
            }
            tracing::warn!("{error}; next attempt in {:.1} s", wait.as_secs_f64());
            watch.notice(&Notice::Retrying { error: &error, attempt: failures, wait });
            nap(wait, watch)?;
        }
    }

    /// Finds out, before questions that cost much to prepare, whether the server is there and takes key
    /// and model. It asks for a reply of one token, which may be on the bill. The list of a server's
    /// models would not tell: some lists are open to everyone, others to nobody.
    ///
    /// What may pass gets 3 attempts at most. A server that asks to wait, or gives no reply within half a
    /// minute, gets one.
    ///
    /// # Errors
    /// Why no question would get a reply: also where nobody listens. [`EndpointError::Cancelled`] where
    /// `watch` asks to stop.
    pub fn probe(&self, watch: &dyn Watch) -> Result<Probed, EndpointError> {
        let patience = &self.settings.patience;
        let mut failures = 0;
        loop {
            self.wait_for_turn(1, watch)?;
            let second_turn = || self.wait_for_turn(1, watch);
            let error = match self.attempts.probe(&|| watch.breaks_off(), second_turn) {
                Ok(()) => return Ok(Probed::Takes),
                Err(error) => error,
            };
            failures += 1;
            let is_slow =
                matches!(error, EndpointError::Timeout { .. }) || error.retry_after().is_some();
            if error.class() != FailureClass::Passing {
                return Err(error);
            }
            if is_slow || failures >= patience.attempts.min(FEW_ATTEMPTS) {
                return match error {
                    EndpointError::NoServer { .. } => Err(error),
                    _ => Ok(Probed::Unsure(error)),
                };
            }
            let spread = spread(patience.seed, &Ask::new(Vec::new()), failures);
            let wait = wait(patience, failures, None, spread);
            watch.notice(&Notice::Retrying { error: &error, attempt: failures, wait });
            nap(wait, watch)?;
        }
    }

    /// How many attempts a question gets that fails like this.
    fn attempts_after(&self, error: &EndpointError) -> u32 {
        let all = self.settings.patience.attempts;
        match error {
            // One that answered before may be starting again.
            EndpointError::NoServer { .. } if !self.attempts.has_answered() => {
                all.min(FEW_ATTEMPTS)
            }
            _ => all,
        }
    }

    /// Waits until the limits let a request of so many tokens go.
    fn wait_for_turn(&self, tokens: u64, watch: &dyn Watch) -> Result<(), EndpointError> {
        loop {
            if watch.is_cancelled() || watch.breaks_off() {
                return Err(EndpointError::Cancelled);
            }
            let wait = self.limiter().take(self.started.elapsed(), tokens);
            if wait.is_zero() {
                return Ok(());
            }
            watch.notice(&Notice::Limited { wait });
            nap(wait, watch)?;
        }
    }

    fn limiter(&self) -> MutexGuard<'_, Limiter> {
        // The limiter has no state in between that a panic could leave.
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The wait after so many failures: our own or the server's, whichever is longer, and a part
/// more by `spread` in [0, 1].
fn wait(patience: &Patience, failures: u32, asked: Option<Duration>, spread: f64) -> Duration {
    let first = Patience::seconds(patience.first_wait);
    let own = backoff(first, Patience::seconds(patience.longest_wait), failures, spread);
    match asked {
        // All who were refused at one time would come back at one time.
        Some(asked) => own.max(asked.saturating_add(own.mul_f64(spread / 4.0))),
        None => own,
    }
}

/// A number in [0, 1] from the seed, the question and the failures (splitmix64).
fn spread(seed: u64, ask: &Ask, failures: u32) -> f64 {
    let mut state = seed ^ u64::from(failures).rotate_left(32);
    let texts = ask.messages.iter().map(|m| m.content.as_bytes());
    for byte in texts.flatten() {
        state = (state ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((state ^ (state >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Sleeps, unless `watch` asks to stop.
fn nap(wait: Duration, watch: &dyn Watch) -> Result<(), EndpointError> {
    let started = Instant::now();
    while let Some(left) = wait.checked_sub(started.elapsed()).filter(|left| !left.is_zero()) {
        if watch.is_cancelled() || watch.breaks_off() {
            return Err(EndpointError::Cancelled);
        }
        std::thread::sleep(left.min(NAP));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_asks_for_is_the_least_wait() {
        let patience = Patience::default();
        let s = Duration::from_secs;
        assert_eq!(wait(&patience, 1, None, 0.0), s(1));
        assert_eq!(wait(&patience, 3, None, 0.0), s(4));
        assert_eq!(wait(&patience, 20, None, 1.0), s(60));
        assert_eq!(wait(&patience, 1, Some(s(0)), 0.0), s(1));
        assert!(wait(&patience, 1, Some(s(100)), 0.5) > s(100));
        assert!(wait(&patience, 1, Some(s(100)), 1.0) < s(102));
        assert_eq!(wait(&patience, 1, Some(Duration::MAX), 1.0), Duration::MAX);
    }

    #[test]
    fn spreads_differ_by_question_failure_and_seed_and_repeat() {
        let ask = |text: &str| Ask::new(vec![Message::user(text)]);
        let one = spread(1, &ask("a"), 1);
        assert!((0.0..1.0).contains(&one));
        assert_eq!(one, spread(1, &ask("a"), 1));
        for other in [spread(2, &ask("a"), 1), spread(1, &ask("b"), 1), spread(1, &ask("a"), 2)] {
            assert_ne!(one, other);
        }
    }
}
