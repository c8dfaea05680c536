//! Where a template marks what the model is to write.
//!
//! A `{% generation %}` block writes two marks around its text; once all is
//! rendered the marks are cut out again and their places are the spans. So they
//! hold through macros and filters, which see the marks as two characters more.

use std::ops::Range;

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
    fn marks_avoid_the_text_and_leave_no_trace() {
        let marks = Marks::absent_from(["a\u{FDD0}", "b"].into_iter()).unwrap();
        assert_eq!((marks.open, marks.close), ('\u{FDD1}', '\u{FDD2}'));
        let text = "é\u{FDD1}ü\u{FDD1}x\u{FDD2}\u{FDD2}\u{FDD0}\u{FDD1}\u{FDD2}\u{FDD1}z\u{FDD2}";
        assert_eq!(marks.cut(text), ("éüx\u{FDD0}z".to_owned(), vec![2..5, 8..9]));
        let all: String = ('\u{FDD0}'..='\u{FDEF}').collect();
        assert!(Marks::absent_from([all.as_str()].into_iter()).is_none());
    }
}
