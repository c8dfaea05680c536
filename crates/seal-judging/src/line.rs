//! One line of the log: a question with its reply.

use seal_endpoint::{Logprobs, Reply};
use seal_judge::{Judgement, Order};
use serde::{Deserialize, Serialize};

/// Version of a line.
const VERSION: u32 = 1;

/// Positions of a reply whose log-probabilities are kept: a verdict stands in the first with a
/// visible character.
const KEPT: usize = 4;

/// A question with its reply, as the log has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogLine {
    /// Version of the form.
    pub version: u32,
    /// Key of the question.
    pub key: String,
    /// `pair` or the name of a canary, for people.
    pub subject: String,
    /// Start of the SHA-256 of the instruction, for people.
    pub instruction: String,
    /// Which answer of a pair was shown first, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// Number of the sample.
    pub sample: u32,
    /// The model that was asked.
    pub asked: String,
    /// The model as the server names it; `asked` where it names none.
    pub served: String,
    /// The endpoint's address.
    pub base_url: String,
    /// SHA-256 of the prompt's text.
    pub prompt: String,
    /// The judgement of a pair as it was read when the reply arrived. It is read again when it is
    /// used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Judgement>,
    /// The rating of an answer, from 1 to 5, read in the same way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<f64>,
    /// Cost in the currency of the price, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// Whether the cost counts estimated tokens, because the server counts none.
    #[serde(default, skip_serializing_if = "is_false")]
    pub estimated: bool,
    /// Whether the reply came through a batch file.
    #[serde(default, skip_serializing_if = "is_false")]
    pub batch: bool,
    /// The reply.
    pub reply: Reply,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl LogLine {
    /// The version of lines that are written.
    pub(crate) fn version() -> u32 {
        VERSION
    }

    /// A reply as it is kept: with the log-probabilities of its start alone.
    pub(crate) fn with_start_of_logprobs(mut reply: Reply) -> Reply {
        if let Logprobs::Tokens(positions) = &mut reply.logprobs {
            positions.truncate(KEPT);
        }
        reply
    }
}

/// The version of a line, whatever else is in it.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// What a line of text is.
pub(crate) enum ParsedLine {
    /// A line of a known version.
    Line(Box<LogLine>),
    /// A line of another version.
    OtherVersion,
    /// No line of a log.
    Other,
}

/// Reads a line of text.
pub(crate) fn parse(text: &[u8]) -> ParsedLine {
    match serde_json::from_slice::<LogLine>(text) {
        Ok(line) if line.version == VERSION => ParsedLine::Line(Box::new(line)),
        _ => match serde_json::from_slice::<Versioned>(text) {
            Ok(found) if found.version != VERSION => ParsedLine::OtherVersion,
            _ => ParsedLine::Other,
        },
    }
}
