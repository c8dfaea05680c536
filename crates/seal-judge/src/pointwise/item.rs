//! Answers to be judged, one by one.

use std::collections::BTreeMap;

use seal_rows::RowId;

use super::canary::PointCanary;

/// An answer to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointItem {
    /// A hash of prompt, answer and canary: the verdict on an answer is not taken for that on
    /// another one.
    pub id: RowId,
    /// The request.
    pub prompt: String,
    /// The answer.
    pub answer: String,
    /// The id that its file gives it.
    pub answer_id: Option<String>,
    /// The canary that it is, and the answer that this was made from.
    pub canary: Option<(PointCanary, RowId)>,
}

/// Above the number of times that an answer occurs in a file.
const CANARIES: u32 = 1 << 30;

impl PointItem {
    /// Answers with their prompts, in order. Equal ones are told apart by a number.
    pub fn list(answers: impl IntoIterator<Item = (String, String, Option<String>)>) -> Vec<Self> {
        let mut seen: BTreeMap<RowId, u32> = BTreeMap::new();
        let item = |(prompt, answer, answer_id): (String, String, Option<String>)| {
            let occurrence = seen.entry(RowId::of(&prompt, &answer, 0)).or_default();
            let id = RowId::of(&prompt, &answer, *occurrence);
            *occurrence += 1;
            Self { id, prompt, answer, answer_id, canary: None }
        };
        answers.into_iter().map(item).collect()
    }

    fn canary(&self, kind: PointCanary) -> Self {
        let answer = kind.answer(&self.answer);
        Self {
            id: RowId::of(&self.prompt, &answer, CANARIES + kind as u32),
            prompt: self.prompt.clone(),
            answer,
            answer_id: None,
            canary: Some((kind, self.id)),
        }
    }
}

/// `items` with the canaries `kinds` made from the first `count` answers that are not blank and
/// differ from each other.
pub fn with_canaries(items: &[PointItem], kinds: &[PointCanary], count: usize) -> Vec<PointItem> {
    let mut all = items.to_vec();
    let mut seen = std::collections::BTreeSet::new();
    let fit = items.iter().filter(|item| !item.answer.trim().is_empty());
    let fit = fit.filter(|item| seen.insert((&item.prompt, &item.answer)));
    let mut ids: std::collections::BTreeSet<RowId> = items.iter().map(|item| item.id).collect();
    for item in fit.take(count) {
        let made = kinds.iter().map(|kind| item.canary(*kind));
        // Two answers to one prompt share its empty answer.
        all.extend(made.filter(|canary| ids.insert(canary.id)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(answers: &[(&str, &str)]) -> Vec<PointItem> {
        PointItem::list(answers.iter().map(|(p, a)| ((*p).into(), (*a).into(), None)))
    }

    #[test]
    fn equal_answers_have_ids_of_their_own() {
        let items = items(&[("p", "a"), ("p", "b"), ("p", "a"), ("q", "a")]);
        let ids: std::collections::BTreeSet<RowId> = items.iter().map(|item| item.id).collect();
        assert_eq!(ids.len(), 4);
        assert_eq!(items[0].id, RowId::of("p", "a", 0));
        assert_eq!(items[2].id, RowId::of("p", "a", 1));
    }

    #[test]
    fn canaries_are_made_of_answers_that_say_something() {
        let items = items(&[("p", " "), ("p", "a"), ("p", "a"), ("p", "b"), ("q", "c")]);
        let kinds = [PointCanary::Empty, PointCanary::ClaimsGood];
        let all = with_canaries(&items, &kinds, 2);
        let made: Vec<_> = all[5..].iter().map(|item| item.canary.unwrap()).collect();
        // The empty answer to p stands there once.
        assert_eq!(
            made,
            [
                (PointCanary::Empty, items[1].id),
                (PointCanary::ClaimsGood, items[1].id),
                (PointCanary::ClaimsGood, items[3].id),
            ]
        );
        assert_eq!(with_canaries(&items, &kinds, 0), items);
    }
}
