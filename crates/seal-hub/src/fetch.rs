//! Loading a blob: resumed where it broke off, then checked.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use ureq::Body;
use ureq::http::{Response, StatusCode};

use crate::address::HubAddress;
use crate::answer::Meta;
use crate::cache::{BlobLock, RepoCache};
use crate::http::Http;
use crate::verify::{self, BlobState, Checksums};
use crate::{DownloadProgress, Event, HubError};

const CHUNK: usize = 1 << 16;

/// A file that is summed in next to no time, so that it is looked at again whenever
/// a server says that more is to come.
const QUICK: u64 = 1 << 20;
/// Bytes before the end that a server speaks of within which a file may be whole.
const NEAR: u64 = 64 << 10;

/// Puts a blob in the cache, if it is not there whole. Gives whether it was loaded.
pub(crate) fn blob(
    http: &Http,
    cache: &RepoCache,
    of: &HubAddress,
    meta: &Meta,
    on: &dyn DownloadProgress,
) -> Result<bool, HubError> {
    let file = of.path().unwrap_or_default();
    let path = cache.blob(&meta.etag);
    let whole = || -> Result<bool, HubError> {
        Ok(match verify::blob(cache, &meta.etag, meta.size, file, on)? {
            // The length is right then.
            BlobState::Whole | BlobState::Unknown => true,
            BlobState::Absent | BlobState::Damaged(_) | BlobState::Suspect(_) => false,
        })
    };
    if whole()? {
        return Ok(false);
    }
    let lock = cache.lock(&meta.etag, file, on)?;
    match verify::blob(cache, &meta.etag, meta.size, file, on)? {
        BlobState::Whole | BlobState::Unknown => return Ok(false),
        BlobState::Damaged(why) | BlobState::Suspect(why) => {
            tracing::warn!("{of}: the copy in the cache {why}; loading it anew");
            on.event(&Event::Damaged { file });
        }
        BlobState::Absent => {}
    }
    let resumed = fill(http, of, meta, &lock, on)?;
    let sums = match check(of, meta, &lock.part, on) {
        Ok(sums) => sums,
        Err(e) => {
            delete(&lock.part)?;
            if !resumed {
                return Err(e);
            }
            // The fault may lie in the part that was there before.
            tracing::warn!("{e}; loading it from the start");
            fill(http, of, meta, &lock, on)?;
            match check(of, meta, &lock.part, on) {
                Ok(sums) => sums,
                Err(e) => {
                    delete(&lock.part)?;
                    return Err(e);
                }
            }
        }
    };
    std::fs::rename(&lock.part, &path).map_err(|e| HubError::io("rename to", &path, e))?;
    verify::write_note(cache, &meta.etag, &sums);
    on.event(&Event::Done { file });
    Ok(true)
}

/// How a request for bytes ended.
enum BodyEnd {
    /// With as many bytes as there should be, or with no more to be had.
    Whole,
    /// Before that, though no connection broke: the server has no more.
    Short,
}

/// Loads what is missing of the part. Gives whether some of it was there.
fn fill(
    http: &Http,
    of: &HubAddress,
    meta: &Meta,
    lock: &BlobLock,
    on: &dyn DownloadProgress,
) -> Result<bool, HubError> {
    let path = &lock.part;
    let mut part = File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|e| HubError::io("write", path, e))?;
    let mut have = part.metadata().map_err(|e| HubError::io("read", path, e))?.len();
    // Without a length there is no telling whether a part is the whole.
    if meta.size.is_none_or(|size| have > size) {
        restart(&part, path, &mut have)?;
    }
    let resumed = have > 0;
    let file = of.path().unwrap_or_default();
    on.event(&Event::Start { file, done: have, size: meta.size });
    let (mut failures, mut most, mut short) = (0, have, None);
    while meta.size != Some(have) {
        let end = more(http, of, meta, &mut part, path, &mut have, on);
        if matches!(end, Ok(BodyEnd::Whole)) || proven(meta, path, have)? {
            break;
        }
        let e = match end {
            Err(e) => e,
            // The server says twice that this is the end: the check says what is wrong.
            Ok(_) if short == Some(have) => break,
            Ok(_) => {
                short = Some(have);
                http.broken(of, &meta.url.parse().unwrap_or_default(), eof())
            }
        };
        // Progress beyond all that was there: a server that starts over each time
        // makes none.
        if have > most {
            (failures, most) = (0, have);
        }
        http.wait(of, e, &mut failures, on)?;
    }
    part.sync_all().map_err(|e| full(HubError::io("write", path, e), meta, have))?;
    Ok(resumed)
}

fn eof() -> ureq::Error {
    ureq::Error::Io(ErrorKind::UnexpectedEof.into())
}

