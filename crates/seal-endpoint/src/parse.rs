//! A chat completion as a [`Reply`].

use serde_json::Value;

use crate::error::EndpointError;
use crate::fault::{self, ErrorObject, RequestInfo};
use crate::logprobs;
use crate::reply::{Finish, Reply, Usage};

/// Reads the body of an answer with a status of success.
///
/// # Errors
/// The error that an error object means; [`EndpointError::Answer`] for what is no completion:
/// cut, of another kind, without a choice or a message.
pub(crate) fn reply(
    asked: RequestInfo<'_>,
    content_type: Option<&str>,
    body: &str,
) -> Result<Reply, EndpointError> {
    let value = serde_json::from_str::<Value>(body).map_err(|e| {
        let kind = content_type.and_then(|kind| kind.split(';').next()).unwrap_or("no type");
        asked.no_completion(match kind.contains("json") {
            true if e.is_eof() => "its JSON is cut".to_owned(),
            true => format!("its JSON is damaged ({e})"),
            false if kind.contains("html") || body.trim_start().starts_with('<') => format!(
                "it is a page ({}) and no JSON; check base_url, which ends with /v1 on most servers",
                seal_text::escape_start(kind, 60)
            ),
            false => format!("it is {} and no JSON", seal_text::escape_start(kind, 60)),
        })
    })?;
    if ErrorObject::of(&value).is_some() {
        return Err(fault::error(asked, 200, None, body));
    }
    let mut reply = completion(&value).map_err(|why| asked.no_completion(why))?;
    // The body was searched for the key as it came. JSON may have hidden it by escapes.
    for text in [&mut reply.content, &mut reply.refusal, &mut reply.reasoning, &mut reply.model]
        .into_iter()
        .flatten()
    {
        *text = asked.key.blot(text).into_owned();
    }
    Ok(reply)
}

/// # Errors
/// Why it is none.
pub(crate) fn completion(value: &Value) -> Result<Reply, &'static str> {
    let choices =
        value.get("choices").and_then(Value::as_array).ok_or("it has no list of choices")?;
    let choice = choices.first().ok_or("its list of choices is empty")?;
    let message = choice.get("message").filter(|m| m.is_object()).ok_or("it has no message")?;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let filled = |value: Option<&Value>| text(value).filter(|text| !text.is_empty());
    let reasoning =
        filled(message.get("reasoning_content")).or_else(|| filled(message.get("reasoning")));
    Ok(Reply {
        content: content(message.get("content")),
        refusal: filled(message.get("refusal")),
        reasoning,
        finish: match choice.get("finish_reason").and_then(Value::as_str) {
            Some("stop" | "eos" | "end_turn") => Finish::Stop,
            Some("length" | "max_tokens") => Finish::Length,
            Some("content_filter") => Finish::ContentFilter,
            Some(other) => Finish::Other(seal_text::escape_start(other, 60)),
            None => Finish::Unknown,
        },
        logprobs: logprobs::read(choice.get("logprobs")),
        usage: usage(value.get("usage")),
        model: filled(value.get("model")),
        fingerprint: filled(value.get("system_fingerprint")),
        id: filled(value.get("id")),
    })
}

/// The text: one string, or a list of parts of which the texts count.
fn content(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let texts: Vec<&str> =
                parts.iter().filter_map(|part| part.get("text")?.as_str()).collect();
            (!texts.is_empty()).then(|| texts.concat())
        }
        _ => None,
    }
}

fn usage(value: Option<&Value>) -> Option<Usage> {
    let number = |name: &str| value?.get(name)?.as_u64();
    let input = number("prompt_tokens")?;
    let output = number("completion_tokens")
        .or_else(|| number("total_tokens").map(|total| total.saturating_sub(input)))?;
    Some(Usage { input, output })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::key::ApiKey;
    use crate::logprobs::Logprobs;

    fn parse(kind: &str, body: &str) -> Result<Reply, EndpointError> {
        let key = ApiKey::none();
        reply(RequestInfo { url: "http://h/v1", model: "m", key: &key }, Some(kind), body)
    }

    fn said(kind: &str, body: &str) -> String {
        parse(kind, body).unwrap_err().to_string()
    }

    #[test]
    fn a_completion_keeps_all_that_the_server_tells() {
        let body = json!({
            "id": "c1", "object": "chat.completion", "model": "served-name", "created": 1,
            "choices": [{"index": 0, "finish_reason": "stop", "logprobs": null,
                "message": {"role": "assistant", "content": "m", "reasoning_content": "hm"}}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8},
            "system_fingerprint": "fp",
        });
        let reply = parse("application/json; charset=utf-8", &body.to_string()).unwrap();
        assert_eq!(reply.content.as_deref(), Some("m"));
        assert_eq!(reply.reasoning.as_deref(), Some("hm"));
        assert_eq!(reply.model.as_deref(), Some("served-name"));
        assert_eq!(reply.usage, Some(Usage { input: 7, output: 1 }));
        assert_eq!((reply.finish, reply.logprobs), (Finish::Stop, Logprobs::Null));
    }

    #[test]
    fn a_refusal_and_an_empty_message_are_replies() {
        let body = |message: Value, finish: &str| {
            json!({"choices": [{"message": message, "finish_reason": finish}]}).to_string()
        };
        let refused = body(json!({"content": null, "refusal": "I can't."}), "stop");
        let refused = parse("application/json", &refused).unwrap();
        assert!(!refused.is_blank());
        assert_eq!((refused.content, refused.refusal), (None, Some("I can't.".to_owned())));
        assert_eq!(refused.logprobs, Logprobs::Absent);
        let cut = parse("application/json", &body(json!({"content": null}), "length")).unwrap();
        // Hidden reasoning used the length up: another attempt would end so, too.
        assert!(!cut.is_blank());
        assert_eq!((cut.content, cut.finish), (None, Finish::Length));
        for (content, is_blank) in [(json!(null), true), (json!(" \n"), true), (json!("A"), false)]
        {
            let found = parse("application/json", &body(json!({"content": content}), "stop"));
            assert_eq!(found.unwrap().is_blank(), is_blank, "{content}");
        }
        let filtered = parse("application/json", &body(json!({"content": null}), "content_filter"));
        assert!(!filtered.unwrap().is_blank());
        let parts = body(json!({"content": [{"type": "text", "text": "a"}, {"text": "b"}]}), "x");
        assert_eq!(parse("text/plain", &parts).unwrap().content.as_deref(), Some("ab"));
    }

    #[test]
    fn what_is_no_completion_is_named() {
        insta::assert_snapshot!(said("application/json", r#"{"choices": [{"mess"#), @"http://h/v1: this is no chat completion: its JSON is cut");
        insta::assert_snapshot!(said("text/html; charset=utf-8", "<html>Sign in"), @"http://h/v1: this is no chat completion: it is a page (text/html) and no JSON; check base_url, which ends with /v1 on most servers");
        insta::assert_snapshot!(said("text/plain", "hello"), @"http://h/v1: this is no chat completion: it is text/plain and no JSON");
        insta::assert_snapshot!(said("application/json", r#"{"choices": []}"#), @"http://h/v1: this is no chat completion: its list of choices is empty");
        insta::assert_snapshot!(said("application/json", "{}"), @"http://h/v1: this is no chat completion: it has no list of choices");
        insta::assert_snapshot!(said("application/json", r#"{"choices": [{"text": "old"}]}"#), @"http://h/v1: this is no chat completion: it has no message");
    }
}
