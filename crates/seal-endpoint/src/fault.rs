//! What a status or an error object means.

use std::time::Duration;

use seal_text::escape_start;
use serde_json::Value;

use crate::error::EndpointError;
use crate::key::ApiKey;

/// Codes and types of an account that may spend no more.
const QUOTA: [&str; 6] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "billing_hard_limit_reached",
];

/// Longest part of a server's own words that is shown.
const SHOWN: usize = 300;

/// Whom and what was asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestInfo<'a> {
    /// The address without anything secret.
    pub url: &'a str,
    pub model: &'a str,
    pub key: &'a ApiKey,
}

impl RequestInfo<'_> {
    /// A server's own words, ready to stand in a message.
    pub(crate) fn quote(&self, words: &str) -> String {
        match escape_start(self.key.blot(words).trim(), SHOWN) {
            words if words.is_empty() => words,
            words => format!(", saying \"{words}\""),
        }
    }

    pub(crate) fn no_completion(&self, why: impl Into<String>) -> EndpointError {
        EndpointError::Answer { url: self.url.to_owned(), why: why.into() }
    }
}

/// The parts of an error object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ErrorObject {
    message: String,
    kind: String,
    code: String,
    param: Option<String>,
}

impl ErrorObject {
    /// The error object of `body`: below `error`, or at the top with `object` = `error`. An
    /// `error` may be a text alone.
    pub(crate) fn of(body: &Value) -> Option<Self> {
        let text = |value: Option<&Value>| match value {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let object = match body.get("error") {
            Some(Value::Null) | None => {
                (body.get("object")?.as_str()? == "error").then_some(body)?
            }
            Some(Value::String(message)) => {
                return Some(Self { message: message.clone(), ..Self::default() });
            }
            Some(object) => object,
        };
        Some(Self {
            message: text(object.get("message")),
            kind: text(object.get("type")),
            code: text(object.get("code")),
            param: object.get("param").and_then(Value::as_str).map(str::to_owned),
        })
    }

    fn is(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.kind == *name || self.code == *name)
    }

    /// Whether the fault names a field of the request.
    pub(crate) fn names(&self, field: &str) -> bool {
        self.param.as_deref() == Some(field) || self.message.contains(field)
    }

    /// The status that LiteLLM means by some of its errors with status 400: an unknown key where it
    /// has no database, and an unknown model. They are true of every question.
    fn hidden_status(&self) -> Option<u16> {
        match () {
            () if self.kind == "no_db_connection" => Some(401),
            () if self.says_no_model() => Some(404),
            () => None,
        }
    }

    /// Whether the message begins so, behind the route. Further back it may quote an answer.
    fn says_no_model(&self) -> bool {
        let said = match self.message.strip_prefix('/') {
            Some(behind) => behind.split_once(": ").map_or(behind, |(_, said)| said),
            None => &self.message,
        };
        said.starts_with("Invalid model name passed in")
    }

    /// The status that an error object stands for where the status itself is 200.
    fn implied_status(&self) -> u16 {
        if let Some(status) = self.code.parse().ok().filter(|code| (400..600).contains(code)) {
            return status;
        }
        let words = format!("{} {}", self.kind, self.code).to_lowercase();
        let has = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
        if has(&["rate_limit", "ratelimit", "slow_down", "too_many"]) {
            429
        } else if has(&["authentication", "invalid_api_key", "unauthorized"]) {
            401
        } else if has(&["permission", "forbidden"]) {
            403
        } else if has(&["not_found", "notfound"]) {
            404
        } else if has(&["invalid_request", "badrequest", "bad_request", "context_length"]) {
            400
        } else {
            // Of an unknown kind: worth another try.
            500
        }
    }
}

/// The error that a status with its body means. `status` is 200 where an error object came
/// with success.
pub(crate) fn error(
    asked: RequestInfo<'_>,
    status: u16,
    retry_after: Option<Duration>,
    body: &str,
) -> EndpointError {
    let fault = serde_json::from_str::<Value>(body).ok().and_then(|body| ErrorObject::of(&body));
    let said = match &fault {
        Some(fault) => asked.quote(&fault.message),
        // A page of a proxy says little, and its start is mark-up.
        None if body.trim_start().starts_with('<') => String::new(),
        None => asked.quote(body),
    };
    let fault = fault.unwrap_or_default();
    let url = asked.url.to_owned();
    if fault.is(&QUOTA) {
        return EndpointError::Quota { url, said };
    }
    let meant = match status {
        200 => fault.implied_status(),
        400 => fault.hidden_status().unwrap_or(status),
        _ => status,
    };
    match meant {
        401 => {
            let variable = asked.key.variable().map(str::to_owned);
            EndpointError::Unauthorized { url, status, said, variable }
        }
        402 => EndpointError::Quota { url, said },
        403 => EndpointError::Forbidden { url, said },
        404 => {
            let model = asked.model.to_owned();
            EndpointError::NotFound { url, status, model, said }
        }
        429 => EndpointError::RateLimited { url, said, retry_after },
        408 | 409 | 500.. => EndpointError::Server { url, status, said, retry_after },
        _ => EndpointError::Rejected { url, status, said, param: fault.param },
    }
}

