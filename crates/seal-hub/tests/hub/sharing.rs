//! Threads and processes on one cache.

use std::process::{Child, Command};
use std::sync::Mutex;
use std::time::Duration;

use seal_hub::{Event, Hub, HubSettings, Silent};

use crate::server::{Reply, Server, address, large, part};

const FILE: &str = "hf://o/n/a.bin";

/// A hub that takes its time for a large file.
fn slow() -> (Server, Vec<u8>) {
    let stored = large(1, 100_000);
    let bytes = stored.bytes.clone();
    let server = Server::hooked(&[("a.bin", stored.clone())], move |request, _| {
        let pause = Duration::from_millis(700);
        request.path.starts_with("/store/").then(|| Reply { pause, ..part(request, &bytes) })
    });
    (server, stored.bytes)
}

fn loads(server: &Server) -> usize {
    server.log().iter().filter(|line| line.starts_with("GET /store/")).count()
}

#[test]
fn threads_load_a_file_once() {
    let (server, bytes) = slow();
    let waited = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let on = |event: &Event<'_>| {
                    if matches!(event, Event::Locked { .. }) {
                        *waited.lock().unwrap() += 1;
                    }
                };
                let file = server.hub().file(&address(FILE), &on).unwrap();
                assert_eq!(std::fs::read(file.path).unwrap(), bytes);
            });
        }
    });
    assert_eq!(loads(&server), 1);
    assert!(*waited.lock().unwrap() >= 1);
}

#[test]
fn processes_load_a_file_once() {
    let (server, _) = slow();
    let this = std::env::current_exe().unwrap();
    let start = || -> Child {
        Command::new(&this)
            .args(["--exact", "sharing::one_of_the_processes"])
            .env("SEAL_HUB_TEST_ENDPOINT", server.settings().endpoint)
            .env("SEAL_HUB_TEST_CACHE", server.settings().cache)
            .spawn()
            .unwrap()
    };
    let children = [start(), start(), start()];
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(server.log().iter().filter(|line| line.starts_with("HEAD /o/n/")).count(), 3);
    assert_eq!(loads(&server), 1);
}

#[test]
fn one_of_the_processes() {
    let var = |name: &str| std::env::var(name).unwrap();
    // By itself there is nothing to share: `processes_load_a_file_once` starts it.
    let Ok(cache) = std::env::var("SEAL_HUB_TEST_CACHE") else { return };
    let mut settings = HubSettings::new(cache);
    settings.endpoint = var("SEAL_HUB_TEST_ENDPOINT");
    let file = Hub::new(settings).unwrap().file(&address(FILE), &Silent).unwrap();
    assert_eq!(std::fs::read(file.path).unwrap(), large(1, 100_000).bytes);
}
