//! Zips that ask a reader for memory: bytes changed in a valid one. Offsets
//! are those of PKWARE's APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.

use crate::build::{Tensor, entries, find, with_pickle, zip_of};

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: usize = 22;

fn set(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// Changes both headers of the third entry, the numbers: fields of the local
/// header, and of the directory, which has them two bytes later.
fn numbers_with(changes: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = zip_of(&entries());
    let (local, central) = (find(&bytes, LOCAL, 2), find(&bytes, CENTRAL, 2));
    for (at, value) in changes {
        set(&mut bytes, local + at, value);
        set(&mut bytes, central + at + 2, value);
    }
    bytes
}

/// The numbers said to be 4 GB, compressed into the few bytes there are.
pub fn bomb() -> Vec<u8> {
    numbers_with(&[(8, &8u16.to_le_bytes()), (22, &0xffff_fff0u32.to_le_bytes())])
}

/// The numbers said to be 4 GB, stored.
pub fn huge_entry() -> Vec<u8> {
    let size = 0xffff_fff0u32.to_le_bytes();
    numbers_with(&[(18, &size), (22, &size)])
}

/// The numbers said to be encrypted.
pub fn encrypted() -> Vec<u8> {
    numbers_with(&[(6, &1u16.to_le_bytes())])
}

/// An end record with the most entries that it can tell of.
pub fn many_entries() -> Vec<u8> {
    let mut bytes = zip_of(&entries());
    let end = bytes.len() - END;
    set(&mut bytes, end + 8, &[0xff; 4]);
    bytes
}

/// An end record with a directory of 4 GB.
pub fn huge_directory() -> Vec<u8> {
    let mut bytes = zip_of(&entries());
    let end = bytes.len() - END;
    set(&mut bytes, end + 12, &0xffff_fff0u32.to_le_bytes());
    bytes
}

/// A good end record behind one that promises 65,535 entries.
pub fn two_end_records() -> Vec<u8> {
    let many = many_entries();
    let mut bytes = zip_of(&entries());
    bytes.splice(bytes.len() - END..bytes.len() - END, many[many.len() - END..].to_vec());
    bytes
}

/// A pickle that tells of 10 GB.
pub fn huge_tensor() -> Vec<u8> {
    let rows = 10 * (1 << 30) / 4;
    with_pickle(Tensor { stored: rows, shape: vec![rows], ..Tensor::default() }.pickle())
}
