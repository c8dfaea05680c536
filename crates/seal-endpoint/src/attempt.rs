//! One attempt at a question, with the other length field where the server wants it.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::body;
use crate::error::EndpointError;
use crate::fault::{self, Asked};
use crate::message::Message;
use crate::parse;
use crate::reply::Reply;
use crate::settings::EndpointSettings;
use crate::transport::{Answer, Transport};

/// Sends questions one at a time; remembers which length field the server takes.
pub(crate) struct Attempts {
    settings: EndpointSettings,
    transport: Transport,
    url: String,
    /// Whether the server wants the field that the settings do not name.
    other_field: AtomicBool,
}

impl Attempts {
    pub(crate) fn new(settings: &EndpointSettings, transport: Transport) -> Self {
        let url = transport.url();
        Self { settings: settings.clone(), transport, url, other_field: AtomicBool::new(false) }
    }

    /// # Errors
    /// The failure of this attempt.
    pub(crate) fn once(
        &self,
        messages: &[Message],
        idempotency_key: Option<&str>,
    ) -> Result<Reply, EndpointError> {
        let asked = self.asked();
        let is_other = self.other_field.load(Ordering::Relaxed);
        let own = self.settings.length_field;
        let field = if is_other { own.other() } else { own };
        let mut answer = self.send(messages, idempotency_key, field)?;
        if fault::names_field(answer.status, &answer.body, field.name()) {
            let field = field.other();
            let second = self.send(messages, idempotency_key, field)?;
            // Where both are refused the first refusal is the one to show.
            if !fault::names_field(second.status, &second.body, field.name()) {
                self.other_field.store(!is_other, Ordering::Relaxed);
                answer = second;
            }
        }
        let Answer { status, content_type, retry_after, body } = answer;
        match status {
            200..=299 => parse::reply(asked, content_type.as_deref(), &body),
            _ => Err(fault::error(asked, status, retry_after, &body)),
        }
    }

    fn send(
        &self,
        messages: &[Message],
        idempotency_key: Option<&str>,
        field: crate::settings::LengthField,
    ) -> Result<Answer, EndpointError> {
        let body = body::request(&self.settings, messages, field).to_string();
        self.transport.post(&body, idempotency_key)
    }

    fn asked(&self) -> Asked<'_> {
        Asked { url: &self.url, model: &self.settings.model, key: self.transport.key() }
    }
}
