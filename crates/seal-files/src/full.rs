//! Full disks and rights that are lacking, wherever they are met.

use std::error::Error;
use std::io::{self, ErrorKind};

/// Whether the error, or one below it, is a disk without room or a quota that is used up.
pub fn is_disk_full(error: &(dyn Error + 'static)) -> bool {
    has(error, &[ErrorKind::StorageFull, ErrorKind::QuotaExceeded])
}

/// Whether the error, or one below it, is a right to a file or folder that the user lacks.
pub fn is_denied(error: &(dyn Error + 'static)) -> bool {
    has(error, &[ErrorKind::PermissionDenied])
}

/// Whether the error, or one below it, is a file system that is mounted read-only.
pub fn is_read_only(error: &(dyn Error + 'static)) -> bool {
    has(error, &[ErrorKind::ReadOnlyFilesystem])
}

fn has(error: &(dyn Error + 'static), kinds: &[ErrorKind]) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if kind.is_some_and(|kind| kinds.contains(&kind)) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Above(io::Error);

    impl std::fmt::Display for Above {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("above")
        }
    }

    impl Error for Above {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_full_disk_is_seen_below_other_errors() {
        for (kind, full) in [
            (ErrorKind::StorageFull, true),
            (ErrorKind::QuotaExceeded, true),
            (ErrorKind::NotFound, false),
        ] {
            assert_eq!(is_disk_full(&Above(kind.into())), full, "{kind}");
            assert_eq!(is_disk_full(&io::Error::from(kind)), full, "{kind}");
        }
        let (denied, fixed) = (ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem);
        let above = [denied, fixed].map(|kind| Above(kind.into()));
        assert_eq!([is_denied(&above[0]), is_denied(&above[1])], [true, false]);
        assert_eq!([is_read_only(&above[0]), is_read_only(&above[1])], [false, true]);
    }
}
