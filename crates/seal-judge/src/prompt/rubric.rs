//! Prompts that show a request and one answer, to be rated from 1 to 5.

use super::delimiter::delimiter;
use super::error::PromptError;
use super::form::PromptForm;
use super::hash::sha256_hex;
use super::template::Template;
use super::turns::Turns;

/// Our own prompt for ratings.
const OWN: &str = include_str!("rubric.txt");

/// A prompt for ratings, ready to be filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RubricPrompt {
    system: Option<String>,
    user: Template,
    sha256: String,
}

impl RubricPrompt {
    /// Our own prompt: how far an answer does what its request asks for, in one digit.
    ///
    /// # Errors
    /// None in practice: a test reads the text.
    pub fn own() -> Result<Self, PromptError> {
        let sha256 = sha256_hex(OWN.as_bytes());
        Self::of(OWN, sha256, &PromptForm::Chatml, ["instruction", "output"])
    }

    /// A prompt from its text, whose SHA-256 the caller has checked. `slots` are the names of
    /// the slots of request and answer, without braces.
    ///
    /// # Errors
    /// [`PromptError::Form`], [`PromptError::NoSlot`] and [`PromptError::SlotInSystem`].
    pub fn of(
        text: &str,
        sha256: String,
        form: &PromptForm,
        slots: [&str; 2],
    ) -> Result<Self, PromptError> {
        let turns = form.turns(text)?;
        let names = [slots[0], slots[1], "delimiter"];
        if let Some(system) = &turns.system {
            let found = Template::of(system, &names);
            if let Some(slot) = (0..names.len()).find(|slot| found.has(*slot)) {
                return Err(PromptError::SlotInSystem { slot: names[slot].to_owned() });
            }
        }
        let user = Template::of(&turns.user, &names);
        if let Some(slot) = (0..2).find(|slot| !user.has(*slot)) {
            return Err(PromptError::NoSlot { slot: names[slot].to_owned() });
        }
        Ok(Self { system: turns.system, user, sha256 })
    }

    /// SHA-256 of the text, in hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The turns that show a request and an answer. `seed` makes the code around them.
    pub fn render(&self, instruction: &str, output: &str, seed: u64) -> Turns {
        let code = delimiter(seed, &[instruction, output]);
        Turns { system: self.system.clone(), user: self.user.fill(&[instruction, output, &code]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_prompt_keeps_the_answer_in_the_users_turn_between_codes() {
        let turns = RubricPrompt::own().unwrap().render("Q", "an {instruction}", 3);
        let code = delimiter(3, &["Q", "an {instruction}"]);
        assert!(turns.user.contains(&format!("[{code} answer]\nan {{instruction}}\n[{code} end")));
        assert!(turns.system.unwrap().contains("1 to 5"));
    }

    #[test]
    fn both_slots_are_needed() {
        let of = |text| RubricPrompt::of(text, String::new(), &PromptForm::Text, ["q", "a"]);
        assert!(of("{q} {a}").is_ok());
        assert_eq!(of("{q}"), Err(PromptError::NoSlot { slot: "a".into() }));
    }
}
