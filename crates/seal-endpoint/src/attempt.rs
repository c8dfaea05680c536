//! One attempt at a question, with the other length field where the server wants it.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::body;
use crate::error::{Class, EndpointError};
use crate::fault::{self, Asked};
use crate::message::Message;
use crate::parse;
use crate::reply::Reply;
use crate::settings::{EndpointSettings, LengthField};
use crate::transport::{Answer, Transport};

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
        let send =
            |field| self.send(&self.settings, messages, (field, idempotency_key), breaks_off);
        let is_other = self.other_field.load(Ordering::Relaxed);
        let own = self.settings.length_field;
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
            Err(error) if error.class() == Class::Passing => Err(error),
            Err(_) => Err(refused),
        }
    }

    fn reply(&self, answer: Answer) -> Result<Reply, EndpointError> {
        let Answer { status, content_type, retry_after, body } = answer;
        match status {
            200..=299 => parse::reply(self.asked(), content_type.as_deref(), &body),
            _ => Err(fault::error(self.asked(), status, retry_after, &body)),
        }
    }

    /// Finds out whether the server takes key and model: by the list of its models, or by a reply of
    /// one token where that list is closed or lacks the model. Servers take names that no list has.
    ///
    /// # Errors
    /// A failure that another question would have too. One that asks to wait, or that refuses this small
    /// question, is none: the server is there.
    pub(crate) fn probe(&self, breaks_off: &dyn Fn() -> bool) -> Result<(), EndpointError> {
        let listed = self.transport.models(breaks_off)?;
        self.has_answered.store(true, Ordering::Relaxed);
        match listed.status {
            200..=299 if lists(&listed.body, &self.settings.model) => return Ok(()),
            401 => return Err(fault::error(self.asked(), 401, None, &listed.body)),
            _ => {}
        }
        let small = EndpointSettings { max_tokens: 1, top_logprobs: None, ..self.settings.clone() };
        let field = (self.settings.length_field, None);
        let answer = self.send(&small, &[Message::user("Hi")], field, breaks_off)?;
        match self.reply(answer) {
            Err(error) if error.class() == Class::Stop => Err(error),
            _ => Ok(()),
        }
    }

    fn send(
        &self,
        settings: &EndpointSettings,
        messages: &[Message],
        (field, idempotency_key): (LengthField, Option<&str>),
        breaks_off: &dyn Fn() -> bool,
    ) -> Result<Answer, EndpointError> {
        let body = body::request(settings, messages, field).to_string();
        let answer = self.transport.post(&body, idempotency_key, breaks_off)?;
        self.has_answered.store(true, Ordering::Relaxed);
        Ok(answer)
    }

    fn asked(&self) -> Asked<'_> {
        Asked { url: &self.url, model: &self.settings.model, key: self.transport.key() }
    }
}

/// Whether a list of models has one of this name.
fn lists(body: &str, model: &str) -> bool {
    let list: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let models = list.get("data").and_then(serde_json::Value::as_array);
    models.is_some_and(|all| all.iter().any(|of| of.get("id").is_some_and(|id| id == model)))
}
