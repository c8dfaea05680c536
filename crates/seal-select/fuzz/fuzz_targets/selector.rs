//! Files of any bytes through the readers of selectors: the first byte chooses
//! between a checkpoint of PyTorch and JSON lines. What is read is finite; what
//! was read from JSON lines is written and read again as the same.
//!
//! Run as `crates/seal-data/fuzz/fuzz_targets/rows.rs` says, from
//! `crates/seal-select/fuzz`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use seal_select::{PublishedSelector, SelectorFile};

fuzz_target!(|data: &[u8]| {
    let [kind, bytes @ ..] = data else { return };
    if kind & 1 == 0 {
        let Ok(published) = PublishedSelector::from_pt(bytes) else { return };
        assert!(published.logits.iter().all(|w| w.is_finite()), "logits are numbers");
        assert!(4 * published.logits.len() <= bytes.len(), "no logit without its bytes");
        return;
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(file) = SelectorFile::from_jsonl(text) else { return };
    assert_eq!(file.header.rows, file.rows.len(), "the header counts the rows");
    assert!(file.rows.iter().all(|row| row.omega.is_finite()), "logits are numbers");
    let again = file.to_jsonl().expect("what was read can be written");
    assert_eq!(SelectorFile::from_jsonl(&again).expect("and read"), file);
});
