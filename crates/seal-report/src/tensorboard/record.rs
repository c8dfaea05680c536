//! The frame of a record in an event file (TFRecord): length, its checksum, content, its checksum.

/// Adds `content` as one record.
pub(super) fn add(file: &mut Vec<u8>, content: &[u8]) {
    let length = (content.len() as u64).to_le_bytes();
    file.extend(length);
    file.extend(masked(&length).to_le_bytes());
    file.extend(content);
    file.extend(masked(content).to_le_bytes());
}

/// CRC-32C, turned and moved: a checksum of content that has checksums in it would otherwise be weak.
fn masked(content: &[u8]) -> u32 {
    crc32c::crc32c(content).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_the_published_checksums() {
        // RFC 3720, B.4: 32 bytes of zeros.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        let mut file = Vec::new();
        add(&mut file, b"abc");
        assert_eq!(file.len(), 8 + 4 + 3 + 4);
        assert_eq!(&file[..8], 3_u64.to_le_bytes());
        assert_eq!(&file[12..15], b"abc");
    }
}
