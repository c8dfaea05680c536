//! Prompts that show a request and two answers.

use serde::{Deserialize, Serialize};

use super::delimiter::delimiter;
use super::error::PromptError;
use super::form::PromptForm;
use super::hash::sha256_hex;
use super::template::SlotTemplate;
use super::turns::Turns;

/// Our own prompt for pairs.
const OWN: &str = include_str!("pairwise.txt");

/// The slot of the code that no answer can know. It may be missing.
const DELIMITER: &str = "delimiter";

/// Names of the slots in a prompt's text, without braces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PairSlots {
    /// The request.
    pub instruction: String,
    /// The answer shown first.
    pub output_1: String,
    /// The answer shown second.
    pub output_2: String,
}

impl Default for PairSlots {
    fn default() -> Self {
        Self {
            instruction: "instruction".to_owned(),
            output_1: "output_1".to_owned(),
            output_2: "output_2".to_owned(),
        }
    }
}

/// A prompt for pairs, ready to be filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairPrompt {
    system: Option<String>,
    user: SlotTemplate,
    sha256: String,
}

impl PairPrompt {
    /// Our own prompt. It asks for one letter, A for the answer shown first and B for the second.
    ///
    /// # Errors
    /// None in practice: a test reads the text.
    pub fn built_in() -> Result<Self, PromptError> {
        Self::of(OWN, sha256_hex(OWN.as_bytes()), &PromptForm::Chatml, &PairSlots::default())
    }

    /// A prompt from its text, whose SHA-256 the caller has checked.
    ///
    /// # Errors
    /// [`PromptError::Form`], [`PromptError::NoSlot`] and [`PromptError::SlotInSystem`].
    pub fn of(
        text: &str,
        sha256: String,
        form: &PromptForm,
        slots: &PairSlots,
    ) -> Result<Self, PromptError> {
        let turns = form.turns(text)?;
        let names = [&*slots.instruction, &*slots.output_1, &*slots.output_2, DELIMITER];
        if let Some(system) = &turns.system {
            let found = SlotTemplate::of(system, &names);
            if let Some(slot) = (0..names.len()).find(|slot| found.has(*slot)) {
                return Err(PromptError::SlotInSystem { slot: names[slot].to_owned() });
            }
        }
        let user = SlotTemplate::of(&turns.user, &names);
        if let Some(slot) = (0..3).find(|slot| !user.has(*slot)) {
            return Err(PromptError::NoSlot { slot: names[slot].to_owned() });
        }
        Ok(Self { system: turns.system, user, sha256 })
    }

    /// SHA-256 of the text, in hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The turns that show a request and two answers. `seed` makes the code around them.
    pub fn render(&self, instruction: &str, first: &str, second: &str, seed: u64) -> Turns {
        let code = delimiter(seed, &[instruction, first, second]);
        Turns {
            system: self.system.clone(),
            user: self.user.fill(&[instruction, first, second, &code]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, form: &PromptForm) -> Result<PairPrompt, PromptError> {
        PairPrompt::of(text, sha256_hex(text.as_bytes()), form, &PairSlots::default())
    }

    #[test]
    fn our_own_prompt_keeps_answers_in_the_users_turn_between_codes() {
        let prompt = PairPrompt::built_in().unwrap();
        let turns = prompt.render("Q {output_2}", "uno", "two {instruction}", 7);
        assert!(!turns.system.unwrap().contains("uno"));
        let code = delimiter(7, &["Q {output_2}", "uno", "two {instruction}"]);
        assert_eq!(turns.user.matches(&code).count(), 7);
        for part in ["request]\nQ {output_2}\n[", "A]\nuno\n[", "B]\ntwo {instruction}\n["] {
            assert!(turns.user.contains(part), "{}", turns.user);
        }
    }

    #[test]
    fn a_prompt_without_a_slot_or_with_one_for_the_operator_is_refused() {
        let error = |text: &str, form| of(text, &form).unwrap_err().to_string();
        insta::assert_snapshot!(error("{instruction} {output_1}", PromptForm::Text), @"the prompt has no slot {output_2}; a judge would not see what belongs there");
        insta::assert_snapshot!(error("<|im_start|>system\n{output_1}<|im_end|><|im_start|>user\n{instruction}{output_1}{output_2}<|im_end|>", PromptForm::Chatml), @"the prompt has the slot {output_1} in its system turn: an answer there would speak with the operator's voice; move it to the user's turn");
    }

    #[test]
    fn slots_of_other_names_are_filled_too() {
        let slots = PairSlots {
            instruction: "question".into(),
            output_1: "answer_a".into(),
            output_2: "answer_b".into(),
        };
        let text = "{question}|{answer_a}|{answer_b}|{instruction}";
        let prompt = PairPrompt::of(text, String::new(), &PromptForm::Text, &slots).unwrap();
        assert_eq!(prompt.render("q", "a", "b", 0).user, "q|a|b|{instruction}");
    }

    /// The published text is no part of this repository. `SEAL_DATA` names a folder that has it.
    #[test]
    fn the_prompt_of_alpaca_eval_renders_as_python_does() {
        let Ok(data) = std::env::var("SEAL_DATA") else {
            eprintln!("skipped: SEAL_DATA is not set");
            return;
        };
        let file = std::path::Path::new(&data).join("judge_prompts/alpaca-eval-clf.txt");
        let hash = "784227e6dc2832fc08c43d2c8ea3a308e7523780187a1aaad2f85e30bac85f62";
        let (text, sha256) =
            super::super::hash::checked_text(std::fs::read(file).unwrap(), Some(hash)).unwrap();
        let prompt =
            PairPrompt::of(&text, sha256, &PromptForm::Chatml, &PairSlots::default()).unwrap();
        let turns = prompt.render("Say this.", "first one", "second \"one\"", 0);
        let system = turns.system.unwrap();
        // The SHA-256 that `tests/reference/alpaca_prompt.py` prints for the two turns.
        let found = [sha256_hex(system.as_bytes()), sha256_hex(turns.user.as_bytes())];
        assert_eq!(found, ALPACA_TURNS);
    }

    const ALPACA_TURNS: [&str; 2] = [
        "4c93a9a9d5102753ce3493c0bda3b52da607434e8e7c4932b34f7385426255cd",
        "098e5a7e993a6be1671951f3f835745154ca7403492bbb620ef0e51f14d12c9f",
    ];
}
