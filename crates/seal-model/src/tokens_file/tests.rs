//! What is written is read back, and nothing else is taken for it.

use proptest::prelude::*;

use super::*;
use crate::LeftOutKind;

fn id() -> impl Strategy<Value = RowId> {
    any::<[u8; 16]>().prop_map(RowId::from_bytes)
}

/// An example with several answers: `lengths` are those of prompt, answer, gap, answer, ..
fn example() -> impl Strategy<Value = Example> {
    (id(), prop::collection::vec(1..6_usize, 1..4), 1..6_usize, any::<u32>()).prop_map(
        |(id, answers, prompt, token)| {
            let mut skip = Vec::new();
            let mut at = prompt;
            for (i, length) in answers.iter().enumerate() {
                at += length;
                if i + 1 < answers.len() {
                    skip.push(at..at + 2);
                    at += 2;
                }
            }
            let tokens = (0..at as u32).map(|i| token.wrapping_mul(i + 1)).collect();
            Example { id, tokens, answer: prompt, skip }
        },
    )
}

fn left_out() -> impl Strategy<Value = LeftOutRow> {
    let kinds = [LeftOutKind::TooLong, LeftOutKind::EmptyPrompt, LeftOutKind::ChatTemplate];
    (id(), prop::sample::select(kinds.to_vec()), ".*").prop_map(|(id, kind, reason)| LeftOutRow {
        id,
        kind,
        reason,
    })
}

fn tokens() -> impl Strategy<Value = TokenizedSet> {
    let counts = || prop::collection::vec((id(), any::<usize>()), 0..3);
    let examples = prop::collection::vec(example(), 0..6);
    let unread = prop::collection::btree_map(".*", any::<usize>(), 0..3);
    (examples, prop::collection::vec(left_out(), 0..3), counts(), counts(), unread).prop_map(
        |(examples, left_out, special_in_text, unplaced, unread)| TokenizedSet {
            examples,
            left_out,
            special_in_text,
            unplaced,
            unread,
        },
    )
}

fn bytes(tokens: &TokenizedSet) -> Vec<u8> {
    let mut bytes = Vec::new();
    tokens.write_to(&mut bytes).unwrap();
    bytes
}

proptest! {
    #[test]
    fn tokens_are_read_back_as_they_were(tokens in tokens()) {
        prop_assert_eq!(TokenizedSet::from_bytes(&bytes(&tokens)).unwrap(), tokens);
    }

    #[test]
    fn a_file_that_was_cut_or_grew_is_refused(tokens in tokens(), at in any::<prop::sample::Index>()) {
        let mut whole = bytes(&tokens);
        let cut = &whole[..at.index(whole.len())];
        prop_assert!(TokenizedSet::from_bytes(cut).is_err());
        whole.push(b' ');
        let grown = matches!(TokenizedSet::from_bytes(&whole), Err(TokensError::Size { .. }));
        prop_assert!(grown);
    }

    /// Whatever a byte is changed to, there is an error or sound tokens, and no panic.
    #[test]
    fn no_damage_panics_or_makes_an_unsound_example(
        tokens in tokens(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut damaged = bytes(&tokens);
        let at = at.index(damaged.len());
        damaged[at] = byte;
        if let Ok(read) = TokenizedSet::from_bytes(&damaged) {
            prop_assert!(read.examples.iter().all(is_sound));
            prop_assert_eq!(read.tokens(), tokens.tokens());
        }
    }
}

#[test]
fn sizes_that_no_file_has_ask_for_no_memory() {
    for size in [u64::MAX, u64::MAX / 28, 1 << 60] {
        let mut bytes = MAGIC.to_vec();
        (0..4).for_each(|_| bytes.extend(size.to_le_bytes()));
        let refused = TokenizedSet::from_bytes(&bytes).unwrap_err();
        assert!(matches!(refused, TokensError::Size { found: 40, expected: None }), "{refused}");
    }
    let foreign = TokenizedSet::from_bytes(b"{\"rows\": 1}").unwrap_err();
    assert!(matches!(foreign, TokensError::Foreign), "{foreign}");
}

#[test]
fn a_row_without_an_answer_is_damage() {
    let id = RowId::from_bytes([7; 16]);
    for (answer, skip) in [(0, None), (3, None), (1, Some(1..2)), (1, Some(2..4))] {
        let skip = skip.into_iter().collect();
        let example = Example { id, tokens: vec![1, 2, 3], answer, skip };
        let tokens = TokenizedSet { examples: vec![example], ..TokenizedSet::default() };
        let refused = TokenizedSet::from_bytes(&bytes(&tokens)).unwrap_err();
        assert!(matches!(refused, TokensError::Row { row: 1 }), "{refused}");
    }
}

#[test]
fn a_file_is_written_whole_and_named_in_its_errors() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data.tokens");
    let tokens = TokenizedSet {
        examples: vec![Example::new(RowId::from_bytes([1; 16]), vec![1, u32::MAX, 3], 2)],
        ..TokenizedSet::default()
    };
    tokens.write(&path).unwrap();
    assert_eq!(TokenizedSet::read(&path).unwrap(), tokens);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    std::fs::write(&path, b"SEALTOK1").unwrap();
    let said = TokenizedSet::read(&path).unwrap_err().to_string();
    assert!(said.contains("data.tokens: has 8 bytes"), "{said}");
}

#[test]
fn ids_are_read_without_the_tokens() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("examples.tokens");
    let example = |n: u8| Example::new(RowId::from_bytes([n; 16]), vec![1, 2, 3], 1);
    let tokens = TokenizedSet { examples: vec![example(7), example(3)], ..TokenizedSet::default() };
    tokens.write(&path).unwrap();
    assert_eq!(TokenizedSet::read_ids(&path).unwrap(), tokens.ids());
    let whole = std::fs::read(&path).unwrap();
    // A file that was cut anywhere has another length than its sizes say.
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let said = TokenizedSet::read_ids(&path).unwrap_err();
        assert!(matches!(said, ModelError::Tokens { .. }), "{length}: {said}");
    }
    // Sizes that no file has.
    let mut large = whole.clone();
    large[8..16].fill(0xff);
    std::fs::write(&path, &large).unwrap();
    assert!(TokenizedSet::read_ids(&path).is_err());
    TokenizedSet::default().write(&path).unwrap();
    assert!(TokenizedSet::read_ids(&path).unwrap().is_empty());
}
