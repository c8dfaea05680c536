//! Templates that take the text of a turn as a list of parts.
//!
//! Templates of models that also see pictures may read `content` as a list such as
//! `[{"type": "text", "text": "..."}]`, and some read it in no other way: a text is lost without an
//! error.

use std::collections::BTreeMap;

use super::{ChatTemplate, Message};

/// A text that no template writes by itself.
const PROBE: &str = "\u{e000}probe\u{e001}";

impl ChatTemplate {
    /// The same template, given texts in the form that it takes: as they are, or as lists of parts.
    /// `named` are the special tokens by name.
    ///
    /// One turn is rendered in both forms. The list is given where the template loses the text, or
    /// refuses it, and shows the list's.
    #[must_use]
    pub fn taking_texts(self, named: &BTreeMap<String, String>) -> Self {
        let shows = |template: &Self| {
            let rendered = template.render(&[Message::user(PROBE)], named, true);
            rendered.is_ok_and(|rendered| rendered.text.contains(PROBE))
        };
        let parts = self.with_parts();
        if !shows(&self) && shows(&parts) { parts } else { self }
    }

    /// Whether it is given the text of a turn as a list of parts.
    pub fn takes_parts(&self) -> bool {
        self.takes_parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(source: &str) -> String {
        let template = ChatTemplate::new("t", source, None).unwrap();
        let named = BTreeMap::new();
        let turns = [Message::user(" one "), Message::assistant("two")];
        template.taking_texts(&named).render(&turns, &named, true).unwrap().text
    }

    #[test]
    fn a_template_gets_texts_in_the_form_that_it_takes() {
        let turns = |inside: &str| {
            format!("{{% for m in messages %}}<{{{{ m.role }}}}>{inside}{{% endfor %}}")
        };
        let parts = "{% for part in m.content if part.type == 'text' %}{{ part.text | trim }}|\
                     {% endfor %}";
        assert_eq!(rendered(&turns(parts)), "<user>one|<assistant>two|");
        let chosen = "{% for p in m['content'] | selectattr('type', 'equalto', 'text') %}\
                      {{ p['text'] }}{% endfor %}";
        assert_eq!(rendered(&turns(chosen)), "<user> one <assistant>two");
        assert_eq!(rendered(&turns("{{ m.content }}")), "<user> one <assistant>two");
        // One that takes both gets the text.
        let both = format!(
            "{{% if m.content is string %}}{{{{ m.content }}}}{{% else %}}{parts}{{% endif %}}"
        );
        assert_eq!(rendered(&turns(&both)), "<user> one <assistant>two");
        // One that shows neither is left as it is.
        assert_eq!(rendered("{{ messages | length }}"), "2");
    }
}
