//! Pickle bytecode, cut into opcodes.
//!
//! Known are the opcodes that protocol 2 uses for tensors in dicts; the
//! meaning of each is in the comments of Python's `pickletools`.

use std::fmt;

use super::error::CheckpointError;
use crate::shown::shown;

/// An opcode with its argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Op<'a> {
    Proto(u8),
    /// A name to import: module and attribute.
    Global(&'a str, &'a str),
    Put(u8),
    Get(u8),
    Mark,
    Text(&'a str),
    Int(i64),
    Bool(bool),
    /// A tuple of so many values, at most 3.
    Tuple(usize),
    /// A tuple of all values since the mark.
    MarkedTuple,
    EmptyDict,
    SetItem,
    PersistentId,
    /// A call.
    Reduce,
    Stop,
    /// Any other, by its byte.
    Other(u8),
}

/// Walks over bytecode.
pub(super) struct Opcodes<'a> {
    bytes: &'a [u8],
    /// Where the next opcode starts.
    next: usize,
    /// Where the last one started.
    at: usize,
}

impl<'a> Opcodes<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, next: 0, at: 0 }
    }

    /// Bytes that are left.
    pub(super) fn rest(&self) -> usize {
        self.bytes.len() - self.next
    }

    /// An error at the last opcode.
    pub(super) fn refuse(
        &self,
        found: impl fmt::Display,
        expected: &'static str,
    ) -> CheckpointError {
        CheckpointError::Pickle { at: self.at, found: found.to_string(), expected }
    }

    /// The next opcode; an error where the bytecode ends inside it.
    pub(super) fn next(&mut self) -> Result<Op<'a>, CheckpointError> {
        self.at = self.next;
        let [code] = self.array()?;
        Ok(match code {
            0x80 => Op::Proto(self.array::<1>()?[0]),
            b'c' => Op::Global(self.line()?, self.line()?),
            b'q' => Op::Put(self.array::<1>()?[0]),
            b'h' => Op::Get(self.array::<1>()?[0]),
            b'(' => Op::Mark,
            b'X' => {
                let length = u32::from_le_bytes(self.array()?) as usize;
                Op::Text(self.utf8(length)?)
            }
            b'K' => Op::Int(self.array::<1>()?[0].into()),
            b'M' => Op::Int(u16::from_le_bytes(self.array()?).into()),
            b'J' => Op::Int(i32::from_le_bytes(self.array()?).into()),
            0x8a => Op::Int(self.long()?),
            0x88 => Op::Bool(true),
            0x89 => Op::Bool(false),
            b')' => Op::Tuple(0),
            0x85..=0x87 => Op::Tuple(usize::from(code - 0x84)),
            b't' => Op::MarkedTuple,
            b'}' => Op::EmptyDict,
            b's' => Op::SetItem,
            b'Q' => Op::PersistentId,
            b'R' => Op::Reduce,
            b'.' => Op::Stop,
            other => Op::Other(other),
        })
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], CheckpointError> {
        let taken = self.next.checked_add(length).and_then(|end| self.bytes.get(self.next..end));
        let Some(taken) = taken else {
            return Err(self.refuse("the end of the entry", "a complete opcode"));
        };
        self.next += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CheckpointError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn utf8(&mut self, length: usize) -> Result<&'a str, CheckpointError> {
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|_| self.refuse("bytes that are no text", "UTF-8"))
    }

    /// Text up to a newline, which is passed over.
    fn line(&mut self) -> Result<&'a str, CheckpointError> {
        let rest = &self.bytes[self.next..];
        let length = rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
        let line = self.utf8(length)?;
        self.take(1)?;
        Ok(line)
    }

    /// An integer of up to 8 bytes, its length before it.
    fn long(&mut self) -> Result<i64, CheckpointError> {
        let [length] = self.array()?;
        if length > 8 {
            return Err(self.refuse("an integer of more than 64 bits", "a smaller one"));
        }
        let bytes = self.take(length.into())?;
        // Two's complement: the top byte's sign fills what is left.
        let sign = if bytes.last().is_some_and(|b| b & 0x80 != 0) { 0xff } else { 0 };
        let mut array = [sign; 8];
        array[..bytes.len()].copy_from_slice(bytes);
        Ok(i64::from_le_bytes(array))
    }
}

impl fmt::Display for Op<'_> {
    /// For an error's text: the name that `pickletools` shows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proto(version) => write!(f, "PROTO {version}"),
            Self::Global(module, name) => {
                write!(f, "GLOBAL `{}.{}`", shown(module), shown(name))
            }
            Self::Put(memo) => write!(f, "BINPUT {memo}"),
            Self::Get(memo) => write!(f, "BINGET {memo}"),
            Self::Mark => f.write_str("MARK"),
            Self::Text(text) => write!(f, "the text `{}`", shown(text)),
            Self::Int(value) => write!(f, "the integer {value}"),
            Self::Bool(value) => write!(f, "the flag {value}"),
            Self::Tuple(length) => write!(f, "a tuple of {length}"),
            Self::MarkedTuple => f.write_str("TUPLE"),
            Self::EmptyDict => f.write_str("EMPTY_DICT"),
            Self::SetItem => f.write_str("SETITEM"),
            Self::PersistentId => f.write_str("BINPERSID"),
            Self::Reduce => f.write_str("REDUCE"),
            Self::Stop => f.write_str("STOP"),
            Self::Other(code) => match code {
                b']' => f.write_str("EMPTY_LIST"),
                b'a' => f.write_str("APPEND"),
                b'b' => f.write_str("BUILD"),
                b'i' => f.write_str("INST"),
                b'o' => f.write_str("OBJ"),
                b'u' => f.write_str("SETITEMS"),
                0x81 => f.write_str("NEWOBJ"),
                0x93 => f.write_str("STACK_GLOBAL"),
                _ => write!(f, "the opcode 0x{code:02x}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names are those of `pickletools.opcodes`.
    #[test]
    fn opcodes_that_are_not_used_are_shown_by_their_names() {
        let shown = |code: u8| Op::Other(code).to_string();
        let codes = [b']', b'a', b'b', b'i', b'o', b'u', 0x81, 0x93, 0xff];
        assert_eq!(
            codes.map(shown).join(" "),
            "EMPTY_LIST APPEND BUILD INST OBJ SETITEMS NEWOBJ STACK_GLOBAL the opcode 0xff"
        );
    }

    /// Values and bytes are those of `pickle.encode_long`.
    #[test]
    fn integers_of_any_length_keep_their_sign() {
        let cases: [(i64, &[u8]); 7] = [
            (0, &[]),
            (127, &[0x7f]),
            (-1, &[0xff]),
            (-128, &[0x80]),
            (128, &[0x80, 0x00]),
            (-32_768, &[0x00, 0x80]),
            (i64::MIN, &[0, 0, 0, 0, 0, 0, 0, 0x80]),
        ];
        for (value, bytes) in cases {
            let length = u8::try_from(bytes.len()).unwrap();
            let code = [&[0x8a, length], bytes].concat();
            assert_eq!(Opcodes::new(&code).next().unwrap(), Op::Int(value));
        }
        assert!(Opcodes::new(&[0x8a, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0]).next().is_err());
    }
}
