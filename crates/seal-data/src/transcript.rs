//! Transcripts of the Anthropic HH data.
//!
//! `"\n\nHuman: question\n\nAssistant: reply\n\nHuman: ..."`. The two
//! transcripts of a pair should differ in their last reply only; in 5 of the
//! 2,312 rows of `harmless-base/test` they part earlier, and a comparison of
//! the last replies would then compare answers to different questions.

const HUMAN: &str = "\n\nHuman:";
const ASSISTANT: &str = "\n\nAssistant:";

/// A transcript, cut before its last reply. Parts are trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transcript<'a> {
    /// Everything before the last reply, verbatim; what a pair must share.
    context: &'a str,
    /// The context without the mark of the first human turn: marks of later
    /// turns stay, so that `"Human: {}\nAssistant: "` gives the dialogue back.
    pub prompt: &'a str,
    /// What the human says last, before the last reply.
    pub last_turn: &'a str,
    /// What the human says first.
    pub first_turn: &'a str,
    /// The last reply.
    pub reply: &'a str,
}

impl<'a> Transcript<'a> {
    /// `None` where `text` does not start with a human turn and end in a reply.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (context, reply) = text.rsplit_once(ASSISTANT)?;
        if reply.contains(HUMAN) {
            return None;
        }
        let prompt = context.strip_prefix(HUMAN)?;
        let first_turn = prompt.split(ASSISTANT).next().unwrap_or(prompt);
        let last_turn = context.rsplit(HUMAN).next().unwrap_or(prompt);
        Some(Self {
            context,
            prompt: prompt.trim(),
            last_turn: last_turn.trim(),
            first_turn: first_turn.trim(),
            reply: reply.trim(),
        })
    }

    /// Whether both are replies to the same dialogue.
    pub fn pairs_with(&self, other: &Transcript<'_>) -> bool {
        self.context == other.context
    }
}

/// Names of who asks, each with the name of who answers.
const SPEAKERS: [(&str, &str); 2] = [("Human:", "Assistant:"), ("User:", "Assistant:")];

/// The turns of a prompt that is a dialogue already, rendered up to the mark after
/// which the answer is due: `"\n\nHuman: sky?\n\nAssistant: "`. Each is whether the
/// user says it, and its text, trimmed; the last one is the user's. `None` for any
/// other text.
pub(crate) fn open_dialogue(prompt: &str) -> Option<Vec<(bool, &str)>> {
    let text = prompt.trim();
    SPEAKERS.iter().find_map(|(user, assistant)| {
        let said = text.strip_prefix(user)?.strip_suffix(assistant)?;
        // Turns have an empty line between them, or a line's end alone; so has the
        // answer that is due.
        let between = if said.ends_with("\n\n") { "\n\n" } else { "\n" };
        let said = said.strip_suffix(between)?;
        let mut turns = Vec::new();
        let (mut rest, mut is_user) = (said, true);
        loop {
            let next = if is_user { assistant } else { user };
            match rest.split_once(&format!("{between}{next}")) {
                Some((turn, after)) => {
                    turns.push((is_user, turn.trim()));
                    (rest, is_user) = (after, !is_user);
                }
                None => {
                    turns.push((is_user, rest.trim()));
                    break;
                }
            }
        }
        is_user.then_some(turns)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_reply_is_cut_off() {
        let t =
            Transcript::parse("\n\nHuman: a\n\nAssistant: b\n\nHuman: c\nd\n\nAssistant: e\n\nf ")
                .unwrap();
        assert_eq!(t.prompt, "a\n\nAssistant: b\n\nHuman: c\nd");
        assert_eq!((t.first_turn, t.last_turn, t.reply), ("a", "c\nd", "e\n\nf"));
        let template = crate::PromptTemplate::published();
        assert_eq!(
            template.render(t.prompt),
            "Human: a\n\nAssistant: b\n\nHuman: c\nd\nAssistant: "
        );
    }

    #[test]
    fn the_last_turn_of_a_single_one_is_the_first() {
        let t = Transcript::parse("\n\nHuman: a\n\nb\n\nAssistant: c").unwrap();
        assert_eq!((t.prompt, t.first_turn, t.last_turn), ("a\n\nb", "a\n\nb", "a\n\nb"));
        let t = Transcript::parse("\n\nHuman: a\n\nAssistant: b\n\nAssistant: c").unwrap();
        assert_eq!((t.last_turn, t.reply), ("a\n\nAssistant: b", "c"));
    }

    #[test]
    fn a_pair_differs_in_its_last_reply_only() {
        let parse = |s| Transcript::parse(s).unwrap();
        let a = parse("\n\nHuman: a\n\nAssistant: b");
        assert!(a.pairs_with(&parse("\n\nHuman: a\n\nAssistant: c")));
        assert!(!a.pairs_with(&parse("\n\nHuman: a2\n\nAssistant: b")));
        assert!(!a.pairs_with(&parse("\n\nHuman: a\n\nAssistant: b\n\nAssistant: c")));
    }

    #[test]
    fn a_prompt_may_be_a_dialogue_already() {
        let one = Some(vec![(true, "sky?")]);
        for text in [
            "\n\nHuman: sky?\n\nAssistant: ",
            "Human: sky?\nAssistant:",
            "User: sky?\n\nAssistant:",
        ] {
            assert_eq!(open_dialogue(text), one, "{text:?}");
        }
        let long = "\n\nHuman: a\n\nb\n\nAssistant: c\nHuman: no\n\nHuman: d\n\nAssistant:";
        let turns = vec![(true, "a\n\nb"), (false, "c\nHuman: no"), (true, "d")];
        assert_eq!(open_dialogue(long), Some(turns));
        let none = [
            "sky?",
            "",
            "Human: sky?",
            "Human: sky? Assistant:",
            "Assistant:",
            "a\nHuman: b\nAssistant:",
            // Who answers has the last word already.
            "Human: a\n\nAssistant: b\n\nAssistant:",
        ];
        for text in none {
            assert_eq!(open_dialogue(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_transcript_is_refused() {
        for text in ["", "hello", "\n\nHuman: a", "\n\nAssistant: b", "Human: a\n\nAssistant: b"] {
            assert_eq!(Transcript::parse(text), None, "{text:?}");
        }
        assert_eq!(Transcript::parse("\n\nHuman: a\n\nAssistant: b\n\nHuman: c"), None);
        assert_eq!(Transcript::parse("\n\nHuman: a\n\nAssistant:").map(|t| t.reply), Some(""));
    }
}
