//! Settings that hold a key are refused before anything else reads them.

use serde_json::Value;

use crate::error::EndpointError;

/// Names of settings that would hold a secret, in lower case and without `_` and `-`.
const NAMES: [&str; 12] = [
    "apikey",
    "key",
    "token",
    "accesstoken",
    "authtoken",
    "secret",
    "secretkey",
    "password",
    "authorization",
    "bearer",
    "openaiapikey",
    "xapikey",
];

/// Starts of the keys of well-known providers.
const STARTS: [&str; 9] = ["sk-", "sk_", "hf_", "gsk_", "xai-", "AIza", "AKIA", "ghp_", "Bearer "];

/// Refuses settings in which a key stands, at any depth. `at` is the place of `value` for the
/// message, such as `endpoint`.
///
/// # Errors
/// [`EndpointError::KeyInSettings`] with the place. The value is not quoted.
pub fn refuse_secrets(at: &str, value: &Value) -> Result<(), EndpointError> {
    let refuse = |place: String| Err(EndpointError::KeyInSettings { place });
    let below = |name: &str| match at {
        "" => name.to_owned(),
        at => format!("{at}.{name}"),
    };
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let bare: String = name
                    .chars()
                    .filter(|c| !matches!(c, '_' | '-'))
                    .flat_map(char::to_lowercase)
                    .collect();
                let holds = value.as_str().is_some_and(|text| !text.is_empty());
                if holds && NAMES.contains(&bare.as_str()) {
                    return refuse(below(name));
                }
                refuse_secrets(&below(name), value)?;
            }
            Ok(())
        }
        Value::Array(values) => values
            .iter()
            .enumerate()
            .try_for_each(|(i, value)| refuse_secrets(&below(&i.to_string()), value)),
        Value::String(text) => {
            let looks = |start: &&str| {
                text.trim_start().strip_prefix(*start).is_some_and(|rest| {
                    rest.len() >= 12 && rest.bytes().all(|b| b.is_ascii_graphic())
                })
            };
            if STARTS.iter().any(looks) { refuse(at.to_owned()) } else { Ok(()) }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_found_at_any_depth_and_never_quoted() {
        let sk = "sk-proj-0123456789abcdef";
        for (settings, place) in [
            (json!({"api_key": "opensesame"}), "endpoint.api_key"),
            (json!({"API-Key": "opensesame"}), "endpoint.API-Key"),
            (
                json!({"extra": {"headers": {"Authorization": "x"}}}),
                "endpoint.extra.headers.Authorization",
            ),
            (json!({"model": sk}), "endpoint.model"),
            (json!({"extra": {"stop": ["a", sk]}}), "endpoint.extra.stop.1"),
            (json!({"api_key_env": sk}), "endpoint.api_key_env"),
        ] {
            let said = refuse_secrets("endpoint", &settings).unwrap_err();
            assert!(said.to_string().contains(&format!("`{place}`")), "{said}");
            assert!(!format!("{said} {said:?}").contains("sesame"), "{said}");
            assert!(!format!("{said} {said:?}").contains("0123"), "{said}");
        }
    }

    #[test]
    fn ordinary_settings_pass() {
        let settings = json!({
            "api_key_env": "OPENAI_API_KEY", "model": "sk-small", "max_tokens": 5,
            "tokens": {"first": ["m"]}, "extra": {"stop": ["token"]}, "key": "",
        });
        refuse_secrets("", &settings).unwrap();
    }
}
