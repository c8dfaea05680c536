//! Where an endpoint is, which model to ask, how, and how patiently.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::EndpointError;
use crate::url::check_base_url;

/// Settings of one endpoint, as a config has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointSettings {
    /// Address up to and with `/v1`, without a user name, query or fragment.
    pub base_url: String,
    /// The model to ask, as the server knows it.
    pub model: String,
    /// Variable of the environment that holds the key. Without it no key is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_env: Option<String>,
    /// Whether `http://` may lead to another machine. It always may to this one.
    #[serde(default)]
    pub allow_http: bool,
    /// Temperature of sampling. Without it the server's own holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Longest reply, in tokens.
    #[serde(default = "default_max_tokens")]
    pub max_tokens: u32,
    /// The field that carries `max_tokens`. A server that refuses one is asked with the other.
    #[serde(default)]
    pub length_field: LengthField,
    /// Ask for log-probabilities with this many alternatives at each position, 0 to 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_logprobs: Option<u8>,
    /// Seed of sampling, which servers heed as well as they can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Further fields of a request, such as `reasoning_effort`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Value>,
    /// How much at once.
    #[serde(default)]
    pub limits: Limits,
    /// What to do after a failure that may pass.
    #[serde(default)]
    pub patience: Patience,
    /// What tokens cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

/// The field of a request that carries the longest reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LengthField {
    /// Known to nearly every server.
    #[default]
    MaxTokens,
    /// Wanted by newer models of OpenAI. It counts hidden reasoning too.
    MaxCompletionTokens,
}

impl LengthField {
    /// The name in a request.
    pub fn name(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }

    /// The other field.
    pub fn other(self) -> Self {
        match self {
            Self::MaxTokens => Self::MaxCompletionTokens,
            Self::MaxCompletionTokens => Self::MaxTokens,
        }
    }
}

/// How much at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests under way at one time, at least 1. A caller's threads; the client starts none.
    pub concurrency: usize,
    /// Requests in any 60 s.
    pub requests_per_minute: Option<u32>,
    /// Tokens in any 60 s, prompt and longest reply together.
    pub tokens_per_minute: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { concurrency: 4, requests_per_minute: None, tokens_per_minute: None }
    }
}

/// What to do after a failure that may pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Patience {
    /// Number of attempts for a question, at least 1.
    pub attempts: u32,
    /// Wait after the first failure in seconds; doubled after each further one.
    pub first_wait: f64,
    /// Longest wait of our own in seconds. A server may ask for a longer one.
    pub longest_wait: f64,
    /// Longest time for a question with all its attempts, in seconds.
    pub deadline: f64,
    /// Longest time for one request, in seconds.
    pub timeout: f64,
    /// Seed of the spread of waits.
    pub seed: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 8,
            first_wait: 1.0,
            longest_wait: 60.0,
            deadline: 900.0,
            timeout: 180.0,
            seed: 0,
        }
    }
}

impl Patience {
    /// A number of seconds that [`EndpointSettings::check`] has passed.
    pub(crate) fn seconds(value: f64) -> Duration {
        Duration::try_from_secs_f64(value).unwrap_or(Duration::MAX)
    }
}

/// What a million tokens cost, in the currency of the bill.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// A million tokens of prompts.
    pub input: f64,
    /// A million tokens of replies.
    pub output: f64,
    /// Share of these prices that a batch costs.
    #[serde(default = "default_batch")]
    pub batch: f64,
}

fn default_batch() -> f64 {
    0.5
}

impl Price {
    /// The cost of so many tokens.
    pub fn of(&self, input: u64, output: u64) -> f64 {
        (self.input * input as f64 + self.output * output as f64) / 1e6
    }
}

fn default_max_tokens() -> u32 {
    1024
}

