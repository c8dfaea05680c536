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

/// A link or a pipe where a file is to be written is of someone else's making.
#[cfg(unix)]
#[test]
fn no_link_is_written_through_and_no_pipe_waited_for() {
    let stored = large(1, 5000);
    let server = Server::new(&[("a.bin", stored.clone())]);
    let sum = sha256(&stored.bytes);
    let hub = server.cache.path().join("hub");
    let part = hub.join(format!("models--o--n/blobs/{sum}.seal.incomplete"));
    let lock = hub.join(format!(".locks/models--o--n/{sum}.lock"));
    let mine = server.cache.path().join("thesis.txt");
    for place in [&lock, &part] {
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(&mine, "mine").unwrap();
        std::os::unix::fs::symlink(&mine, place).unwrap();
        let e = fails(&server.hub());
        assert!(matches!(e, HubError::Obstacle { .. }) && !e.is_retryable(), "{e:?}");
        assert!(e.to_string().contains("link") && e.to_string().contains("remove it"), "{e}");
        assert_eq!(std::fs::read_to_string(&mine).unwrap(), "mine");
        std::fs::remove_file(place).unwrap();
        let made = std::process::Command::new("mkfifo").arg(place).status().unwrap();
        assert!(made.success());
        assert!(matches!(fails(&server.hub()), HubError::Obstacle { .. }));
        std::fs::remove_file(place).unwrap();
    }
    assert!(server.hub().file(&address(FILE), &Silent).unwrap().loaded);
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
