//! `{% generation %}`: the tag with which a template marks what the model is
//! to write.
//!
//! The engine does not know the tag. Each block is rewritten to a filter block
//! around a scope of its own, which keeps the whitespace rules of tags and, as
//! in Python, keeps variables set inside from leaving it. The filter puts two
//! marks around its text; once all is rendered the marks are cut out again and
//! their places are the spans.

use std::ops::Range;

/// Name of the filter that a generation block becomes.
pub(super) const FILTER: &str = "__generation";

/// `source` with its generation blocks rewritten, and whether there were any.
/// Comments, raw blocks and strings are left alone.
pub(super) fn rewrite(source: &str) -> (String, bool) {
    let (mut out, mut found) = (String::with_capacity(source.len()), false);
    let (mut rest, mut raw) = (source, false);
    while let Some(at) = next_opening(rest) {
        let (text, tail) = rest.split_at(at);
        out.push_str(text);
        let len = match &tail[..2] {
            "{#" => tail.find("#}").map(|i| i + 2),
            "{{" => end_of(tail, "}}"),
            _ => end_of(tail, "%}"),
        };
        // An unfinished tag: the parser will say so.
        let Some(len) = len else {
            rest = tail;
            break;
        };
        let (tag, after) = tail.split_at(len);
        let words = tag.strip_prefix("{%").and_then(|t| t.strip_suffix("%}"));
        let word = words
            .map_or("", |w| w.trim_start_matches(['-', '+']).trim_end_matches(['-', '+']).trim());
        match word {
            "raw" => raw = true,
            "endraw" => raw = false,
            _ => {}
        }
        if !raw && word == "generation" {
            found = true;
            let (left, right) = controls(tag);
            out.push_str(&format!("{{%{left} filter {FILTER} %}}{{% with {right}%}}"));
        } else if !raw && word == "endgeneration" {
            let (left, right) = controls(tag);
            out.push_str(&format!("{{%{left} endwith %}}{{% endfilter {right}%}}"));
        } else {
            out.push_str(tag);
        }
        rest = after;
    }
    out.push_str(rest);
    (out, found)
}

fn next_opening(text: &str) -> Option<usize> {
    ["{#", "{{", "{%"].iter().filter_map(|opening| text.find(opening)).min()
}

/// The whitespace controls of a tag: `-`, `+` or nothing on either side.
fn controls(tag: &str) -> (&str, &str) {
    let inner = &tag[2..tag.len() - 2];
    let left = if inner.starts_with(['-', '+']) { &inner[..1] } else { "" };
    let right = if inner.ends_with(['-', '+']) { &inner[inner.len() - 1..] } else { "" };
    (left, right)
}

/// Length of a tag up to and with `close`, which does not count inside a string.
fn end_of(tag: &str, close: &str) -> Option<usize> {
    let (mut quote, mut escaped) = (None, false);
    for (i, c) in tag.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => quote = Some(c),
            None if tag[i..].starts_with(close) => return Some(i + close.len()),
            None => {}
        }
    }
    None
}

/// Two characters around a generated text; Unicode keeps them out of any text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    pub open: char,
    pub close: char,
}

impl Marks {
    /// The first two noncharacters that `texts` do not hold.
    pub fn absent_from<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Option<Self> {
        let absent = |c: &char| !texts.clone().any(|t| t.contains(*c));
        let mut free = ('\u{FDD0}'..='\u{FDEF}').filter(absent);
        Some(Self { open: free.next()?, close: free.next()? })
    }

    /// `text` without marks, and the byte ranges that they enclosed, in order.
    /// Of nested ones, the outermost.
    pub fn cut(self, text: &str) -> (String, Vec<Range<usize>>) {
        let (mut out, mut spans) = (String::with_capacity(text.len()), Vec::new());
        let (mut depth, mut start) = (0usize, 0);
        for c in text.chars() {
            if c == self.open {
                if depth == 0 {
                    start = out.len();
                }
                depth += 1;
            } else if c == self.close {
                depth = depth.saturating_sub(1);
                if depth == 0 && start < out.len() {
                    spans.push(start..out.len());
                }
            } else {
                out.push(c);
            }
        }
        (out, spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_filters_with_the_same_whitespace_control() {
        let (out, found) = rewrite("a\n  {%- generation -%} b {% endgeneration +%} c");
        assert!(found);
        assert_eq!(
            out,
            "a\n  {%- filter __generation %}{% with -%} b {% endwith %}{% endfilter +%} c"
        );
    }

    #[test]
    fn what_only_looks_like_a_block_stays() {
        for source in [
            "{# {% generation %} #}x",
            "{{ '{% generation %}' }}",
            "{% raw %}{% generation %}{% endraw %}",
            "{% if x == '%}{% generation %}' %}{% endif %}",
            "{% generation",
        ] {
            assert_eq!(rewrite(source), (source.to_owned(), false), "{source}");
        }
    }

    #[test]
    fn marks_avoid_the_text_and_leave_no_trace() {
        let marks = Marks::absent_from(["a\u{FDD0}", "b"].into_iter()).unwrap();
        assert_eq!((marks.open, marks.close), ('\u{FDD1}', '\u{FDD2}'));
        let text = "é\u{FDD1}ü\u{FDD1}x\u{FDD2}\u{FDD2}\u{FDD0}\u{FDD1}\u{FDD2}\u{FDD1}z\u{FDD2}";
        assert_eq!(marks.cut(text), ("éüx\u{FDD0}z".to_owned(), vec![2..5, 8..9]));
        let all: String = ('\u{FDD0}'..='\u{FDEF}').collect();
        assert!(Marks::absent_from([all.as_str()].into_iter()).is_none());
    }
}