/// Whether what is there is the whole file by its checksum, whatever length the
/// server speaks of. Looks at small files only.
fn proven(meta: &Meta, path: &Path, have: u64) -> Result<bool, HubError> {
    // Lengths that are wrong are so by little. Far from the end there is nothing to prove.
    let is_near = |size: u64| size > have && size - have <= NEAR;
    if have == 0 || have > QUICK || !meta.size.is_some_and(is_near) {
        return Ok(false);
    }
    Ok(Checksums::of(path)?.prove(&meta.etag) == Some(true))
}

/// One request: appends what comes until the end or a failure.
fn more(
    http: &Http,
    of: &HubAddress,
    meta: &Meta,
    part: &mut File,
    path: &Path,
    have: &mut u64,
    on: &dyn DownloadProgress,
) -> Result<BodyEnd, HubError> {
    let file = of.path().unwrap_or_default();
    let (mut answer, mut from) = http.body(of, &meta.url, *have)?;
    let starts = match answer.status() {
        StatusCode::PARTIAL_CONTENT => range_start(&answer),
        StatusCode::RANGE_NOT_SATISFIABLE => None,
        _ => Some(0),
    };
    if starts != Some(*have) {
        // The server does not continue where asked.
        restart(part, path, have)?;
        on.event(&Event::Start { file, done: 0, size: meta.size });
        if starts != Some(0) {
            (answer, from) = http.body(of, &meta.url, 0)?;
            if answer.status() == StatusCode::RANGE_NOT_SATISFIABLE {
                return Ok(BodyEnd::Short);
            }
        }
    }
    let mut body = answer.body_mut().with_config().limit(u64::MAX).reader();
    let mut buffer = vec![0; CHUNK];
    loop {
        // All is there: a server that announced more would be waited for in vain.
        if meta.size.is_some_and(|size| *have >= size) || proven(meta, path, *have)? {
            return Ok(BodyEnd::Whole);
        }
        let count = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(http.broken(of, &from, ureq::Error::from(e))),
        };
        keep(part, &buffer[..count])
            .map_err(|e| full(HubError::io("write", path, e), meta, *have))?;
        *have += count as u64;
        on.event(&Event::Bytes { file, count: count as u64 });
    }
    Ok(match meta.size {
        Some(size) if *have < size => BodyEnd::Short,
        _ => BodyEnd::Whole,
    })
}

/// The first byte of a part of a file.
fn range_start(answer: &Response<Body>) -> Option<u64> {
    let range = answer.headers().get("content-range")?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

fn keep(part: &mut impl Write, bytes: &[u8]) -> std::io::Result<()> {
    part.write_all(bytes)
}

fn restart(part: &File, path: &Path, have: &mut u64) -> Result<(), HubError> {
    part.set_len(0).map_err(|e| HubError::io("empty", path, e))?;
    *have = 0;
    Ok(())
}

/// Says of a full disk how much is missing.
fn full(error: HubError, meta: &Meta, have: u64) -> HubError {
    match (error, meta.size) {
        (HubError::DiskFull { path, .. }, Some(size)) => {
            let needed = format!(", with {} bytes still to come", size.saturating_sub(have));
            HubError::DiskFull { path, needed }
        }
        (error, _) => error,
    }
}

/// Compares the file on disk with what the hub says: its checksum where that is
/// known, else its length.
fn check(
    of: &HubAddress,
    meta: &Meta,
    path: &Path,
    on: &dyn DownloadProgress,
) -> Result<Checksums, HubError> {
    on.event(&Event::Checking { file: of.path().unwrap_or_default() });
    let sums = Checksums::of(path)?;
    let wrong_length = meta.size.filter(|size| *size != sums.len);
    match (sums.prove(&meta.etag), wrong_length) {
        (Some(true), None) | (None, None) => Ok(sums),
        (Some(true), Some(said)) => {
            let found = sums.len;
            tracing::warn!("{of}: {found} bytes with the right checksum; the hub says {said}");
            Ok(sums)
        }
        (Some(false), None) => Err(HubError::Checksum {
            what: of.to_string(),
            expected: verify::sha256_of(&meta.etag).unwrap_or_default(),
            found: sums.sha256,
            path: path.into(),
        }),
        (_, Some(expected)) => {
            Err(HubError::Length { what: of.to_string(), expected, found: sums.len })
        }
    }
}

fn delete(path: &Path) -> Result<(), HubError> {
    std::fs::remove_file(path).map_err(|e| HubError::io("delete", path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_says_how_much_is_missing() {
        let meta =
            Meta { commit: String::new(), etag: "a".into(), size: Some(5000), url: String::new() };
        let e = keep(&mut Full, b"x").unwrap_err();
        let e = full(HubError::io("write", Path::new("blobs/a"), e), &meta, 1000);
        assert!(matches!(e, HubError::DiskFull { .. }) && !e.is_retryable(), "{e:?}");
        assert!(e.to_string().contains("4000 bytes still to come"), "{e}");
        assert!(e.to_string().contains("HF_HUB_CACHE"), "{e}");
    }
}
