//! Text of strangers in errors.

use seal_text::escape_start;

/// Text of a stranger in an error: its first 40 characters, without those that act on a
/// terminal.
pub(crate) fn shown(text: &str) -> String {
    escape_start(text, 40)
}
