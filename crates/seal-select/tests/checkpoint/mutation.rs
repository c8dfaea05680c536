//! Random damage: a file gives the same logits or an error, and no panic.

use proptest::prelude::*;
use seal_select::PublishedSelector;

use crate::build::{LOGITS, Tensor, with_pickle};
use crate::pytorch::PARAMETER;

fn same_or_refused(bytes: &[u8]) -> bool {
    PublishedSelector::from_pt(bytes)
        .map_or(true, |published| published.logits == LOGITS.map(f64::from))
}

#[test]
fn a_file_that_breaks_off_is_refused_wherever_it_does() {
    for length in 0..PARAMETER.len() {
        assert!(PublishedSelector::from_pt(&PARAMETER[..length]).is_err(), "{length}");
    }
}

#[test]
fn each_single_flipped_bit() {
    let mut refused = 0;
    for bit in 0..8 * PARAMETER.len() {
        let mut bytes = PARAMETER.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(same_or_refused(&bytes), "bit {bit}");
        refused += usize::from(PublishedSelector::from_pt(&bytes).is_err());
    }
    // The rest is padding, times, versions and the folder's name.
    assert!(refused > 4 * PARAMETER.len(), "{refused}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn bytes_changed_in_a_file(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut bytes = PARAMETER.to_vec();
        for (at, value) in changes {
            bytes[at.index(PARAMETER.len())] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(PARAMETER.len()));
        }
        prop_assert!(same_or_refused(&bytes));
    }

    /// Behind a checksum that fits, so that the change reaches the comparison.
    #[test]
    fn bytes_changed_in_the_bytecode(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        insert in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let mut pickle = Tensor::default().pickle();
        let length = pickle.len();
        for (at, value) in changes {
            pickle[at.index(length)] = value;
        }
        if let Some((at, value)) = insert {
            pickle.insert(at.index(length), value);
        }
        prop_assert!(same_or_refused(&with_pickle(pickle)));
    }

    #[test]
    fn random_bytecode(code in prop::collection::vec(any::<u8>(), 0..300)) {
        let pickle = [b"\x80\x02".as_slice(), &code].concat();
        prop_assert!(PublishedSelector::from_pt(&with_pickle(pickle)).is_err());
    }

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(PublishedSelector::from_pt(&bytes).is_err());
        let zip_like = [b"PK\x03\x04", bytes.as_slice(), &PARAMETER[PARAMETER.len() - 22..]];
        prop_assert!(PublishedSelector::from_pt(&zip_like.concat()).is_err());
    }
}
