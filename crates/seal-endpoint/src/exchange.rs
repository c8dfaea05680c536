//! Requests that can be broken off: the HTTP client waits for an answer without a pause in which it could
//! be asked to stop.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use seal_net::location;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::{Request, Response};

/// Longest wait before a caller is asked again whether to break off.
const NAP: Duration = Duration::from_millis(50);

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum ExchangeFailure {
    /// The caller asked for it.
    Off,
    /// What the HTTP client says.
    By(Box<ureq::Error>),
}

impl From<ureq::Error> for ExchangeFailure {
    fn from(error: ureq::Error) -> Self {
        Self::By(Box::new(error))
    }
}

/// HTTP clients with a connection each, so that one request is broken off and its neighbours are not.
pub(crate) struct Agents {
    config: Config,
    idle: Mutex<Vec<Agent>>,
    /// Largest body of an answer in bytes.
    largest: u64,
}

impl Agents {
    pub(crate) fn new(config: Config, largest: u64) -> Self {
        Self { config, idle: Mutex::default(), largest }
    }

    /// Sends a request, and reads the whole answer; of a redirect the head alone. All of it may take
    /// `longest`. Once `breaks_off` says so, the connection is closed, unless the answer is there.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(crate) fn run(
        &self,
        request: Request<String>,
        longest: Duration,
        breaks_off: &dyn Fn() -> bool,
    ) -> Result<Response<Vec<u8>>, ExchangeFailure> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let agent = idle.unwrap_or_else(|| self.config.new_agent());
        let request = agent.configure_request(request).timeout_global(Some(longest)).build();
        let (sender, receiver) = mpsc::channel();
        let (running, largest) = (agent.clone(), self.largest);
        let waiting = move || {
            // Whoever broke it off does not listen any more.
            let _ = sender.send(exchange(&running, request, largest));
        };
        thread::Builder::new().spawn(waiting).map_err(ureq::Error::Io)?;
        let answer = loop {
            match receiver.recv_timeout(NAP) {
                Ok(answer) => break answer,
                Err(RecvTimeoutError::Timeout) if breaks_off() => match receiver.try_recv() {
                    // It arrived since, and is on the bill.
                    Ok(answer) => break answer,
                    Err(_) => {
                        agent.shutdown();
                        return Err(ExchangeFailure::Off);
                    }
                },
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let lost = std::io::Error::other("the thread of the request ended early");
                    return Err(ureq::Error::Io(lost).into());
                }
            }
        };
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(agent);
        Ok(answer?)
    }
}

fn exchange(
    agent: &Agent,
    request: Request<String>,
    largest: u64,
) -> Result<Response<Vec<u8>>, ureq::Error> {
    let mut answer = agent.run(request)?;
    let body = match location(answer.status(), answer.headers()) {
        Some(_) => Vec::new(),
        None => answer.body_mut().with_config().limit(largest).read_to_vec()?,
    };
    Ok(answer.map(|_| body))
}
