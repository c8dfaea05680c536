//! A reply as a line of the log.

use seal_endpoint::Reply;

use crate::cost::{money, prompt_tokens, usage};
use crate::identity::instruction_id;
use crate::judge::PairJudge;
use crate::line::Line;
use crate::question::{QuestionSet, Subject};

/// The line of a reply to the question of this number.
pub(crate) fn line_of(
    judge: &PairJudge,
    set: &QuestionSet<'_>,
    number: usize,
    reply: Reply,
    batch: bool,
) -> Line {
    let question = &set.questions()[number];
    let (instruction, ..) = set.texts(question.subject, question.order);
    let endpoint = judge.endpoint();
    let (usage, estimated) = usage(&reply, prompt_tokens(judge, set, number));
    let judgement = judge.read(&reply).judgement;
    Line {
        version: Line::version(),
        key: question.key.clone(),
        subject: match question.subject {
            Subject::Pair(_) => "pair".to_owned(),
            Subject::Canary(kind, _) => kind.name().to_owned(),
        },
        instruction: instruction_id(instruction),
        order: question.order,
        sample: 0,
        asked: endpoint.model.clone(),
        served: reply.model.clone().unwrap_or_else(|| endpoint.model.clone()),
        base_url: endpoint.base_url.trim_end_matches('/').to_owned(),
        prompt: judge.prompt().sha256().to_owned(),
        judgement,
        cost: money(endpoint.price.as_ref(), usage, batch),
        estimated,
        batch,
        reply: Line::kept(Reply { usage: Some(usage), ..reply }),
    }
}
