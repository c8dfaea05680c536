//! A reply as a line of the log.

use seal_endpoint::Reply;

use crate::cost::{money, usage};
use crate::estimate::prompt_tokens;
use crate::identity::instruction_id;
use crate::inquiry::Inquiry;
use crate::line::LogLine;

/// The line of a reply to the question of this number.
pub(crate) fn line_of(inquiry: &dyn Inquiry, number: usize, reply: Reply, batch: bool) -> LogLine {
    let about = inquiry.about(number, &reply);
    let endpoint = inquiry.endpoint();
    let (usage, estimated) = usage(&reply, prompt_tokens(inquiry, number));
    LogLine {
        version: LogLine::version(),
        key: inquiry.keys().of(number).to_owned(),
        subject: about.subject,
        instruction: instruction_id(&about.instruction),
        order: about.order,
        sample: about.sample,
        asked: endpoint.model.clone(),
        served: reply.model.clone().unwrap_or_else(|| endpoint.model.clone()),
        base_url: endpoint.base_url.trim_end_matches('/').to_owned(),
        prompt: inquiry.prompt().to_owned(),
        judgement: about.judgement,
        rating: about.rating,
        cost: money(endpoint.price.as_ref(), usage, batch),
        estimated,
        batch,
        reply: LogLine::with_start_of_logprobs(Reply { usage: Some(usage), ..reply }),
    }
}
