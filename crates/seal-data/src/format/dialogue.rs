//! A dialogue, cut into what a row is made of.

use crate::{DropReason, Extras, Speaker, Turn};

/// A dialogue, cut before its last reply.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Dialogue {
    pub history: Vec<Turn>,
    pub prompt: String,
    pub prompt_extras: Extras,
    /// Calls of tools and their results, between the prompt and the reply.
    pub steps: Vec<Turn>,
    /// `None` where the user, or a tool, has the last word.
    pub reply: Option<Turn>,
}

/// Whether `turn` may follow on `before`. User and assistant take turns, the user
/// first; an assistant that calls tools gets their results, and goes on.
fn may_follow(before: Option<&Turn>, turn: &Turn) -> bool {
    use Speaker::{Assistant, System, Tool, User};
    matches!(
        (before.map(|before| (before.role, before.has_calls())), turn.role),
        (None | Some((System | Assistant, false)), User)
            | (Some((User | Tool, _)), Assistant)
            | (Some((Assistant, true) | (Tool, _)), Tool)
    )
}

impl Dialogue {
    /// Cuts a list of turns. A system turn stands first if anywhere (an empty
    /// one counts as none). The reply is the last one that may be trained on: what
    /// stands behind it enters no loss and is left out. With `answers_optional`
    /// (prompts of a test) the dialogue stays whole, and a last reply that may not
    /// be trained on counts as none.
    pub fn of(mut turns: Vec<Turn>, answers_optional: bool) -> Result<Self, DropReason> {
        let blank = |turn: &Turn| turn.content.trim().is_empty();
        if turns.first().is_some_and(|t| t.role == Speaker::System && blank(t)) {
            turns.remove(0);
        }
        let mut before: Option<&Turn> = None;
        for (i, turn) in turns.iter().enumerate() {
            let system = i == 0 && turn.role == Speaker::System;
            if !system && !may_follow(before, turn) {
                let tool = turn.role == Speaker::Tool;
                return Err(if tool { DropReason::ToolTurn } else { DropReason::OutOfTurn });
            }
            before = Some(turn);
        }
        let is_reply = |turn: &Turn| turn.role == Speaker::Assistant;
        if turns.last().is_some_and(|turn| is_reply(turn) && !turn.trained) {
            match turns.iter().rposition(|turn| is_reply(turn) && turn.trained) {
                _ if answers_optional => drop(turns.pop()),
                Some(last) => turns.truncate(last + 1),
                None => return Err(DropReason::NotTrained),
            }
        }
        let reply = match turns.last() {
            Some(turn) if is_reply(turn) => turns.pop(),
            _ => None,
        };
        let reply = match reply {
            Some(call) if call.has_calls() && answers_optional => None,
            Some(call) if call.has_calls() => return Err(DropReason::ToolTurn),
            other => other,
        };
        let Some(asked) = turns.iter().rposition(|turn| turn.role == Speaker::User) else {
            return Err(DropReason::EmptyPrompt);
        };
        let steps = turns.split_off(asked + 1);
        let prompt = turns.pop().ok_or(DropReason::EmptyPrompt)?;
        let empty = |turn: &Turn| blank(turn) && turn.role != Speaker::Tool && !turn.has_calls();
        if turns.iter().chain(&steps).any(empty) {
            return Err(DropReason::EmptyTurn);
        }
        Ok(Self {
            history: turns,
            prompt: prompt.content,
            prompt_extras: prompt.extras,
            steps,
            reply,
        })
    }

    /// What the user says first.
    pub fn first_turn(&self) -> &str {
        let first = self.history.iter().find(|turn| turn.role == Speaker::User);
        first.map_or(&self.prompt, |turn| &turn.content)
    }
}
