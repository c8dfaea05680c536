//! The body of a request.

use serde_json::{Map, Value, json};

use crate::message::Message;
use crate::settings::{EndpointSettings, LengthField};

/// The body that asks `messages`, with the longest reply in `length_field`.
pub(crate) fn request(
    settings: &EndpointSettings,
    messages: &[Message],
    length_field: LengthField,
) -> Value {
    let mut body: Map<String, Value> =
        settings.extra.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    body.insert("model".to_owned(), json!(settings.model));
    body.insert("messages".to_owned(), json!(messages));
    body.insert(length_field.name().to_owned(), json!(settings.max_tokens));
    if let Some(temperature) = settings.temperature {
        body.insert("temperature".to_owned(), json!(temperature));
    }
    if let Some(top) = settings.top_logprobs {
        body.insert("logprobs".to_owned(), json!(true));
        body.insert("top_logprobs".to_owned(), json!(top));
    }
    if let Some(seed) = settings.seed {
        body.insert("seed".to_owned(), json!(seed));
    }
    Value::Object(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_what_is_set_and_nothing_else() {
        let mut settings = EndpointSettings::new("https://h/v1", "m");
        settings.max_tokens = 5;
        let messages = [Message::system("s"), Message::user("u")];
        let turns = json!([{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]);
        let body = |settings: &_, field| request(settings, &messages, field);
        assert_eq!(
            body(&settings, LengthField::MaxTokens),
            json!({"model": "m", "messages": turns, "max_tokens": 5})
        );
        settings.temperature = Some(0.0);
        settings.top_logprobs = Some(5);
        settings.seed = Some(-1);
        settings.extra.insert("reasoning_effort".to_owned(), json!("none"));
        assert_eq!(
            body(&settings, LengthField::MaxCompletionTokens),
            json!({"model": "m", "messages": turns, "max_completion_tokens": 5, "temperature": 0.0,
                "logprobs": true, "top_logprobs": 5, "seed": -1, "reasoning_effort": "none"})
        );
    }
}
