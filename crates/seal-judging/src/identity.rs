//! The name of an instruction in a line of the log.

use seal_judge::prompt::sha256_hex;

/// Digits of an instruction's hash in a line of the log.
const DIGITS: usize = 16;

/// The start of the SHA-256 of an instruction, as lines of the log have it.
pub(crate) fn instruction_id(instruction: &str) -> String {
    sha256_hex(instruction.as_bytes())[..DIGITS].to_owned()
}
