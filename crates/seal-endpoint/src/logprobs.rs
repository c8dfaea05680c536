//! Log-probabilities of a reply's tokens, in the forms that servers send.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// At or below this, OpenAI means "not among the likeliest".
const OUTSIDE: f64 = -9999.0;

/// Log-probabilities of a reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Logprobs {
    /// The field is not there.
    Absent,
    /// The field is null, or empty.
    Null,
    /// By position in the reply.
    Tokens(Vec<TokenPosition>),
}

/// One position of a reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenPosition {
    /// The token that was sampled.
    pub token: String,
    /// The choices there were: the likeliest, and the sampled one. Each with its text and
    /// log-probability in nats. Two may have one text, since tokens are bytes.
    pub choices: Vec<TokenChoice>,
}

/// A token that could stand at a position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenChoice {
    /// Its text.
    pub token: String,
    /// Its log-probability in nats, finite and at most 0.
    pub logprob: f64,
}

impl TokenPosition {
    /// Probability of all choices whose text `is_meant`, in [0, 1]. `None` where there is no
    /// such choice: it is then below every choice that was sent.
    pub fn probability(&self, is_meant: impl Fn(&str) -> bool) -> Option<f64> {
        let mut found = self.choices.iter().filter(|choice| is_meant(&choice.token)).peekable();
        found.peek()?;
        Some(found.map(|choice| choice.logprob.exp()).sum::<f64>().min(1.0))
    }
}

/// Reads the field `logprobs` of a choice.
pub(crate) fn read(field: Option<&Value>) -> Logprobs {
    let Some(field) = field else { return Logprobs::Absent };
    let positions = match field.get("content") {
        Some(content) => content.as_array().map(|all| all.iter().filter_map(position).collect()),
        None => legacy(field),
    };
    match positions {
        Some(positions) if !Vec::is_empty(&positions) => Logprobs::Tokens(positions),
        _ => Logprobs::Null,
    }
}

fn position(value: &Value) -> Option<TokenPosition> {
    let token = value.get("token")?.as_str()?.to_owned();
    let top = value.get("top_logprobs").and_then(Value::as_array);
    let mut choices: Vec<TokenChoice> = top
        .into_iter()
        .flatten()
        .filter_map(|one| choice(one.get("token")?.as_str()?, one.get("logprob")?))
        .collect();
    // The sampled token may be missing among the likeliest.
    if !choices.iter().any(|choice| choice.token == token) {
        choices.extend(value.get("logprob").and_then(|logprob| choice(&token, logprob)));
    }
    Some(TokenPosition { token, choices })
}

/// The shape of old completions: three lists side by side.
fn legacy(field: &Value) -> Option<Vec<TokenPosition>> {
    let tokens = field.get("tokens")?.as_array()?;
    let sampled = field.get("token_logprobs").and_then(Value::as_array);
    let top = field.get("top_logprobs").and_then(Value::as_array);
    let one = |(i, token): (usize, &Value)| {
        let token = token.as_str()?.to_owned();
        let mut choices: Vec<TokenChoice> = top
            .and_then(|top| top.get(i)?.as_object())
            .into_iter()
            .flatten()
            .filter_map(|(token, logprob)| choice(token, logprob))
            .collect();
        if !choices.iter().any(|choice| choice.token == token) {
            choices.extend(sampled.and_then(|all| choice(&token, all.get(i)?)));
        }
        Some(TokenPosition { token, choices })
    };
    Some(tokens.iter().enumerate().filter_map(one).collect())
}

/// A choice with a usable number. One that is outside the likeliest has none.
fn choice(token: &str, logprob: &Value) -> Option<TokenChoice> {
    let logprob = logprob.as_f64().filter(|p| p.is_finite() && *p > OUTSIDE)?;
    // Rounding on the server may leave it just above 0.
    Some(TokenChoice { token: token.to_owned(), logprob: logprob.min(0.0) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn first(field: &Value) -> TokenPosition {
        let Logprobs::Tokens(all) = read(Some(field)) else { panic!("{field}") };
        all[0].clone()
    }

    #[test]
    fn absent_null_and_empty_are_told_apart_from_tokens() {
        assert_eq!(read(None), Logprobs::Absent);
        for none in [json!(null), json!({}), json!({"content": null}), json!({"content": []})] {
            assert_eq!(read(Some(&none)), Logprobs::Null, "{none}");
        }
    }

    #[test]
    fn the_sampled_token_counts_where_the_likeliest_lack_it() {
        let field = json!({"content": [{"token": "m", "logprob": -3.0, "bytes": [109],
            "top_logprobs": [{"token": "M", "logprob": -0.1, "bytes": null}]}]});
        let position = first(&field);
        assert_eq!(position.choices.len(), 2);
        let p = position.probability(|token| token == "m").unwrap();
        assert!((p - (-3.0_f64).exp()).abs() < 1e-15);
    }

    #[test]
    fn tokens_of_one_text_are_added() {
        let field = json!({"content": [{"token": "m", "logprob": -1.0, "top_logprobs": [
            {"token": "m", "logprob": -1.0}, {"token": "m", "logprob": -2.0},
            {"token": " m", "logprob": -3.0}]}]});
        let p = first(&field).probability(|token| token.trim() == "m").unwrap();
        let expected: f64 = [-1.0_f64, -2.0, -3.0].iter().map(|p| p.exp()).sum();
        assert!((p - expected).abs() < 1e-15);
    }

    #[test]
    fn a_token_outside_the_likeliest_has_no_probability() {
        let field = json!({"content": [{"token": "m", "logprob": -9999.0, "top_logprobs": [
            {"token": "M", "logprob": -0.01}, {"token": "m", "logprob": -9999.0}]}]});
        let position = first(&field);
        assert_eq!(position.probability(|token| token == "m"), None);
        assert!(position.probability(|token| token == "M").unwrap() > 0.98);
    }

    #[test]
    fn the_old_shape_is_read_too() {
        let field = json!({"tokens": ["m", "."], "token_logprobs": [-0.2, -1.0],
            "top_logprobs": [{"M": -1.9, "m": -0.2}, null]});
        let Logprobs::Tokens(all) = read(Some(&field)) else { panic!() };
        assert_eq!((all.len(), all[0].choices.len(), all[1].choices.len()), (2, 2, 1));
        let sum = all[0].probability(|_| true).unwrap();
        assert!((sum - ((-0.2_f64).exp() + (-1.9_f64).exp())).abs() < 1e-15);
    }
}
