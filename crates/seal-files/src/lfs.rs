//! Pointers of Git LFS: what a clone holds in place of a large file that was not fetched.

/// How a pointer begins.
const BEGINS: &[u8] = b"version https://git-lfs.github.com/spec/";
/// No pointer is longer.
const MAX_BYTES: usize = 1024;

/// Whether `bytes`, a whole file or its beginning, are a Git LFS pointer. A file of
/// more than 1,024 bytes is none: give more than that of it, where it has more.
pub fn is_lfs_pointer(bytes: &[u8]) -> bool {
    bytes.len() <= MAX_BYTES && bytes.starts_with(BEGINS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_short_and_begins_with_its_version() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
        assert!(is_lfs_pointer(pointer));
        assert!(!is_lfs_pointer(&pointer[1..]));
        let text = [&pointer[..], &[b'a'; MAX_BYTES]].concat();
        assert!(!is_lfs_pointer(&text), "a text that quotes a pointer");
        assert!(!is_lfs_pointer(b""));
    }
}
