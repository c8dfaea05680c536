//! Loading a blob: resumed where it broke off, then checked.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use ureq::ResponseExt;
use ureq::http::StatusCode;

use crate::address::HubAddress;
use crate::answer::Meta;
use crate::cache::{BlobLock, RepoCache};
use crate::http::Http;
use crate::{Event, HubError, Progress};

const CHUNK: usize = 1 << 16;

/// Puts a blob in the cache, if it is not there. Gives whether it was loaded.
pub(crate) fn blob(
    http: &Http,
    cache: &RepoCache,
    of: &HubAddress,
    meta: &Meta,
    on: &dyn Progress,
) -> Result<bool, HubError> {
    let file = of.path().unwrap_or_default();
    let path = cache.blob(&meta.etag);
    // A blob gets its name only when it is whole; the length finds damage.
    let whole =
        || std::fs::metadata(&path).is_ok_and(|m| meta.size.is_none_or(|size| m.len() == size));
    if whole() {
        return Ok(false);
    }
    let lock = cache.lock(&meta.etag, file, on)?;
    if whole() {
        return Ok(false);
    }
    let resumed = fill(http, of, meta, &lock, on)?;
    if let Err(e) = check(of, meta, &lock.part, on) {
        delete(&lock.part)?;
        if !resumed {
            return Err(e);
        }
        // The fault may lie in the part that was there before.
        tracing::warn!("{e}; loading it from the start");
        fill(http, of, meta, &lock, on)?;
        if let Err(e) = check(of, meta, &lock.part, on) {
            delete(&lock.part)?;
            return Err(e);
        }
    }
    std::fs::rename(&lock.part, &path).map_err(|e| HubError::io("rename to", &path, e))?;
    on.event(&Event::Done { file });
    Ok(true)
}

/// Loads what is missing of the part. Gives whether some of it was there.
fn fill(
    http: &Http,
    of: &HubAddress,
    meta: &Meta,
    lock: &BlobLock,
    on: &dyn Progress,
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
    let mut failures = 0;
    while meta.size != Some(have) {
        let before = have;
        match more(http, of, meta, &mut part, path, &mut have, on) {
            Ok(()) => break,
            Err(e) => {
                if have > before {
                    failures = 0;
                }
                http.wait(of, e, &mut failures, on)?;
            }
        }
    }
    part.sync_all().map_err(|e| full(HubError::io("write", path, e), meta, have))?;
    Ok(resumed)
}

/// One request: appends what comes until the end or a failure.
fn more(
    http: &Http,
    of: &HubAddress,
    meta: &Meta,
    part: &mut File,
    path: &Path,
    have: &mut u64,
    on: &dyn Progress,
) -> Result<(), HubError> {
    let file = of.path().unwrap_or_default();
    let mut answer = http.body(of, &meta.url, *have)?;
    let starts = match answer.status() {
        StatusCode::PARTIAL_CONTENT => answer.headers().get("content-range").and_then(|value| {
            value.to_str().ok()?.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
        }),
        StatusCode::RANGE_NOT_SATISFIABLE => None,
        _ => Some(0),
    };
    if starts != Some(*have) {
        // The server does not continue where asked.
        restart(part, path, have)?;
        on.event(&Event::Start { file, done: 0, size: meta.size });
        if starts != Some(0) {
            answer = http.body(of, &meta.url, 0)?;
        }
    }
    let from = answer.get_uri().to_string();
    let broken = |e| http.broken(of, &from, e);
    let mut body = answer.body_mut().with_config().limit(u64::MAX).reader();
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(broken(ureq::Error::from(e))),
        };
        part.write_all(&buffer[..count])
            .map_err(|e| full(HubError::io("write", path, e), meta, *have))?;
        *have += count as u64;
        on.event(&Event::Bytes { file, count: count as u64 });
        if meta.size.is_some_and(|size| *have > size) {
            // Too long: the check says so.
            return Ok(());
        }
    }
    match meta.size {
        Some(size) if *have < size => Err(broken(ureq::Error::Io(ErrorKind::UnexpectedEof.into()))),
        _ => Ok(()),
    }
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

/// Compares length and checksum of the file on disk with what the hub says.
fn check(of: &HubAddress, meta: &Meta, path: &Path, on: &dyn Progress) -> Result<(), HubError> {
    let read = |e| HubError::io("read", path, e);
    let mut part = File::open(path).map_err(read)?;
    let found = part.metadata().map_err(read)?.len();
    if let Some(expected) = meta.size.filter(|size| *size != found) {
        return Err(HubError::Length { what: of.to_string(), expected, found });
    }
    let Some(expected) = &meta.sha256 else { return Ok(()) };
    on.event(&Event::Checking { file: of.path().unwrap_or_default() });
    let mut hash = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        match part.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => hash.update(&buffer[..count]),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(read(e)),
        }
    }
    let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if found == *expected {
        return Ok(());
    }
    Err(HubError::Checksum {
        what: of.to_string(),
        expected: expected.clone(),
        found,
        path: path.into(),
    })
}

fn delete(path: &Path) -> Result<(), HubError> {
    std::fs::remove_file(path).map_err(|e| HubError::io("delete", path, e))
}