impl EndpointSettings {
    /// Settings with every default.
    pub fn new(base_url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            model: model.into(),
            api_key_env: None,
            allow_http: false,
            temperature: None,
            max_tokens: default_max_tokens(),
            length_field: LengthField::default(),
            top_logprobs: None,
            seed: None,
            extra: BTreeMap::new(),
            limits: Limits::default(),
            patience: Patience::default(),
            price: None,
        }
    }

    /// Refuses values that no request can be made with.
    ///
    /// # Errors
    /// [`EndpointError::Setting`] with the key at fault.
    pub fn check(&self) -> Result<(), EndpointError> {
        let bad = |key: &str, why: &str| {
            Err(EndpointError::Setting { key: key.to_owned(), why: why.to_owned() })
        };
        check_base_url(&self.base_url, self.allow_http)?;
        if self.model.trim().is_empty() {
            return bad("model", "it is empty; give the name that the server has for the model");
        }
        if self.max_tokens == 0 {
            return bad("max_tokens", "a reply has at least 1 token");
        }
        if self.top_logprobs.is_some_and(|n| n > 20) {
            return bad("top_logprobs", "servers give at most 20");
        }
        if self.temperature.is_some_and(|t| !(0.0..=2.0).contains(&t)) {
            return bad("temperature", "it is from 0 to 2");
        }
        if self.limits.concurrency == 0 || self.limits.concurrency > 1024 {
            return bad("limits.concurrency", "it is from 1 to 1024");
        }
        if self.limits.requests_per_minute == Some(0) || self.limits.tokens_per_minute == Some(0) {
            return bad("limits", "a limit of 0 lets nothing through; leave it out for no limit");
        }
        if self.patience.attempts == 0 {
            return bad("patience.attempts", "at least 1 attempt is needed");
        }
        let Patience { first_wait, longest_wait, deadline, timeout, .. } = self.patience;
        for (key, value, least) in [
            ("patience.first_wait", first_wait, 0.0),
            ("patience.longest_wait", longest_wait, 0.0),
            ("patience.deadline", deadline, 0.001),
            ("patience.timeout", timeout, 0.001),
        ] {
            if !(value >= least && value <= 1e6) {
                return bad(key, "it is a number of seconds, up to a million");
            }
        }
        for (key, value) in self.price.iter().flat_map(|price| {
            [
                ("price.input", price.input),
                ("price.output", price.output),
                ("price.batch", price.batch),
            ]
        }) {
            if !(value.is_finite() && value >= 0.0) {
                return bad(key, "it is a price of a million tokens, 0 or more");
            }
        }
        if let Some(key) = self.extra.keys().find(|key| OWN_FIELDS.contains(&key.as_str())) {
            let why = "this field has a setting of its own, or the client depends on it";
            return bad(&format!("extra.{key}"), why);
        }
        Ok(())
    }
}

/// Fields of a request that `extra` must not replace.
const OWN_FIELDS: [&str; 10] = [
    "model",
    "messages",
    "temperature",
    "max_tokens",
    "max_completion_tokens",
    "logprobs",
    "top_logprobs",
    "seed",
    "stream",
    "n",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: &str) -> EndpointSettings {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn an_unknown_key_is_refused_and_the_rest_has_defaults() {
        let settings = parsed(r#"{"base_url": "https://api.example/v1", "model": "m"}"#);
        assert_eq!(settings, EndpointSettings::new("https://api.example/v1", "m"));
        settings.check().unwrap();
        for unknown in [
            r#"{"base_url": "https://x", "model": "m", "api_key": "k"}"#,
            r#"{"base_url": "https://x", "model": "m", "limits": {"rpm": 3}}"#,
            r#"{"base_url": "https://x", "model": "m", "price": {"input": 1, "output": 1, "x": 1}}"#,
        ] {
            assert!(serde_json::from_str::<EndpointSettings>(unknown).is_err(), "{unknown}");
        }
    }

    #[test]
    fn values_that_no_request_can_be_made_with_are_named() {
        let with = |field: &str| {
            let json = format!(r#"{{"base_url": "https://x.example/v1", "model": "m", {field}}}"#);
            parsed(&json).check().unwrap_err().to_string()
        };
        insta::assert_snapshot!(with(r#""max_tokens": 0"#), @"the endpoint's max_tokens: a reply has at least 1 token");
        insta::assert_snapshot!(with(r#""top_logprobs": 21"#), @"the endpoint's top_logprobs: servers give at most 20");
        insta::assert_snapshot!(with(r#""extra": {"n": 3}"#), @"the endpoint's extra.n: this field has a setting of its own, or the client depends on it");
        insta::assert_snapshot!(with(r#""patience": {"timeout": 0}"#), @"the endpoint's patience.timeout: it is a number of seconds, up to a million");
        insta::assert_snapshot!(with(r#""price": {"input": -1, "output": 0}"#), @"the endpoint's price.input: it is a price of a million tokens, 0 or more");
        insta::assert_snapshot!(with(r#""limits": {"concurrency": 0}"#), @"the endpoint's limits.concurrency: it is from 1 to 1024");
        insta::assert_snapshot!(with(r#""temperature": 3"#), @"the endpoint's temperature: it is from 0 to 2");
    }

    #[test]
    fn a_price_is_of_a_million_tokens() {
        let price = Price { input: 10.0, output: 30.0, batch: 0.5 };
        assert_eq!(price.of(500_000, 1_000_000), 35.0);
    }
}
