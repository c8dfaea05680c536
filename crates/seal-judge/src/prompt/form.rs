//! The forms in which prompts are published.

use serde_json::Value;

use super::error::{FormFault, PromptError};
use super::turns::Turns;

/// The form of a prompt's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PromptForm {
    /// The whole text is the user's turn.
    #[default]
    Text,
    /// Turns between `<|im_start|>ROLE` and `<|im_end|>`, as in AlpacaEval. White space around a
    /// turn's text is dropped, as AlpacaEval does.
    Chatml,
    /// A record of FastChat's JSON lines, with `system_prompt` and `prompt_template`.
    Fastchat {
        /// The record's `name`, such as `pair-v2`.
        record: String,
    },
}

impl PromptForm {
    fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Chatml => "chatml",
            Self::Fastchat { .. } => "fastchat",
        }
    }

    /// The turns of a text, with its slots as they stand.
    ///
    /// # Errors
    /// [`PromptError::Form`].
    pub(super) fn turns(&self, text: &str) -> Result<Turns, PromptError> {
        let found = match self {
            Self::Text => Ok(Turns { system: None, user: text.to_owned() }),
            Self::Chatml => chatml(text),
            Self::Fastchat { record } => fastchat(text, record),
        };
        found.map_err(|fault| PromptError::Form { form: self.name(), fault })
    }
}

fn chatml(text: &str) -> Result<Turns, FormFault> {
    const START: &str = "<|im_start|>";
    const END: &str = "<|im_end|>";
    let text = text.trim();
    let inner = text.strip_prefix(START).ok_or(FormFault::NoStart)?;
    if !text.ends_with(END) {
        return Err(FormFault::NoEnd);
    }
    let mut turns = Vec::new();
    for part in inner.split(START) {
        let (role, rest) = part.split_once('\n').ok_or(FormFault::NoRole)?;
        let (content, after) = rest.split_once(END).ok_or(FormFault::OpenTurn)?;
        if !after.trim().is_empty() {
            return Err(FormFault::BetweenTurns);
        }
        turns.push((role.trim(), content.trim().to_owned()));
    }
    let turns: Vec<(&str, String)> = turns;
    match turns.as_slice() {
        [("user", user)] => Ok(Turns { system: None, user: user.clone() }),
        [("system", system), ("user", user)] => {
            Ok(Turns { system: Some(system.clone()), user: user.clone() })
        }
        _ => Err(FormFault::OtherTurns),
    }
}

fn fastchat(text: &str, name: &str) -> Result<Turns, FormFault> {
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let record: Value =
            serde_json::from_str(line).map_err(|e| FormFault::NotJson { reason: e.to_string() })?;
        if record.get("name").and_then(Value::as_str) != Some(name) {
            continue;
        }
        let field = |name: &str| record.get(name).and_then(Value::as_str).map(str::to_owned);
        let user = field("prompt_template").ok_or(FormFault::NoTemplate)?;
        let system = field("system_prompt").filter(|text| !text.is_empty());
        return Ok(Turns { system, user });
    }
    Err(FormFault::NoRecord { name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_of_chatml_are_those_of_alpaca_eval() {
        let text =
            "<|im_start|>system\nBe fair.\n<|im_end|>\n<|im_start|>user\n\n{a}?\n<|im_end|>\n";
        let turns = PromptForm::Chatml.turns(text).unwrap();
        assert_eq!(turns, Turns { system: Some("Be fair.".into()), user: "{a}?".into() });
        let alone = PromptForm::Chatml.turns("<|im_start|>user\nx<|im_end|>").unwrap();
        assert_eq!(alone.system, None);
        for bad in [
            "x",
            "<|im_start|>user\nx",
            "<|im_start|>user<|im_end|>",
            "<|im_start|>user\nx<|im_end|> y <|im_start|>user\nz<|im_end|>",
            "<|im_start|>assistant\nx<|im_end|>",
            "<|im_start|>user\nx<|im_end|><|im_start|>assistant\nz<|im_end|>",
        ] {
            assert!(
                matches!(PromptForm::Chatml.turns(bad), Err(PromptError::Form { .. })),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_record_of_fastchat_is_found_by_name() {
        let lines = "{\"name\": \"a\", \"system_prompt\": \"\", \"prompt_template\": \"t\"}\n\n\
                     {\"name\": \"b\", \"system_prompt\": \"s\", \"prompt_template\": \"u\"}\n";
        let form = |record: &str| PromptForm::Fastchat { record: record.to_owned() };
        assert_eq!(form("a").turns(lines).unwrap(), Turns { system: None, user: "t".into() });
        assert_eq!(
            form("b").turns(lines).unwrap(),
            Turns { system: Some("s".into()), user: "u".into() }
        );
        assert!(form("c").turns(lines).unwrap_err().to_string().contains("no record named `c`"));
    }
}
