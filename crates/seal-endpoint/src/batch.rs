//! OpenAI's batch files: half the price, within a day.

use serde_json::{Value, json};

use crate::body;
use crate::error::EndpointError;
use crate::fault::{self, RequestInfo};
use crate::key::ApiKey;
use crate::message::Message;
use crate::parse;
use crate::reply::Reply;
use crate::settings::EndpointSettings;

/// Longest id that every server takes.
const LONGEST_ID: usize = 64;

/// A line of the input file that asks `messages`. `id` comes back with the reply, and is unique
/// in the file: up to 64 characters.
///
/// # Errors
/// [`EndpointError::Setting`] for an id that is empty or too long.
pub fn batch_line(
    settings: &EndpointSettings,
    id: &str,
    messages: &[Message],
) -> Result<String, EndpointError> {
    if id.is_empty() || id.len() > LONGEST_ID {
        return Err(EndpointError::Setting {
            key: "custom_id".to_owned(),
            why: format!("it has 1 to {LONGEST_ID} characters, here {}", id.len()),
        });
    }
    let body = body::request(settings, messages, settings.length_field);
    let line = json!({
        "custom_id": id, "method": "POST", "url": "/v1/chat/completions", "body": body,
    });
    Ok(line.to_string())
}

/// A line of an output or error file.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchLine {
    /// The id that the input gave.
    pub id: String,
    /// The reply, or why there is none.
    pub reply: Result<Reply, EndpointError>,
}

/// Why a line is none of a batch's output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoBatchLine {
    /// It is no JSON.
    #[error("it is no JSON ({0})")]
    NoJson(String),
    /// It names no question.
    #[error("it has no custom_id")]
    NoId,
    /// It is a line of a batch's input.
    #[error("it is a question: this is the input of a batch, and its output is read")]
    Question,
}

/// Reads a line of an output or error file: OpenAI's form, and the older one of `vllm run-batch`,
/// in which the completion itself stands in the place of the response. `file` is named in failures
/// as the place of the reply.
///
/// # Errors
/// A line that is no line of a batch's output.
pub fn read_batch_line(
    settings: &EndpointSettings,
    file: &str,
    line: &str,
) -> Result<BatchLine, NoBatchLine> {
    let none = ApiKey::none();
    let asked = RequestInfo { url: file, model: &settings.model, key: &none };
    let value: Value =
        serde_json::from_str(line).map_err(|e| NoBatchLine::NoJson(e.to_string()))?;
    let id = value.get("custom_id").and_then(Value::as_str);
    let id = id.ok_or(NoBatchLine::NoId)?.to_owned();
    let is_question = value.get("body").is_some() && value.get("response").is_none();
    if is_question {
        return Err(NoBatchLine::Question);
    }
    let reply = response(asked, &value);
    Ok(BatchLine { id, reply })
}

fn response(asked: RequestInfo<'_>, line: &Value) -> Result<Reply, EndpointError> {
    let given = |name: &str| line.get(name).filter(|value| !value.is_null());
    if let Some(error) = given("error") {
        let body = json!({ "error": error }).to_string();
        return Err(fault::error(asked, 200, None, &body));
    }
    let response = given("response")
        .ok_or_else(|| asked.no_completion("a line of it has neither response nor error"))?;
    let status = response.get("status_code").and_then(Value::as_u64);
    let status = status.and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
    let body = response.get("body").unwrap_or(response).to_string();
    match status {
        200..=299 => parse::reply(asked, Some("application/json"), &body),
        _ => Err(fault::error(asked, status, None, &body)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FailureClass;

    fn settings() -> EndpointSettings {
        let mut settings = EndpointSettings::new("https://h/v1", "m");
        settings.max_tokens = 5;
        settings
    }

    fn read(line: &str) -> Result<BatchLine, NoBatchLine> {
        read_batch_line(&settings(), "out.jsonl", line)
    }

    #[test]
    fn an_input_line_is_a_request_with_an_id() {
        let line = |id: &str| batch_line(&settings(), id, &[Message::user("u")]);
        let found: Value = serde_json::from_str(&line("pair-1").unwrap()).unwrap();
        let body = json!({"model": "m", "max_tokens": 5,
            "messages": [{"role": "user", "content": "u"}]});
        let expected = json!({"custom_id": "pair-1", "method": "POST",
            "url": "/v1/chat/completions", "body": body});
        assert_eq!(found, expected);
        assert!(!line("pair-1").unwrap().contains('\n'));
        for id in ["", &"x".repeat(65)] {
            assert!(line(id).is_err());
        }
    }

    #[test]
    fn both_forms_of_an_output_line_are_read() {
        let completion = json!({"choices": [{"message": {"content": "A"}}], "model": "m-1"});
        let new = json!({"id": "b", "custom_id": "p", "error": null,
            "response": {"status_code": 200, "request_id": "r", "body": completion}});
        let old = json!({"id": "b", "custom_id": "p", "response": completion, "error": null});
        for line in [new, old] {
            let line = read(&line.to_string()).unwrap();
            assert_eq!(line.id, "p");
            assert_eq!(line.reply.unwrap().content.as_deref(), Some("A"));
        }
    }

    #[test]
    fn a_failed_line_keeps_its_id() {
        let failed = |line: Value| {
            let line = read(&line.to_string()).unwrap();
            assert_eq!(line.id, "p");
            line.reply.unwrap_err()
        };
        let expired = failed(json!({"custom_id": "p", "response": null,
            "error": {"code": "batch_expired", "message": "not done in time"}}));
        assert_eq!(expired.class(), FailureClass::Passing);
        assert!(expired.to_string().contains("not done in time"), "{expired}");
        let text = failed(json!({"custom_id": "p", "response": null, "error": "bad request"}));
        assert!(text.to_string().contains("bad request"), "{text}");
        let refused = failed(json!({"custom_id": "p", "error": null, "response":
            {"status_code": 400, "body": {"error": {"message": "too long"}}}}));
        assert_eq!(refused.class(), FailureClass::ThisQuestion);
        assert!(failed(json!({"custom_id": "p"})).to_string().contains("neither"));
    }

    #[test]
    fn what_is_no_line_of_a_batch_is_named() {
        assert!(matches!(read("{"), Err(NoBatchLine::NoJson(_))));
        assert_eq!(read("{}"), Err(NoBatchLine::NoId));
        let question = batch_line(&settings(), "p", &[Message::user("u")]).unwrap();
        assert_eq!(read(&question), Err(NoBatchLine::Question));
    }
}
