//! Work in parts, of which a killed run leaves the finished ones.
//!
//! A part is one line: the BLAKE3 of what follows it, a space, and its records as JSON. A line
//! that breaks off, or was changed, ends what is taken up; the parts after it are made again.
//! The parts must follow from the stage's key alone, so that a run that goes on gives the
//! bytes of one that was never stopped.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use seal_files::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;

/// The records of parts `0..parts`, one after another: those in `dir/name` first, then those
/// that `make` makes, each added there as soon as it is finished. `dir` is made if need be.
///
/// # Errors
/// What `make` reports; a file that cannot be read or written.
pub fn in_parts<T, E>(
    dir: &Path,
    name: &str,
    parts: usize,
    mut make: impl FnMut(usize) -> Result<Vec<T>, E>,
) -> Result<Vec<T>, E>
where
    T: Serialize + DeserializeOwned,
    E: From<StoreError>,
{
    let folders = [dir.parent(), Some(dir)].into_iter().flatten();
    for folder in folders.filter(|folder| !folder.as_os_str().is_empty()) {
        seal_files::refuse_link(folder).map_err(StoreError::io(folder))?;
    }
    std::fs::create_dir_all(dir).map_err(StoreError::io(dir))?;
    let path = dir.join(name);
    let (found, whole) = read(&path, parts)?;
    if !found.is_empty() {
        tracing::info!(file = %path.display(), found = found.len(), parts, "goes on");
    }
    let mut file = open(&path, whole)?;
    let first = found.len();
    let mut records: Vec<T> = found.into_iter().flatten().collect();
    for part in first..parts {
        let made = make(part)?;
        // One write a line: what is killed between two leaves whole lines.
        let line = line(&made).map_err(StoreError::json(&path))?;
        file.write_all(line.as_bytes()).map_err(StoreError::io(&path))?;
        records.extend(made);
    }
    Ok(records)
}

fn line<T: Serialize>(records: &[T]) -> Result<String, serde_json::Error> {
    let json = serde_json::to_string(records)?;
    Ok(format!("{} {json}\n", Digest::of(&json).short()))
}

/// The whole parts that the file begins with, at most `parts`, and their length in bytes.
fn read<T: DeserializeOwned>(path: &Path, parts: usize) -> Result<(Vec<Vec<T>>, u64), StoreError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(e) => return Err(StoreError::io(path)(e)),
    };
    let (mut found, mut whole) = (Vec::new(), 0);
    for line in bytes.split_inclusive(|byte| *byte == b'\n').take(parts) {
        let Some(records) = parse_part(line) else { break };
        found.push(records);
        whole += line.len() as u64;
    }
    Ok((found, whole))
}

fn parse_part<T: DeserializeOwned>(line: &[u8]) -> Option<Vec<T>> {
    let text = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (digest, json) = text.split_once(' ')?;
    (digest == Digest::of(json).short()).then(|| serde_json::from_str(json).ok())?
}

fn open(path: &Path, whole: u64) -> Result<File, StoreError> {
    let file = seal_files::append(path).map_err(StoreError::io(path))?;
    file.set_len(whole).map_err(StoreError::io(path))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logged::logged;

    const TEXTS: [&str; 4] = ["a", "Ω and \u{1f980}", "", "four"];

    fn make(made: &mut Vec<usize>, part: usize) -> Result<Vec<String>, StoreError> {
        made.push(part);
        Ok(vec![TEXTS[part].to_owned(), format!("{part}")])
    }

    #[test]
    fn whatever_a_killed_run_leaves_the_records_are_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("unfinished");
        let mut made = Vec::new();
        let all = in_parts(&dir, "t", 4, |part| make(&mut made, part)).unwrap();
        assert_eq!(made, [0, 1, 2, 3]);
        let whole = std::fs::read(dir.join("t")).unwrap();
        let ends: Vec<usize> =
            (0..whole.len()).filter(|i| whole[*i] == b'\n').map(|i| i + 1).collect();
        // Cut anywhere, also inside a character.
        for cut in 0..=whole.len() {
            std::fs::write(dir.join("t"), &whole[..cut]).unwrap();
            let mut made = Vec::new();
            assert_eq!(in_parts(&dir, "t", 4, |part| make(&mut made, part)).unwrap(), all);
            let kept = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!(made, (kept..4).collect::<Vec<_>>(), "{cut}");
            assert_eq!(std::fs::read(dir.join("t")).unwrap(), whole);
        }
        // A changed bit anywhere.
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            std::fs::write(dir.join("t"), &bytes).unwrap();
            let again = in_parts(&dir, "t", 4, |part| make(&mut Vec::new(), part)).unwrap();
            assert_eq!(again, all, "{at}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let (outside, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let link = root.path().join("link");
        std::os::unix::fs::symlink(outside.path(), &link).unwrap();
        for dir in [link.clone(), link.join("inside")] {
            assert!(in_parts(&dir, "t", 1, |part| make(&mut Vec::new(), part)).is_err());
        }
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    /// Else it would count as having no parts, and be cut off.
    #[test]
    fn a_file_that_cannot_be_read_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("t")).unwrap();
        assert!(matches!(read::<String>(&dir.path().join("t"), 1), Err(StoreError::Io { .. })));
        let none = read::<String>(&dir.path().join("gone"), 1).unwrap();
        assert_eq!(none, (Vec::new(), 0));
    }

    #[test]
    fn the_log_says_where_work_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let run = |parts: usize| {
            logged(|| {
                in_parts(dir.path(), "t", parts, |part| make(&mut Vec::new(), part)).unwrap();
            })
        };
        assert_eq!(run(2), Vec::<String>::new());
        assert_eq!(run(4), ["goes on"]);
    }

    #[test]
    fn a_failure_leaves_what_was_finished() {
        let dir = tempfile::tempdir().unwrap();
        let failed = in_parts(dir.path(), "t", 4, |part| match part {
            2 => Err(StoreError::NoFiles { dir: dir.path().into() }),
            _ => make(&mut Vec::new(), part),
        });
        assert!(failed.is_err());
        let mut made = Vec::new();
        in_parts(dir.path(), "t", 4, |part| make(&mut made, part)).unwrap();
        assert_eq!(made, [2, 3]);
    }
}
