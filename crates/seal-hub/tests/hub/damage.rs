//! Damage of the cache on disk: found, said, and mended where there is a network.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use seal_hub::{Event, HubError, Silent};

use crate::failures::FILE;
use crate::server::{COMMIT, Server, Stored, address, large, sha256, small};

type Damage = Box<dyn Fn(&Path)>;

/// What can happen to a file.
fn damages() -> Vec<(&'static str, Damage)> {
    let flip = |bit: usize| {
        move |path: &Path| {
            let mut bytes = std::fs::read(path).unwrap();
            let at = bit % (8 * bytes.len());
            bytes[at / 8] ^= 1 << (at % 8);
            std::fs::write(path, bytes).unwrap();
        }
    };
    let mut all: Vec<(&'static str, Damage)> = vec![
        (
            "cut",
            Box::new(|path| {
                let bytes = std::fs::read(path).unwrap();
                std::fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
            }),
        ),
        (
            "grown",
            Box::new(|path| {
                let mut bytes = std::fs::read(path).unwrap();
                bytes.push(0);
                std::fs::write(path, bytes).unwrap();
            }),
        ),
        ("emptied", Box::new(|path| std::fs::write(path, "").unwrap())),
        ("deleted", Box::new(|path| std::fs::remove_file(path).unwrap())),
    ];
    for bit in [0, 7, 8 * 13 + 3, 999_999] {
        all.push(("a flipped bit", Box::new(flip(bit))));
    }
    all
}

fn blob(server: &Server) -> PathBuf {
    let path = format!("hub/models--o--n/snapshots/{COMMIT}/a.bin");
    std::fs::canonicalize(server.cache.path().join(path)).unwrap()
}

/// As Python leaves it: without a note of ours.
fn forget_notes(server: &Server) {
    let locks = server.cache.path().join("hub/.locks");
    let _ = std::fs::remove_dir_all(locks);
}

#[test]
fn every_damage_is_found_and_mended() {
    let pinned = format!("hf://o/n@{COMMIT}/a.bin");
    // Small files of the test server have names that are no sums of theirs, as those
    // of mirrors: what was noted when they were loaded counts.
    for stored in [large(1, 5000), small("a small file of the repository")] {
        for (name, damage) in damages() {
            for (of, noted) in [(FILE, true), (&*pinned, true), (FILE, false), (&*pinned, false)] {
                let server = Server::new(&[("a.bin", stored.clone())]);
                server.hub().file(&address(FILE), &Silent).unwrap();
                if !noted {
                    forget_notes(&server);
                }
                damage(&blob(&server));
                let events = Mutex::new(Vec::new());
                let on = |event: &Event<'_>| events.lock().unwrap().push(format!("{event:?}"));
                let file = server.hub().file(&address(of), &on).unwrap();
                assert_eq!(std::fs::read(&file.path).unwrap(), stored.bytes, "{name} {of} {noted}");
                assert!(file.loaded, "{name} {of} {noted}");
                let said = events.into_inner().unwrap().iter().any(|e| e.starts_with("Damaged"));
                assert_eq!(said, name != "deleted", "{name} {of} {noted}");
                // Once mended it stays so.
                server.forget();
                assert!(!server.hub().file(&address(&pinned), &Silent).unwrap().loaded);
                assert!(server.log().is_empty(), "{:?}", server.log());
            }
        }
    }
}

#[test]
fn offline_a_damaged_file_is_refused_by_name() {
    for (name, damage) in damages() {
        for noted in [true, false] {
            let server = Server::new(&[("a.bin", large(1, 5000))]);
            server.hub().file(&address(FILE), &Silent).unwrap();
            if !noted {
                forget_notes(&server);
            }
            damage(&blob(&server));
            let offline = server.hub_with(|s| s.offline = true);
            let e = offline.file(&address(FILE), &Silent).unwrap_err();
            match name {
                "deleted" => assert!(matches!(e, HubError::Offline { .. }), "{e:?}"),
                _ => {
                    assert!(matches!(e, HubError::Damaged { .. }) && !e.is_retryable(), "{e:?}");
                    let said = e.to_string();
                    assert!(said.contains("a.bin") && said.contains("HF_HUB_OFFLINE"), "{said}");
                }
            }
        }
    }
}

#[test]
fn every_file_of_a_model_is_looked_at() {
    let files: Vec<(&str, Stored)> = vec![
        ("config.json", small("{}")),
        ("tokenizer.json", small("{ }")),
        ("additional_chat_templates/tools.jinja", small("{{ tools }}")),
        ("model.safetensors.index.json", small(r#"{"weight_map": {"a": "x.safetensors"}}"#)),
        ("x.safetensors", large(1, 70_000)),
    ];
    for (name, stored) in &files {
        for (kind, damage) in damages() {
            let server = Server::new(&files);
            let of = address("hf://o/n");
            let model = server.hub().model(&of, &Silent).unwrap();
            assert!(model.files.contains(&(*name).to_owned()), "{:?}", model.files);
            let path = model.folder.join(name);
            damage(&std::fs::canonicalize(&path).unwrap());
            let offline = server.hub_with(|s| s.offline = true);
            assert!(
                offline.model(&model.pinned, &Silent).is_err() || optional(name, kind),
                "{name} {kind}"
            );
            let again = server.hub().model(&of, &Silent).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), stored.bytes, "{name} {kind}");
            assert_eq!(again.files, model.files);
        }
    }
}

/// Whether a model can do without the file, so that nothing tells its absence from
/// a repository that has none.
fn optional(name: &str, kind: &str) -> bool {
    kind == "deleted" && name.starts_with("additional")
}

#[test]
fn what_was_checked_is_not_read_again() {
    let stored = large(1, 5000);
    let server = Server::new(&[("a.bin", stored.clone())]);
    server.hub().file(&address(FILE), &Silent).unwrap();
    let checks = || {
        let count = Mutex::new(0);
        let on = |event: &Event<'_>| {
            if matches!(event, Event::Checking { .. }) {
                *count.lock().unwrap() += 1;
            }
        };
        server.hub().file(&address(FILE), &on).unwrap();
        count.into_inner().unwrap()
    };
    assert_eq!(checks(), 0);
    // A blob that Python loaded is read once.
    forget_notes(&server);
    assert_eq!((checks(), checks()), (1, 0));
    // So is one that was written anew with the same content.
    std::fs::write(blob(&server), &stored.bytes).unwrap();
    assert_eq!((checks(), checks()), (1, 0));
    assert_eq!(blob(&server).file_name().unwrap().to_str().unwrap(), sha256(&stored.bytes));
}
