//! One attempt at a question, with the other length field where the server wants it.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::body;
use crate::error::{EndpointError, FailureClass};
use crate::fault::{self, RequestInfo};
use crate::message::Message;
use crate::parse;
use crate::reply::Reply;
use crate::settings::{EndpointSettings, LengthField};
use crate::transport::{HttpAnswer, Transport};

/// Longest time for a reply of one token, in seconds.
const PROBE_SECONDS: f64 = 30.0;

/// Sends questions one at a time; remembers which length field the server takes.
pub(crate) struct Attempts {
    settings: EndpointSettings,
    transport: Transport,
    url: String,
    /// Whether the server wants the field that the settings do not name.
    other_field: AtomicBool,
    /// Whether the server ever answered, be it with an error.
    has_answered: AtomicBool,
}

impl Attempts {
    pub(crate) fn new(settings: &EndpointSettings, transport: Transport) -> Self {
        let url = transport.url();
        let (other_field, has_answered) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { settings: settings.clone(), transport, url, other_field, has_answered }
    }

    /// Whether the server ever answered, be it with an error.
    pub(crate) fn has_answered(&self) -> bool {
        self.has_answered.load(Ordering::Relaxed)
    }

    /// Asks once, and once more with the other length field where the server refuses the first.
    /// `wait_for_turn` lets the second request go by the limits.
    ///
    /// # Errors
    /// The failure of this attempt. Where both fields are refused it is the first refusal. Where
    /// the second request fails by something that may pass, it is that: the question is still
    /// open.
    pub(crate) fn once(
        &self,
        messages: &[Message],
        idempotency_key: Option<&str>,
        breaks_off: &dyn Fn() -> bool,
        wait_for_turn: impl FnOnce() -> Result<(), EndpointError>,
    ) -> Result<Reply, EndpointError> {
        self.once_with(&self.settings, messages, idempotency_key, breaks_off, wait_for_turn)
    }

    /// The same with other settings of the same endpoint.
    fn once_with(
        &self,
        settings: &EndpointSettings,
        messages: &[Message],
        idempotency_key: Option<&str>,
        breaks_off: &dyn Fn() -> bool,
        wait_for_turn: impl FnOnce() -> Result<(), EndpointError>,
    ) -> Result<Reply, EndpointError> {
        let send = |field| self.send(settings, messages, (field, idempotency_key), breaks_off);
        let is_other = self.other_field.load(Ordering::Relaxed);
        let own = settings.length_field;
        let field = if is_other { own.other() } else { own };
        let first = send(field)?;
        let is_named = fault::names_field(first.status, &first.body, field.name());
        let refused = match self.reply(first) {
            Err(refused) if is_named => refused,
            result => return result,
        };
        wait_for_turn()?;
        let second = send(field.other());
        match second.and_then(|answer| self.reply(answer)) {
            Ok(reply) => {
                self.other_field.store(!is_other, Ordering::Relaxed);
                Ok(reply)
            }
            Err(error) if error.class() == FailureClass::Passing => Err(error),
            Err(_) => Err(refused),
        }
    }

    fn reply(&self, answer: HttpAnswer) -> Result<Reply, EndpointError> {
        let HttpAnswer { status, content_type, retry_after, body } = answer;
        match status {
            200..=299 => parse::reply(self.request_info(), content_type.as_deref(), &body),
            _ => Err(fault::error(self.request_info(), status, retry_after, &body)),
        }
    }

    /// Asks for a reply of one token, in a shorter time than questions have.
    ///
    /// # Errors
    /// A failure that another question would have too, or that may pass. A server that refuses this one
    /// question took key and model.
    pub(crate) fn probe(
        &self,
        breaks_off: &dyn Fn() -> bool,
        wait_for_turn: impl FnOnce() -> Result<(), EndpointError>,
    ) -> Result<(), EndpointError> {
        let mut small =
            EndpointSettings { max_tokens: 1, top_logprobs: None, ..self.settings.clone() };
        small.patience.timeout = small.patience.timeout.min(PROBE_SECONDS);
        let asked = [Message::user("Hi")];
        match self.once_with(&small, &asked, None, breaks_off, wait_for_turn) {
            Err(error) if error.class() == FailureClass::ThisQuestion => Ok(()),
            result => result.map(|_| ()),
        }
    }

    fn send(
        &self,
        settings: &EndpointSettings,
        messages: &[Message],
        (field, idempotency_key): (LengthField, Option<&str>),
        breaks_off: &dyn Fn() -> bool,
    ) -> Result<HttpAnswer, EndpointError> {
        let body = body::request(settings, messages, field).to_string();
        let timeout = settings.patience.timeout;
        let answer = self.transport.post(&body, idempotency_key, timeout, breaks_off)?;
        self.has_answered.store(true, Ordering::Relaxed);
        Ok(answer)
    }

    fn request_info(&self) -> RequestInfo<'_> {
        RequestInfo { url: &self.url, model: &self.settings.model, key: self.transport.key() }
    }
}
