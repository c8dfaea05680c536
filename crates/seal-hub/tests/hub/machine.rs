//! The machine around the client: certificates, the disk, the log.

use std::sync::Mutex;

use seal_hub::{Hub, HubError, Silent};

use crate::failures::{FILE, fails};
use crate::server::{SECRET, Server, address, large, sha256};

#[test]
fn no_tls_where_tls_was_asked_for() {
    let server = Server::new(&[]);
    let e = fails(&server.hub_with(|s| s.endpoint = s.endpoint.replace("http:", "https:")));
    assert!(matches!(e, HubError::Tls { .. }) && !e.is_retryable(), "{e:?}");
}

#[test]
fn a_file_of_authorities_must_hold_some() {
    let server = Server::new(&[]);
    let file = server.cache.path().join("ca.pem");
    let open = || {
        let mut settings = server.settings();
        settings.authorities = Some(file.clone());
        Hub::new(settings).err().unwrap().to_string()
    };
    assert!(open().contains("ca.pem: cannot be read"), "{}", open());
    std::fs::write(&file, "no certificate").unwrap();
    assert!(open().contains("SSL_CERT_FILE"), "{}", open());
}

/// `/dev/full` takes no byte.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk() {
    let stored = large(1, 5000);
    let server = Server::new(&[("a.bin", stored.clone())]);
    let blobs = server.cache.path().join("hub/models--o--n/blobs");
    std::fs::create_dir_all(&blobs).unwrap();
    let part = blobs.join(format!("{}.seal.incomplete", sha256(&stored.bytes)));
    std::os::unix::fs::symlink("/dev/full", &part).unwrap();
    let e = fails(&server.hub());
    assert!(matches!(e, HubError::DiskFull { .. }) && !e.is_retryable(), "{e:?}");
    assert!(e.to_string().contains("5000 bytes still to come"), "{e}");
    assert!(e.to_string().contains("HF_HUB_CACHE"), "{e}");
}

struct Lines(Mutex<Vec<String>>);

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

#[test]
fn the_token_is_in_no_log() {
    static LINES: Lines = Lines(Mutex::new(Vec::new()));
    log::set_logger(&LINES).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let server = Server::new(&[("a.bin", large(1, 5000))]);
    server.with_token().file(&address(FILE), &Silent).unwrap();
    let lines = LINES.0.lock().unwrap().join("\n");
    assert!(lines.contains("authorization"), "the client logs its headers: {lines}");
    assert!(!lines.contains(SECRET), "{lines}");
}
