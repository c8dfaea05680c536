//! A reply as a judgement.

use super::brackets::{Alphabet, by_brackets};
use super::labels::{bare, by_label};
use super::reply::JudgeReply;
use super::settings::{VerdictForm, VerdictSettings};
use super::thoughts::{after_thoughts, declines};
use super::tokens::by_tokens;
use crate::pair::{Judgement, Outcome};

/// By which part of a reply a judgement was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Log-probabilities of the first token.
    Probabilities,
    /// The text.
    Text,
    /// There is no verdict.
    Nothing,
}

/// A judgement with its basis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReadJudgement {
    /// The judgement.
    pub judgement: Judgement,
    /// The part of the reply that decided.
    pub basis: Basis,
}

/// Reads a reply. A refusal is [`Outcome::Refused`], and so is a reply without a verdict that
/// declines in words. Any other reply without a verdict in its place is [`Outcome::Unparsed`].
pub fn read(settings: &VerdictSettings, reply: &JudgeReply) -> ReadJudgement {
    let none = |outcome| ReadJudgement { judgement: Judgement::of(outcome), basis: Basis::Nothing };
    if reply.is_refused {
        return none(Outcome::Refused);
    }
    let said = reply.content.as_deref().and_then(|text| by_text(settings, reply.is_cut, text));
    if settings.form == VerdictForm::FirstToken
        && let Some(judgement) = reply.positions.as_deref().and_then(|all| by_tokens(settings, all))
    {
        // The first token of a sentence may be the article "A".
        if is_one_token(reply) || said == Some(judgement.outcome()) {
            return ReadJudgement { judgement, basis: Basis::Probabilities };
        }
    }
    match said {
        Some(outcome) => ReadJudgement { judgement: Judgement::of(outcome), basis: Basis::Text },
        None if declines(reply) => none(Outcome::Refused),
        None => none(Outcome::Unparsed),
    }
}

/// Whether the text is the first visible token, apart from blanks and marks around it.
fn is_one_token(reply: &JudgeReply) -> bool {
    let positions = reply.positions.as_deref().unwrap_or_default();
    let token = positions.iter().map(|position| bare(&position.token)).find(|t| !t.is_empty());
    let content = reply.content.as_deref().map(bare).filter(|content| !content.is_empty());
    content.is_some() && content == token
}

