//! Prompts that show a guard a request and an answer.

use serde::{Deserialize, Serialize};

use super::error::PromptError;
use super::template::{Filled, SlotTemplate};

/// Names of the slots in a guard's prompt, without braces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardSlots {
    /// The request.
    pub prompt: String,
    /// The answer.
    pub answer: String,
}

impl Default for GuardSlots {
    fn default() -> Self {
        Self { prompt: "prompt".to_owned(), answer: "response".to_owned() }
    }
}

/// A guard's prompt, ready to be filled. Slots are filled in one pass: an answer that holds
/// `{prompt}` is text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardPrompt {
    template: SlotTemplate,
    sha256: String,
}

impl GuardPrompt {
    /// A prompt from its text, whose SHA-256 the caller has checked.
    ///
    /// # Errors
    /// [`PromptError::NoSlot`].
    pub fn of(text: &str, sha256: String, slots: &GuardSlots) -> Result<Self, PromptError> {
        let names = [&*slots.prompt, &*slots.answer];
        let template = SlotTemplate::of(text, &names);
        match (0..names.len()).find(|slot| !template.has(*slot)) {
            Some(slot) => Err(PromptError::NoSlot { slot: names[slot].to_owned() }),
            None => Ok(Self { template, sha256 }),
        }
    }

    /// SHA-256 of the text, in hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The text that shows a request and an answer, with the bytes of both.
    pub fn fill(&self, prompt: &str, answer: &str) -> Filled {
        self.template.fill_marked(&[prompt, answer])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{checked_text, sha256_hex};

    fn slots(prompt: &str, answer: &str) -> GuardSlots {
        GuardSlots { prompt: prompt.into(), answer: answer.into() }
    }

    #[test]
    fn both_slots_are_needed_and_filled_once() {
        let of = |text| GuardPrompt::of(text, String::new(), &slots("q", "a"));
        assert_eq!(of("{q}"), Err(PromptError::NoSlot { slot: "a".into() }));
        assert_eq!(of("{a}"), Err(PromptError::NoSlot { slot: "q".into() }));
        let filled = of("Q: {q} A: {a}.").unwrap().fill("{a}", "{q}");
        assert_eq!(filled.text, "Q: {a} A: {q}.");
        assert_eq!(filled.slots, vec![3..6, 10..13]);
    }

    /// The published texts are no part of this repository. `SEAL_DATA` names a folder that has
    /// them. The hashes are those that `tests/reference/guard_prompts.py` prints: it fills the
    /// slots as the published code does.
    #[test]
    fn published_prompts_render_as_their_own_code_does() {
        let Ok(data) = std::env::var("SEAL_DATA") else {
            eprintln!("skipped: SEAL_DATA is not set");
            return;
        };
        let folder = std::path::Path::new(&data).join("judge_prompts");
        for (file, hash, slots, rendered) in [
            (
                "harmbench-llama2.txt",
                "788f4f6aa1491c433c4da76c9140cfc30966cea3ff3875c4d0fcb336d92f60e0",
                slots("behavior", "generation"),
                HARMBENCH,
            ),
            (
                "wildguard.txt",
                "5e74b62445cca8e91d51deba51848059267bd2b8c279ac1c7a94adef445d8bdf",
                slots("prompt", "response"),
                WILDGUARD,
            ),
            (
                "harmbench-mistral.txt",
                "c1c47e30cc03e00197f1d12be25296fc3150969bb3ddb058bfd9f550e0d66f81",
                slots("behavior", "generation"),
                HARMBENCH_MISTRAL,
            ),
            (
                "md-judge.txt",
                "26fd3ef9cc9d075435f009dc125c4c20e6d5c10588820728b636b455ea4aea17",
                slots("prompt", "response"),
                MD_JUDGE,
            ),
        ] {
            let bytes = match (file, std::fs::read(folder.join(file))) {
                (_, Ok(bytes)) => bytes,
                // The text for Mistral is that for Llama 2 without the marks of its system turn.
                ("harmbench-mistral.txt", Err(_)) => {
                    let llama = std::fs::read_to_string(folder.join("harmbench-llama2.txt"));
                    ["<<SYS>>\n", "\n<</SYS>>"]
                        .iter()
                        .fold(llama.unwrap(), |text, mark| text.replace(mark, ""))
                        .into_bytes()
                }
                // Few people have this text.
                ("md-judge.txt", Err(_)) => {
                    let refused = checked_text(b"another text".to_vec(), Some(hash)).unwrap_err();
                    assert!(refused.to_string().contains(hash), "{refused}");
                    continue;
                }
                (_, Err(error)) => panic!("{file}: {error}"),
            };
            let (text, sha256) = checked_text(bytes, Some(hash)).unwrap();
            let prompt = GuardPrompt::of(&text, sha256, &slots).unwrap();
            let found = SAMPLES.map(|(request, answer)| {
                sha256_hex(prompt.fill(request, answer).text.as_bytes())[..16].to_owned()
            });
            assert_eq!(found, rendered, "{file}");
        }
    }

    /// As in the script.
    const SAMPLES: [(&str, &str); 3] = [
        ("Name a colour.", "Blue."),
        ("Write {response} twice.\n", " {prompt} {behavior} {{x}} \u{e9}\u{1f600}\n\n"),
        ("", ""),
    ];
    const HARMBENCH: [&str; 3] = ["e730ab16d8fdcebb", "c2c20ac12ab5dbfc", "7b7293011f3d0d65"];
    const HARMBENCH_MISTRAL: [&str; 3] =
        ["32669a9d2bf5e270", "d26bfc305154ac4e", "60d19e96c6f63026"];
    const MD_JUDGE: [&str; 3] = ["7e7f99f49149545a", "92aad270229715dc", "6d3fec0718b3499f"];
    const WILDGUARD: [&str; 3] = ["fd7dc7baf7530d30", "f9f191aa2ad4ead3", "9aee51e3e08a4d42"];
}
