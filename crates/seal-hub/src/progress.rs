//! What a caller sees of a download while it runs.

use std::time::Duration;

/// Something that happened. `file` is the path in the repository; `done`, `count`
/// and `size` are bytes, and `size` is `None` where the hub does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are explained above")]
pub enum Event<'a> {
    /// A download starts, or starts over, with `done` bytes there already.
    Start { file: &'a str, done: u64, size: Option<u64> },
    /// `count` more bytes are on disk.
    Bytes { file: &'a str, count: u64 },
    /// A failure that may pass: the next attempt comes after `wait`.
    Waiting { file: &'a str, wait: Duration },
    /// Another process or thread loads the same file.
    Locked { file: &'a str },
    /// The copy in the cache is not what was loaded: it is loaded anew.
    Damaged { file: &'a str },
    /// All bytes are there; their checksum is computed.
    Checking { file: &'a str },
    /// The file is in the cache.
    Done { file: &'a str },
}

/// Told of events as they happen, in the thread of the download.
pub trait DownloadProgress {
    /// Draws, counts, or does nothing.
    fn event(&self, event: &Event<'_>);
}

impl<F: Fn(&Event<'_>)> DownloadProgress for F {
    fn event(&self, event: &Event<'_>) {
        self(event);
    }
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl DownloadProgress for Silent {
    fn event(&self, _: &Event<'_>) {}
}
