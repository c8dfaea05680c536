//! A request and an answer as the text that a judge reads.

use std::collections::BTreeMap;
use std::ops::Range;

use seal_data::chat::{ChatError, ChatTemplate, Message};
use seal_judge::prompt::{Filled, GuardPrompt};
use serde_json::Value;

/// How request and answer become one text.
pub(super) enum GuardRendering {
    /// A prompt with slots is the whole text.
    Raw(GuardPrompt),
    /// A prompt with slots is the user's turn.
    UserTurn(GuardPrompt, ChatTemplate),
    /// Request and answer are turns of their own, with the beginning of another answer behind
    /// them if `is_asked`.
    Chat { template: ChatTemplate, is_asked: bool },
}

/// A text in which the places of request and answer may not be known.
pub(super) struct RenderedText {
    pub(super) text: String,
    /// Bytes of request and answer; `None` where the template changes them.
    pub(super) slots: Option<Vec<Range<usize>>>,
}

impl GuardRendering {
    /// What it adds to the identity of a judge, other identities being as they are: whether its
    /// template is given texts as lists of parts.
    pub(super) fn mark(&self, identity: &mut Value) {
        let takes_parts = match self {
            Self::Raw(_) => false,
            Self::UserTurn(_, template) | Self::Chat { template, .. } => template.takes_parts(),
        };
        if let (true, Value::Array(all)) = (takes_parts, identity) {
            all.push("as parts".into());
        }
    }

    /// The text of `prompt` and `answer`; `named` are the tokenizer's special tokens.
    pub(super) fn text(
        &self,
        prompt: &str,
        answer: &str,
        named: &BTreeMap<String, String>,
    ) -> Result<RenderedText, ChatError> {
        match self {
            Self::Raw(own) => {
                let Filled { text, slots } = own.fill(prompt, answer);
                Ok(RenderedText { text, slots: Some(slots) })
            }
            Self::UserTurn(own, template) => {
                let filled = own.fill(prompt, answer);
                let rendered = turns(template, &[(Speaker::User, &filled.text)], true, named)?;
                Ok(rendered.within(&filled))
            }
            Self::Chat { template, is_asked } => {
                let said = [(Speaker::User, prompt), (Speaker::Assistant, answer)];
                turns(template, &said, *is_asked, named)
            }
        }
    }
}

/// Who speaks in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    /// The operator.
    System,
    /// Who asks.
    User,
    /// The model.
    Assistant,
}

/// The turns of a conversation as one text, with the beginning of the model's next turn if `is_asked`.
pub(super) fn turns(
    template: &ChatTemplate,
    turns: &[(Speaker, &str)],
    is_asked: bool,
    named: &BTreeMap<String, String>,
) -> Result<RenderedText, ChatError> {
    let (speakers, texts): (Vec<Speaker>, Vec<&str>) = turns.iter().copied().unzip();
    placed(&texts, |texts| render(template, &speakers, texts, is_asked, named))
}

/// What these speakers say, rendered.
fn render(
    template: &ChatTemplate,
    speakers: &[Speaker],
    texts: &[&str],
    is_asked: bool,
    named: &BTreeMap<String, String>,
) -> Result<String, ChatError> {
    let turn = |(speaker, text): (&Speaker, &&str)| match speaker {
        Speaker::System => Message::new("system", *text),
        Speaker::User => Message::user(*text),
        Speaker::Assistant => Message::assistant(*text),
    };
    let messages: Vec<Message> = speakers.iter().zip(texts).map(turn).collect();
    Ok(template.render(&messages, named, is_asked)?.text)
}

/// What `render` makes of `texts`, with their places. Stand-ins that occur nowhere else say where a
/// template puts its texts. They are right where the texts put there, as they are or without white
/// space around them, give what the template makes of the texts themselves.
fn placed(
    texts: &[&str],
    render: impl Fn(&[&str]) -> Result<String, ChatError>,
) -> Result<RenderedText, ChatError> {
    let text = render(texts)?;
    let stand_ins: Vec<String> = (0..texts.len()).map(|i| format!("\u{e000}{i}\u{e001}")).collect();
    let skeleton = render(&stand_ins.iter().map(String::as_str).collect::<Vec<_>>())?;
    let whole = |text: &str| text.to_owned();
    let trimmed = |text: &str| text.trim().to_owned();
    let found = [whole as fn(&str) -> String, trimmed].into_iter().find_map(|change| {
        let texts: Vec<String> = texts.iter().map(|text| change(text)).collect();
        let filled = fill(&skeleton, &stand_ins, &texts);
        (filled.text == text).then_some(filled.slots)
    });
    Ok(RenderedText { text, slots: found })
}

/// `skeleton` with `texts` in the places of their stand-ins.
fn fill(skeleton: &str, stand_ins: &[String], texts: &[String]) -> Filled {
    let (mut filled, mut rest) = (Filled::default(), skeleton);
    loop {
        let next = stand_ins.iter().enumerate().filter_map(|(i, s)| Some((rest.find(&**s)?, i)));
        let Some((at, i)) = next.min() else {
            filled.text.push_str(rest);
            return filled;
        };
        filled.text.push_str(&rest[..at]);
        let from = filled.text.len();
        filled.text.push_str(&texts[i]);
        filled.slots.push(from..filled.text.len());
        rest = &rest[at + stand_ins[i].len()..];
    }
}