/// Whether a refusal names the field of the longest reply, so that the other may be taken.
pub(crate) fn names_field(status: u16, body: &str, field: &str) -> bool {
    matches!(status, 400 | 422)
        && serde_json::from_str::<Value>(body)
            .ok()
            .and_then(|body| ErrorObject::of(&body))
            .is_some_and(|fault| fault.names(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FailureClass;

    fn said(status: u16, body: &str) -> String {
        let key = ApiKey::none();
        let asked = RequestInfo { url: "http://h/v1", model: "m", key: &key };
        error(asked, status, Some(Duration::from_secs(3)), body).to_string()
    }

    fn class(status: u16, body: &str) -> FailureClass {
        let key = ApiKey::none();
        let asked = RequestInfo { url: "http://h/v1", model: "m", key: &key };
        error(asked, status, None, body).class()
    }

    #[test]
    fn every_shape_of_an_error_is_read() {
        insta::assert_snapshot!(said(400, r#"{"error":{"message":"too long","type":"invalid_request_error","param":"messages","code":null}}"#), @r#"http://h/v1 refused the request (400), saying "too long""#);
        insta::assert_snapshot!(said(400, r#"{"object":"error","message":"old shape","type":"BadRequestError","code":400}"#), @r#"http://h/v1 refused the request (400), saying "old shape""#);
        insta::assert_snapshot!(said(200, r#"{"error":{"message":"later","type":"server_error","code":503}}"#), @r#"http://h/v1 failed (200), saying "later"; it asks to wait 3 s; run again later"#);
        insta::assert_snapshot!(said(503, r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#), @r#"http://h/v1 failed (503), saying "Loading model"; it asks to wait 3 s; run again later"#);
        insta::assert_snapshot!(said(404, r#"{"error":"model 'x' not found"}"#), @r#"http://h/v1 has no such page or no model `m` (404), saying "model 'x' not found"; check base_url, which ends with /v1 on most servers, and model"#);
        insta::assert_snapshot!(said(502, "<html>Bad gateway</html>"), @"http://h/v1 failed (502); it asks to wait 3 s; run again later");
        insta::assert_snapshot!(said(401, "no"), @r#"http://h/v1 does not know who asks (401), saying "no"; name the variable that holds a key in api_key_env"#);
    }

    #[test]
    fn a_quota_stops_and_a_rate_limit_passes() {
        let body = |kind: &str, code: &str| {
            format!(r#"{{"error":{{"message":"x","type":"{kind}","code":"{code}"}}}}"#)
        };
        assert_eq!(
            class(429, &body("insufficient_quota", "credit_balance_exhausted")),
            FailureClass::Stop
        );
        assert_eq!(class(429, &body("requests", "rate_limit_exceeded")), FailureClass::Passing);
        assert_eq!(class(429, ""), FailureClass::Passing);
        assert_eq!(class(200, &body("insufficient_quota", "")), FailureClass::Stop);
        for status in [408, 409, 429, 500, 502, 503, 504, 529] {
            assert_eq!(class(status, ""), FailureClass::Passing, "{status}");
        }
        for status in [401, 402, 403, 404] {
            assert_eq!(class(status, ""), FailureClass::Stop, "{status}");
        }
        for status in [400, 413, 422] {
            assert_eq!(class(status, ""), FailureClass::ThisQuestion, "{status}");
        }
    }

    #[test]
    fn some_errors_of_litellm_are_true_of_every_question() {
        let key = r#"{"error":{"message":"No connected db.","type":"no_db_connection","param":null,"code":"400"}}"#;
        let model = r#"{"error":{"message":"/chat/completions: Invalid model name passed in model=m.","type":"invalid_request_error","param":null,"code":"400"}}"#;
        assert_eq!((class(400, key), class(400, model)), (FailureClass::Stop, FailureClass::Stop));
        // An answer that a message quotes ends no run.
        let quoting = model.replace("/chat/completions: ", "/chat/completions: The text ");
        assert_eq!(class(400, &quoting), FailureClass::ThisQuestion);
        insta::assert_snapshot!(said(400, key), @r#"http://h/v1 does not know who asks (400), saying "No connected db."; name the variable that holds a key in api_key_env"#);
        insta::assert_snapshot!(said(400, model), @r#"http://h/v1 has no such page or no model `m` (400), saying "/chat/completions: Invalid model name passed in model=m."; check base_url, which ends with /v1 on most servers, and model"#);
    }

    #[test]
    fn an_error_with_status_200_means_what_its_kind_says() {
        let body = |kind: &str| format!(r#"{{"error":{{"message":"x","type":"{kind}"}}}}"#);
        assert_eq!(class(200, &body("invalid_request_error")), FailureClass::ThisQuestion);
        assert_eq!(class(200, &body("authentication_error")), FailureClass::Stop);
        assert_eq!(class(200, &body("rate_limit_error")), FailureClass::Passing);
        assert_eq!(class(200, &body("odd")), FailureClass::Passing);
        assert_eq!(class(200, r#"{"error":{"message":"x","code":404}}"#), FailureClass::Stop);
    }

    #[test]
    fn a_refusal_that_names_the_length_field_is_told_from_others() {
        let body = r#"{"error":{"message":"Unsupported parameter","param":"max_tokens"}}"#;
        assert!(names_field(400, body, "max_tokens"));
        assert!(!names_field(400, body, "max_completion_tokens"));
        assert!(!names_field(500, body, "max_tokens"));
        assert!(!names_field(400, "max_tokens", "max_tokens"));
    }
}
