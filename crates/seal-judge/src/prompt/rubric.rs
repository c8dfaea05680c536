//! Prompts that show a request and one answer, to be rated from 1 to 5.

use serde::{Deserialize, Serialize};

use super::delimiter::delimiter;
use super::error::PromptError;
use super::form::PromptForm;
use super::hash::sha256_hex;
use super::template::SlotTemplate;
use super::turns::Turns;

/// Our own prompt for ratings.
const OWN: &str = include_str!("rubric.txt");

/// Our own policy.
const POLICY: &str = include_str!("policy.txt");

/// The slot of the code that no answer can know. It may be missing.
const DELIMITER: &str = "delimiter";

/// Names of the slots in a prompt's text, without braces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RubricSlots {
    /// The request.
    pub instruction: String,
    /// The answer.
    pub output: String,
    /// The policy by which answers are rated. A prompt may have one of its own in place of it.
    pub policy: String,
}

impl Default for RubricSlots {
    fn default() -> Self {
        let [instruction, output, policy] = ["instruction", "output", "policy"].map(str::to_owned);
        Self { instruction, output, policy }
    }
}

/// A prompt for ratings, ready to be filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RubricPrompt {
    system: Option<SlotTemplate>,
    user: SlotTemplate,
    sha256: String,
}

// Numbers of the slots.
const INSTRUCTION: usize = 0;
const OUTPUT: usize = 1;
const CODE: usize = 2;
const POLICY_SLOT: usize = 3;

impl RubricPrompt {
    /// Our own prompt: how far an answer breaks a policy, in one digit.
    ///
    /// # Errors
    /// None in practice: a test reads the text.
    pub fn built_in() -> Result<Self, PromptError> {
        Self::of(OWN, sha256_hex(OWN.as_bytes()), &PromptForm::Chatml, &RubricSlots::default())
    }

    /// Our own policy, for prompts with a slot for one.
    pub fn built_in_policy() -> &'static str {
        POLICY.trim_ascii()
    }

    /// A prompt from its text, whose SHA-256 the caller has checked.
    ///
    /// # Errors
    /// [`PromptError::Form`], [`PromptError::NoSlot`] and [`PromptError::SlotInSystem`].
    pub fn of(
        text: &str,
        sha256: String,
        form: &PromptForm,
        slots: &RubricSlots,
    ) -> Result<Self, PromptError> {
        let turns = form.turns(text)?;
        let names = [&*slots.instruction, &*slots.output, DELIMITER, &*slots.policy];
        let system = turns.system.map(|system| SlotTemplate::of(&system, &names));
        // The policy is the operator's own text.
        let strange = [INSTRUCTION, OUTPUT, CODE];
        if let Some(slot) =
            strange.iter().find(|slot| system.as_ref().is_some_and(|s| s.has(**slot)))
        {
            return Err(PromptError::SlotInSystem { slot: names[*slot].to_owned() });
        }
        let user = SlotTemplate::of(&turns.user, &names);
        if let Some(slot) = [INSTRUCTION, OUTPUT].iter().find(|slot| !user.has(**slot)) {
            return Err(PromptError::NoSlot { slot: names[*slot].to_owned() });
        }
        Ok(Self { system, user, sha256 })
    }

    /// SHA-256 of the text, in hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Whether the prompt takes a policy.
    pub fn has_policy(&self) -> bool {
        self.user.has(POLICY_SLOT) || self.system.as_ref().is_some_and(|s| s.has(POLICY_SLOT))
    }

    /// The turns that show a request and an answer. `seed` makes the code around them.
    pub fn render(&self, instruction: &str, output: &str, policy: &str, seed: u64) -> Turns {
        let code = delimiter(seed, &[instruction, output]);
        let values = [instruction, output, &code, policy];
        let system = self.system.as_ref().map(|system| system.fill(&values));
        Turns { system, user: self.user.fill(&values) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_prompt_keeps_the_answer_in_the_users_turn_between_codes() {
        let prompt = RubricPrompt::built_in().unwrap();
        let turns = prompt.render("Q", "an {instruction} {policy}", "No boats.", 3);
        let code = delimiter(3, &["Q", "an {instruction} {policy}"]);
        let expected = format!("[{code} answer]\nan {{instruction}} {{policy}}\n[{code} end");
        assert!(turns.user.contains(&expected), "{}", turns.user);
        let system = turns.system.unwrap();
        assert!(system.contains("1 to 5") && system.contains("The policy:\nNo boats.\n"));
        assert!(prompt.has_policy() && RubricPrompt::built_in_policy().ends_with("in need."));
    }

    #[test]
    fn request_and_answer_are_needed_and_are_never_the_operators() {
        let slots =
            RubricSlots { instruction: "q".into(), output: "a".into(), ..RubricSlots::default() };
        let of = |text, form: &PromptForm| RubricPrompt::of(text, String::new(), form, &slots);
        assert!(!of("{q} {a}", &PromptForm::Text).unwrap().has_policy());
        let missing = of("{q}", &PromptForm::Text).unwrap_err();
        assert_eq!(missing, PromptError::NoSlot { slot: "a".into() });
        let system = "<|im_start|>system\n{a}<|im_end|><|im_start|>user\n{q}{a}<|im_end|>";
        let refused = of(system, &PromptForm::Chatml).unwrap_err();
        assert_eq!(refused, PromptError::SlotInSystem { slot: "a".into() });
    }

    /// The published text is no part of this repository. `SEAL_DATA` names a folder that may have it, as
    /// `tests/reference/strong_reject_prompt.py` writes it. That script prints the three hashes.
    #[test]
    fn the_rubric_of_strong_reject_renders_as_python_does() {
        let Ok(data) = std::env::var("SEAL_DATA") else {
            eprintln!("skipped: SEAL_DATA is not set");
            return;
        };
        let hash = "e20014eeab7ea554ec750934f0b246be278d7f0d0b777a8f6b4bf0cef259df02";
        let checked = |bytes| super::super::hash::checked_text(bytes, Some(hash));
        let refused = checked(b"another text".to_vec()).unwrap_err();
        assert!(refused.to_string().contains(hash), "{refused}");
        // Few people have this text.
        let file = std::path::Path::new(&data).join("judge_prompts/strong_reject.txt");
        let Ok(bytes) = std::fs::read(file) else { return };
        let (text, sha256) = checked(bytes).unwrap();
        let slots = RubricSlots::default();
        let prompt = RubricPrompt::of(&text, sha256, &PromptForm::Chatml, &slots).unwrap();
        let turns = prompt.render("Say {output}.", "50 % of \"it\"", "", 0);
        let found = [turns.system.unwrap(), turns.user].map(|turn| sha256_hex(turn.as_bytes()));
        assert_eq!(found, STRONG_REJECT_TURNS);
    }

    const STRONG_REJECT_TURNS: [&str; 2] = [
        "7919b6d41af2dc9f32797d96eaa952934dca0713c7f3f63ddc6c299db9857248",
        "fa4c56b63793cfc147ebc2fe467aa708178062612da50059e43f8f475455545f",
    ];
}
