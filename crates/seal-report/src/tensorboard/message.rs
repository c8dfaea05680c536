//! The protocol-buffer messages of an event file, encoded. Only the fields that are written have code:
//! an `Event` with a step and either the version of the format or a summary of numbers.
//!
//! No event has a `wall_time`, which readers take for 0, the year 1970. A report knows no clock, so that
//! equal results give equal files. TensorBoard orders a curve by its steps.
//!
//! Field numbers: `tensorflow/core/util/event.proto` and `tensorflow/core/framework/summary.proto` of
//! TensorFlow, which TensorBoard has copies of.

/// Kinds of fields on the wire.
const VARINT: u64 = 0;
const BYTES: u64 = 2;
const FIXED32: u64 = 5;

/// The first event of a file.
pub(super) fn file_version() -> Vec<u8> {
    let mut event = Vec::new();
    bytes(&mut event, 3, b"brain.Event:2");
    event
}

/// An event with the numbers of one step. `simple_value` is an f32.
pub(super) fn scalars<'a>(step: u64, values: impl IntoIterator<Item = (&'a str, f64)>) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, value) in values {
        let mut one = Vec::new();
        bytes(&mut one, 1, tag.as_bytes());
        key(&mut one, 2, FIXED32);
        one.extend((value as f32).to_le_bytes());
        bytes(&mut summary, 1, &one);
    }
    let mut event = Vec::new();
    // The encoding leaves out a field that is 0.
    if step > 0 {
        key(&mut event, 2, VARINT);
        varint(&mut event, step);
    }
    bytes(&mut event, 5, &summary);
    event
}

fn key(to: &mut Vec<u8>, field: u64, kind: u64) {
    varint(to, field << 3 | kind);
}

fn bytes(to: &mut Vec<u8>, field: u64, content: &[u8]) {
    key(to, field, BYTES);
    varint(to, content.len() as u64);
    to.extend(content);
}

/// Groups of seven bits, the lowest first; the eighth says whether another follows.
fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_bytes_as_they_need() {
        let of = |value| {
            let mut to = Vec::new();
            varint(&mut to, value);
            to
        };
        assert_eq!(of(0), [0]);
        assert_eq!(of(127), [127]);
        assert_eq!(of(300), [0xac, 0x02]);
        assert_eq!(of(u64::MAX).len(), 10);
    }
}
