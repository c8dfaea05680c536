//! End records of zips, byte by byte.

use super::*;

/// Fields of an end record.
#[derive(Clone, Copy)]
struct End {
    disk: u16,
    directory_disk: u16,
    on_disk: u16,
    entries: u16,
    size: u32,
    start: u32,
    comment: u16,
}

const SOUND: End =
    End { disk: 0, directory_disk: 0, on_disk: 1, entries: 1, size: 4, start: 0, comment: 0 };

/// `before` bytes with the signature of a directory at `end.start`, and the end record.
fn zip(before: usize, end: End) -> Vec<u8> {
    let mut bytes = vec![0; before];
    let start = end.start as usize;
    if let Some(place) = bytes.get_mut(start..start + 4) {
        place.copy_from_slice(b"PK\x01\x02");
    }
    bytes.extend(b"PK\x05\x06");
    for field in [end.disk, end.directory_disk, end.on_disk, end.entries] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend(end.size.to_le_bytes());
    bytes.extend(end.start.to_le_bytes());
    bytes.extend(end.comment.to_le_bytes());
    bytes
}

fn refusal(before: usize, end: End) -> String {
    check_end(&zip(before, end)).map_or_else(|error| error.to_string(), |()| "none".to_owned())
}

#[test]
fn a_sound_end_is_taken() {
    assert_eq!(refusal(4, SOUND), "none");
    // Both halves of a place count.
    assert_eq!(refusal(80_004, End { start: 80_000, ..SOUND }), "none");
    let most = u16::try_from(MAX_ENTRIES).unwrap();
    assert_eq!(refusal(4, End { on_disk: most, entries: most, ..SOUND }), "none");
    let size = u32::try_from(MAX_DIRECTORY).unwrap();
    assert_eq!(refusal(MAX_DIRECTORY, End { size, ..SOUND }), "none");
}

#[test]
fn parts_and_comments_are_refused_each() {
    let several = "a zip of several parts or with a comment";
    for end in [
        End { disk: 1, ..SOUND },
        End { directory_disk: 1, ..SOUND },
        End { on_disk: 2, ..SOUND },
        End { comment: 1, ..SOUND },
        // Equal numbers of two parts are two parts.
        End { disk: 1, directory_disk: 1, ..SOUND },
    ] {
        assert_eq!(refusal(4, end), several);
    }
}

#[test]
fn counts_and_places_are_bounded() {
    let entries = |n: u16| refusal(4, End { on_disk: n, entries: n, ..SOUND });
    assert_eq!(entries(0), "a zip of 0 entries, 1 to 16 are read");
    assert_eq!(entries(17), "a zip of 17 entries, 1 to 16 are read");
    // One byte more than there are before the record.
    let beyond = "a zip directory of 5 bytes at byte 0, outside its place";
    assert_eq!(refusal(4, End { size: 5, ..SOUND }), beyond);
    let size = u32::try_from(MAX_DIRECTORY + 1).unwrap();
    let long = format!("a zip directory of {size} bytes at byte 0, outside its place");
    assert_eq!(refusal(MAX_DIRECTORY + 1, End { size, ..SOUND }), long);
}

/// As far back as other readers look: a comment of 65,536 bytes and two records.
#[test]
fn a_second_end_is_seen_as_far_as_others_look() {
    let with_second = |distance: usize| {
        let mut bytes = zip(70_000, SOUND);
        bytes[70_000 - distance..][..4].copy_from_slice(b"PK\x05\x06");
        check_end(&bytes)
    };
    for distance in [4, 1_000, 65_536 + 44] {
        assert!(matches!(with_second(distance), Err(ContainerError::TwoEnds)), "{distance}");
    }
    assert!(with_second(65_536 + 45).is_ok());
}
