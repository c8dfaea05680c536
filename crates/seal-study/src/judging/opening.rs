//! Judges of a config, opened: those that are asked with their prompts and identities.

use std::path::Path;

use seal_judging::rubric::RubricJudge;
use seal_judging::{AskedJudge, AskedTable, JudgePrompt, JudgingError, PairJudge};

use super::{AnswerJudge, ChatJudge, ModelTable, model_names};
use crate::config::{Config, OneJudge};
use crate::error::{ConfigError, StudyError};

/// A judge that was opened.
pub(super) enum Opened {
    Pairs(Box<PairJudge>),
    Answers(AnswerJudge),
}

/// The table of a judge that is a guard or a reward model.
pub(super) fn model_table(judge: &OneJudge) -> Option<ModelTable> {
    match judge {
        OneJudge::Guard(table) => Some(ModelTable::Guard(table.clone())),
        OneJudge::Reward(table) => Some(ModelTable::Reward(table.clone())),
        OneJudge::Single(_) | OneJudge::Pairs(_) | OneJudge::Rubric(_) | OneJudge::Majority(_) => {
            None
        }
    }
}

/// A judge that is asked, ready; `None` for another judge. `chat` is its model where that is here.
pub(super) fn asked(
    config: &Config,
    judge: &OneJudge,
    chat: Option<&ChatJudge>,
    section: &str,
) -> Result<Option<Opened>, StudyError> {
    let models = model_names(config);
    let models: Vec<Option<&str>> = models.iter().map(|name| Some(name.as_str())).collect();
    let of = |source| ConfigError::Judge { section: section.to_owned(), source: Box::new(source) };
    Ok(match judge {
        OneJudge::Pairs(table) => {
            let judge: PairJudge = open((**table).clone(), section, &models, chat).map_err(of)?;
            Some(Opened::Pairs(Box::new(judge)))
        }
        OneJudge::Rubric(table) => {
            let judge: RubricJudge = open((**table).clone(), section, &models, chat).map_err(of)?;
            Some(Opened::Answers(AnswerJudge::Rubric(Box::new(judge))))
        }
        OneJudge::Single(_) | OneJudge::Guard(_) | OneJudge::Reward(_) | OneJudge::Majority(_) => {
            None
        }
    })
}

fn open<P: JudgePrompt>(
    table: AskedTable<P::Slots, P::Reading>,
    section: &str,
    models: &[Option<&str>],
    chat: Option<&ChatJudge>,
) -> Result<AskedJudge<P>, JudgingError> {
    let price = table.endpoint.as_ref().and_then(|endpoint| endpoint.price);
    if table.max_cost.is_some() && price.is_none() {
        return Err(JudgingError::NoPrice);
    }
    let (place, here) = (section.as_ref(), Path::new(""));
    let judge = match chat {
        None => AskedJudge::of(table, place, here, None)?,
        Some(chat) => AskedJudge::of_model(table, place, here, None, &chat.identity())?,
    };
    judge.refuse_self(models)?;
    Ok(judge)
}
