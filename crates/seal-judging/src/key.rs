//! The key of a question: all that a reply depends on.

use std::collections::BTreeMap;

use seal_endpoint::{EndpointSettings, Message};
use seal_judge::prompt::sha256_hex;
use serde::Serialize;
use serde_json::Value;

use crate::error::JudgingError;

/// Part of every key: raise it when a question changes its meaning.
pub(crate) const VERSION: u32 = 1;

/// All that a reply depends on, written as JSON in this order.
///
/// Limits, patience, price, the variable of the API key and the name of the length field are not
/// here: none of them changes what a model says.
#[derive(Serialize)]
struct ReplyKey<'a> {
    version: u32,
    base_url: &'a str,
    model: &'a str,
    messages: &'a [Message],
    temperature: Option<f64>,
    max_tokens: u32,
    top_logprobs: Option<u8>,
    seed: Option<i64>,
    extra: &'a BTreeMap<String, Value>,
    sample: u32,
}

/// SHA-256 of all that a reply depends on, in hexadecimal digits. A question that is asked several
/// times has several samples.
pub(crate) fn key_of(
    endpoint: &EndpointSettings,
    messages: &[Message],
    sample: u32,
) -> Result<String, JudgingError> {
    let key = ReplyKey {
        version: VERSION,
        base_url: endpoint.base_url.trim_end_matches('/'),
        model: &endpoint.model,
        messages,
        temperature: endpoint.temperature,
        max_tokens: endpoint.max_tokens,
        top_logprobs: endpoint.top_logprobs,
        seed: endpoint.seed,
        extra: &endpoint.extra,
        sample,
    };
    Ok(sha256_hex(&serde_json::to_vec(&key)?))
}