impl RenderedText {
    /// The places of request and answer inside of `turn`, where that stands whole in one place.
    fn within(self, turn: &Filled) -> Self {
        let slots = match self.slots.as_deref() {
            Some([at]) => {
                let from = turn.text.len() - turn.text.trim_start().len();
                // A template may take white space away from both ends of the turn.
                let cut = if at.len() == turn.text.len() { 0 } else { from };
                let moved = |slot: &Range<usize>| {
                    let place = |byte: usize| (at.start + byte.saturating_sub(cut)).min(at.end);
                    place(slot.start)..place(slot.end)
                };
                Some(turn.slots.iter().map(moved).collect())
            }
            _ => None,
        };
        Self { text: self.text, slots }
    }
}

#[cfg(test)]
mod tests {
    use seal_judge::prompt::GuardSlots;

    use super::*;

    const PLAIN: &str = "{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}\
                         {% if add_generation_prompt %}<assistant>{% endif %}";
    const TRIMMED: &str =
        "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}</>{% endfor %}";
    const UPPER: &str = "{% for m in messages %}{{ m.content | upper }}{% endfor %}";

    fn chat(source: &str, is_asked: bool) -> GuardRendering {
        GuardRendering::Chat { template: ChatTemplate::new("t", source, None).unwrap(), is_asked }
    }

    fn text(
        rendering: &GuardRendering,
        prompt: &str,
        answer: &str,
    ) -> (String, Option<Vec<String>>) {
        let found = rendering.text(prompt, answer, &BTreeMap::new()).unwrap();
        let slots = found
            .slots
            .map(|slots| slots.into_iter().map(|slot| found.text[slot].to_owned()).collect());
        (found.text, slots)
    }

    #[test]
    fn request_and_answer_are_found_in_a_chat() {
        let (found, slots) = text(&chat(PLAIN, true), "</> q", " a\n");
        assert_eq!(found, "<user></> q</><assistant> a\n</><assistant>");
        assert_eq!(slots.unwrap(), ["</> q", " a\n"]);
        let (found, slots) = text(&chat(TRIMMED, false), " q ", "");
        assert_eq!(found, "<user>q</><assistant></>");
        assert_eq!(slots.unwrap(), ["q", ""]);
        // A template that changes its texts is seen through.
        let (found, slots) = text(&chat(UPPER, false), "q", "a");
        assert_eq!((found.as_str(), slots), ("QA", None));
    }

    #[test]
    fn texts_as_parts_are_told_apart_and_other_identities_stay() {
        const PARTS: &str = "{% for m in messages %}{% for part in m.content if part.type == \
                             'text' %}{{ part.text }}{% endfor %}{% endfor %}";
        let marked = |rendering: &GuardRendering| {
            let mut identity = serde_json::json!(["guard", 2]);
            rendering.mark(&mut identity);
            identity.to_string()
        };
        let of = |source: &str| {
            let template = ChatTemplate::new("t", source, None).unwrap();
            template.taking_texts(&BTreeMap::new())
        };
        let chat = |source: &str| GuardRendering::Chat { template: of(source), is_asked: true };
        let prompt = GuardPrompt::of("{prompt}{response}", String::new(), &GuardSlots::default());
        assert_eq!(marked(&chat(PLAIN)), r#"["guard",2]"#);
        assert_eq!(marked(&chat(PARTS)), r#"["guard",2,"as parts"]"#);
        let prompt = prompt.unwrap();
        let turn = GuardRendering::UserTurn(prompt.clone(), of(PARTS));
        assert_eq!(marked(&turn), r#"["guard",2,"as parts"]"#);
        assert_eq!(marked(&GuardRendering::Raw(prompt)), r#"["guard",2]"#);
    }

    #[test]
    fn a_conversation_is_rendered_with_the_places_of_its_texts() {
        let template = ChatTemplate::new("t", PLAIN, None).unwrap();
        let said = [(Speaker::System, "be fair"), (Speaker::User, "</> q")];
        let found = turns(&template, &said, true, &BTreeMap::new()).unwrap();
        assert_eq!(found.text, "<system>be fair</><user></> q</><assistant>");
        let slots: Vec<&str> =
            found.slots.unwrap().into_iter().map(|slot| &found.text[slot]).collect();
        assert_eq!(slots, ["be fair", "</> q"]);
    }

    #[test]
    fn request_and_answer_are_found_in_a_turn() {
        let prompt = |text: &str| GuardPrompt::of(text, String::new(), &GuardSlots::default());
        let of = |own: &str, source: &str| {
            let template = ChatTemplate::new("t", source, None).unwrap();
            text(&GuardRendering::UserTurn(prompt(own).unwrap(), template), "q", "a a ")
        };
        let (found, slots) = of("  Q {prompt} A {response}", PLAIN);
        assert_eq!(found, "<user>  Q q A a a </><assistant>");
        assert_eq!(slots.unwrap(), ["q", "a a "]);
        let (found, slots) = of("  Q {prompt} A {response}", TRIMMED);
        assert_eq!(found, "<user>Q q A a a</>");
        assert_eq!(slots.unwrap(), ["q", "a a"]);
        let raw = GuardRendering::Raw(prompt("{response}|{prompt}").unwrap());
        assert_eq!(text(&raw, "q", "a").1.unwrap(), ["a", "q"]);
    }
}