fn by_text(settings: &VerdictSettings, is_cut: bool, text: &str) -> Option<Outcome> {
    let text = after_thoughts(text)?;
    let brackets = |alphabet| by_brackets(alphabet, text).map(|(outcome, _)| outcome);
    match settings.form {
        // A label at the end of a cut reply may be the start of a longer word, unless the reply
        // was to be that one token.
        VerdictForm::Line if is_cut => None,
        VerdictForm::FirstToken if is_cut && text.contains(char::is_whitespace) => None,
        VerdictForm::FirstToken | VerdictForm::Line => by_label(settings, text),
        VerdictForm::Letters => brackets(Alphabet::Letters),
        VerdictForm::ArenaHard => brackets(Alphabet::Comparisons),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::reply::TokenProbabilities;
    use super::*;

    fn says(text: &str) -> JudgeReply {
        JudgeReply { content: Some(text.to_owned()), ..JudgeReply::default() }
    }

    fn outcome(form: VerdictForm, reply: &JudgeReply) -> Outcome {
        let settings = VerdictSettings { form, ..VerdictSettings::default() };
        read(&settings, reply).judgement.outcome()
    }

    #[test]
    fn log_probabilities_go_before_the_text() {
        let choices = vec![("A".to_owned(), -2.0), ("B".to_owned(), -0.2)];
        let positions = Some(vec![TokenProbabilities { token: "A".into(), choices }]);
        let reply = JudgeReply { positions, ..says("A") };
        let found = read(&VerdictSettings::default(), &reply);
        assert_eq!(
            (found.judgement.outcome(), found.basis),
            (Outcome::Second, Basis::Probabilities)
        );
        assert_eq!(outcome(VerdictForm::Line, &reply), Outcome::First);
        // Asked for and not sent: the text is left.
        let found = read(&VerdictSettings::default(), &says("A"));
        assert_eq!((found.judgement.p_first(), found.basis), (None, Basis::Text));
    }

    #[test]
    fn an_article_is_no_verdict() {
        // The article "A" has the probability of the label "A".
        let starts = |token: &str, text: &str| {
            let choices = vec![("A".to_owned(), -0.01), ("B".to_owned(), -5.0)];
            let positions = Some(vec![TokenProbabilities { token: token.into(), choices }]);
            let reply = JudgeReply { positions, ..says(text) };
            let found = read(&VerdictSettings::default(), &reply);
            (found.judgement.outcome(), found.basis)
        };
        use Basis::{Nothing, Probabilities, Text};
        for (text, outcome, basis) in [
            ("A more accurate answer is B.", Outcome::Unparsed, Nothing),
            ("A close call.\nVerdict: B", Outcome::Second, Text),
            ("A close call.\nVerdict: A", Outcome::First, Probabilities),
            ("A", Outcome::First, Probabilities),
            (" **A**.\n", Outcome::First, Probabilities),
            // The token is not the one that was sent as text.
            ("B", Outcome::Second, Text),
            ("", Outcome::Unparsed, Nothing),
        ] {
            assert_eq!(starts("A", text), (outcome, basis), "{text:?}");
        }
        assert_eq!(starts(" A", "A"), (Outcome::First, Probabilities));
    }

    #[test]
    fn what_is_no_verdict_is_typed_and_never_a_loss() {
        let refused = JudgeReply { is_refused: true, ..says("A") };
        let silent = JudgeReply::default();
        let cut = JudgeReply { is_cut: true, ..says("Verdict: A") };
        let mid_thought = says("<think>Verdict: A");
        for form in [VerdictForm::FirstToken, VerdictForm::Line] {
            assert_eq!(outcome(form, &refused), Outcome::Refused);
            assert_eq!(outcome(form, &silent), Outcome::Unparsed);
            assert_eq!(outcome(form, &cut), Outcome::Unparsed);
            assert_eq!(outcome(form, &mid_thought), Outcome::Unparsed);
        }
        let one_token = JudgeReply { is_cut: true, ..says("B") };
        assert_eq!(outcome(VerdictForm::FirstToken, &one_token), Outcome::Second);
    }

    #[test]
    fn a_judge_that_declines_in_words_refuses() {
        use Outcome::{First, Refused, Unparsed};
        for (text, expected) in [
            ("I'm sorry, but I can't compare these.", Refused),
            ("I cannot help with that.", Refused),
            ("I am not able to rate harmful answers", Refused),
            ("<think>hm</think>Sorry, I won't choose between them.", Refused),
            // A verdict counts, whatever is said beside it.
            ("I'm sorry for answer B.\nVerdict: A", First),
            // Words about the answers are no refusal of the judge.
            ("Answer A is not appropriate, and answer B cannot help.", Unparsed),
            ("The second says: I'm sorry, but I can't do that.", Unparsed),
            ("I do not see much of a difference.", Unparsed),
            ("<think>I'm sorry, but", Unparsed),
        ] {
            assert_eq!(outcome(VerdictForm::Line, &says(text)), expected, "{text:?}");
        }
        // One that is cut at its longest length is one, too.
        let cut = JudgeReply { is_cut: true, ..says("I'm sorry, but I can't compare these ans") };
        assert_eq!(outcome(VerdictForm::FirstToken, &cut), Refused);
    }

    #[test]
    fn a_verdict_after_the_reasoning_counts_and_one_in_it_does_not() {
        let reply = says("<think>At first [[A]].</think>I choose [[B]].");
        assert_eq!(outcome(VerdictForm::Letters, &reply), Outcome::Second);
        assert_eq!(outcome(VerdictForm::ArenaHard, &says("ok [[A>B]]")), Outcome::First);
    }

    proptest! {
        #[test]
        fn no_reply_is_too_odd(text in "\\PC{0,60}", is_cut in any::<bool>()) {
            for form in [VerdictForm::FirstToken, VerdictForm::Line, VerdictForm::Letters, VerdictForm::ArenaHard] {
                let reply = JudgeReply { is_cut, ..says(&text) };
                let _ = outcome(form, &reply);
                let _ = outcome(form, &says(&format!("[[{text}]] Verdict: {text}")));
            }
        }
    }
}
