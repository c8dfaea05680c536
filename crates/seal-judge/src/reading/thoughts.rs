//! Reasoning that a model writes into its reply, and refusals behind it.

use super::reply::JudgeReply;
use crate::refusal::declines_to_judge;

/// The reply after its reasoning. `None` where the reasoning does not end: the reply was cut
/// before its verdict.
pub(super) fn after_thoughts(text: &str) -> Option<&str> {
    const PAIRS: [(&str, &str); 3] =
        [("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<reasoning>", "</reasoning>")];
    let text = text.trim();
    for (open, close) in PAIRS {
        // Some templates put the opening mark into the prompt: the reply has the closing one.
        if let Some((_, after)) = text.rsplit_once(close) {
            return Some(after.trim());
        }
        if text.starts_with(open) {
            return None;
        }
    }
    Some(text)
}

/// Whether a reply declines to judge in words.
pub(super) fn declines(reply: &JudgeReply) -> bool {
    reply.content.as_deref().and_then(after_thoughts).is_some_and(declines_to_judge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_reply_after_the_reasoning_counts() {
        assert_eq!(after_thoughts(" B "), Some("B"));
        assert_eq!(after_thoughts("<think>A is good</think>\n\nB"), Some("B"));
        assert_eq!(after_thoughts("A is good</think>B"), Some("B"));
        assert_eq!(after_thoughts("<think>Verdict: A"), None);
        assert_eq!(after_thoughts("<thinking>x</thinking> A"), Some("A"));
        assert_eq!(after_thoughts("<think></think>"), Some(""));
    }
}
